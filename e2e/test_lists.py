"""A list as somebody wants it: sorted, kept as a view, and something done with many of its rows, by keyboard, mouse and touch."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from e2e.product import Product

NAMES = ("anna", "berta", "carla", "dora")


@pytest.fixture(scope="module")
def mark(product: Product) -> str:
    """A word that four contacts have in their addresses."""
    word = f"m{uuid.uuid4().hex[:8]}"
    headers = {"Authorization": f"Bearer {product.api_key()}"}
    with httpx.Client(base_url=f"{product.url}/api/v1", headers=headers) as client:
        for name in NAMES:
            client.post("/contacts", json={"email": f"{name}@{word}.example"}).raise_for_status()
    return word


def first_row(page: Page) -> str:
    return page.locator("#rows tbody tr").first.inner_text()


def test_sorted_and_kept_as_a_view(
    page: Page, mark: str, expect_accessible: Callable[..., None], shot: Callable[..., Any]
) -> None:
    page.goto("/contacts")
    page.get_by_role("searchbox").fill(mark)
    expect(page.locator("#rows tbody tr")).to_have_count(len(NAMES))
    heading = page.get_by_role("link", name="Contact", exact=True).and_(page.locator(".sort"))
    heading.focus()
    page.keyboard.press("Enter")
    expect(page.locator("th[aria-sort=ascending]")).to_have_text("Contact")
    assert "anna" in first_row(page)
    expect(heading).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("th[aria-sort=descending]")).to_have_text("Contact")
    assert "dora" in first_row(page)
    expect(page).to_have_url(re.compile(rf"search={mark}.*sort=-email"))
    page.get_by_role("button", name="Save view").click()
    dialog = page.get_by_role("dialog", name="Save this view")
    dialog.get_by_label("Name").fill(f"View {mark}")
    dialog.get_by_role("button", name="Save view").click()
    tab = page.get_by_role("navigation", name="Views").get_by_role("link", name=f"View {mark}")
    expect(tab).to_have_attribute("aria-current", "page")
    expect_accessible(page)
    shot(page, "list-view")
    page.goto("/contacts")
    tab.click()
    expect(page.get_by_role("searchbox")).to_have_value(mark)
    assert "dora" in first_row(page)
    with page.expect_download() as download:
        page.get_by_role("link", name="Export CSV").click()
    lines = download.value.path().read_text(encoding="utf-8-sig").splitlines()
    assert len(lines) == 1 + len(NAMES) and "dora" in lines[1]


def test_many_rows_by_keyboard(page: Page, mark: str, expect_accessible: Callable[..., None]) -> None:
    page.goto(f"/contacts?search={mark}&sort=email")
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.keyboard.press("j")
    page.keyboard.press("x")
    bar = page.get_by_role("toolbar", name="Selected rows")
    expect(bar).to_contain_text("2 selected")
    page.keyboard.press("Escape")
    expect(bar).not_to_be_visible()
    page.get_by_label("Select all on this page").check()
    expect(bar).to_contain_text("4 selected")
    expect_accessible(page)
    bar.get_by_role("button", name="Add tag").click()
    dialog = page.get_by_role("dialog", name="Add a tag")
    expect(dialog).to_contain_text("4 selected")
    dialog.get_by_label("Tag").fill(f"tag-{mark}")
    dialog.get_by_label("Tag").press("Enter")
    expect(page.get_by_text(f"Tag “tag-{mark}” added to 4 contacts.")).to_be_visible()
    expect(page.locator("#rows").get_by_text(f"tag-{mark}")).to_have_count(len(NAMES))
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#rows").get_by_text(f"tag-{mark}")).to_have_count(0)


def test_on_the_phone(open_page: Callable[..., Page], mark: str, expect_accessible: Callable[..., None]) -> None:
    page = open_page(width=390)
    page.goto(f"/contacts?search={mark}")
    page.get_by_label("Sort", exact=True).click()
    page.get_by_role("link", name="Contact", exact=True).click()
    expect(page).to_have_url(re.compile("sort=email"))
    page.locator("#rows tbody tr", has_text="berta").get_by_role("checkbox").check()
    bar = page.get_by_role("toolbar", name="Selected rows")
    expect(bar).to_contain_text("1 selected")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    expect_accessible(page)
