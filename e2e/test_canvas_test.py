"""Testing a draft on the canvas: the sample walks through it, other ways and other people are tried, and nothing comes of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from e2e.pages.builder import Builder
from e2e.product import Product
from e2e.workflows import create, edge, node


@pytest.fixture(scope="module")
def draft(product: Product) -> str:
    """A draft that nobody ran through, and two who have signed up."""
    workflow = create(
        product,
        "Tested",
        trigger={"type": "event", "event": "test.began", "position": {"x": 400, "y": 0}},
        nodes=[
            node("wait", "delay", 400, 168, duration=2, unit="days"),
            node(
                "ask", "condition", 400, 336, conditions=[{"field": "event.plan", "operator": "equals", "value": "pro"}]
            ),
            node("good", "wait_for_event", 264, 504, event="test.bought"),
            node("bad", "add_tag", 544, 504, tag="tested-free"),
        ],
        edges=[edge("trigger", "wait"), edge("wait", "ask"), edge("ask", "good", "true"), edge("ask", "bad", "false")],
    )
    headers = {"Authorization": f"Bearer {product.api_key('admin')}"}
    with httpx.Client(base_url=f"{product.url}/api/v1", headers=headers, timeout=30) as client:
        for name, plan in (("Fred", "free"), ("Pia", "pro")):
            person = {"email": f"{name}.{workflow[-6:]}@example.com", "attributes": {"first_name": name}}
            client.post("/contacts", json=person).raise_for_status()
            event = {"name": "test.began", "email": person["email"], "properties": {"plan": plan}}
            client.post("/events", json=event).raise_for_status()
    return workflow


def test_the_sample_walks_through_the_draft(
    page: Page, draft: str, expect_accessible: Callable[..., None], shot: Callable[..., Any]
) -> None:
    canvas, bar = Builder(page).open(draft), page.locator("#person-bar")
    canvas.card("wait").focus()
    page.keyboard.press("t")
    expect(page.get_by_role("heading", name="Test as Pia")).to_be_visible()
    expect(bar).to_contain_text("Step 4 of 4")
    expect(canvas.card("good").locator(".st")).to_contain_text("did not come in time")
    expect(canvas.step("good")).to_have_class(re.compile("lit-step now"))
    expect(canvas.card("bad").locator(".st")).to_have_count(0)
    bar.get_by_role("button", name="Back").click()
    expect(bar).to_contain_text("Step 3 of 4 · The run took the Yes branch.")
    canvas.card("wait").click()
    expect(bar).to_contain_text("Step 2 of 4 · Waited 2 d.")
    shot(page, "builder-test")
    expect_accessible(page)
    page.get_by_label("Branch of Wait up to 3 days for test.bought").select_option(label="Happened")
    expect(page.locator("#panel")).to_contain_text("You chose this way.")
    page.get_by_role("button", name="Choose somebody else").click()
    page.locator("#sample-list").get_by_role("button", name="Fred").click()
    expect(page.get_by_role("heading", name="Test as Fred")).to_be_visible()
    expect(canvas.card("bad").locator(".st")).to_contain_text("Added the tag")
    page.get_by_role("button", name="Edit", exact=True).click()
    expect(bar).to_be_hidden()
    canvas.card("ask").click(button="right")
    page.get_by_role("menuitem", name="Test up to here").click()
    expect(page.locator("#panel")).to_contain_text("The test ended behind this step, as you asked.")


def test_a_step_shows_what_comes_in_and_goes_out(page: Page, product: Product, draft: str) -> None:
    canvas = Builder(page).open(draft)
    canvas.open_form("trigger")
    page.get_by_role("tab", name="Test").click()
    panel = page.locator("#step-test")
    expect(panel).to_contain_text("/api/v1/events")
    event = {"name": "test.began", "email": f"late.{draft[-6:]}@example.com", "properties": {"plan": "pro"}}
    headers = {"Authorization": f"Bearer {product.api_key('admin')}"}
    httpx.post(f"{product.url}/api/v1/events", json=event, headers=headers, timeout=30).raise_for_status()
    expect(panel.get_by_role("button", name="late.")).to_be_visible()  # by itself
    panel.get_by_role("button", name="Pia").click()
    expect(panel.get_by_role("button", name="Pia")).to_contain_text("Sample")
    canvas.open_form("ask")
    page.get_by_role("tab", name="Test").click()
    expect(page.locator("#step-test")).to_contain_text("For Pia")
    expect(page.locator("#step-test")).to_contain_text("The run took the Yes branch.")
    canvas.open_form("bad")
    page.get_by_role("tab", name="Test").click()
    expect(page.locator("#step-test")).to_contain_text("Pia does not come to this step.")
