"""Samples and tests of drafts by the API."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.status import Role
from app.models.workspace import Workspace
from tests.fixtures.people import ApiClients, make_key

WORKFLOWS, CONTACTS = "/api/v1/workflows", "/api/v1/contacts"
TOUCHED = (
    "active_runs", "ended_runs", "steps", "messages", "events", "inbox", "node_stats", "calls", "split_exposures", "event_deliveries",
)  # fmt: skip
"""What a test must leave alone."""


def welcome(template_id: str) -> dict[str, Any]:
    """A mail, two days, then a question of the plan."""
    return {
        "triggers": [{"id": "trigger", "type": "event", "data": {"event": "signed_up"}}],
        "nodes": [
            {"id": "mail", "type": "send_email", "data": {"templateId": template_id, "subject": "Hi {{ contact.first_name }}"}},
            {"id": "wait", "type": "delay", "data": {"duration": 2, "unit": "days"}},
            {"id": "pro", "type": "condition", "data": {"conditions": [{"field": "event.plan", "operator": "equals", "value": "pro"}]}},
            {"id": "tag", "type": "add_tag", "data": {"tag": "vip"}},
            {"id": "buy", "type": "wait_for_event", "data": {"event": "bought"}},
        ],
        "edges": [
            {"source": "trigger", "target": "mail"},
            {"source": "mail", "target": "wait"},
            {"source": "wait", "target": "pro"},
            {"source": "pro", "target": "tag", "sourceHandle": "true"},
            {"source": "tag", "target": "buy"},
        ],
    }  # fmt: skip


async def made(program: Any) -> tuple[str, str]:
    """A workflow, and Ada who has signed up."""
    template = {"name": "Hello", "subject": "Hello", "html": "<p>Hi {{ contact.first_name }}, {{ event.plan }}</p>"}
    template_id = (await program.post("/api/v1/templates", json=template)).json()["data"]["id"]
    workflow = (await program.post(WORKFLOWS, json={"name": "Welcome", **welcome(template_id)})).json()["data"]["id"]
    ada = {"email": "ada@example.com", "attributes": {"first_name": "Ada", "last_name": "Lovelace"}}
    contact = (await program.post(CONTACTS, json=ada)).json()["data"]["id"]
    event = {"name": "signed_up", "contactId": contact, "properties": {"plan": "pro"}}
    assert (await program.post("/api/v1/events", json=event)).status_code in (200, 201, 202)
    return workflow, contact


async def counts(session: AsyncSession) -> dict[str, int]:
    return {name: await session.scalar(text(f"select count(*) from {name}")) or 0 for name in TOUCHED}


async def test_a_draft_is_walked_by_the_newest_who_came_in(
    api: ApiClients, db_session: AsyncSession, workspace: Workspace
) -> None:
    program = await api(Role.ADMIN)
    workflow, contact = await made(program)
    before = await counts(db_session)
    answer = await program.post(f"{WORKFLOWS}/{workflow}/test")
    assert answer.status_code == 200, answer.text
    walked = answer.json()["data"]
    assert walked["contact"]["name"] == "Ada Lovelace" and walked["event"]["properties"] == {"plan": "pro"}
    assert walked["entry"]["admitted"] and walked["status"] == "completed" and walked["stopped"] is None
    steps = walked["steps"]
    assert [(one["nodeId"], one["port"], one["status"]) for one in steps] == [
        ("mail", "next", "completed"),
        ("wait", "next", "completed"),
        ("pro", "true", "completed"),
        ("tag", "next", "completed"),
        ("buy", "timeout", "completed"),
    ]
    mail = steps[0]["message"]
    assert (mail["subject"], mail["recipient"], mail["allowed"]) == ("Hi Ada", "ada@example.com", True)
    assert "Hi Ada, pro" in mail["html"]
    assert steps[0]["explanation"] == "Would send “Hi Ada” to ada@example.com."
    assert steps[1]["explanation"] == "Waited 2 d." and steps[2]["portLabel"] == "Yes"
    assert steps[2]["rules"][0] == {
        "field": "event.plan",
        "operator": "equals",
        "wanted": "pro",
        "actual": "pro",
        "held": True,
    }
    assert steps[4]["assumed"] == "no_event" and [way["port"] for way in steps[4]["ways"]] == ["next", "timeout"]
    assert walked["contactAfter"]["tags"] == ["vip"]
    assert await counts(db_session) == before
    assert (await program.get(f"{CONTACTS}/{contact}")).json()["data"]["tags"] == []


async def test_somebody_else_another_way_and_only_so_far(api: ApiClients) -> None:
    program = await api(Role.ADMIN)
    workflow, _ = await made(program)
    url = f"{WORKFLOWS}/{workflow}/test"
    invented = {"contact": {"email": "new@example.com"}, "event": {"name": "signed_up", "properties": {"plan": "free"}}}
    walked = (await program.post(url, json=invented)).json()["data"]
    assert [one["port"] for one in walked["steps"]] == ["next", "next", "false"] and walked["contact"]["id"] is None
    chosen = (await program.post(url, json={"ways": {"buy": "next"}})).json()["data"]["steps"][-1]
    assert (chosen["port"], chosen["assumed"]) == ("next", "chosen")
    short = (await program.post(url, json={"until": "wait"})).json()["data"]
    assert [one["nodeId"] for one in short["steps"]] == ["mail", "wait"] and short["status"] == "running"
    refused = await program.post(url, json={"until": "gone"})
    assert refused.status_code == 422 and refused.json()["errors"][0]["path"] == "until"
    nobody = await program.post(url, json={"contactId": "00000000-0000-7000-8000-000000000000"})
    assert nobody.json()["errors"][0]["path"] == "contactId"


async def test_who_withdrew_consent_would_get_no_mail(api: ApiClients) -> None:
    program = await api(Role.ADMIN)
    workflow, contact = await made(program)
    await program.patch(f"{CONTACTS}/{contact}", json={"consent": {"email": False}})
    [mail] = (await program.post(f"{WORKFLOWS}/{workflow}/test", json={"until": "mail"})).json()["data"]["steps"]
    assert mail["message"]["allowed"] is False
    assert mail["explanation"] == "Would not be sent: The contact withdrew consent for emails."


async def test_a_sample_is_chosen_and_forgotten(api: ApiClients) -> None:
    program = await api(Role.MARKETER)
    workflow, contact = await made(program)
    url = f"{WORKFLOWS}/{workflow}/sample"
    newest = (await program.get(url)).json()["data"]
    assert (newest["pinned"], newest["contact"]["id"], newest["event"]["name"]) == (False, contact, "signed_up")
    bea = (await program.post(CONTACTS, json={"email": "bea@example.com"})).json()["data"]["id"]
    put = await program.put(url, json={"contactId": bea, "event": {"name": "signed_up", "properties": {"plan": "x"}}})
    assert put.status_code == 200, put.text
    pinned = (await program.get(url)).json()["data"]
    assert pinned == put.json()["data"]
    assert (pinned["pinned"], pinned["contact"]["id"], pinned["event"]["properties"]) == (True, bea, {"plan": "x"})
    walked = (await program.post(f"{WORKFLOWS}/{workflow}/test", json={"until": "mail"})).json()["data"]
    assert walked["steps"][0]["message"]["recipient"] == "bea@example.com"
    by_event = (await program.put(url, json={"eventId": newest["event"]["id"]})).json()["data"]
    assert (by_event["contact"]["id"], by_event["event"]["properties"]) == (contact, {"plan": "pro"})
    assert (await program.put(url, json={})).json()["data"] == newest
    large = {"event": {"name": "x", "properties": {"text": "x" * 70_000}}}
    assert (await program.put(url, json=large)).json()["errors"][0]["path"] == "event.properties"


@pytest.mark.parametrize(
    "missing", ["contacts:read", "events:read", "runs:read", "templates:read", "suppressions:read"]
)
async def test_a_key_sees_by_a_workflow_only_what_it_may_read_anyway(
    api: ApiClients, db_session: AsyncSession, workspace: Workspace, missing: str
) -> None:
    program = await api(Role.ADMIN)
    workflow, _ = await made(program)
    reads = {"contacts:read", "events:read", "runs:read", "templates:read", "suppressions:read"} - {missing}
    key = await make_key(db_session, workspace, Role.MARKETER, scopes=["workflows:read", "workflows:write", *reads])
    headers = {"Authorization": f"Bearer {key}"}
    routes = {"GET": "sample", "PUT": "sample", "POST": "test"}
    refused = {"contacts:read": ("GET", "PUT", "POST"), "events:read": ("PUT", "POST")}.get(missing, ("POST",))
    for method, path in ((method, routes[method]) for method in refused):
        answer = await program.request(
            method, f"{WORKFLOWS}/{workflow}/{path}", headers=headers, json={} if method != "GET" else None
        )
        assert answer.status_code == 403 and missing in answer.text
