"""What is typed behind Ctrl+K goes into the palette, however long its parts take: on a list, in the builder, and Enter waits for it."""

from __future__ import annotations

import re

from playwright.sync_api import Page, Route, expect

from e2e.pages.builder import Builder
from e2e.product import Product
from e2e.workflows import create_small

PARTS = re.compile(r"command-palette|/find\b|/shortcuts\b")


class Held:
    """Keeps every request to `address` until they are let through."""

    def __init__(self, page: Page, address: re.Pattern[str]) -> None:
        self._held: list[Route] | None = []
        page.route(address, self._take)

    def _take(self, route: Route) -> None:
        if self._held is None:
            route.continue_()
        else:
            self._held.append(route)

    def let_through(self) -> None:
        held, self._held = self._held or [], None
        for route in held:
            route.continue_()


def test_what_is_typed_at_once_is_looked_for_and_enter_waits(page: Page, product: Product) -> None:
    create_small(product, "Row key")
    page.goto(f"{product.url}/workflows")
    held = Held(page, PARTS)
    page.keyboard.press("Control+k")
    page.keyboard.type("suppression")
    page.keyboard.press("Enter")
    box = page.get_by_role("combobox", name="Find anything")
    expect(box).to_be_focused()
    expect(box).to_have_value("suppression")
    expect(page.locator("tr.sel")).to_have_count(0)
    held.let_through()
    page.wait_for_url("**/suppressions")


def test_enter_behind_a_letter_waits_for_what_fits_it(page: Page, product: Product) -> None:
    page.goto(f"{product.url}/")
    page.keyboard.press("Control+k")
    expect(page.get_by_role("option", selected=True)).to_have_count(1)
    page.keyboard.type("suppression")
    page.keyboard.press("Enter")
    page.wait_for_url("**/suppressions")


def test_in_the_builder_nothing_is_added(page: Page, product: Product) -> None:
    canvas = Builder(page).open(create_small(product, "Quiet keys"))
    canvas.card("good").focus()
    before = canvas.types()
    held = Held(page, PARTS)
    page.keyboard.press("Control+k")
    page.keyboard.type("audit n")
    page.keyboard.press("Delete")
    box = page.get_by_role("combobox", name="Find anything")
    expect(box).to_have_value("audit n")
    assert canvas.types() == before and not canvas.graph()["notes"]
    page.keyboard.press("Escape")
    expect(box).to_be_hidden()
    expect(canvas.card("good")).to_be_focused()
    held.let_through()
    expect(box).to_be_hidden()


def test_keys_behind_a_question_mark_do_nothing_to_the_list(page: Page, product: Product) -> None:
    create_small(product, "Row key")
    page.goto(f"{product.url}/workflows")
    held = Held(page, PARTS)
    page.keyboard.press("?")
    page.keyboard.type("jx")
    expect(page.locator("tr.sel")).to_have_count(0)
    held.let_through()
    expect(page.get_by_role("dialog", name="Shortcuts")).to_be_visible()
    expect(page.locator("tr.sel")).to_have_count(0)


def test_what_is_typed_behind_a_verb_whose_menu_is_on_its_way_goes_into_the_menu(page: Page, product: Product) -> None:
    held = Held(page, re.compile(r"verbs\.bundle\.js|palette-menu\.js"))
    canvas = Builder(page).open(create_small(product, "Early verb"))
    canvas.card("good").focus()
    before = canvas.types()
    page.keyboard.press("a")
    page.keyboard.type("time window")
    page.keyboard.press("Enter")
    held.let_through()
    expect(page.locator(".node.sel")).to_contain_text("Time window")
    assert sorted(canvas.types()) == sorted([*before, "time_window"])
