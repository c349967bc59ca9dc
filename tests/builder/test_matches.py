"""What stands beside the conditions of a step: how many contacts they match; and what earlier steps put out, as its form offers it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.builder.field_catalog import earlier_entries
from app.flow import registry
from app.membership import live_count
from app.models import Workspace
from app.models.status import Role
from tests.builder.test_pages import service as service
from tests.builder.test_pages import workflow as workflow
from tests.fixtures.people import BrowserClients
from tests.nodes.test_contract import STEPS, example
from tests.segments.test_rules import PRO, people

KINDS = {"text", "number", "boolean", "date", "list", ""}


async def matches(person: Any, rule: Any) -> dict[str, Any]:
    answer = await person.post("/segments/matches", data={"rule": json.dumps(rule)})
    assert answer.status_code == 200, answer.text
    data: dict[str, Any] = answer.json()
    return data


async def test_conditions_over_contacts_are_counted(
    browser: BrowserClients, db_session: AsyncSession, workspace: Workspace
) -> None:
    await people(db_session, workspace)
    person = await browser(Role.MARKETER)
    assert await matches(person, PRO) == {
        "words": "Matches 2 of 3 contacts", "alone": [{"path": "conditions[0]", "words": "matches 2"}], "busy": False,
    }  # fmt: skip
    nobody = {"conditions": [{"field": "contact.plan", "operator": "equals", "value": "gold"}]}
    assert (await matches(person, nobody))["words"] == "Matches nobody of 3 contacts"


async def test_what_only_a_run_knows_is_left_out(
    browser: BrowserClients, db_session: AsyncSession, workspace: Workspace
) -> None:
    await people(db_session, workspace)
    person = await browser(Role.MARKETER)
    (pro,) = PRO["conditions"]
    for field in ("event.total", "steps.ask.status", "vars.x", "plan"):
        mixed = {"conditions": [{"field": field, "operator": "equals", "value": "pro"}, {"conditions": [pro]}]}
        said = await matches(person, mixed)
        assert said["words"] == ""
        assert [one["path"] for one in said["alone"]] == ["conditions[1].conditions[0]"]


@pytest.mark.parametrize(
    "rule", ["", "[", "[" * 5_000, '{"conditions": 3}', '{"conditions": [3]}', '{"conditions": [{"field": 3}]}']
)
async def test_what_is_no_rule_is_not_counted(browser: BrowserClients, rule: str) -> None:
    person = await browser(Role.MARKETER)
    answer = await person.post("/segments/matches", data={"rule": rule})
    assert answer.status_code == 200 and answer.json()["words"] == ""


async def test_counting_takes_a_bounded_time(
    browser: BrowserClients, db_session: AsyncSession, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A question that takes longer than the database is told to allow says so, and the page goes on."""
    await people(db_session, workspace)

    async def slow(session: AsyncSession, *_: object, **__: object) -> None:
        await session.execute(text("SELECT pg_sleep(5)"))

    monkeypatch.setattr(live_count, "MOST_MS", 20)
    monkeypatch.setattr(live_count, "count_and_sample", slow)
    person = await browser(Role.MARKETER)
    assert (await matches(person, PRO))["words"] == "It takes too long to count them."


def test_steps_say_what_they_put_out() -> None:
    for type_ in STEPS:
        kind = registry.get(type_)
        config = registry.readable_config(kind, example(type_))
        for names in (kind.results(config), kind.variables(config)):
            assert all(name and "." not in name for name in names), type_
            assert set(names.values()) <= KINDS, type_


def test_a_form_offers_what_the_steps_before_it_put_out() -> None:
    nodes = [
        {"id": "call", "type": "http_request", "name": "Look up", "data": {"url": "https://example.com"}},
        {"id": "keep", "type": "set_variable", "data": {"set": {"discount": 10}}},
        {"id": "ask", "type": "condition", "data": {}},
        {"id": "late", "type": "transform", "data": {"set": {"total": 1}}},
    ]
    edges = [
        {"source": a, "target": b} for a, b in (("trigger", "call"), ("call", "keep"), ("keep", "ask"), ("ask", "late"))
    ]
    document = {"nodes": nodes, "edges": edges}
    offered = {one.value: (one.group, one.label, one.kind) for one in earlier_entries(document, "ask")}
    assert offered["steps.call.status"] == ("Earlier steps", "“Look up” › status", "number")
    assert offered["vars.discount"] == ("Variables", "discount", "")
    assert not [value for value in offered if value.startswith(("steps.late", "steps.ask"))]
    edges.append({"source": "late", "target": "call"})
    assert "steps.late.total" in {one.value for one in earlier_entries(document, "ask")}, "in a circle it comes before"
    assert list(earlier_entries(document, "trigger")) == []


async def test_the_panel_holds_what_it_offers(browser: BrowserClients, workflow: Any) -> None:
    client = await browser(Role.MARKETER)
    panel = (await client.get(f"/workflows/{workflow.id}/nodes/mark/panel")).text
    assert '<datalist id="known-earlier">' in panel and 'data-plain="' in panel
    trigger = (await client.get(f"/workflows/{workflow.id}/nodes/trigger/panel")).text
    assert "data-plain" not in trigger
