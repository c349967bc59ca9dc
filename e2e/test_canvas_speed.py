"""What makes the canvas quick with very many steps: counts of what a gesture touches, never times."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, Route, expect

from e2e.pages.builder import Builder
from e2e.product import Product
from e2e.workflows import create, edge, node

COLUMNS, STEPS, MORE = 20, 100, 400
FILL = """([from, to, columns]) => {
  const c = document.querySelector('flow-canvas');
  c.sync.enqueue = () => {};
  for (let i = from; i < to; i++) {
    const position = {x: (i % columns) * 280, y: 168 * (1 + Math.floor(i / columns))};
    c.graph.nodes.set('n' + i, {id: 'n' + i, type: 'add_tag', position, data: {tag: 't'}});
    if (i >= columns) c.graph.edges.set('e' + i, {id: 'e' + i, source: 'n' + (i - columns), target: 'n' + i, sourceHandle: 'next'});
  }
  c.graph.known = null; c.scene.render(); c.setView({x: -600, y: -600, k: 1}); c.scene.flush();
}"""
WATCH = """() => {
  window.counted = {reads: 0, writes: {}};
  const rect = Element.prototype.getBoundingClientRect;
  Element.prototype.getBoundingClientRect = function () { counted.reads += 1; return rect.call(this) };
  for (const name of ['offsetHeight', 'offsetWidth']) {
    const own = Object.getOwnPropertyDescriptor(HTMLElement.prototype, name);
    Object.defineProperty(HTMLElement.prototype, name, {get() { counted.reads += 1; return own.get.call(this) }});
  }
  new MutationObserver((changes) => {
    for (const {target, attributeName, type} of changes) {
      const what = (target.getAttribute?.('class') ?? '').split(' ')[0] || target.localName || '#text';
      const key = `${what} ${attributeName ?? type}`;
      counted.writes[key] = (counted.writes[key] ?? 0) + 1;
    }
  }).observe(document.querySelector('.builder'), {subtree: true, attributes: true, childList: true});
}"""


@pytest.fixture
def large(page: Page, product: Product) -> Builder:
    """Five hundred steps; all but a hundred are added in the browser, as the server stops there."""
    nodes = [node(f"n{i}", "add_tag", i % COLUMNS * 280, 168 * (1 + i // COLUMNS), tag="t") for i in range(STEPS)]
    edges = [edge("trigger", "n0"), *(edge(f"n{i}", f"n{i + COLUMNS}") for i in range(STEPS - COLUMNS))]
    canvas = Builder(page).open(
        create(product, "Large", trigger={"type": "event", "event": "x"}, nodes=nodes, edges=edges)
    )
    page.evaluate(FILL, [STEPS, STEPS + MORE, COLUMNS])
    expect(page.locator(".node:not(.out)")).not_to_have_count(STEPS + MORE + 1)
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return canvas


def test_only_what_is_near_what_is_in_sight_is_laid_out(large: Builder) -> None:
    page = large.page
    shown = page.locator(".node:not(.out)").count()
    assert 20 < shown < 90, f"{shown} of {STEPS + MORE} cards"
    assert page.locator(".e:not([style*=none])").count() < 3 * shown
    assert page.locator(".node[data-id=n499] .h").count() == 0, "ports come with the first look"
    large.show("n499")
    expect(large.card("n499")).to_be_visible()
    expect(large.port("n499")).to_be_visible()
    page.evaluate(
        """() => { const c = document.querySelector('flow-canvas');
          for (const id of [...c.graph.nodes.keys()].slice(100)) c.graph.nodes.delete(id);
          for (const [id, way] of c.graph.edges) if (!c.graph.node(way.target)) c.graph.edges.delete(id);
          c.graph.known = null; c.scene.render(); }"""
    )
    expect(page.locator(".node.out")).to_have_count(0), "few cards are all in the page, as screen readers need them"


def test_a_drag_reads_no_layout_and_writes_what_it_moves(large: Builder) -> None:
    page = large.page
    # Where one was is stored once nothing has moved for a while, and that asks where the canvas lies.
    page.wait_for_function("() => localStorage.getItem(`view:${document.querySelector('flow-canvas').workflow}`)")
    place = large.card("n65")
    x, y = large.centre(place)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 8, y + 8, steps=2)
    page.evaluate(WATCH)
    moves = 10
    page.mouse.move(x + 68, y + 48, steps=moves)
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    counted = page.evaluate("counted")
    page.mouse.up()
    assert counted["reads"] <= 1, (
        f"{counted['reads']} readings: each is a layout of the page, and one in each move is a drag that lags"
    )
    writes = {key: count for key, count in counted["writes"].items() if "guide" not in key}
    of_lines = {key for key in writes if key.split()[0] in ("line", "hit", "ribbon")}
    assert of_lines == {"line d"}, f"where a pointer finds a line comes with the drop: {writes}"
    assert writes["line d"] <= 2 * (moves + 2), "its two lines, once a move"
    allowed = of_lines | {"node style", "elab style"}
    assert set(writes) <= allowed, f"a drag touches nothing else: {writes}"


def test_a_pan_moves_one_layer(large: Builder) -> None:
    page = large.page
    page.mouse.move(800, 500)
    page.evaluate(WATCH)
    before = page.evaluate("document.querySelector('flow-canvas').scene.culling.passes")
    page.keyboard.down("Shift")
    for _ in range(4):
        page.mouse.wheel(0, 20)
        page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    page.keyboard.up("Shift")
    counted, passes = (
        page.evaluate("counted"),
        page.evaluate("document.querySelector('flow-canvas').scene.culling.passes"),
    )
    assert passes - before <= 1, "80 pixels lie within the margin"
    assert {key for key in counted["writes"] if "node" in key or "elab" in key or key.startswith("e ")} <= (
        set() if passes == before else {"node hidden", "e style", "elab style", "node childList"}
    ), counted
    assert "tb hidden" not in counted["writes"] and counted["writes"]["vp style"] <= 5


def middle(page: Page, node_id: str) -> tuple[float, float]:
    """Where a card is on the screen once the canvas has come to rest, also as part of the picture."""
    x, y = page.evaluate(
        """async id => { const c = document.querySelector('flow-canvas'), next = () => new Promise(requestAnimationFrame);
          for (let still = 0, last = ''; still < 20; still += 1) { await next();
            const now = JSON.stringify([c.view, c.clientWidth]); if (now !== last) still = 0; last = now }
          const box = c.scene.boxes.get(id), at = c.getBoundingClientRect();
          return [at.left + c.view.x + (box.x + 120) * c.view.k, at.top + c.view.y + (box.y + 33) * c.view.k] }""",
        node_id,
    )
    return x, y


NAMED = """id => {
  const { scene, view } = document.querySelector('flow-canvas'), { picture, drawn } = scene.farMap ?? {}, { w, h } = scene.size;
  if (!drawn?.names) return false;
  const copy = new OffscreenCanvas(1.4 * w, 1.4 * h).getContext('2d'), box = scene.boxes.get(id);
  copy.drawImage(picture, 0, 0, 1.4 * w, 1.4 * h);
  const middle = 0.2 * h + view.y + (box.y + box.h / 2) * view.k;
  const row = (from, to) => copy.getImageData(0.2 * w + view.x + (box.x + from) * view.k, middle - 2, (to - from) * view.k, 4).data.join();
  return row(60, 100) !== row(180, 220);
}"""
"""Is this card of the picture written on? Its fill alone would look the same at the start of its name and at its end."""


def test_far_away_one_picture_stands_for_all_cards_and_can_be_worked_with(large: Builder) -> None:
    page, card = large.page, "n65"
    page.evaluate("document.querySelector('flow-canvas').setView({x: 0, y: 0, k: 0.3})")
    expect(page.locator(".far-map")).to_be_visible()
    expect(page.locator(".vp.drawn")).to_have_count(1)
    page.wait_for_function(NAMED, arg=card)
    passes = "document.querySelector('flow-canvas').scene.culling.passes"
    before = page.evaluate(passes)
    page.mouse.move(700, 400)
    page.mouse.wheel(0, 200)
    at = middle(page, card)
    assert page.evaluate(passes) == before, "no card comes or goes"
    page.evaluate(
        """id => { const c = document.querySelector('flow-canvas'), {x, y} = c.scene.boxes.get(id);
          c.graph.notes.set('under', {id: 'under', text: 'group', position: {x: x - 60, y: y - 60}, width: 400, height: 200});
          c.scene.render(); c.scene.flush(); }""",
        card,
    )
    page.mouse.click(*at)
    expect(page.locator(f".node.sel[data-id={card}]")).to_have_count(1), "a note lies below the cards"
    above = page.evaluate(
        """() => { const all = [...document.querySelectorAll('.note, .far-map')]; return all.map((one) => one.className.split(' ')[0]) }"""
    )
    assert above == ["note", "far-map"], "it is painted below them too"
    focused = page.evaluate("document.activeElement?.closest('.node')?.dataset.id")
    assert focused == card, "the keyboard goes on from there"
    page.mouse.click(*middle(page, card), button="right")
    expect(page.locator("#context-menu")).to_contain_text("Duplicate")
    page.keyboard.press("Escape")
    was, at = large.position(card), middle(page, card)
    page.mouse.move(*at)
    page.mouse.down()
    page.mouse.move(at[0] + 40, at[1] + 40, steps=4)
    page.mouse.up()
    assert large.position(card) != was, "a drag moves it"
    paints = page.evaluate(
        """async () => { const {scene, overlay} = document.querySelector('flow-canvas'), next = () => new Promise(requestAnimationFrame);
          await next(); await next(); let paints = 0; const own = scene.farMap.ask;
          scene.farMap.ask = function (...more) { paints += 1; own.apply(this, more) };
          overlay.setDiagnostics(); await next(); await next(); return paints }"""
    )
    assert paints >= 1, "it follows what is said of the steps"
    page.evaluate(
        """() => { const c = document.querySelector('flow-canvas'); window.dropped = [...c.graph.nodes].slice(150 - c.graph.triggers.size);
          for (const [id] of dropped) c.graph.nodes.delete(id);
          for (const [id, way] of c.graph.edges) if (!c.graph.node(way.target)) c.graph.edges.delete(id);
          c.graph.known = null; c.scene.render(); }"""
    )
    expect(page.locator(".far-map")).to_be_hidden(), "few cards stay with screen readers"
    expect(page.locator(".node.out")).to_have_count(0)
    page.evaluate(
        """() => { const c = document.querySelector('flow-canvas'); for (const one of dropped) c.graph.nodes.set(...one);
          c.graph.known = null; c.scene.render(); }"""
    )
    expect(page.locator(".far-map")).to_be_visible()
    page.evaluate("(() => { const c = document.querySelector('flow-canvas'); c.setView({...c.view, k: 1}) })()")
    expect(page.locator(".far-map")).to_be_hidden()
    large.show(card)
    expect(large.port(card)).to_be_visible()


@pytest.fixture(params=["its script does not come", "it cannot draw"])
def broken_painter(page: Page, request: pytest.FixtureRequest, page_errors: list[str]) -> Iterator[None]:
    """The worker that draws the picture fails, which the console says."""
    script = "self.onmessage = ({ data }) => { if (!data.fonts) throw new Error('no canvas') }"
    fails = request.param == "it cannot draw"

    def answer(route: Route) -> None:
        route.fulfill(body=script, content_type="text/javascript") if fails else route.abort()

    page.route("**/far-map-worker.js", answer)
    yield
    page_errors.clear()


@pytest.mark.usefixtures("broken_painter")
def test_without_a_worker_the_cards_themselves_are_seen_from_afar(large: Builder) -> None:
    page = large.page
    page.evaluate("document.querySelector('flow-canvas').setView({x: 0, y: 0, k: 0.3})")
    page.wait_for_function("() => document.querySelector('flow-canvas').scene.farMap?.broken")
    expect(page.locator(".vp.far")).to_have_count(1)
    expect(page.locator(".far-map:visible")).to_have_count(0)
    expect(page.locator(".node[data-id=n131]")).to_be_visible(), "also one that was out of sight"


def test_tab_comes_to_a_card_that_is_far_out_of_sight(large: Builder) -> None:
    page = large.page
    large.show("n65")
    large.card("n65").focus()
    page.get_by_role("button", name="Zoom in").focus()
    page.evaluate("document.querySelector('flow-canvas').setView({x: -4000, y: -3000, k: 1})")
    expect(page.locator(".node[data-id=n64]")).to_be_hidden()
    page.evaluate("document.querySelector('flow-canvas').focus()")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement?.closest('.node')?.dataset.id") == "n65", "the card where one was"
    expect(large.card("n65")).to_be_in_viewport()


def test_tidying_up_works_without_a_connection(page: Page, product: Product) -> None:
    steps = [node(f"s{i}", "add_tag", i * 173 % 700, i * 311 % 900, tag="t") for i in range(3)]
    ways = [edge("trigger", "s0"), *(edge(f"s{i}", f"s{i + 1}") for i in range(2))]
    trigger = {"type": "event", "event": "x"}
    with page.expect_worker() as started:
        canvas = Builder(page).open(create(product, "Untidy", trigger=trigger, nodes=steps, edges=ways))
    # Its module runs once the layout that it imports is there.
    started.value.evaluate("async () => { while (!self.onmessage) await new Promise((next) => setTimeout(next, 20)) }")
    page.context.set_offline(True)
    page.get_by_role("button", name="Tidy up").click()
    expect(canvas.said).to_have_text("Tidied up")
    assert len({canvas.position(f"s{i}")[0] for i in range(3)}) == 1
    page.context.set_offline(False)
