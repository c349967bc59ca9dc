"""`./dev shots`: every page in every state, light and dark, on a desk and on a phone, of a demo product of its own."""

from __future__ import annotations

import argparse
import fnmatch
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from playwright.sync_api import sync_playwright

from app.lib.translation import ENGLISH
from app.local import environment
from e2e.product import start
from tools.dev import browser
from tools.dev.looking import Views
from tools.dev.page_states import STATES, PageState
from tools.dev.showcase import Showcase

THEMES, WIDTHS = ("light", "dark"), (1440, 390)
IMAGES = environment.ROOT / "docs" / "images"
SHOTS = IMAGES / "pages"
"""Where pictures go; git does not keep them. What the documentation shows stands one folder higher."""
DOCUMENTED = {"builder-tour": "builder.png"}
"""States whose light picture on a desk the documentation shows, and as what."""
PAGES_AT_ONCE = 4
"""At most: pages wait for the product more than for a processor, and each browser is 300 MB."""


def run(options: argparse.Namespace) -> int:
    """Take the pictures. 1 when a state could not be reached; the others are taken nevertheless."""
    states = [one for one in STATES if fnmatch.fnmatch(one.name, options.only or "*")]
    if not states:
        print(f"No state fits {options.only!r}. There are: {', '.join(one.name for one in STATES)}.", file=sys.stderr)
        return 2
    into = Path(options.into or SHOTS)
    into.mkdir(parents=True, exist_ok=True)
    place, began = Path(tempfile.mkdtemp(prefix="throughline-shots-")), time.monotonic()
    product = start(place)
    try:
        looks = [(theme, int(width)) for theme in options.theme or THEMES for width in options.width or WIDTHS]
        missing = _take(Showcase(product), states, looks, into, options.language)
    finally:
        product.stop()
        shutil.rmtree(place, ignore_errors=True)
    _document(into, options.language)
    taken = len(states) * len(looks) - len(missing)
    print(f"{taken} pictures in {into}, {time.monotonic() - began:.0f} s")
    print("".join(f"not reached: {one}\n" for one in missing), end="", file=sys.stderr)
    return 1 if missing else 0


def _take(
    showcase: Showcase, states: list[PageState], looks: list[tuple[str, int]], into: Path, language: str
) -> list[str]:
    """Names and reasons of those that were not reached. What needs trouble comes last and alone: everybody else would share it."""
    calm = [(state, *look) for look in looks for state in states if not state.trouble]
    troubled = [(state, *look) for look in looks for state in states if state.trouble]
    chromium, workers = browser.find_or_fetch(print), max(1, min(PAGES_AT_ONCE, os.cpu_count() or 1))
    size = -(-len(calm) // workers)
    shares = [calm[at : at + size] for at in range(0, len(calm), size or 1)]
    with ThreadPoolExecutor(workers) as pool:
        shares_taken = [pool.submit(_share, chromium, showcase, share, into, language) for share in shares]
        missing = [one for each in shares_taken for one in each.result()]
    return missing + (_share(chromium, showcase, troubled, into, language) if troubled else [])


def _share(
    chromium: str, showcase: Showcase, wanted: Iterable[tuple[PageState, str, int]], into: Path, language: str
) -> list[str]:
    """Takes some of the pictures, in a browser of its own: a browser belongs to the thread that started it."""
    missing, views = [], dict[tuple[str, int], Views]()
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=browser.flags())
        for state, theme, width in wanted:
            name = f"{state.name}-{theme}-{width}" + ("" if language == ENGLISH else f"-{language}")
            if (theme, width) not in views:
                views[theme, width] = Views(running, showcase, theme=theme, width=width, language=language)
            try:
                with views[theme, width].opened(state) as page:
                    page.screenshot(path=into / f"{name}.png", animations="disabled")
            except Exception as error:  # a browser fails in many ways, and one picture less is no reason to stop
                missing.append(f"{name}: {str(error).splitlines()[0]}")
        running.close()
    return missing


def _document(into: Path, language: str) -> None:
    """Put what the documentation shows where it looks for it."""
    for state, image in DOCUMENTED.items():
        picture = into / f"{state}-light-1440.png"
        if into == SHOTS and language == ENGLISH and picture.exists():
            shutil.copyfile(picture, IMAGES / image)
