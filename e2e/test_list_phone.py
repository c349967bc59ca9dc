"""Lists on a phone: what narrows a list, the order and the file share a row, and the menu of orders lies within the page."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from e2e.product import Product
from e2e.workflows import create

LISTS = ("/workflows", "/contacts", "/templates", "/runs", "/messages", "/segments?search=x")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_search_and_tools_share_a_row(
    open_page: Callable[..., Page], product: Product, shot: Callable[..., None], theme: str
) -> None:
    create(product, "On a phone")
    page = open_page(theme=theme, width=390)
    for path in LISTS:
        page.goto(path)
        first = page.locator(".lbar :is(.search, .tabs-menu, .filters-button)").filter(visible=True).first
        expect(first).to_be_visible()
        one, other = first.bounding_box(), page.locator("#list-tools").bounding_box()
        assert one and other and one["y"] == other["y"] and one["x"] + one["width"] <= other["x"], path
        page.get_by_label("Sort", exact=True).click()
        menu = page.locator(".sorts > .pop").bounding_box()
        assert menu and menu["x"] >= 0 and menu["x"] + menu["width"] <= 390, path
        shot(page, f"phone{path.split('?')[0].replace('/', '-')}-{theme}")
