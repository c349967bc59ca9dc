"""A static segment: named, filled by typing addresses, seen on the page of a contact, and deleted by who was told what happens."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import httpx
from playwright.sync_api import Page, expect

from e2e.product import PLAIN, Product


def test_a_segment_is_made_filled_and_deleted(
    page: Page, product: Product, expect_accessible: Callable[..., None], shot: Callable[..., Any]
) -> None:
    headers = {"Authorization": f"Bearer {product.api_key('admin')}"}
    visitor = {"email": "visitor@fair.example"}
    added = httpx.post(f"{product.url}/api/v1/contacts", json=visitor, headers=headers, **PLAIN)
    assert added.status_code == 201, added.text
    page.goto("/segments")
    page.get_by_role("link", name="New segment").first.click()
    page.get_by_label("Name").fill("Best of the fair")
    page.get_by_text("By hand").click()
    expect(page.locator("[data-rule]")).to_be_hidden()
    expect_accessible(page)
    page.get_by_role("button", name="Create segment").click()
    expect(page.get_by_text("No contacts yet")).to_be_visible()
    page.get_by_role("button", name="Add contacts").first.click()
    page.get_by_role("textbox", name="Contacts").fill("visitor@fair.example\nnobody@nowhere.example")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_text("No contact is known as nobody@nowhere.example")).to_be_visible()
    expect(page.locator(".segr .big")).to_have_text("1")
    expect_accessible(page)
    shot(page, "segment")
    page.locator("a.nm").first.click()
    expect(page.locator("#contact-segments")).to_contain_text("Best of the fair")
    expect(page.locator("#timeline")).to_contain_text("Entered the segment Best of the fair")
    page.get_by_role("link", name="Best of the fair").click()
    page.locator("summary", has=page.get_by_text("More actions")).or_(page.get_by_label("More actions")).first.click()
    page.get_by_role("button", name="Delete").first.click()
    expect(page.get_by_role("dialog")).to_contain_text("Nothing uses it.")
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page).to_have_url(re.compile(r"/segments$"))
    expect(page.get_by_text("Best of the fair was deleted. Its contacts stay.")).to_be_visible()
