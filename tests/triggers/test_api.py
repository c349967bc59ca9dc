"""POST /api/v1/workflows/{id}/trigger: what it promises, and when it refuses."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.flow.document import Flow
from app.lib.formats import moment_text
from app.lib.ids import uuid7
from app.models import Contact, Inbox, Workflow, WorkflowVersion, Workspace
from app.models.status import Role, RunStatus
from tests.fixtures.clock import Clock
from tests.fixtures.people import ApiClients
from tests.fixtures.runs import run_row


@pytest.fixture
async def ada(db_session: AsyncSession, workspace: Workspace) -> Contact:
    made = Contact(tenant_id=workspace.id, external_id="u1", email="ada@example.com")
    db_session.add(made)
    await db_session.commit()
    return made


async def make_workflow(
    session: AsyncSession,
    workspace: Workspace,
    status: str = "active",
    *,
    data: dict[str, Any] | None = None,
    **settings: Any,
) -> UUID:
    """A workflow with one live version, as publishing leaves it. `data`: of its trigger, which is started by hand."""
    graph = Flow.load(
        {
            "trigger": {"type": "manual", **({"data": data} if data else {})},
            "nodes": [{"id": "end", "type": "end"}],
            "edges": [{"source": "trigger", "target": "end"}],
            "goals": settings.pop("goals", []),
            "settings": settings,
        }
    )
    made = Workflow(
        id=uuid7(), tenant_id=workspace.id, name="Flow", status=status, live_version=1, draft=graph.document()
    )
    session.add(made)
    await session.flush()
    session.add(
        WorkflowVersion(
            tenant_id=workspace.id,
            workflow_id=made.id,
            version=1,
            graph=graph.document(),
            content_hash=graph.content_hash(),
        )
    )
    await session.commit()
    return made.id


async def make_run(
    session: AsyncSession, workflow_id: UUID, contact: Contact, status: RunStatus, clock: Clock, **columns: Any
) -> None:
    session.add(
        run_row(
            id=uuid7(),
            contact_id=contact.id,
            tenant_id=contact.tenant_id,
            workflow_id=workflow_id,
            workflow_version=1,
            started_at=clock.now(),
            status=int(status),
            seq=0,
            **columns,
        )
    )
    await session.commit()


async def trigger(client: httpx.AsyncClient, workflow_id: UUID, contact_id: Any, **body: Any) -> httpx.Response:
    return await client.post(f"/api/v1/workflows/{workflow_id}/trigger", json={"contactId": str(contact_id), **body})


async def test_a_start_is_queued_and_its_run_promised(
    api: ApiClients, db_session: AsyncSession, workspace: Workspace, ada: Contact
) -> None:
    workflow_id = await make_workflow(db_session, workspace)
    client = await api(Role.MARKETER)
    answer = await trigger(client, workflow_id, ada.id, properties={"plan": "pro"})
    assert answer.status_code == 202, answer.text
    data = answer.json()["data"]
    row = (await db_session.scalars(select(Inbox).where(Inbox.tenant_id == workspace.id))).one()
    assert (row.kind, row.workflow_id, row.contact_id, row.payload) == (1, workflow_id, ada.id, {"plan": "pro"})
    assert data == {"runId": str(row.run_id), "workflowId": str(workflow_id), "contactId": str(ada.id)}


@pytest.mark.parametrize("status", ["draft", "paused", "archived"])
async def test_only_an_active_workflow_starts_runs(
    api: ApiClients, db_session: AsyncSession, workspace: Workspace, ada: Contact, status: str
) -> None:
    workflow_id = await make_workflow(db_session, workspace, status)
    answer = await trigger(await api(Role.MARKETER), workflow_id, ada.id)
    assert (answer.status_code, answer.json()["code"]) == (409, "workflow_not_active")
    assert status in answer.json()["detail"]


@pytest.mark.parametrize(
    ("settings", "run", "reason"),
    [
        ({}, RunStatus.WAITING, "already_active"),
        ({}, RunStatus.COMPLETED, None),
        ({"reentry": "once"}, RunStatus.COMPLETED, "entered_before"),
        ({"reentry": "once"}, None, None),
        ({"reentry": "cooldown", "cooldownSeconds": 7200}, RunStatus.FAILED, "cooling_down"),
        ({"reentry": "cooldown", "cooldownSeconds": 3600}, RunStatus.FAILED, None),
        ({"reentry": "always"}, RunStatus.WAITING, None),
    ],
)
async def test_the_re_entry_rule_refuses_with_its_reason(
    api: ApiClients,
    db_session: AsyncSession,
    workspace: Workspace,
    ada: Contact,
    clock: Clock,
    settings: dict[str, Any],
    run: RunStatus | None,
    reason: str | None,
) -> None:
    workflow_id = await make_workflow(db_session, workspace, **settings)
    if run is not None:
        await make_run(db_session, workflow_id, ada, run, clock)
    client = await api(Role.MARKETER)
    clock.advance(hours=1)
    answer = await trigger(client, workflow_id, ada.id)
    if reason is None:
        assert answer.status_code == 202, answer.text
    else:
        body = answer.json()
        assert (answer.status_code, body["code"], body["reason"]) == (409, "entry_refused", reason)
        if reason == "cooling_down":
            free = moment_text(clock.now() + timedelta(hours=1), UTC, clock.now(), "day")
            assert f"again on {free}." in body["detail"] and free.endswith(" UTC")


@pytest.mark.parametrize(
    ("goal", "refused"),
    [
        ({"conditions": [{"field": "attributes.plan", "operator": "equals", "value": "pro"}]}, True),
        ({"conditions": [{"field": "contact.email", "operator": "ends_with", "value": "@example.com"}]}, True),
        ({"conditions": [{"field": "attributes.plan", "operator": "equals", "value": "free"}]}, False),
        ({"conditions": [{"field": "event.plan", "operator": "equals", "value": "pro"}]}, False),
        ({"conditions": []}, False),
        ({"conditions": [{"field": "plan", "operator": "equals", "value": "pro"}], "checkContact": False}, False),
    ],
)
async def test_whoever_has_reached_the_goal_is_not_started(
    api: ApiClients, db_session: AsyncSession, workspace: Workspace, ada: Contact, goal: dict[str, Any], refused: bool
) -> None:
    ada.attributes = {"plan": "pro"}
    given = {"id": "up", "name": "Upgraded", "event": "contact.attribute_changed", "checkContact": True, **goal}
    workflow_id = await make_workflow(db_session, workspace, goals=[given])
    answer = await trigger(await api(Role.MARKETER), workflow_id, ada.id, properties={"plan": "pro"})
    if not refused:
        assert answer.status_code == 202, answer.text
    else:
        body = answer.json()
        assert (answer.status_code, body["code"], body["reason"]) == (409, "entry_refused", "goal_already_reached")
        assert "Upgraded" in body["detail"]


@pytest.mark.parametrize(
    ("operator", "is_in", "refused"), [("in", True, True), ("in", False, False), ("not_in", True, False)]
)
async def test_a_goal_on_membership_is_asked_of_whoever_is_started(
    api: ApiClients,
    db_session: AsyncSession,
    workspace: Workspace,
    ada: Contact,
    operator: str,
    is_in: bool,
    refused: bool,
) -> None:
    client = await api(Role.MARKETER)
    segment = (await client.post("/api/v1/segments", json={"name": "Won"})).json()["data"]["id"]
    if is_in:
        await client.post(f"/api/v1/segments/{segment}/members", json={"contactIds": [str(ada.id)]})
    asks = [{"field": "segment", "operator": operator, "value": segment}]
    goal = {"id": "up", "name": "Won", "event": "contact.attribute_changed", "checkContact": True, "conditions": asks}
    workflow_id = await make_workflow(db_session, workspace, goals=[goal])
    answer = await trigger(client, workflow_id, ada.id)
    assert answer.status_code == (409 if refused else 202), answer.text


async def test_the_entry_key_tells_runs_apart(
    api: ApiClients, db_session: AsyncSession, workspace: Workspace, ada: Contact, clock: Clock
) -> None:
    workflow_id = await make_workflow(db_session, workspace, entryKey="event.order.id")
    await make_run(db_session, workflow_id, ada, RunStatus.WAITING, clock, entry_key="7")
    client = await api(Role.MARKETER)
    assert (await trigger(client, workflow_id, ada.id, properties={"order": {"id": 7}})).status_code == 409
    assert (await trigger(client, workflow_id, ada.id, properties={"order": {"id": 8}})).status_code == 202
    assert (await trigger(client, workflow_id, ada.id)).status_code == 202


async def test_somebody_elses_workflow_and_contact_are_not_there(
    api: ApiClients, db_session: AsyncSession, workspace: Workspace, other_workspace: Workspace, ada: Contact
) -> None:
    mine = await make_workflow(db_session, workspace)
    stranger = await api(Role.ADMIN, other_workspace)
    assert (await trigger(stranger, mine, ada.id)).status_code == 404
    theirs = await make_workflow(db_session, other_workspace)
    answer = await trigger(stranger, theirs, ada.id)
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, "contactId")


async def test_bad_bodies_name_the_field(
    api: ApiClients, db_session: AsyncSession, workspace: Workspace, ada: Contact
) -> None:
    workflow_id = await make_workflow(db_session, workspace)
    client = await api(Role.MARKETER)
    for body, path in (
        ({"contactId": "x"}, "contactId"),
        ({"contactId": str(uuid4())}, "contactId"),
        ({"contactId": str(ada.id), "properties": {"a": "\0"}}, "properties"),
        ({"contactId": str(ada.id), "properties": []}, "properties"),
    ):
        answer = await client.post(f"/api/v1/workflows/{workflow_id}/trigger", json=body)
        assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, path), answer.text


async def test_viewers_may_not_start_runs(
    api: ApiClients, db_session: AsyncSession, workspace: Workspace, ada: Contact
) -> None:
    workflow_id = await make_workflow(db_session, workspace)
    assert (await trigger(await api(Role.VIEWER), workflow_id, ada.id)).status_code == 403


@pytest.mark.parametrize("name", ["input", "properties"])
async def test_a_run_of_nobody_starts_with_its_input(
    api: ApiClients, db_session: AsyncSession, workspace: Workspace, name: str
) -> None:
    workflow_id = await make_workflow(db_session, workspace, data={"contact": "optional"})
    client = await api(Role.MARKETER)
    answer = await client.post(f"/api/v1/workflows/{workflow_id}/trigger", json={name: {"order": "A-17"}})
    assert answer.status_code == 202, answer.text
    row = (await db_session.scalars(select(Inbox).where(Inbox.tenant_id == workspace.id))).one()
    assert (row.kind, row.workflow_id, row.contact_id, row.payload) == (1, workflow_id, None, {"order": "A-17"})
    assert answer.json()["data"] == {"runId": str(row.run_id), "workflowId": str(workflow_id), "contactId": None}


@pytest.mark.parametrize(
    ("contact", "body", "code", "says"),
    [
        ("required", {}, "contact_needed", "say which one"),
        ("required", {"contactId": None, "input": {}}, "contact_needed", "say which one"),
        ("none", {"contactId": "ada"}, "contact_not_taken", "leave the contact out"),
        ("optional", {"input": {}, "properties": {}}, "invalid", "Send one of them"),
        ("none", {"input": {"n": "\0"}}, "invalid", '"path":"input"'),
    ],
)
async def test_what_is_wrong_with_a_start_is_said_with_what_to_do(
    api: ApiClients, db_session: AsyncSession, workspace: Workspace, ada: Contact, contact: str, body: dict[str, Any], code: str, says: str
) -> None:  # fmt: skip
    workflow_id = await make_workflow(db_session, workspace, data={"contact": contact})
    client = await api(Role.MARKETER)
    sent = {**body, "contactId": str(ada.id)} if body.get("contactId") else body
    answer = await client.post(f"/api/v1/workflows/{workflow_id}/trigger", json=sent)
    assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text
    assert says in answer.text
    assert (await db_session.scalars(select(Inbox).where(Inbox.tenant_id == workspace.id))).all() == []


async def test_conditions_on_the_input_are_told_at_once(
    api: ApiClients, db_session: AsyncSession, workspace: Workspace
) -> None:
    """Nobody has a timeline on which a refusal could be seen later."""
    rule = {"field": "event.total", "operator": "greater_than", "value": 100}
    workflow_id = await make_workflow(db_session, workspace, data={"contact": "none", "conditions": [rule]})
    client = await api(Role.MARKETER)
    answers = [
        await client.post(f"/api/v1/workflows/{workflow_id}/trigger", json={"input": {"total": total}})
        for total in (99, 101)
    ]
    assert [answer.status_code for answer in answers] == [409, 202]
    assert answers[0].json()["reason"] == "conditions_not_met" and "total" in answers[0].json()["detail"]


async def test_a_list_of_contacts_starts_a_run_of_each_or_says_why_not(
    api: ApiClients, db_session: AsyncSession, workspace: Workspace, ada: Contact, clock: Clock
) -> None:
    workflow_id = await make_workflow(db_session, workspace)
    bob = Contact(tenant_id=workspace.id, external_id="u2")
    db_session.add(bob)
    await db_session.commit()
    await make_run(db_session, workflow_id, ada, RunStatus.WAITING, clock)
    nobody, client = uuid4(), await api(Role.MARKETER)
    body = {"contactIds": [str(one) for one in (ada.id, bob.id, nobody, bob.id)], "input": {"plan": "pro"}}
    answer = await client.post(f"/api/v1/workflows/{workflow_id}/trigger", json=body)
    assert answer.status_code == 202, answer.text
    data = answer.json()["data"]
    assert [run["contactId"] for run in data["runs"]] == [str(bob.id)]
    assert {(one["contactId"], one["code"], one["reason"]) for one in data["refused"]} == {
        (str(ada.id), "entry_refused", "already_active"),
        (str(nobody), "unknown_contact", None),
    }
    rows = (await db_session.scalars(select(Inbox).where(Inbox.tenant_id == workspace.id))).all()
    assert [(row.contact_id, str(row.run_id), row.payload) for row in rows] == [
        (bob.id, data["runs"][0]["runId"], {"plan": "pro"})
    ]


async def test_one_contact_or_several_but_not_both(
    api: ApiClients, db_session: AsyncSession, workspace: Workspace, ada: Contact
) -> None:
    workflow_id = await make_workflow(db_session, workspace)
    answer = await trigger(await api(Role.MARKETER), workflow_id, ada.id, contactIds=[str(ada.id)])
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, "contactIds")


async def two_ways(session: AsyncSession, workspace: Workspace) -> UUID:
    """An active workflow that a person starts by one trigger and a program by another."""
    workflow_id = await make_workflow(session, workspace)
    version = await session.get(WorkflowVersion, (workspace.id, workflow_id, 1))
    assert version is not None
    flow = Flow.load(
        {
            "triggers": [
                {"id": "hand", "type": "manual", "data": {"contact": "optional"}},
                {"id": "program", "type": "api", "data": {"contact": "optional"}},
                {"id": "off", "type": "api", "enabled": False, "data": {"contact": "optional"}},
            ],
            "nodes": [{"id": "end", "type": "end"}],
            "edges": [{"source": name, "target": "end"} for name in ("hand", "program")],
        }
    )
    version.graph = flow.document()
    await session.commit()
    return workflow_id


async def test_a_program_comes_in_by_the_trigger_that_is_made_for_it(
    api: ApiClients, db_session: AsyncSession, workspace: Workspace
) -> None:
    workflow_id, client = await two_ways(db_session, workspace), await api(Role.MARKETER)
    path = f"/api/v1/workflows/{workflow_id}"
    assert (await client.post(f"{path}/execute", json={"input": {"n": 1}})).status_code == 202
    assert (await client.post(f"{path}/execute", json={"triggerId": "hand"})).status_code == 202
    refused = await client.post(f"{path}/execute", json={"triggerId": "off"})
    assert (refused.status_code, refused.json()["code"]) == (409, "trigger_not_started")
    rows = (await db_session.scalars(select(Inbox).order_by(Inbox.id))).all()
    assert [(row.kind, row.name) for row in rows] == [(6, "program"), (6, "hand")]


async def test_execute_takes_no_body_at_all(api: ApiClients, db_session: AsyncSession, workspace: Workspace) -> None:
    workflow_id, client = await two_ways(db_session, workspace), await api(Role.MARKETER)
    answer = await client.post(f"/api/v1/workflows/{workflow_id}/execute")
    assert answer.status_code == 202, answer.text
    assert answer.json()["data"]["executionId"] == answer.json()["data"]["runId"]
