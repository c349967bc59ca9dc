"""`./dev shots`: every page in every state, light and dark, on a desk and on a phone, of a demo product of its own."""

from __future__ import annotations

import argparse
import fnmatch
import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from app.local import environment
from e2e.product import start
from tools.dev import browser
from tools.dev.looking import Views
from tools.dev.page_states import STATES, PageState
from tools.dev.showcase import Showcase

THEMES, WIDTHS = ("light", "dark"), (1440, 390)
SHOTS = environment.ROOT / "docs" / "images" / "pages"
"""Where pictures go; git does not keep them. What the documentation shows stands one folder higher."""


def run(options: argparse.Namespace) -> int:
    """Take the pictures. 1 when a state could not be reached; the others are taken nevertheless."""
    states = [one for one in STATES if fnmatch.fnmatch(one.name, options.only or "*")]
    if not states:
        print(f"No state fits {options.only!r}. There are: {', '.join(one.name for one in STATES)}.", file=sys.stderr)
        return 2
    into = Path(options.into or SHOTS)
    into.mkdir(parents=True, exist_ok=True)
    place = Path(tempfile.mkdtemp(prefix="throughline-shots-"))
    product = start(place)
    try:
        missing = _take(Showcase(product), states, into)
    finally:
        product.stop()
        shutil.rmtree(place, ignore_errors=True)
    print(f"{len(states) * len(THEMES) * len(WIDTHS) - len(missing)} pictures in {into}")
    print("".join(f"not reached: {one}\n" for one in missing), end="", file=sys.stderr)
    return 1 if missing else 0


def _take(showcase: Showcase, states: list[PageState], into: Path) -> list[str]:
    """Names and reasons of those that were not reached."""
    missing = []
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser.find_or_fetch(print), args=browser.flags())
        for theme in THEMES:
            for width in WIDTHS:
                views = Views(chromium, showcase, theme=theme, width=width)
                for state in states:
                    picture = into / f"{state.name}-{theme}-{width}.png"
                    try:
                        with views.opened(state) as page:
                            page.screenshot(path=picture, animations="disabled")
                    except (
                        Exception
                    ) as error:  # a browser fails in many ways, and one picture less is no reason to stop
                        missing.append(f"{picture.stem}: {str(error).splitlines()[0]}")
                views.close()
        chromium.close()
    return missing
