"""How the builder looks and reads: both themes, a phone, three views, what axe says; and that it stays quick."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from e2e.pages.builder import Builder
from e2e.product import Product
from e2e.workflows import create, create_small, edge, node

Check = Callable[..., None]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_builder_is_accessible_in_every_view(
    product: Product, open_page: Callable[..., Page], expect_accessible: Check, shot: Callable[..., Any], theme: str
) -> None:
    page = open_page(theme=theme)
    canvas = Builder(page).open(create_small(product, "Looks"))
    expect_accessible(page)
    canvas.open_form("ask")
    shot(page, f"builder-form-{theme}")
    expect_accessible(page)
    canvas.plus("good").click()
    expect(page.locator("#add-menu")).to_be_visible()
    expect_accessible(page)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Goals and rules").click()
    expect(canvas.panel.get_by_role("heading", name="Goals and rules")).to_be_visible()
    expect_accessible(page)
    page.get_by_role("button", name="Activate v1").click()
    expect(page.get_by_role("dialog", name="Activate version 1")).to_be_visible()
    expect_accessible(page)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Results", exact=True).click()
    expect(page.locator("#results-bar")).to_contain_text("0 entered")
    shot(page, f"builder-results-{theme}")
    expect_accessible(page)
    page.get_by_role("button", name="Person", exact=True).click()
    expect(canvas.panel).to_contain_text("Nobody has entered yet")
    expect_accessible(page)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_an_empty_workflow_teaches(
    product: Product, open_page: Callable[..., Page], expect_accessible: Check, shot: Callable[..., Any], theme: str
) -> None:
    page = open_page(theme=theme)
    Builder(page).open(create(product, "Empty"))
    expect(page.get_by_role("button", name="Abandoned cart")).to_be_visible()
    shot(page, f"builder-empty-{theme}")
    expect_accessible(page)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_on_a_phone_it_is_an_outline_that_can_be_edited(
    product: Product, open_page: Callable[..., Page], expect_accessible: Check, shot: Callable[..., Any], theme: str
) -> None:
    page = open_page(width=390, height=844, theme=theme)
    canvas = Builder(page).open(create_small(product, "Phone"))
    shot(page, f"builder-phone-{theme}", full=True)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    expect(page.locator(".path-row .via")).to_have_text(["Yes, after If plan is pro", "No, after If plan is pro"])
    expect_accessible(page)
    canvas.card("good").tap()
    canvas.panel.get_by_label("Tag", exact=True).fill("from the phone")
    expect_accessible(page)
    canvas.panel.get_by_role("button", name="Close").tap()
    expect(canvas.card("good")).to_contain_text("from the phone")
    page.get_by_role("button", name="Add a step after Add tag “bad”").tap()
    canvas.choose("end")
    assert ("bad", "next", canvas.the("end")) in canvas.ways()
    canvas.panel.get_by_role("button", name="Close").tap()
    page.get_by_role("button", name="Add a step between Wait 1 day and If plan is pro").tap()
    canvas.choose("remove tag")
    assert {("wait", "next", canvas.the("remove_tag")), (canvas.the("remove_tag"), "next", "ask")} <= canvas.ways()
    canvas.panel.get_by_role("button", name="Close").tap()
    page.get_by_role("button", name="Undo").tap()
    assert ("wait", "next", "ask") in canvas.ways()
    page.get_by_role("button", name="Results").tap()
    expect(page).to_have_url(re.compile("mode=results"))


def test_a_finger_does_every_verb_of_a_step_on_a_phone(product: Product, open_page: Callable[..., Page]) -> None:
    page = open_page(width=390, height=844)
    canvas = Builder(page).open(create_small(product, "Verbs on the phone"))

    def verb(step: str, name: str) -> None:
        canvas.step(step).locator(".verbs").tap()
        page.get_by_role("menuitem", name=name).tap()

    def choice(words: str | re.Pattern[str]) -> None:
        page.locator("#add-options [role=option]", has_text=words).first.tap()

    verb("bad", "Move…")
    choice("After Signed up")
    assert {("trigger", "next", "bad"), ("bad", "next", "wait")} <= canvas.ways()
    verb("bad", "Connect to…")
    choice("good")
    assert ("bad", "next", "good") in canvas.ways()
    page.get_by_role("button", name="Undo").tap()
    verb("good", "Duplicate")
    assert canvas.types().count("add_tag") == 3
    verb("good", "Switch off for now")
    expect(canvas.step("good")).to_have_class(re.compile(r"\boff\b"))
    verb("good", "Replace with…")
    choice(re.compile(r"^\s*End\b"))
    assert canvas.types().count("end") == 1
    canvas.panel.get_by_role("button", name="Close").tap()
    verb("bad", "Delete")
    assert ("trigger", "next", "wait") in canvas.ways()
    verb("wait", "Rename")
    page.keyboard.insert_text("A short rest")
    page.keyboard.press("Enter")
    expect(canvas.card("wait")).to_contain_text("A short rest")


def test_a_viewer_looks_but_cannot_change(page: Page, product: Product) -> None:
    workflow = create_small(product, "Read only")
    with product.connect() as connection:
        connection.execute("update workflows set status = 'archived' where id = %s", [workflow])
    canvas = Builder(page).open(workflow)
    expect(page.locator(".top")).to_contain_text("Archived")
    expect(page.locator(".pal, .plus, .ins")).to_have_count(0)
    x, y = canvas.centre(canvas.card("good"))
    canvas.drag((x, y), (x + 100, y))
    page.keyboard.press("Delete")
    canvas.expect_at("good", 264, 504)
    assert len(canvas.types()) == 4
    canvas.card("good").click()
    expect(canvas.panel.get_by_label("Tag", exact=True)).to_be_disabled()


def test_two_fingers_zoom_without_moving_a_step(product: Product, open_page: Callable[..., Page]) -> None:
    page = open_page(width=1024, height=768)
    canvas = Builder(page).open(create_small(product, "Pinch"))
    x, y = canvas.centre(canvas.card("ask"))
    session = page.context.new_cdp_session(page)

    def touch(kind: str, *points: tuple[float, float]) -> None:
        places = [{"x": px, "y": py, "id": number} for number, (px, py) in enumerate(points)]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": places})

    touch("touchStart", (x - 20, y))
    touch("touchStart", (x - 20, y), (x + 20, y))
    for spread in (30, 45, 60):
        touch("touchMove", (x - spread, y), (x + spread, y))
    touch("touchEnd")
    zoom = page.evaluate("document.querySelector('flow-canvas').view.k")
    assert zoom > 1.5
    canvas.expect_at("ask", 400, 336)


def test_five_hundred_steps_stay_cheap(page: Page, product: Product) -> None:
    """What makes them quick: far away no words, near by only what is in sight, a drag routes only its own lines.

    Steps are added in the browser: the server stops at 100.
    """
    canvas = Builder(page).open(
        create(
            product,
            "Large",
            trigger={"type": "event", "event": "x"},
            nodes=[node(f"n{i}", "add_tag", (i % 10) * 280, 168 * (1 + i // 10), tag="t") for i in range(100)],
            edges=[edge("trigger", "n0"), *(edge(f"n{i}", f"n{i + 10}") for i in range(90))],
        )
    )
    page.evaluate(
        """() => {
          const c = document.querySelector('flow-canvas'); c.sync.enqueue = () => {};
          for (let i = 100; i < 500; i++) {
            const x = 2800 + (i % 20) * 280, y = 168 * (i / 20 | 0);
            c.graph.nodes.set('n' + i, {id: 'n' + i, type: 'send_email', position: {x, y}, data: {}});
            if (i > 119) c.graph.edges.set('e' + i, {id: 'e' + i, source: 'n' + (i - 20), target: 'n' + i, sourceHandle: 'next'});
          }
          c.graph.known = null; c.scene.render(); c.fit(false);
        }"""
    )
    page.wait_for_function("document.querySelectorAll('.node').length >= 500")
    expect(page.locator("flow-canvas .drawn")).to_have_count(1)
    canvas.zoom_to(1)
    canvas.show("n44")
    expect(page.locator("flow-canvas .drawn")).to_have_count(0)
    page.wait_for_function("document.querySelectorAll('.node.out').length > 400")
    page.evaluate(
        """() => {
          window.routed = new Set(); window.routedAt = performance.now();
          new MutationObserver((changes) => {
            changes.forEach((change) => window.routed.add(change.target)); window.routedAt = performance.now();
          }).observe(document.querySelector('.edges'), {subtree: true, attributes: true, attributeFilter: ['d']});
        }"""
    )
    # What came into view is still being drawn on a busy machine: only what is drawn after that counts.
    page.evaluate(
        """() => new Promise((resolve) => {
          const look = () => performance.now() - window.routedAt > 500 ? resolve(window.routed.clear()) : requestAnimationFrame(look);
          look();
        })"""
    )
    x, y = canvas.centre(canvas.card("n44"))
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 40, y + 30, steps=10)
    routed = page.evaluate("window.routed.size")
    page.mouse.up()
    assert 0 < routed <= 6, f"{routed} paths were drawn again for a step with two lines of three paths each"
