"""Every verb of the mouse at 50, 100 and 150 %, one after the other, each taken back by one undo."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from e2e.pages.builder import Builder
from e2e.product import Product
from e2e.workflows import create_small

ZOOMS = (0.5, 1.0, 1.5)


@pytest.fixture
def canvas(page: Page, product: Product) -> Builder:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    return Builder(page).open(create_small(product, "At each zoom"))


def at(canvas: Builder, zoom: float, step: str) -> None:
    """A step in the middle, nothing selected, no panel over it."""
    canvas.press("Escape", "Escape")
    canvas.form.close()
    canvas.zoom_to(zoom)
    canvas.show(step)


def drawn(canvas: Builder) -> object:
    """The steps and lines, whatever order the document has them in."""
    return canvas.ways(), {(one["id"], one.get("name"), *one["position"].values()) for one in canvas.graph()["nodes"]}


def take_back(canvas: Builder, before: object) -> None:
    """One undo for each verb."""
    canvas.surface.focus()
    canvas.press("Control+z")
    assert drawn(canvas) == before


@pytest.mark.parametrize("zoom", ZOOMS)
def test_lines_are_drawn_and_led_elsewhere(canvas: Builder, zoom: float) -> None:
    before = drawn(canvas)
    at(canvas, zoom, "good")
    canvas.connect("good", "next", "bad")
    assert ("good", "next", "bad") in canvas.ways()
    take_back(canvas, before)

    at(canvas, zoom, "good")
    x, y = canvas.centre(canvas.plus("good"))
    canvas.drag_in("remove_tag", (x, y + 40 * zoom))
    assert ("good", "next", canvas.the("remove_tag")) in canvas.ways()
    take_back(canvas, before)

    at(canvas, zoom, "wait")
    x, y = canvas.middle_of_edge("e-trigger-next")
    canvas.page.mouse.click(x, y + 20 * zoom)
    canvas.drag(canvas.centre(canvas.page.locator(".end[data-end=target]")), canvas.centre(canvas.card("ask")))
    assert ("trigger", "next", "ask") in canvas.ways() and ("trigger", "next", "wait") not in canvas.ways()
    take_back(canvas, before)


@pytest.mark.parametrize("zoom", ZOOMS)
def test_steps_are_moved_named_copied_and_deleted(canvas: Builder, zoom: float) -> None:
    page, before = canvas.page, drawn(canvas)
    at(canvas, zoom, "bad")
    x, y = canvas.centre(canvas.card("bad"))
    canvas.drag((x, y), (x + 80 * zoom, y + 40 * zoom))
    moved = canvas.position("bad")
    assert abs(moved[0] - 624) <= 8 and abs(moved[1] - 544) <= 8, "as far as the hand, at each zoom"
    take_back(canvas, before)

    at(canvas, zoom, "good")
    canvas.card("good").click(button="right")
    expect(page.get_by_role("menuitem", name="Rename")).to_be_visible()
    canvas.press("Escape")
    canvas.card("good").locator(".ti").dblclick()
    expect(page.get_by_role("textbox", name="Name of the step").first).to_be_focused()
    page.keyboard.press("Control+a")
    page.keyboard.type("Renamed")
    page.keyboard.press("Enter")
    expect(canvas.card("good")).to_contain_text("Renamed")
    take_back(canvas, before)

    at(canvas, zoom, "good")
    canvas.card("good").click()
    canvas.press("Control+c", "Control+v")
    expect(canvas.page.locator(".node")).to_have_count(6)
    take_back(canvas, before)

    at(canvas, zoom, "good")
    canvas.card("good").click()
    canvas.press("Delete")
    expect(canvas.step("good")).to_have_count(0)
    take_back(canvas, before)


@pytest.mark.parametrize("zoom", ZOOMS)
def test_a_frame_selects_and_the_wheel_pans_and_zooms(canvas: Builder, zoom: float) -> None:
    page, before = canvas.page, drawn(canvas)
    at(canvas, zoom, "ask")
    left, top = canvas.centre(canvas.card("good"))
    right, bottom = canvas.centre(canvas.card("bad"))
    canvas.drag((left - 135 * zoom, top - 50 * zoom), (right + 10, bottom + 10))
    expect(canvas.selected).to_have_count(2)
    canvas.press("Escape")
    x, y = canvas.centre(canvas.card("ask"))
    page.mouse.move(x, y)
    page.mouse.wheel(30, 40)
    page.wait_for_function(
        "([x, y]) => { const r = document.querySelector('#n-ask .card').getBoundingClientRect();"
        " return Math.abs(r.x + r.width / 2 - x + 30) < 1 && Math.abs(r.y + r.height / 2 - y + 40) < 1 }",
        arg=[x, y],
    )
    page.mouse.move(x - 30, y - 40)
    page.keyboard.down("Control")
    page.mouse.wheel(0, 20)
    page.keyboard.up("Control")
    expect(page.locator(".zoom output")).not_to_have_text(re.compile(f"^{zoom * 100:.0f}%$"))
    x2, y2 = canvas.centre(canvas.card("ask"))
    assert abs(x2 - x + 30) < 1.5 and abs(y2 - y + 40) < 1.5, "what is under the pointer stays there"
    assert drawn(canvas) == before
