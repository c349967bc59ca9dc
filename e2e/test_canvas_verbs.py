"""Verbs that do the same by mouse, keyboard and finger: connect near by, lead elsewhere, the menu of everything, copies in free space."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from e2e.pages.builder import Builder
from e2e.product import Product
from e2e.workflows import create, create_small, edge, node


@pytest.fixture
def canvas(page: Page, product: Product) -> Builder:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    return Builder(page).open(create_small(product, "Verbs"))


def overlapping(canvas: Builder) -> list[str]:
    """Pairs of cards and notes that cover each other."""
    pairs: list[str] = canvas.page.evaluate(
        """() => { const boxes = [...document.querySelector('flow-canvas').scene.boxes];
          return boxes.flatMap(([a, one], at) => boxes.slice(at + 1).filter(([, two]) => one.x < two.x + two.w && two.x < one.x + one.w
            && one.y < two.y + two.h && two.y < one.y + one.h).map(([b]) => `${a} ${b}`)) }"""
    )
    return pairs


@pytest.mark.parametrize("lower", [40, 90])
def test_a_step_dropped_below_an_open_way_out_is_connected(canvas: Builder, lower: int) -> None:
    x, y = canvas.centre(canvas.plus("good"))
    canvas.entry("remove_tag").scroll_into_view_if_needed()
    mouse = canvas.page.mouse
    mouse.move(*canvas.centre(canvas.entry("remove_tag")))
    mouse.down()
    mouse.move(x - 30, y + lower - 4, steps=8)
    mouse.move(x - 10, y + lower, steps=3)
    expect(canvas.page.locator(".rubber.ghost")).to_have_count(1)
    mouse.up()
    assert ("good", "next", canvas.the("remove_tag")) in canvas.ways()
    expect(canvas.page.locator(".rubber.ghost")).to_have_count(0)


def test_a_chain_that_nothing_leads_to_is_connected_by_its_head(page: Page, product: Product) -> None:
    steps = [node(name, "add_tag", x, y, tag="t") for name, x, y in (("a", 0, 168), ("b", 500, 500), ("c", 500, 668))]
    trigger = {"type": "event", "event": "x", "position": {"x": 0, "y": 0}}
    canvas = Builder(page).open(
        create(product, "Chain", trigger=trigger, nodes=steps, edges=[edge("trigger", "a"), edge("b", "c")])
    )
    x, y = canvas.centre(canvas.card("a"))
    canvas.drag(canvas.centre(canvas.card("b")), (x + 12, y + 130))
    assert canvas.ways() == {("trigger", "next", "a"), ("a", "next", "b"), ("b", "next", "c")}
    page.keyboard.press("Control+z")
    assert ("a", "next", "b") not in canvas.ways()


def test_both_ends_of_a_connection_are_led_elsewhere(canvas: Builder) -> None:
    page = canvas.page
    before = canvas.ways()

    def select_line() -> None:
        x, y = canvas.middle_of_edge("e-trigger-next")
        page.mouse.click(x, y + 20)
        expect(page.locator(".end:not([hidden])")).to_have_count(2)

    select_line()
    head = page.locator(".end[data-end=target]")
    page.mouse.move(*canvas.centre(head))
    page.mouse.down()
    page.mouse.move(*canvas.centre(canvas.card("bad")), steps=6)
    page.keyboard.press("Escape")
    page.mouse.up()
    assert canvas.ways() == before, "Escape leaves it as it was"
    select_line()
    canvas.drag(canvas.centre(head), canvas.centre(canvas.card("bad")))
    assert canvas.ways() == before - {("trigger", "next", "wait")} | {("trigger", "next", "bad")}
    page.keyboard.press("Control+z")
    assert canvas.ways() == before, "one undo"
    x, y = canvas.middle_of_edge("e-wait-next")
    page.mouse.click(x, y + 20)
    canvas.drag(canvas.centre(page.locator(".end[data-end=source]")), canvas.centre(canvas.port("trigger")))
    assert canvas.ways() == before - {("trigger", "next", "wait"), ("wait", "next", "ask")} | {
        ("trigger", "next", "ask")
    }
    page.keyboard.press("Control+z")
    assert canvas.ways() == before


def test_the_menu_has_every_verb_for_what_is_under_the_pointer(
    canvas: Builder, expect_accessible: Callable[..., None]
) -> None:
    page = canvas.page
    menu = page.get_by_role("menu")
    canvas.card("good").click(button="right")
    expect(page.get_by_role("menuitem", name="Open")).to_be_focused()
    for name in (
        "Rename",
        "Add a step after",
        "Connect to…",
        "Switch off for now",
        "Cut",
        "Copy",
        "Duplicate",
        "Delete",
    ):
        expect(menu.get_by_role("menuitem", name=re.compile(f"^{name}"))).to_be_enabled()
    expect_accessible(page)
    page.get_by_role("menuitem", name="Duplicate").click()
    assert canvas.types().count("add_tag") == 3 and overlapping(canvas) == []
    page.mouse.click(*canvas.middle_of_edge("e-wait-next"), button="right")
    expect(menu).to_have_accessible_name("Connection")
    page.get_by_role("menuitem", name="Delete the connection").click()
    assert ("wait", "next", "ask") not in canvas.ways()
    canvas.surface.click(button="right", position={"x": 60, "y": 60})
    page.get_by_role("menuitem", name=re.compile("^Undo: Deleted")).click()
    assert ("wait", "next", "ask") in canvas.ways()
    canvas.surface.click(button="right", position={"x": 60, "y": 200})
    page.get_by_role("menuitem", name="Add a step here").click()
    canvas.choose("remove tag")
    assert canvas.the("remove_tag")


def test_keys_act_on_the_focused_card_when_nothing_is_selected(canvas: Builder) -> None:
    page = canvas.page
    canvas.card("wait").click()
    page.keyboard.press("Control+c")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    canvas.card("good").focus()
    expect(canvas.selected).to_have_count(0)
    page.keyboard.press("Control+d")
    assert canvas.types().count("add_tag") == 3, "the focused card was doubled"
    page.keyboard.press("Control+z")
    canvas.card("bad").focus()
    page.keyboard.press("Control+c")
    expect(canvas.said).to_have_text(re.compile("^Copied Add tag"))
    page.keyboard.press("Control+v")
    page.keyboard.press("Control+v")
    assert canvas.types().count("add_tag") == 4 and overlapping(canvas) == []
    canvas.card("ask").focus()
    page.keyboard.press("Shift+F10")
    expect(page.get_by_role("menu")).to_have_accessible_name(re.compile("^If "))
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("menuitem", name="Rename")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("textbox", name="Name of the step").first).to_be_focused()


def test_a_finger_that_rests_opens_the_menu(product: Product, open_page: Callable[..., Page]) -> None:
    page = open_page(width=1024, height=768)
    canvas = Builder(page).open(create_small(product, "Long press"))
    x, y = canvas.centre(canvas.card("good"))
    session = page.context.new_cdp_session(page)
    session.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y, "id": 0}]})
    expect(page.get_by_role("menuitem", name="Rename")).to_be_visible()
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.get_by_role("menuitem", name="Delete").click()
    assert "good" not in {one["id"] for one in canvas.graph()["nodes"]}


def test_the_focus_is_never_lost(page: Page, product: Product) -> None:
    def focused() -> str:
        where: str = page.evaluate(
            "() => document.activeElement === document.body ? 'body' : document.activeElement.closest('flow-canvas, .starter, .panel')"
            "?.className.split(' ')[0] || document.activeElement.closest('flow-canvas') && 'canvas' || document.activeElement.tagName"
        )
        return where

    canvas = Builder(page).open(create(product, "Focus"))
    assert focused() == "starter"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(canvas.panel.locator("form[data-about]")).to_be_visible()
    canvas.open(create_small(product, "Focus too"))
    page.keyboard.press("ArrowDown")
    expect(canvas.card("wait")).to_be_focused()
    canvas.open_form("wait")
    canvas.panel.get_by_role("button", name="Delete this step").click()
    assert focused() != "body"
    page.get_by_role("button", name="Undo").click()
    assert focused() != "body", "a button that goes off gives the focus to the canvas"
    page.keyboard.press("Control+a")
    page.keyboard.press("Delete")
    assert focused() != "body"


def test_json_is_pasted_with_a_report_and_refused_with_a_reason(canvas: Builder) -> None:
    page = canvas.page

    def paste(text: str) -> None:
        page.evaluate("text => navigator.clipboard.writeText(text)", text)
        page.keyboard.press("Control+v")

    canvas.surface.focus()
    steps = [
        {"id": "a", "type": "delay", "data": {"duration": 1, "unit": "days"}},
        {"id": "b", "type": "carrier_pigeon", "data": {}},
    ]
    paste(
        json.dumps({"name": "Other", "graph": {"triggers": [{"id": "t"}], "nodes": steps, "edges": [edge("a", "b")]}})
    )
    expect(canvas.toasts).to_contain_text(
        "Pasted 1 step. 1 trigger left out: this workflow has its own. "
        "1 step left out, as its type is not installed here: “carrier_pigeon”."
    )
    assert "carrier_pigeon" not in canvas.types() and overlapping(canvas) == []
    paste("Dear Ada")
    expect(canvas.toasts).to_contain_text("The clipboard holds no steps.")


def test_a_note_lands_where_nothing_lies_and_a_double_click_renames(canvas: Builder) -> None:
    page = canvas.page
    canvas.surface.focus()
    page.keyboard.press("n")
    page.keyboard.type("Rosa looks on Friday")
    assert overlapping(canvas) == []
    expect(page.locator(".note")).to_be_in_viewport()
    page.keyboard.press("Escape")
    canvas.card("good").dblclick(position={"x": 20, "y": 12})
    expect(page.get_by_role("textbox", name="Name of the step").first).to_be_focused()


def test_a_step_is_replaced_and_its_connections_stay(canvas: Builder) -> None:
    canvas.card("good").click(button="right")
    canvas.page.get_by_role("menuitem", name="Replace with…").click()
    canvas.choose("remove tag")
    after = canvas.the("remove_tag")
    assert ("ask", "true", after) in canvas.ways() and canvas.position(after) == (264, 504)
    canvas.form.fill("f-tag", "good")
    canvas.wait_saved()
    for _ in range(2):
        canvas.page.get_by_role("button", name="Undo").click()
    assert ("ask", "true", "good") in canvas.ways()
