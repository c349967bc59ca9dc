"""Find anything: from the keyboard and by touch, on a page, in a text field and in the builder."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from e2e.pages.builder import Builder
from e2e.product import Product
from e2e.workflows import create, edge, node


def test_a_contact_is_reached_by_the_keyboard(
    page: Page, product: Product, expect_accessible: Callable[..., None]
) -> None:
    page.goto(f"{product.url}/workflows")
    page.get_by_role("searchbox").click()
    page.keyboard.press("Control+k")
    box = page.get_by_role("combobox", name="Find anything")
    expect(box).to_be_focused()
    chosen = page.get_by_role("listbox").get_by_role("option", selected=True)
    expect(chosen).to_have_count(1)
    page.keyboard.type("suppression")
    expect(chosen).to_have_text("Suppression list")
    expect_accessible(page)
    box.fill("contacts")
    expect(page.get_by_role("option", name="Import contacts")).to_be_visible()
    first = chosen.inner_text()
    page.keyboard.press("ArrowDown")
    expect(chosen).not_to_have_text(first)
    assert box.get_attribute("aria-activedescendant") == chosen.get_attribute("id")
    page.keyboard.press("ArrowUp")
    expect(chosen).to_have_text(first)
    box.fill("zebra <b>")
    expect(page.get_by_role("listbox").get_by_text("Nothing is called “zebra <b>”.")).to_be_visible()
    page.keyboard.press("Escape")
    expect(box).not_to_be_visible()
    page.keyboard.press("Control+k")
    expect(box).to_have_value("")
    page.keyboard.type("suppression")
    expect(chosen).to_have_text("Suppression list")
    page.keyboard.press("Enter")
    page.wait_for_url("**/suppressions")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Shortcuts")).to_be_visible()
    expect_accessible(page)


def test_by_touch_it_is_in_the_menu(open_page: Callable[..., Page], product: Product) -> None:
    page = open_page(width=390)
    page.goto(f"{product.url}/")
    page.get_by_text("You", exact=True).click()
    page.get_by_role("button", name="Find anything").click()
    page.get_by_role("combobox", name="Find anything").fill("templates")
    page.get_by_role("option", name="Templates", exact=True).click()
    page.wait_for_url("**/templates")


def test_the_builder_keeps_its_own_keys(page: Page, product: Product) -> None:
    made = create(
        product,
        "Palette",
        trigger={"type": "event", "event": "palette.began", "position": {"x": 400, "y": 0}},
        nodes=[node("tag", "add_tag", 400, 168, tag="found")],
        edges=[edge("trigger", "tag")],
    )
    builder = Builder(page)
    builder.open(made)
    page.keyboard.press("Control+k")
    box = page.get_by_role("combobox", name="Find anything")
    expect(box).to_be_focused()
    page.keyboard.type("a/")
    expect(box).to_have_value("a/")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Shortcuts")).to_contain_text("Add after this step")
    expect(page.locator("#page-shortcuts")).to_have_count(0)
