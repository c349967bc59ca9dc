"""Steps with ways of their own: a switch and a split, drawn by mouse, walked by people, and told on the page of a run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from e2e.pages.builder import Builder
from e2e.product import PLAIN, Product
from e2e.workflows import create, edge, node

CASES = [{"id": "pro", "label": "Pro", "equals": "pro"}, {"id": "free", "label": "Free", "equals": "free"}]
VARIANTS = [{"id": "a", "label": "Short", "weight": 50}, {"id": "b", "label": "Long", "weight": 50}]
RULES = [
    {"field": "event.amount", "operator": "greater_than", "value": 100},
    {
        "match": "none",
        "conditions": [
            {"field": "contact.tags", "operator": "contains", "value": "vip"},
            {"match": "any", "conditions": [{"field": "contact.source", "operator": "exists"}]},
        ],
    },
]
ASKED = {
    "question": "Send the offer?",
    "choices": [{"id": "yes", "label": "Yes"}, {"id": "no", "label": "No"}],
    "who": "admin",
}


def branching(product: Product, name: str) -> str:
    """By plan: Pro is split, Free is tagged, everybody else comes to an end."""
    return create(
        product,
        name,
        trigger={"type": "event", "event": "branched", "position": {"x": 400, "y": 0}},
        nodes=[
            node("sw", "switch", 400, 168, value="{{ contact.plan }}", cases=CASES),
            node("ab", "split", 120, 336, variants=VARIANTS),
            node("free", "add_tag", 400, 336, tag="free"),
            node("none", "end", 680, 336, outcome="No plan"),
            node("short", "add_tag", 0, 504, tag="short"),
            node("long", "add_tag", 260, 504, tag="long"),
        ],
        edges=[
            edge("trigger", "sw"), edge("sw", "ab", "pro"), edge("sw", "free", "free"), edge("sw", "none", "default"),
            edge("ab", "short", "a"), edge("ab", "long", "b"),
        ],
    )  # fmt: skip


def _edges(canvas: Builder) -> list[list[str]]:
    found: list[list[str]] = canvas.page.evaluate(
        "() => [...document.querySelector('flow-canvas').graph.edges.values()].map((e) => [e.source, e.sourceHandle, e.target])"
    )
    return found


def test_cases_and_variants_are_changed_by_mouse_and_walked_by_people(page: Page, product: Product) -> None:
    workflow = branching(product, "Branches")
    canvas = Builder(page).open(workflow)
    canvas.card("sw").click()
    panel = canvas.panel
    panel.get_by_role("button", name="Case", exact=True).click()
    panel.get_by_label("Name of the case").last.fill("Team")
    panel.get_by_label("Value", exact=True).filter(visible=True).last.fill("team")
    expect(canvas.surface).to_contain_text("Team")
    panel.get_by_role("button", name="Remove this case").nth(1).click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("“Free” leads on to other steps.")
    dialog.get_by_text("Continue by “Team”").click()
    dialog.get_by_role("button", name="Remove").click()
    expect(panel.get_by_label("Name of the case")).to_have_count(2)
    ways = {(source, target): port for source, port, target in _edges(canvas)}
    assert ways["sw", "free"].startswith("case-") and len(ways) == 6
    canvas.card("ab").click()
    weights = panel.get_by_label("Weight", exact=True)
    weights.first.fill("150")
    expect(panel.get_by_label("Share of the contacts").first).to_have_text("75%")
    expect(canvas.card("ab")).to_contain_text("Short 75%, Long 25%")
    page.get_by_role("button", name="Undo").click()
    expect(canvas.card("ab")).to_contain_text("Short 50%, Long 50%")

    headers = {"Authorization": f"Bearer {product.api_key('admin')}"}
    api = f"{product.url}/api/v1"
    activated = httpx.post(f"{api}/workflows/{workflow}/activate", json={}, headers=headers, **PLAIN)
    assert activated.status_code == 200, activated.text
    for name, plan in (("pia", "pro"), ("tom", "team"), ("nia", "")):
        contact = {"externalId": f"branch-{name}", "attributes": {"plan": plan}}
        made = httpx.post(f"{api}/contacts", json=contact, headers=headers, **PLAIN)
        assert made.status_code == 201, made.text
        event = {"name": "branched", "contactId": made.json()["data"]["id"], "properties": {}}
        sent = httpx.post(f"{api}/events", json=event, headers=headers, **PLAIN)
        assert sent.status_code in (200, 201, 202), sent.text
    page.goto(f"/workflows/{workflow}/runs")
    expect(page.get_by_role("link", name="branch-pia")).to_be_visible()
    page.get_by_role("link", name="branch-pia").first.click()
    expect(page.locator("#run")).to_contain_text("The case “Pro” matched first.")
    expect(page.locator("#run")).to_contain_text("by chance: 50% of the contacts do.")
    expect(page.locator("#run .insp")).to_contain_text("was pro")


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 390)])
def test_the_forms_look_right_and_are_accessible(
    open_page: Callable[..., Page], expect_accessible: Any, shot: Any, product: Product, theme: str, width: int
) -> None:
    workflow = create(
        product,
        f"Forms {theme}",
        trigger={"type": "event", "event": "looked", "position": {"x": 400, "y": 0}},
        nodes=[
            node("ask", "condition", 400, 168, conditions=RULES),
            node("sw", "switch", 100, 336, cases=[{"id": "big", "label": "Big", "conditions": RULES}, {"id": "new", "conditions": []}]),
            node("value", "switch", 100, 504, value="{{ contact.plan }}", cases=CASES),
            node("ab", "split", 400, 336, variants=[*VARIANTS, {"id": "none", "label": "Nothing", "weight": 10}], holdout="none"),
            node("who", "hold", 700, 336, **ASKED),
            node("goal", "goal", 400, 672, name="Bought"),
            node("end", "end", 700, 672, outcome="Done", output={"n": 1}),
        ],
        edges=[
            edge("trigger", "ask"), edge("ask", "sw", "true"), edge("ask", "ab", "false"), edge("sw", "value", "big"),
            edge("sw", "who", "default"),
        ],
    )  # fmt: skip
    canvas = Builder(open_page(theme=theme, width=width))
    for step in ("ask", "sw", "value", "ab", "who", "goal", "end") if width > 600 else ("value", "ab", "who"):
        canvas.open(workflow).open_form(step)
        expect_accessible(canvas.page)
        shot(canvas.page, f"branches-{step}-{theme}-{width}")
