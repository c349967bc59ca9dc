"""Conditions in the form of a step: the comparisons that fit the field, and a control for each kind of value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from app.flow.operators import OPERATORS
from e2e.pages.builder import Builder
from e2e.product import PLAIN, Product
from e2e.workflows import create, edge, node

STORED = [
    {"field": "contact.created_at", "operator": "within_last", "value": {"duration": 7, "unit": "days"}},
    {"field": "event.amount", "operator": "between", "value": [10, 99.5]},
    {"field": "contact.tags", "operator": "contains_any", "value": ["vip", "new, hot", "7"]},
    {"field": "event.at", "operator": "before", "value": "2026-11-25T09:30"},
    {"field": "event.at", "operator": "after", "value": "2026-11-21T09:00:00Z"},
    {"field": "contact.source", "operator": "matches", "value": "^ad-[0-9]+$"},
    {"field": "event.paid", "operator": "is_true"},
]
OF_DATES = [
    "is before",
    "is on",
    "is after",
    "is within the last",
    "is not within the last",
    "is within the next",
    "has its anniversary today",
    "has its anniversary within the next",
    "had its anniversary within the last",
    "is known",
    "is not known",
]


@pytest.fixture
def workflow(product: Product) -> str:
    nodes = [node("ask", "condition", 400, 168, conditions=STORED), node("end", "end", 400, 336)]
    trigger = {"type": "event", "event": "signed_up", "position": {"x": 400, "y": 0}}
    return create(
        product, "Asked", trigger=trigger, nodes=nodes, edges=[edge("trigger", "ask"), edge("ask", "end", "true")]
    )


def _rows(canvas: Builder) -> Locator:
    return canvas.panel.locator(".cond")


def _expect_stored(canvas: Builder, wanted: list[dict[str, Any]]) -> None:
    """The working copy comes to hold these conditions, or these last ones of them."""
    canvas.page.wait_for_function(
        """wanted => {
          const plain = (value) => JSON.stringify(value, (_, v) => v && typeof v === 'object' && !Array.isArray(v)
            ? Object.fromEntries(Object.entries(v).sort()) : v);
          const graph = JSON.parse(JSON.stringify(document.querySelector('flow-canvas').graph));
          const held = graph.nodes.find((node) => node.id === 'ask').data.conditions;
          return plain(held.slice(-wanted.length)) === plain(wanted);
        }""",
        arg=wanted,
    )


def test_stored_values_come_back_as_they_were(page: Page, product: Product, workflow: str) -> None:
    canvas = Builder(page).open(workflow)
    canvas.card("ask").click()
    expect(_rows(canvas)).to_have_count(len(STORED))
    _rows(canvas).nth(0).get_by_label("How long").fill("30")
    changed = {**STORED[0], "value": {"duration": 30, "unit": "days"}}
    _expect_stored(canvas, [changed, *STORED[1:]])
    expect(canvas.card("ask")).to_contain_text("created at is within the last 30 days")


def test_the_comparisons_fit_the_field(page: Page, product: Product, workflow: str) -> None:
    canvas = Builder(page).open(workflow)
    canvas.card("ask").click()
    canvas.panel.get_by_role("button", name="Condition", exact=True).click()
    row = _rows(canvas).last
    row.get_by_label("Field").fill("contact.tags")
    operators = row.get_by_label("Comparison")
    expect(operators).to_have_value("contains")
    expect(operators.locator("option")).to_have_text(
        [
            "contains",
            "does not contain",
            "contains any of",
            "contains all of",
            "contains none of",
            "is empty",
            "is known",
            "is not known",
        ]
    )
    row.get_by_label("Field").fill("contact.created_at")
    expect(operators).to_have_value("before")
    expect(operators.locator("option")).to_have_text(OF_DATES)
    row.get_by_label("Date").fill("2026-11-25")
    day = {"field": "contact.created_at", "operator": "before", "value": "2026-11-25"}
    _expect_stored(canvas, [day])
    row.get_by_label("Time, where the contact is").fill("09:30")
    _expect_stored(canvas, [{**day, "value": "2026-11-25T09:30"}])
    operators.select_option("on")
    expect(row.get_by_label("Time, where the contact is")).to_be_hidden()
    operators.select_option("exists")
    expect(row.locator("input:visible")).to_have_count(1)
    row.get_by_label("Field").fill("something.unknown")
    expect(operators.locator("option")).to_have_text([one.label for one in OPERATORS.values()])
    operators.select_option("between")
    row.get_by_label("From").fill("9")
    row.get_by_label("To", exact=True).fill("1")
    expect(row.locator(".bad-text")).to_contain_text("The first number is larger than the second")


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 390)])
def test_it_looks_right_and_is_accessible(
    open_page: Callable[..., Page], expect_accessible: Any, shot: Any, workflow: str, theme: str, width: int
) -> None:
    canvas = Builder(open_page(theme=theme, width=width)).open(workflow)
    canvas.step("ask").first.click()
    expect(_rows(canvas)).to_have_count(len(STORED))
    expect_accessible(canvas.page)
    shot(canvas.page, f"conditions-{theme}-{width}")


def test_membership_of_a_segment_is_chosen_like_a_field(page: Page, product: Product, workflow: str) -> None:
    headers = {"Authorization": f"Bearer {product.api_key('admin')}"}
    answer = httpx.post(f"{product.url}/api/v1/segments", json={"name": "Early birds"}, headers=headers, **PLAIN)
    segment = answer.json()["data"]["id"]
    canvas = Builder(page).open(workflow)
    canvas.card("ask").click()
    canvas.panel.get_by_role("button", name="Condition", exact=True).click()
    page.keyboard.type("early")
    page.locator("#field-picker").get_by_role("option", name="Early birds").click()
    row = _rows(canvas).last
    expect(row.locator(".names")).to_have_text("Early birds")
    row.get_by_label("In or not").select_option("not_in")
    _expect_stored(canvas, [{"field": "segment", "operator": "not_in", "value": [segment]}])
    for _ in STORED:
        _rows(canvas).first.get_by_role("button", name="Remove this condition").click()
    expect(canvas.card("ask")).to_contain_text("If is not in “Early birds”")
    expect(_rows(canvas)).to_have_count(1)


def test_each_case_of_a_switch_says_how_many_it_matches(page: Page, product: Product) -> None:
    known, nobody = ({"field": "contact.id", "operator": operator} for operator in ("exists", "not_exists"))
    cases = [{"id": name, "label": name, "conditions": [one]} for name, one in (("all", known), ("none", nobody))]
    trigger = {"type": "event", "event": "signed_up", "position": {"x": 400, "y": 0}}
    nodes = [node("ask", "switch", 400, 168, cases=cases)]
    canvas = Builder(page).open(create(product, "Cases", trigger=trigger, nodes=nodes, edges=[edge("trigger", "ask")]))
    canvas.open_form("ask")
    counts = canvas.panel.locator(".way [data-matches]")
    expect(counts.nth(0)).to_contain_text("Matches")
    expect(counts.nth(1)).to_contain_text("Matches nobody")
    expect(page.locator("#n-ask .bad")).to_be_visible()
    page.locator("#issues-button").click()
    expect(page.locator("#issues-list")).to_contain_text("would go by “none” now")
