"""The builder without a mouse: the five-step welcome flow, and every mode by its keys."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from e2e.pages.builder import Builder
from e2e.product import Product
from e2e.workflows import create, create_small


@pytest.fixture
def canvas(page: Page, product: Product) -> Builder:
    opened = Builder(page).open(create_small(product, "By keyboard"))
    opened.card("trigger").focus()
    return opened


def test_the_welcome_flow_is_built_by_keyboard_alone(page: Page, product: Product) -> None:
    workflow = create(product, "Keys only")
    canvas = Builder(page).open(workflow)
    page.get_by_role("button", name="Contact created").focus()
    canvas.press("Enter")
    expect(canvas.card("trigger")).to_contain_text("Contact created")
    canvas.card("trigger").focus()
    for word in ("email", "wait", "condition"):
        canvas.press("a")
        canvas.choose(word)
        expect(canvas.card(canvas.graph()["nodes"][-1]["id"])).to_be_focused()
    ask = canvas.the("condition")
    canvas.press("a")
    canvas.choose("add tag")
    canvas.press("ArrowUp")
    expect(canvas.card(ask)).to_be_focused()
    canvas.press("a")
    canvas.choose("end")
    mail, wait, tag, end = (canvas.the(type_) for type_ in ("send_email", "delay", "add_tag", "end"))
    assert canvas.ways() == {
        ("trigger", "next", mail),
        (mail, "next", wait),
        (wait, "next", ask),
        (ask, "true", tag),
        (ask, "false", end),
    }
    # fill in the forms: Enter opens one, Escape leads back to the card
    canvas.card(tag).focus()
    canvas.press("Enter")
    expect(canvas.panel.get_by_label("Tag", exact=True)).to_be_focused()
    page.keyboard.type("active")
    canvas.press("Escape")
    expect(canvas.card(tag)).to_be_focused()
    expect(canvas.card(tag)).to_contain_text("Add tag “active”")
    canvas.card(ask).focus()
    canvas.press("Enter")
    expect(canvas.panel.locator("form")).to_be_visible()
    canvas.panel.get_by_role("button", name="Condition", exact=True).focus()
    canvas.press("Enter")
    page.keyboard.type("contact.attributes.started")
    canvas.press("Tab")
    page.keyboard.type("is true")
    canvas.press("Escape")
    expect(canvas.card(ask)).to_contain_text("If started is true")
    canvas.wait_saved()
    stored = {node["type"]: node for node in canvas.stored(product, workflow)["nodes"]}
    assert stored["add_tag"]["data"] == {"tag": "active"}
    assert stored["condition"]["data"]["conditions"] == [{"field": "contact.attributes.started", "operator": "is_true"}]


def test_arrows_follow_the_connections(canvas: Builder) -> None:
    for key, there in (
        ("ArrowDown", "wait"),
        ("ArrowDown", "ask"),
        ("ArrowDown", "good"),
        ("ArrowRight", "bad"),
        ("ArrowUp", "ask"),
        ("ArrowUp", "wait"),
    ):
        canvas.press(key)
        expect(canvas.card(there)).to_be_focused()
        expect(canvas.card(there)).to_be_in_viewport(ratio=1)
    expect(canvas.card("ask")).to_have_attribute("tabindex", "-1")
    expect(canvas.card("wait")).to_have_attribute("tabindex", "0")


def test_a_card_says_where_it_stands(canvas: Builder) -> None:
    expect(canvas.card("ask")).to_have_accessible_name(
        re.compile(
            r"Condition\s*If plan is pro\s*Yes or no, for each contact\s*\. Step 3 of 5\. From Wait 1 day\. "
            r"To Add tag “good” and Add tag “bad”\."
        )
    )


def test_tab_enters_and_leaves_the_canvas_once(canvas: Builder) -> None:
    canvas.card("trigger").focus()
    canvas.press("Tab")
    inside = "document.activeElement.closest('flow-canvas') !== null"
    assert not canvas.page.evaluate(inside)
    canvas.press("Shift+Tab")
    expect(canvas.card("trigger")).to_be_focused()


def test_moving_by_keyboard_is_saved_undone_and_said(canvas: Builder, product: Product) -> None:
    canvas.card("bad").focus()
    canvas.press("m", "ArrowRight", "ArrowRight", "Shift+ArrowDown", "Enter")
    canvas.expect_at("bad", 560, 544)
    expect(canvas.said).to_contain_text("Moved Add tag “bad”")
    canvas.press("Control+z")
    canvas.expect_at("bad", 544, 504)
    canvas.press("m", "ArrowLeft", "Escape")
    canvas.expect_at("bad", 544, 504)
    expect(canvas.said).to_have_text("Put back.")


def test_connecting_by_keyboard(canvas: Builder) -> None:
    canvas.card("good").focus()
    canvas.press("c")
    expect(canvas.said).to_contain_text("Add tag “bad”, 1 of 3")
    canvas.press("ArrowDown")
    expect(canvas.said).to_have_text("Back to Wait 1 day, 2 of 3")
    canvas.press("ArrowUp", "Enter")
    assert ("good", "next", "bad") in canvas.ways()
    expect(canvas.said).to_have_text("Connected Add tag “good” to Add tag “bad”")
    canvas.card("ask").focus()
    canvas.press("c", "ArrowRight", "Delete")
    assert ("ask", "false", "bad") not in canvas.ways()
    canvas.press("c", "Escape")
    expect(canvas.said).to_have_text("Not connected.")


def test_delete_heals_says_so_and_keeps_the_focus(canvas: Builder) -> None:
    canvas.card("wait").focus()
    canvas.press("Delete")
    assert ("trigger", "next", "ask") in canvas.ways()
    expect(canvas.said).to_have_text("Deleted Wait 1 day")
    expect(canvas.card("trigger")).to_be_focused()
    canvas.press("Delete")
    expect(canvas.toasts).to_contain_text("The trigger stays")


def test_steps_are_found_renamed_and_selected(canvas: Builder) -> None:
    page = canvas.page
    canvas.press("f")
    canvas.choose("bad")
    expect(canvas.card("bad")).to_be_focused()
    canvas.press("F2")
    page.keyboard.press("Control+a")
    page.keyboard.type("Sort out")
    canvas.press("Enter")
    expect(canvas.card("bad")).to_contain_text("Sort out")
    expect(canvas.card("bad")).to_be_focused()
    canvas.press("Control+a")
    expect(canvas.selected).to_have_count(5)
    canvas.press("Escape")
    expect(canvas.selected).to_have_count(0)


def test_slash_searches_and_question_mark_lists_all_keys(canvas: Builder) -> None:
    page = canvas.page
    canvas.press("/")
    expect(page.get_by_label("Search steps to add")).to_be_focused()
    page.keyboard.type("update")
    expect(page.locator(".pi:visible")).to_have_count(1)
    canvas.press("Enter")
    assert "update_contact" in canvas.types()
    canvas.press("?")
    expect(page.get_by_role("dialog", name="Shortcuts")).to_be_visible()


def test_letters_do_nothing_while_typing(canvas: Builder) -> None:
    canvas.open_form("good")
    field = canvas.panel.get_by_label("Tag", exact=True)
    field.fill("")
    field.press_sequentially("mac/1?f")
    expect(field).to_have_value("mac/1?f")
    assert len(canvas.types()) == 4
