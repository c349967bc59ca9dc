"""Whoever zooms in reaches everything: each page and state at 320 px, and at 720 px what a desk's window shows at 200 %."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from e2e.pages.reach import unreached
from e2e.product import start
from tools.dev.looking import Views
from tools.dev.page_states import STATES, Act, PageState, builder, opened, shown
from tools.dev.showcase import Showcase

CALM = [state for state in STATES if not state.trouble]
"""Pages of errors look alike, and those that need trouble need ten seconds, too."""
OF_A_DESK = [one for one in CALM if one.who == "owner" and not one.name.endswith(("-filtered", "-404"))]
"""Where there are tables, menus, dialogs or a canvas: the others have one column at any width."""


def at_card(keys: str, then: str) -> Act:
    """Press a key while a step has the focus."""

    def act(page: Page) -> None:
        page.locator("flow-canvas .card").nth(1).focus()
        page.keyboard.press(keys)
        page.locator(then).wait_for()

    return act


def again(page: Page) -> None:
    page.locator("[hx-get$='/again']").click()
    page.locator("dialog[open]").wait_for()


_FLOW, _TOUR = "/workflows/{workflow_id}", "/workflows/{tour}"
FLOATING = (
    PageState("builder-goals", _FLOW, _TOUR, act=builder(opened("[data-open-workflow]"), shown("#panel form"))),
    PageState("builder-add", _FLOW, _TOUR, act=builder(at_card("a", "#add-menu[open]"))),
    PageState("builder-context-menu", _FLOW, _TOUR, act=builder(at_card("Shift+F10", "#context-menu[open]"))),
    PageState("run-again", "/runs/{run_id}", "/runs/{completed}", act=again),
)
"""What opens over a page and stands not in the list of all pages."""


@pytest.fixture(scope="module")
def showcase() -> Iterator[Showcase]:
    """A product of its own: other stories count on what stands in theirs."""
    state = Path(tempfile.mkdtemp(prefix="throughline-zoomed-"))
    running = start(state)
    try:
        yield Showcase(running)
    finally:
        running.stop()
        shutil.rmtree(state, ignore_errors=True)


def faults(views: Views, states: Iterable[PageState], height: int) -> list[str]:
    """Of all of these: one fault may hide in many states, and the list tells which."""
    wrong = []
    for state in states:
        try:
            with views.opened(state) as page:
                page.set_viewport_size({**page.viewport_size, "height": height})
                wrong += [f"{state.name}: {one}" for one in unreached(page)]
        except Exception as error:  # the others are looked at nevertheless
            wrong.append(f"{state.name}: {error}")
    views.close()
    return wrong


def test_nothing_is_beyond_reach_at_320_px(chromium: Browser, showcase: Showcase) -> None:
    """In German: its words are longer."""
    wrong = faults(Views(chromium, showcase, theme="light", width=320, language="de"), (*CALM, *FLOATING), 640)
    assert not wrong, "\n".join(wrong)


def test_nothing_is_beyond_reach_at_200_percent(chromium: Browser, showcase: Showcase) -> None:
    views = Views(chromium, showcase, theme="light", width=720, language="de", device_scale_factor=2)
    wrong = faults(views, (*OF_A_DESK, *FLOATING), 450)
    assert not wrong, "\n".join(wrong)
