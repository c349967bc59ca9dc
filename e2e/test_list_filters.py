"""Lists narrowed to one contact, and to one step of a workflow, by keyboard, mouse and touch."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from e2e.product import Product


@pytest.fixture(scope="module")
def people(product: Product) -> Iterator[str]:
    """Two namesakes and a workflow that both are in; answers the word that their addresses end with."""
    word = f"p{uuid.uuid4().hex[:8]}"
    headers = {"Authorization": f"Bearer {product.api_key()}"}
    with httpx.Client(base_url=f"{product.url}/api/v1", headers=headers) as client:
        for name in ("one", "two"):
            person = {"email": f"{name}@{word}.example", "attributes": {"firstName": "Robin", "lastName": word}}
            client.post("/contacts", json=person).raise_for_status()
        nodes = [
            {"id": "wait", "type": "delay", "name": "A week", "data": {"duration": 7, "unit": "days"}},
            {"id": "end", "type": "end", "data": {}},
        ]
        edges = [
            {"id": "a", "source": "trigger", "target": "wait", "sourceHandle": "next"},
            {"id": "b", "source": "wait", "target": "end", "sourceHandle": "next"},
        ]
        flow = {
            "name": f"Flow {word}",
            "trigger": {"type": "event", "event": f"{word}.begun"},
            "nodes": nodes,
            "edges": edges,
        }
        workflow_id = client.post("/workflows", json=flow).raise_for_status().json()["data"]["id"]
        client.post(f"/workflows/{workflow_id}/activate").raise_for_status()
        for name in ("one", "two"):
            event = {"name": f"{word}.begun", "email": f"{name}@{word}.example"}
            client.post("/events", json=event).raise_for_status()
        yield word


def field(page: Page) -> Any:
    return page.get_by_role("combobox", name="Contact", exact=True)


def test_runs_of_one_of_two_namesakes(
    page: Page, people: str, expect_accessible: Callable[..., None], shot: Callable[..., Any]
) -> None:
    page.goto("/runs")
    field(page).click()
    page.keyboard.type(people)
    options = page.get_by_role("listbox", name="Contact").get_by_role("option")
    expect(options).to_have_count(2)
    expect(options.first).to_contain_text("Robin")
    expect(options.filter(has_text=f"one@{people}.example")).to_be_visible()
    expect_accessible(page)
    shot(page, "list-contact-filter")
    while f"one@{people}" not in page.locator(".combo .at").inner_text():
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("contact="))
    rows = page.locator("#rows tbody tr")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text(f"one@{people}.example")
    expect(field(page)).to_have_value(f"Robin {people}")
    # Another filter keeps the contact; an emptied field gives it up, and so does its cross.
    page.get_by_role("link", name="Waiting", exact=True).click()
    expect(page).to_have_url(re.compile("contact=.*status=waiting|status=waiting.*contact="))
    expect(field(page)).to_have_value(f"Robin {people}")
    field(page).click()
    page.keyboard.press("Control+a")
    page.keyboard.press("Delete")
    expect(field(page)).to_have_value("")
    page.keyboard.press("Escape")
    page.locator("body").press("Tab")
    expect(page).not_to_have_url(re.compile("contact=[0-9a-f]"))


def test_nobody_fits_and_nothing_is_lost(page: Page, people: str) -> None:
    page.goto("/runs")
    field(page).fill(f"{people}-nobody")
    expect(page.locator(".combo .none")).to_have_text("Nobody fits")
    page.keyboard.press("Escape")
    expect(page.locator(".combo")).to_be_hidden()
    page.route("**/contacts/choices*", lambda route: route.abort())
    field(page).fill(people)
    expect(page.locator(".combo .none")).to_contain_text("could not be loaded")


def test_messages_by_touch(open_page: Callable[..., Page], people: str, expect_accessible: Callable[..., None]) -> None:
    page = open_page(width=390)
    page.goto("/messages")
    expect(field(page)).to_be_hidden()
    filters = page.get_by_role("button", name=re.compile("^Filters"))
    filters.tap()
    field(page).tap()
    field(page).fill(people)
    page.get_by_role("option").filter(has_text=f"two@{people}.example").tap()
    expect(page).to_have_url(re.compile("contact=[0-9a-f]"))
    expect(field(page)).to_have_value(f"Robin {people}")
    expect(filters).to_have_text("Filters 1")
    expect(page.locator("#rows")).to_contain_text("Nothing like that")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    expect_accessible(page)
    page.get_by_role("button", name="All contacts").tap()
    expect(page).not_to_have_url(re.compile("contact=[0-9a-f]"))
    expect(filters).to_have_text("Filters")


def test_all_filters_of_a_phone_are_cleared_with_what_belongs_to_them(
    open_page: Callable[..., Page], people: str
) -> None:
    page = open_page(width=390)
    page.goto("/runs")
    filters = page.get_by_role("button", name=re.compile("^Filters"))
    filters.tap()
    page.locator("#list-filters select[name=workflow]").select_option(f"Flow {people}")
    expect(page).to_have_url(re.compile("workflow=[0-9a-f]"))
    field(page).fill(people)
    page.get_by_role("option").filter(has_text=f"two@{people}.example").tap()
    expect(filters).to_have_text("Filters 2")
    expect(page.locator("#rows")).to_contain_text(f"two@{people}.example")
    if not page.get_by_role("button", name="Clear filters").is_visible():
        filters.tap()
    page.get_by_role("button", name="Clear filters").tap()
    expect(page).not_to_have_url(re.compile("(workflow|contact)=[0-9a-f]"))
    expect(filters).to_have_text("Filters")
    expect(field(page)).to_have_value("")
