"""Tabs of lists on a phone: one menu that says which is open, by touch and by keyboard; a row on a wide screen."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

LISTS = {"/runs": "Goal reached", "/workflows": "Paused"}
"""Lists with tabs of statuses, and one of each."""
LEAST = 24


def menu(page: Page, name: str = "Status") -> Any:
    return page.locator(".tabs-menu > summary").filter(has_text=re.compile(f"^{name}"))


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("address", LISTS)
def test_a_status_is_chosen_by_touch(
    open_page: Callable[..., Page],
    shot: Callable[..., Any],
    expect_accessible: Callable[..., None],
    theme: str,
    address: str,
) -> None:
    page, status = open_page(theme=theme, width=390, height=844), LISTS[address]
    page.goto(address)
    expect(page.locator(".seg").filter(visible=True)).to_have_count(0)
    expect(menu(page)).to_have_text("Status All")
    menu(page).tap()
    expect_accessible(page)
    shot(page, f"tabs{address.replace('/', '-')}-{theme}")
    links = page.get_by_role("navigation", name="Status").get_by_role("link")
    for box in [one.bounding_box() for one in [menu(page), *links.all()]]:
        assert box["height"] >= LEAST and box["x"] >= 0 and box["x"] + box["width"] <= 390
    links.filter(has_text=status).tap()
    expect(page).to_have_url(re.compile("status="))
    expect(menu(page)).to_have_text(f"Status {status}")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_by_keyboard(open_page: Callable[..., Page]) -> None:
    page = open_page(width=390)
    page.goto("/runs")
    menu(page).press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("navigation", name="Status").get_by_role("link", name="All")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("navigation", name="Status")).to_be_hidden()
    menu(page).press("Enter")
    for _ in range(3):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(menu(page)).to_have_text("Status Waiting")


def test_saved_views_are_a_menu_too(open_page: Callable[..., Page], shot: Callable[..., Any]) -> None:
    page = open_page(width=390)
    page.goto("/runs?status=held")
    page.get_by_role("button", name="Save view").tap()
    name = "Everybody who waits for one of us to look after them"
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_role("dialog").get_by_role("button", name="Save view").tap()
    expect(menu(page, "View")).to_contain_text(name)
    shot(page, "tabs-views")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    menu(page, "View").tap()
    page.get_by_role("navigation", name="View", exact=True).get_by_role("link", name="All").tap()
    expect(menu(page, "View")).to_have_text("View All")


def test_a_row_on_a_wide_screen(page: Page) -> None:
    page.goto("/runs")
    expect(menu(page)).to_be_hidden()
    page.get_by_role("navigation", name="Status").get_by_role("link", name="Goal reached").click()
    expect(page).to_have_url(re.compile("status=goal_reached"))
