"""One press in the list of errors and warnings takes out a condition that contradicts another one, or a case that nobody comes to."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from e2e.pages.builder import Builder
from e2e.product import Product
from e2e.workflows import create, edge, node

PRO = {"field": "plan", "operator": "equals", "value": "pro"}
FREE = {"field": "plan", "operator": "equals", "value": "free"}
WIDE = [{"field": "visits", "operator": "greater_than", "value": 5}]
NARROW = [{"field": "visits", "operator": "greater_than", "value": 9}]


@pytest.fixture
def workflow_id(product: Product) -> str:
    """A condition that nobody meets, and a switch whose second case is within its first."""
    cases = [{"id": "some", "label": "Some", "conditions": WIDE}, {"id": "many", "label": "Many", "conditions": NARROW}]
    return create(
        product,
        "To be mended",
        trigger={"type": "event", "event": "signed_up", "position": {"x": 400, "y": 0}},
        nodes=[
            node("ask", "condition", 400, 168, conditions=[PRO, FREE]),
            node("sort", "switch", 400, 336, cases=cases),
            node("some", "add_tag", 120, 504, tag="some"),
            node("many", "add_tag", 400, 504, tag="many"),
        ],
        edges=[edge("trigger", "ask"), edge("ask", "sort", "false"), edge("sort", "some", "some"), edge("sort", "many", "many")],
    )  # fmt: skip


def test_contradictions_and_covered_cases_go_by_one_press(
    page: Page, product: Product, workflow_id: str, expect_accessible: Callable[..., None], shot: Callable[..., object]
) -> None:
    canvas = Builder(page).open(workflow_id)
    issues, button = page.locator("#issues-list"), page.locator("#issues-button")
    button.click()
    expect_accessible(page, within="#issues-list")
    shot(page, "quick-fixes")
    issues.get_by_role("button", name="Remove this condition").click()
    expect(canvas.panel).to_contain_text("Go to “Yes” when")
    canvas.wait_saved()
    (asked,) = [one for one in canvas.graph()["nodes"] if one["id"] == "ask"]
    assert [one["value"] for one in asked["data"]["conditions"]] == ["pro"], "the later one went"

    button.click()
    issues.get_by_role("button", name="Remove this case").click()
    canvas.wait_saved()
    assert {(source, way) for source, way, _ in canvas.ways() if source == "sort"} == {("sort", "some")}
    expect(canvas.card("sort")).to_be_focused()
    button.click()
    expect(issues.get_by_role("button", name="Remove this")).to_have_count(0)
    page.keyboard.press("Escape")

    undo = page.get_by_role("button", name="Undo")
    undo.click()
    expect(canvas.port("sort", "many")).to_have_count(1)
    canvas.wait_saved()
    assert ("sort", "many", "many") in canvas.ways(), "the case comes back with its line"
    undo.click()
    expect(canvas.card("ask")).to_contain_text("and")
    canvas.wait_saved()
    stored = {one["id"]: one["data"] for one in canvas.stored(product, workflow_id)["nodes"]}
    assert [one["value"] for one in stored["ask"]["conditions"]] == ["pro", "free"]
