"""Every page in every state (`tools/dev/page_states.py`): axe finds nothing, nothing is wider than the screen or too small to be hit.

On the desk in English, on the phone in German: nothing English is left there, and longer words still fit.
"""

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
from tools.dev.page_targets import small_targets, undirected
from tools.dev.page_words import english_left, words_of
from tools.dev.showcase import Showcase

BY_PEOPLE = {"A purchase at any time ends the run as a success.", "Good to have you, first_name"}
"""What the demo workspace says in English where `dir=auto` cannot stand."""
BARE = """() => [...document.querySelectorAll('.btn.pri, .btn.sec, .fld, .dd, .box, .seg, .pill, .node .card, .mn .card, .search')]
    .filter((one) => one.checkVisibility() && one.getBoundingClientRect().width > 1)
    .filter((one) => getComputedStyle(one).outlineStyle === 'none' && getComputedStyle(one).borderTopStyle === 'none')
    .map((one) => one.className)
    .concat([...document.querySelectorAll('.e .line, .fcw path')].filter((one) => getComputedStyle(one).stroke === 'none')
        .map(() => 'a line'))"""
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


@pytest.mark.parametrize(("theme", "width", "language"), [("light", 1440, "en"), ("dark", 390, "de")])
def test_every_page_is_accessible(
    chromium: Browser, showcase: Showcase, expect_accessible: Callable[..., None], theme: str, width: int, language: str
) -> None:
    views = Views(chromium, showcase, theme=theme, width=width, language=language)
    wrong: list[str] = []
    for state in STATES:
        if state.trouble and theme == "dark":
            continue  # ten seconds until the product gives up, for the page of error-404 with other words
        try:
            with views.opened(state) as page:
                wrong += [f"{state.name}: {one}" for one in findings(page, expect_accessible, width)]
                left = english_left(words_of(page)) if language != "en" and not state.route.startswith("/docs/") else []
                wrong += [f"{state.name}: English: {text}" for text in left if text not in BY_PEOPLE]
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
    wrong += [f"too small: {one}" for one in small_targets(page)]
    return wrong + [f"no dir=auto: {one}" for one in undirected(page)]


@pytest.mark.parametrize("name", ["home", "builder-tour", "run", "runs", "settings-profile", "contact-edit"])
def test_controls_and_lines_are_drawn_in_forced_colours(chromium: Browser, showcase: Showcase, name: str) -> None:
    """Shadows and backgrounds are not painted there: what has neither border nor outline would be text alone."""
    views = Views(chromium, showcase, theme="light", width=1440, forced_colors="active")
    (state,) = [one for one in STATES if one.name == name]
    with views.opened(state) as page:
        assert page.evaluate(BARE) == []
        page.keyboard.press("Tab")
        page.keyboard.press("Tab")
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    views.close()
