"""What a frame of a gesture does, and what it leaves: counts of what is drawn and asked for, never times."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from e2e.pages.builder import Builder
from e2e.test_canvas_speed import large, middle

__all__ = ["large"]
COUNT = """() => {
  window.counted = {asked: 0, map: 0};
  const own = window.requestAnimationFrame;
  window.requestAnimationFrame = (work) => { counted.asked += 1; return own.call(window, work) };
  window.quietly = () => new Promise((done) => own.call(window, done));
  const pen = CanvasRenderingContext2D.prototype, clear = pen.clearRect;
  pen.clearRect = function (...more) {
    if (this.canvas.closest('.mini')) counted.map += 1;
    return clear.apply(this, more);
  };
}"""
HURRIED = """() => {
  const map = document.querySelector('flow-canvas').scene.farMap, own = map.ask;
  window.hurried = 0;
  map.ask = function (what) { if (what === 'boxes') hurried += 1; return own.call(this, what) };
}"""
"""Counts how often the picture is drawn while something moves; once it rests it is always drawn, with names."""
QUIET = "async () => { for (let i = 0; i < 20; i++) await quietly() }"
RESTED = "() => new Promise((done) => setTimeout(done, 400))"
HOLD_TIMERS = """() => {
  const set = window.setTimeout, clear = window.clearTimeout, held = new Map();
  let last = 0;
  window.setTimeout = (work, ms = 0, ...more) => (ms < 100 ? set(work, ms, ...more) : (held.set(--last, work), last));
  window.clearTimeout = (id) => { if (!held.delete(id)) clear(id) };
  window.passTime = async () => {
    const due = [...held.values()];
    held.clear();
    for (const work of due) work();
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  };
}"""
"""A gesture has ended when nothing came for a while. A busy machine makes a pause of every step, so what waits does until `passTime`."""


def test_a_drag_that_rests_asks_for_no_frame_until_it_comes_to_the_rim(large: Builder) -> None:
    page = large.page
    x, y = large.centre(large.card("n65"))
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 30, y + 30, steps=3)
    page.evaluate(COUNT)
    page.evaluate(QUIET)
    assert page.evaluate("counted.asked") == 0, "nothing moves, nothing is asked for"
    box = page.locator("flow-canvas").bounding_box()
    assert box
    before = page.evaluate("document.querySelector('flow-canvas').view.x")
    page.mouse.move(box["x"] + box["width"] - 6, y, steps=2)
    page.wait_for_function("(before) => document.querySelector('flow-canvas').view.x < before - 40", arg=before)
    page.mouse.move(x, y, steps=2)
    page.evaluate(QUIET)
    page.evaluate("counted.asked = 0")
    page.evaluate(QUIET)
    assert page.evaluate("counted.asked") == 0, "away from the rim it comes to rest again"
    page.mouse.up()


def test_the_small_map_is_drawn_once_a_gesture_has_ended_and_shows_where_one_is_meanwhile(large: Builder) -> None:
    page, sight = large.page, large.page.locator(".mini i")
    page.evaluate(RESTED)
    page.evaluate(HOLD_TIMERS)
    page.evaluate(COUNT)
    was = sight.bounding_box()
    page.mouse.move(800, 500)
    page.keyboard.down("Shift")
    for _ in range(6):
        page.mouse.wheel(0, 40)
        page.evaluate(QUIET)
    page.keyboard.up("Shift")
    now = sight.bounding_box()
    assert was and now and now["x"] > was["x"], "it follows in each frame"
    page.evaluate("passTime()")
    assert page.evaluate("counted.map") <= 1, (
        "cards lie where they lay; one that comes into sight may be taller than it was taken for"
    )
    page.evaluate("counted.map = 0")
    x, y = large.centre(large.card("n65"))
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 60, y + 40, steps=6)
    page.mouse.up()
    page.evaluate("passTime()")
    assert page.evaluate("counted.map") <= 2, "once where it rests, not in each frame"


def test_the_picture_of_all_cards_is_moved_and_seldom_drawn(large: Builder) -> None:
    page = large.page
    page.evaluate("document.querySelector('flow-canvas').setView({x: 0, y: 0, k: 0.3})")
    expect(page.locator(".far-map")).to_be_visible()
    page.evaluate(RESTED)
    page.evaluate(HURRIED)
    page.mouse.move(800, 500)
    page.keyboard.down("Shift")
    for _ in range(10):
        page.mouse.wheel(0, 12)
        page.evaluate("() => new Promise(requestAnimationFrame)")
    page.keyboard.up("Shift")
    assert page.evaluate("hurried") <= 1, (
        "what it has beyond the rim is enough, unless something is said of a step meanwhile"
    )
    covered = page.evaluate(
        """() => { const [all, c] = ['.far-map', 'flow-canvas'].map((one) => document.querySelector(one).getBoundingClientRect());
          return all.left <= c.left && all.top <= c.top && all.right >= c.right && all.bottom >= c.bottom }"""
    )
    assert covered
    # Where a card is on the picture and where it is pressed are one place, moved or drawn anew.
    page.mouse.click(*middle(page, "n65"))
    expect(page.locator(".node.sel[data-id=n65]")).to_have_count(1)


def test_a_card_under_the_pointer_can_be_connected_from_afar(large: Builder) -> None:
    page = large.page
    page.evaluate("document.querySelector('flow-canvas').setView({x: 0, y: 0, k: 0.42})")
    expect(page.locator(".vp.drawn")).to_have_count(1)
    last, other = "n85", "n48"
    page.mouse.move(*middle(page, other))
    expect(page.locator(f".node.near[data-id={other}]")).to_have_count(1)
    page.mouse.move(*middle(page, last))
    expect(page.locator(".node.near")).to_have_count(1)
    expect(page.locator(f".node.near[data-id={last}] .h.out")).to_be_visible()
    port = large.centre(large.port(last))
    page.mouse.move(*port)
    page.mouse.down()
    page.mouse.move(*middle(page, other), steps=6)
    page.mouse.up()
    page.wait_for_function(
        """([from, to]) => [...document.querySelector('flow-canvas').graph.edges.values()]
          .some((edge) => edge.source === from && edge.target === to)""",
        arg=[last, other],
    )
    page.evaluate("document.querySelector('flow-canvas').select([])")
    page.mouse.move(*middle(page, other))
    page.evaluate("(() => { const c = document.querySelector('flow-canvas'); c.setView({...c.view, k: 0.2}) })()")
    expect(page.locator(".node.near")).to_have_count(0), "too far away to press a port"


def test_words_that_are_only_spoken_need_no_clip_on_a_card(large: Builder) -> None:
    look = large.page.locator(".node[data-id=n65] .place").evaluate(
        "(one) => [getComputedStyle(one).clipPath, getComputedStyle(one).overflow, getComputedStyle(one).color]"
    )
    assert look == ["none", "visible", "rgba(0, 0, 0, 0)"]
    expect(large.card("n65")).to_have_accessible_name(re.compile("Step .* of"))
