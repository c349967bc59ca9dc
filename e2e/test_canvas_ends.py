"""A line is led elsewhere by its beginning without being selected; the dot of a port above it still begins a new line."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from e2e.pages.builder import Builder
from e2e.product import Product
from e2e.workflows import create_small

BELOW_DOT = 22
"""Where a line is taken: below the dot of its port, above its plus."""


@pytest.fixture
def canvas(page: Page, product: Product) -> Builder:
    return Builder(page).open(create_small(product, "Beginnings"))


def beginning(canvas: Builder, node_id: str, port: str = "next") -> tuple[float, float]:
    x, y = canvas.centre(canvas.port(node_id, port))
    return x, y + BELOW_DOT


def test_a_line_is_taken_by_its_beginning(canvas: Builder) -> None:
    page, before = canvas.page, canvas.ways()
    start = beginning(canvas, "wait")
    page.mouse.move(*start)
    assert page.evaluate("getComputedStyle(document.querySelector('.e .hit')).cursor") == "grab"
    canvas.drag(start, canvas.centre(canvas.port("trigger")))
    moved = before - {("trigger", "next", "wait"), ("wait", "next", "ask")} | {("trigger", "next", "ask")}
    assert canvas.ways() == moved
    page.keyboard.press("Control+z")
    assert canvas.ways() == before, "one undo"
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*canvas.centre(canvas.card("trigger")), steps=6)
    expect(canvas.step("trigger")).to_have_class(re.compile("aimed"))
    page.keyboard.press("Escape")
    page.mouse.up()
    assert canvas.ways() == before, "Escape leaves it as it was"


def test_one_arm_of_a_branch_is_taken_and_not_the_other(canvas: Builder) -> None:
    before = canvas.ways()
    canvas.drag(beginning(canvas, "ask", "true"), canvas.centre(canvas.port("wait")))
    assert ("wait", "next", "good") in canvas.ways() and ("ask", "false", "bad") in canvas.ways()
    canvas.page.keyboard.press("Control+z")
    assert canvas.ways() == before


@pytest.mark.parametrize("zoom_out", [0, 3])
def test_the_dot_begins_a_new_line_and_a_press_selects(canvas: Builder, zoom_out: int) -> None:
    page, before = canvas.page, canvas.ways()
    for _ in range(zoom_out):
        page.get_by_role("button", name="Zoom out").click()
    canvas.drag(canvas.centre(canvas.port("wait")), canvas.centre(canvas.card("good")))
    assert canvas.ways() == before - {("wait", "next", "ask")} | {("wait", "next", "good")}
    page.keyboard.press("Control+z")
    assert canvas.ways() == before
    x, y = canvas.centre(canvas.port("wait"))
    on_the_line = [x, y + BELOW_DOT * (0.6 if zoom_out else 1)]
    page.wait_for_function("point => document.elementFromPoint(...point)?.closest('.e')", arg=on_the_line)
    page.mouse.click(*on_the_line)
    expect(page.locator(".e.sel")).to_have_attribute("data-edge", "e-wait-next")
    expect(page.locator(".end:not([hidden])")).to_have_count(2)
    x, y = canvas.middle_of_edge("e-wait-next")
    page.mouse.move(x + 60, y)
    assert not page.evaluate("document.querySelector('flow-canvas').classList.contains('by-end')")
