"""What happened, on the canvas: counts of a version, and one person's path, from real runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from e2e.pages.builder import Builder
from e2e.product import Product
from e2e.workflows import create, edge, node


@pytest.fixture(scope="module")
def walked(product: Product) -> str:
    """An active workflow that two contacts went through, one on each way."""
    workflow = create(
        product,
        "Walked",
        trigger={"type": "event", "event": "walk.began", "position": {"x": 400, "y": 0}},
        nodes=[
            node("ask", "condition", 400, 168, conditions=[{"field": "plan", "operator": "equals", "value": "pro"}]),
            node("good", "add_tag", 264, 336, tag="walked-pro"),
            node("bad", "add_tag", 544, 336, tag="walked-free"),
        ],
        edges=[edge("trigger", "ask"), edge("ask", "good", "true"), edge("ask", "bad", "false")],
    )
    headers = {"Authorization": f"Bearer {product.api_key('admin')}"}
    with httpx.Client(base_url=f"{product.url}/api/v1", headers=headers, timeout=30) as client:
        client.post(f"/workflows/{workflow}/activate").raise_for_status()
        for name, plan in (("Pia", "pro"), ("Fred", "free")):
            person = {"email": f"{name}.{workflow[-6:]}@example.com", "attributes": {"plan": plan, "first_name": name}}
            client.post("/contacts", json=person).raise_for_status()
            client.post("/events", json={"name": "walk.began", "email": person["email"]}).raise_for_status()
        for _ in range(60):
            counted = client.get(f"/workflows/{workflow}/stats").json()["data"]
            if counted["completedRuns"] == 2:
                break
            with product.connect() as connection:
                connection.execute("select pg_sleep(0.5)")
        assert counted["completedRuns"] == 2, counted
    return workflow


def test_results_count_on_cards_and_connections(
    page: Page, walked: str, expect_accessible: Callable[..., None], shot: Callable[..., Any]
) -> None:
    canvas = Builder(page).open(walked)
    page.get_by_role("button", name="Results", exact=True).click()
    expect(page.locator("#results-bar")).to_contain_text("2 entered")
    expect(canvas.card("trigger").locator(".st")).to_contain_text("2")
    expect(canvas.card("ask").locator(".st")).to_contain_text("50.0%")
    expect(page.locator(".elab", has_text="Yes")).to_contain_text("1 · 50.0%")
    widths = page.locator(".ribbon").evaluate_all("ribbons => ribbons.map(r => parseFloat(r.style.strokeWidth))")
    assert widths[0] > widths[1] == widths[2] > 0
    shot(page, "builder-results-counted")
    expect_accessible(page)
    canvas.card("ask").click()
    canvas.panel.get_by_role("tab", name="Results").click()
    expect(canvas.panel).to_contain_text("Entered")
    expect(canvas.panel).to_contain_text("2 · 100.0%")


def test_a_persons_path_is_lit_and_stepped_through(
    page: Page, walked: str, expect_accessible: Callable[..., None], shot: Callable[..., Any]
) -> None:
    canvas = Builder(page).open(walked)
    page.get_by_role("button", name="Person", exact=True).click()
    canvas.panel.get_by_role("button", name="Pia").click()
    bar = page.get_by_role("group", name="Step through one run")
    expect(bar).to_contain_text("Step 3 of 3")
    expect(page.locator(".node.lit-step")).to_have_count(3)
    expect(canvas.step("bad")).not_to_have_class("lit-step")
    expect(page.locator(".e.taken")).to_have_count(2)
    expect(canvas.panel).to_contain_text("plan is pro: yes, it was pro")
    shot(page, "builder-person")
    expect_accessible(page)
    bar.get_by_role("button", name="Back").click()
    expect(bar).to_contain_text("Step 2 of 3")
    expect(page.locator(".node.now")).to_have_attribute("data-id", "ask")
    canvas.panel.get_by_role("button", name="Walk began").click()
    expect(bar.get_by_role("button", name="Back")).to_be_disabled()
    page.get_by_role("button", name="Edit", exact=True).click()
    expect(canvas.panel).to_be_hidden()
    expect(page.locator(".lit-step")).to_have_count(0)


def test_the_version_of_the_runs_is_shown_when_the_draft_moved_on(page: Page, walked: str) -> None:
    canvas = Builder(page).open(walked)
    canvas.card("good").click()
    page.keyboard.press("Delete")
    canvas.wait_saved()
    expect(page.locator("#version-chip")).to_have_text("Draft v2")
    expect(page.get_by_role("button", name="Publish v2")).to_be_visible()
    page.get_by_role("button", name="Results", exact=True).click()
    expect(canvas.card("good")).to_contain_text("walked-pro")
    expect(canvas.card("good").locator(".st")).to_contain_text("1")
    page.get_by_role("button", name="Edit", exact=True).click()
    expect(canvas.step("good")).to_have_count(0)
    expect(page.locator(".plus")).to_have_count(2)
    canvas.page.get_by_role("button", name="Undo").click()
    expect(canvas.card("good")).to_contain_text("walked-pro")
    canvas.wait_saved()
    expect(page.locator("#version-chip")).to_have_text("v1")
