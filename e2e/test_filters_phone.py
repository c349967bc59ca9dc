"""Filters of lists on a phone: behind one button that counts those in use; by touch and by keyboard, with and without a new page."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

LISTS = {
    "/runs": "period",
    "/messages": "status",
    "/contacts": "permission",
    "/held-runs": "kind",
    "/suppressions": "reason",
}
"""Lists with filters, and the name of one of each."""


def button(page: Page) -> Any:
    return page.get_by_role("button", name=re.compile("^Filters"))


def choice(page: Page, name: str) -> Any:
    return page.locator(f"#list-filters select[name={name}]")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_filters_open_below_the_search_and_close(
    open_page: Callable[..., Page], shot: Callable[..., Any], expect_accessible: Callable[..., None], theme: str
) -> None:
    page = open_page(theme=theme, width=390, height=844)
    for address, name in LISTS.items():
        page.goto(address)
        one = choice(page, name)
        expect(one).to_be_hidden()
        searches = page.locator("main").get_by_role("searchbox").or_(page.locator("main").get_by_role("combobox"))
        assert searches.filter(visible=True).count() <= 1, f"{address} has several fields that look like a search"
        shot(page, f"filters{address.replace('/', '-')}-{theme}")
        button(page).tap()
        expect(one).to_be_visible()
        expect(button(page)).to_have_attribute("aria-expanded", "true")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), address
        expect_accessible(page)
        shot(page, f"filters{address.replace('/', '-')}-open-{theme}")
        one.press("Escape")
        expect(one).to_be_hidden()
        expect(button(page)).to_be_focused()
        page.keyboard.press("Enter")
        expect(one).to_be_visible()
        page.get_by_role("button", name="Done").tap()
        expect(one).to_be_hidden()


@pytest.mark.parametrize("address", ["/messages", "/runs"])
def test_those_in_use_are_counted_and_all_are_taken_back(
    open_page: Callable[..., Page], shot: Callable[..., Any], address: str
) -> None:
    """Messages bring their rows alone, runs a new page: the filters stay open in both, and the choice keeps the focus."""
    page = open_page(width=390, height=844)
    page.goto(address)
    expect(button(page)).to_have_text("Filters")
    button(page).tap()
    choice(page, "period").select_option("30d")
    expect(page).to_have_url(re.compile("period=30d"))
    expect(button(page)).to_have_text("Filters 1")
    expect(choice(page, "period")).to_be_visible()
    choice(page, "workflow").focus()  # as people have it, and as `select_option` does not
    choice(page, "workflow").select_option(index=1)
    expect(page).to_have_url(re.compile("workflow=[0-9a-f]"))
    expect(button(page)).to_have_text("Filters 2")
    expect(choice(page, "workflow")).to_be_focused()
    shot(page, f"filters{address.replace('/', '-')}-used")
    page.get_by_role("button", name="Clear filters").tap()
    expect(page).not_to_have_url(re.compile("workflow=[0-9a-f]"))
    expect(page).not_to_have_url(re.compile("period=30d"))
    expect(button(page)).to_have_text("Filters")
    expect(page.get_by_role("button", name="Clear filters")).to_be_hidden()


@pytest.mark.parametrize("address", ["/messages", "/runs"])
def test_back_takes_the_last_filter_back(open_page: Callable[..., Page], address: str) -> None:
    page = open_page(width=390, height=844)
    page.goto(address)
    button(page).tap()
    choice(page, "workflow").select_option(index=1)
    expect(page).to_have_url(re.compile("workflow=[0-9a-f]"))
    expect(button(page)).to_have_text("Filters 1")
    page.go_back()
    expect(page).not_to_have_url(re.compile("workflow=[0-9a-f]"))
    expect(button(page)).to_have_text("Filters")
    page.go_forward()
    expect(button(page)).to_have_text("Filters 1")


def test_on_a_wide_screen_they_stand_in_the_bar(page: Page, shot: Callable[..., Any]) -> None:
    for address, name in LISTS.items():
        page.goto(address)
        expect(choice(page, name)).to_be_visible()
        expect(button(page)).to_be_hidden()
        expect(page.get_by_role("button", name="Done")).to_be_hidden()
        shot(page, f"filters{address.replace('/', '-')}-wide")


def test_without_scripts_they_are_open(open_page: Callable[..., Page]) -> None:
    page = open_page(width=390, java_script_enabled=False)
    page.goto("/contacts")
    expect(choice(page, "permission")).to_be_visible()
    expect(button(page)).to_be_hidden()
