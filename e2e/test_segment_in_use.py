"""The rule of a segment is edited that starts a workflow: whoever comes in by it starts that workflow, or does not, as was chosen."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from e2e.product import PLAIN, Product
from e2e.workflows import create, edge, node

PLANS = ("tide", "tide", "tide", "moor", "moor", "fen")


class Shore:
    """Six contacts of three plans, a segment by rule of those with the first, and a workflow that whoever comes in starts."""

    def __init__(self, product: Product, mark: str) -> None:
        self._url, self._headers = product.url, {"Authorization": f"Bearer {product.api_key('admin')}"}
        for number, plan in enumerate(PLANS):
            body = {"email": f"{mark}{number}@shore.example", "attributes": {"shore": plan}, "tags": [mark]}
            self.send("POST", "/contacts", body)
        self.segment = self.send(
            "POST", "/segments", {"name": f"Shore {mark}", "kind": "dynamic", "rule": self.rule(mark, "tide")}
        )["id"]
        trigger = {"type": "segment_entry", "data": {"segmentId": self.segment}, "position": {"x": 400, "y": 0}}
        tag = node("tag", "add_tag", 400, 168, tag=f"greeted-{mark}")
        self.workflow = create(product, f"Greet {mark}", trigger=trigger, nodes=[tag], edges=[edge("trigger", "tag")])
        self.send("POST", f"/workflows/{self.workflow}/activate", {})

    @staticmethod
    def rule(mark: str, *plans: str) -> dict[str, Any]:
        one = {"field": "contact.attributes.shore", "operator": "in", "value": [*plans]}
        return {"match": "all", "conditions": [one, {"field": "contact.tags", "operator": "contains", "value": mark}]}

    def send(self, method: str, path: str, body: Any = None) -> Any:
        answer = httpx.request(method, f"{self._url}/api/v1{path}", json=body, headers=self._headers, **PLAIN)
        assert answer.is_success, answer.text
        return answer.json()["data"]

    def runs(self) -> int:
        return int(self.send("GET", f"/workflows/{self.workflow}/stats")["totalRuns"])


@pytest.mark.parametrize("choice", ["Apply to members, start nothing", "Apply to members and start workflows"])
def test_an_edited_rule_asks_whether_workflows_start(
    page: Page,
    product: Product,
    expect_accessible: Callable[..., None],
    shot: Callable[..., Any],
    open_page: Callable[..., Page],
    choice: str,
) -> None:
    starts = choice.endswith("start workflows")
    mark = "wave" if starts else "calm"
    shore = Shore(product, mark)
    page.goto(f"/segments/{shore.segment}")
    expect(page.locator(".segr .big")).to_have_text("3")
    page.get_by_role("link", name="Edit").click()
    row = page.locator("[data-rule] .cond").first
    values = row.get_by_label("Value")
    values.fill("tide, moor")
    values.press("Escape")
    expect(page.locator("#live .big")).to_have_text("5")
    expect(page.get_by_text("say whether workflows start for them.")).to_be_visible()
    page.get_by_role("button", name="Save").click()

    dialog = page.get_by_role("dialog", name="Apply the new rule")
    expect(dialog).to_be_visible()
    expect(dialog).to_contain_text("Used by 1 workflow: 2 would enter, 0 leave.")
    expect(dialog.get_by_label("Apply to members, start nothing")).to_be_checked()
    expect_accessible(page)
    if starts:
        shot(page, "segment-apply")
        narrow = open_page(theme="dark", width=390, height=844)
        narrow.goto(f"/segments/{shore.segment}")
        narrow.get_by_role("button", name="Apply the new rule").click()
        shot(narrow, "segment-apply-narrow-dark")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page.locator(".segr .big").first).to_have_text("3")
    expect(page.locator("#change")).to_contain_text("2 would enter, 0 leave, 3 stay.")
    page.get_by_role("button", name="Apply the new rule").click()
    dialog.get_by_label(choice).check()
    dialog.get_by_role("button", name="Apply", exact=True).click()

    expect(page.locator(".segr .big").first).to_have_text("5")
    expect(page.locator("#change").get_by_role("heading")).to_have_count(0)
    # Whoever comes in from now on starts the workflow either way, and after them all who were to start before have started.
    shore.send(
        "POST", "/contacts", {"email": f"{mark}.late@shore.example", "attributes": {"shore": "moor"}, "tags": [mark]}
    )
    expected = 3 if starts else 1
    page.goto(f"/workflows/{shore.workflow}/runs")
    rows = page.locator("#rows tbody tr")
    expect(rows).to_have_count(expected)
    expect(page.locator("#rows")).to_contain_text(f"{mark}.late@shore.example")
    assert shore.runs() == expected
    page.goto(f"/segments/{shore.segment}")
    expect(page.locator(".segr .big").first).to_have_text("6")
    assert re.search(r"shore is one of tide(,| or) moor", page.locator(".segr").inner_text())
    expect_accessible(page)
