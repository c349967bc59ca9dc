"""What the browser paints and changes in a gesture, counted in a trace of it: never times."""

from __future__ import annotations

import collections
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Page, expect

from e2e.pages.builder import Builder
from e2e.test_canvas_frames import HOLD_TIMERS, QUIET
from e2e.test_canvas_speed import large

__all__ = ["large"]
KEEP_QUIET = "() => { window.quietly = () => new Promise((done) => requestAnimationFrame(done)) }"
ADDED = """() => {
  window.added = [];
  new MutationObserver((changes) => added.push(...changes.map(({target}) => target.getAttribute('class') ?? target.localName)))
    .observe(document.querySelector('flow-canvas'), {subtree: true, childList: true});
}"""


@contextmanager
def traced(page: Page) -> Iterator[collections.Counter[str]]:
    """How often the page did each thing meanwhile, by the names of Chromium; filled in at the end."""
    assert page.context.browser
    tools = page.context.browser.new_browser_cdp_session()
    events: list[dict[str, Any]] = []
    ended: list[bool] = []
    counts: collections.Counter[str] = collections.Counter()
    tools.on("Tracing.dataCollected", lambda part: events.extend(part["value"]))
    tools.on("Tracing.tracingComplete", lambda _: ended.append(True))
    config = {"includedCategories": ["devtools.timeline"]}
    tools.send("Tracing.start", {"transferMode": "ReportEvents", "traceConfig": config})
    yield counts
    tools.send("Tracing.end")
    while not ended:
        page.wait_for_timeout(20)
    counts.update(event["name"] for event in events if event.get("ph") == "X")
    tools.detach()


def test_a_pan_paints_nothing(large: Builder) -> None:
    page, turns = large.page, 8
    page.evaluate(HOLD_TIMERS)
    page.evaluate(KEEP_QUIET)
    page.mouse.move(800, 500)
    page.keyboard.down("Shift")
    page.mouse.wheel(0, 5)
    page.mouse.wheel(0, 5)
    page.evaluate(QUIET)
    expect(page.locator(".vp.panning > .ground")).to_have_count(1)
    with traced(page) as counts:
        for _ in range(turns):
            page.mouse.wheel(0, 5)
            page.evaluate("quietly")
            page.evaluate("quietly")
    page.keyboard.up("Shift")
    assert counts["UpdateLayoutTree"] >= turns, "each turn moved it"
    assert counts["Paint"] < 2 * turns, f"cards and dots are moved and not painted: {counts}"
    page.evaluate("passTime()")
    expect(page.locator(".vp.panning")).to_have_count(0), "sharp again where it rests"


def test_the_dots_lie_below_all_that_is_in_sight(large: Builder) -> None:
    page = large.page
    look = "(view) => { const c = document.querySelector('flow-canvas'); c.setView(view); c.scene.flush() }"
    for x, y, k in ((0, 0, 1), (-3000, -2000, 0.9), (9000, 4000, 0.15), (40, 9, 2)):
        view = {"x": x, "y": y, "k": k}
        page.evaluate(look, view)
        ground, canvas = page.locator(".ground").bounding_box(), page.locator("flow-canvas").bounding_box()
        assert ground and canvas
        for side, length in (("x", "width"), ("y", "height")):
            assert ground[side] <= canvas[side], view
            assert ground[side] + ground[length] >= canvas[side] + canvas[length], view


def test_a_drag_adds_nothing_to_the_page_and_lifts_what_it_moves(large: Builder) -> None:
    page, card = large.page, large.card("n65")
    x, y = large.centre(card)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 8, y + 8, steps=2)
    expect(page.locator(".node.held")).to_have_attribute("data-id", "n65")
    page.evaluate(ADDED)
    page.mouse.move(x + 60, y + 40, steps=10)
    page.mouse.move(x + 60, y, steps=10)
    expect(page.locator(".guide[d^=M]")).not_to_have_count(0)
    assert page.evaluate("added") == [], "for what is added the browser asks every rule with :has() again"
    page.mouse.up()
    expect(page.locator(".held")).to_have_count(0)
    expect(page.locator(".guide[d^=M]")).to_have_count(0)


def test_after_a_drop_only_what_moved_is_drawn(large: Builder) -> None:
    page, card = large.page, large.card("n65")
    page.evaluate(
        "() => { const {scene} = document.querySelector('flow-canvas'), own = scene.render; window.renders = 0;"
        " scene.render = function () { renders += 1; return own.call(this) } }"
    )
    x, y = large.centre(card)
    was = large.position("n65")
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 64, y + 24, steps=4)
    page.mouse.up()
    moved = large.position("n65")
    assert moved != was and page.evaluate("renders") == 0
    page.keyboard.press("Control+z")
    assert large.position("n65") == was and page.evaluate("renders") == 0
    expect(page.locator("#n-n65")).to_have_css("transform", f"matrix(1, 0, 0, 1, {was[0]}, {was[1]})")
    below = page.evaluate(
        """() => { const c = document.querySelector('flow-canvas');
          const ids = () => [...document.querySelectorAll('.node')].map((one) => one.dataset.id), order = ids();
          c.perform([{kind: 'move_node', nodeId: 'n1', position: {x: 280, y: 90000}}], 'Moved');
          return [order.indexOf('n1'), ids().indexOf('n1')] }"""
    )
    assert below[1] > below[0] and page.evaluate("renders") == 1, "another order of steps is drawn whole"
