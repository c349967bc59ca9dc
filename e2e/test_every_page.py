"""Every page in every state (`tools/dev/page_states.py`): axe finds nothing, nothing is wider than the screen."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from e2e.product import start
from tools.dev.looking import Views
from tools.dev.page_states import STATES
from tools.dev.showcase import Showcase

LOOKS = ("color-contrast", "target-size", "link-in-text-block", "scrollable-region-focusable")
"""Rules of axe that depend on colours and sizes."""


@pytest.fixture(scope="module")
def showcase() -> Iterator[Showcase]:
    """A product of its own: other stories count on what stands in theirs, and this one breaks it for a moment."""
    state = Path(tempfile.mkdtemp(prefix="throughline-pages-"))
    running = start(state)
    try:
        yield Showcase(running)
    finally:
        running.stop()
        shutil.rmtree(state, ignore_errors=True)


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 390)])
def test_every_page_is_accessible(
    chromium: Browser, showcase: Showcase, expect_accessible: Callable[..., None], theme: str, width: int
) -> None:
    views = Views(chromium, showcase, theme=theme, width=width)
    wrong: list[str] = []
    for state in STATES:
        if state.trouble and theme == "dark":
            continue  # ten seconds until the product gives up, for the page of error-404 with other words
        try:
            with views.opened(state) as page:
                wrong += [f"{state.name}: {one}" for one in findings(page, expect_accessible, width)]
        except Exception as error:  # all of them, and not the first, is what helps
            wrong.append(f"{state.name}: {error}")
    views.close()
    assert not wrong, "\n".join(wrong)


def findings(page: Page, expect_accessible: Callable[..., None], width: int) -> list[str]:
    """What is wrong with a page. Names, roles and order are the same in any theme: the second time only looks are asked."""
    wrong = []
    try:
        expect_accessible(page, rules=() if width > 1000 else LOOKS)
    except AssertionError as error:
        wrong.append(str(error))
    reaches = page.evaluate("document.documentElement.scrollWidth")
    if reaches > width:
        wrong.append(f"reaches to {reaches} of {width} px")
    return wrong
