"""GET /api/v1/workflows/{id}/runs and /api/v1/runs."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from app.accounts.principal import Principal
from app.lib.ids import uuid7
from app.models import NodeStat, Workspace
from app.models.status import Role, RunOrigin, RunStatus
from app.runs.list_repository import RunFilter
from app.runs.service import RunService
from tests.fixtures.clock import Clock
from tests.fixtures.people import ApiClients
from tests.runs.rows import live_flow, make_contact, make_run
from tests.workflows.examples import PATH, field_errors


@pytest.fixture
async def admin(api: ApiClients) -> httpx.AsyncClient:
    return await api(Role.ADMIN)


async def test_newest_first_with_cursors(
    admin: httpx.AsyncClient, db_session: AsyncSession, workspace: Workspace, clock: Clock
) -> None:
    flow = await live_flow(admin)
    made = [str((await make_run(db_session, workspace, flow, RunStatus.COMPLETED, clock.at)).id) for _ in range(5)]
    seen, cursor = [], None
    for _ in range(3):
        params = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        body = (await admin.get(f"{PATH}/{flow}/runs", params=params)).json()
        seen += [row["id"] for row in body["data"]]
        cursor = body["meta"]["nextCursor"]
    assert seen == made[::-1] and cursor is None


async def test_a_row_has_the_contracts_fields(
    admin: httpx.AsyncClient, db_session: AsyncSession, workspace: Workspace, clock: Clock
) -> None:
    flow = await live_flow(admin)
    contact = await make_contact(db_session, workspace, email="ada@example.com", attributes={"first_name": "Ada"})
    run = await make_run(
        db_session,
        workspace,
        flow,
        RunStatus.WAITING,
        clock.at,
        contact_id=contact.id,
        current_node_id="wait",
        resume_at=clock.at + timedelta(days=1),
    )
    (row,) = (await admin.get(f"{PATH}/{flow}/runs")).json()["data"]
    assert row["id"] == str(run.id) and row["workflowId"] == flow and row["workflowVersion"] == 1
    assert row["tenantId"] == str(workspace.id) and row["contactId"] == str(contact.id)
    assert row["status"] == "running" and row["waiting"] is True and row["held"] is False
    assert row["currentNodeId"] == "wait" and row["resumeAt"] == "2026-06-02T12:00:00Z"
    assert row["triggerEvent"] == {
        "name": "cart.left",
        "id": None,
        "occurredAt": "2026-06-01T12:00:00Z",
        "properties": {"sum": 40},
    }
    assert (
        row["context"] == {"event": {"sum": 40}, "steps": {}, "vars": {}}
        and row["goalReachedId"] is None
        and row["errorMessage"] is None
    )
    assert row["messages"] == {"queued": 0, "sent": 0, "failed": 0, "uncertain": 0, "suppressed": 0}
    assert row["startedAt"] == "2026-06-01T12:00:00Z" and row["completedAt"] is None
    assert row["contact"] == {
        "id": str(contact.id),
        "email": "ada@example.com",
        "externalId": None,
        "name": "Ada",
    }


async def test_filters(admin: httpx.AsyncClient, db_session: AsyncSession, workspace: Workspace, clock: Clock) -> None:
    flow, other = await live_flow(admin), await live_flow(admin, name="Other")
    day = timedelta(days=1)
    old = await make_run(db_session, workspace, flow, RunStatus.COMPLETED, clock.at - 2 * day)
    new = await make_run(db_session, workspace, flow, RunStatus.FAILED, clock.at, error_message="No.")
    here = await make_run(
        db_session, workspace, flow, RunStatus.CALLING, clock.at - day, contact_id=old.contact_id, current_node_id="tag"
    )
    elsewhere = await make_run(db_session, workspace, other, RunStatus.COMPLETED, clock.at, contact_id=old.contact_id)

    async def listed(path: str, **params: str) -> set[str]:
        answer = await admin.get(path, params=params)
        assert answer.status_code == 200, answer.text
        return {row["id"] for row in answer.json()["data"]}

    runs = f"{PATH}/{flow}/runs"
    assert await listed(runs) == {str(old.id), str(new.id), str(here.id)}
    assert await listed(runs, status="failed") == {str(new.id)}
    assert await listed(runs, status="running,completed") == {str(old.id), str(here.id)}
    assert await listed(runs, contactId=str(old.contact_id)) == {str(old.id), str(here.id)}
    assert await listed(runs, nodeId="tag") == {str(here.id)}
    since, until = (clock.at - day).isoformat(), clock.at.isoformat()
    assert await listed(runs, **{"from": since}) == {str(new.id), str(here.id)}
    assert await listed(runs, **{"from": since, "to": until}) == {str(here.id)}
    assert await listed("/api/v1/runs", contactId=str(old.contact_id)) == {str(old.id), str(here.id), str(elsewhere.id)}
    assert await listed("/api/v1/runs", workflowId=other) == {str(elsewhere.id)}


async def test_running_finds_all_that_are_not_over_as_the_counter_does(
    admin: httpx.AsyncClient, db_session: AsyncSession, workspace: Workspace, clock: Clock
) -> None:
    flow = await live_flow(admin)
    made = {status: str((await make_run(db_session, workspace, flow, status, clock.at)).id) for status in RunStatus}
    for key in ("entered", "completed", "failed", "goal_reached", "exited", "cancelled"):
        db_session.add(
            NodeStat(
                tenant_id=workspace.id,
                workflow_id=UUID(flow),
                version=1,
                node_id="",
                key=key,
                shard=0,
                n=len(made) if key == "entered" else 1,
            )
        )
    await db_session.flush()

    async def listed(words: str) -> dict[str, tuple[str, bool, bool]]:
        rows = (await admin.get(f"{PATH}/{flow}/runs", params={"status": words})).json()["data"]
        return {row["id"]: (row["status"], row["waiting"], row["held"]) for row in rows}

    running = await listed("running")
    assert running == {
        made[RunStatus.RUNNING]: ("running", False, False),
        made[RunStatus.WAITING]: ("running", True, False),
        made[RunStatus.CALLING]: ("running", False, False),
        made[RunStatus.HELD]: ("running", False, True),
    }
    assert len(running) == (await admin.get(f"{PATH}/{flow}/stats")).json()["data"]["runningRuns"]
    assert set(await listed("waiting")) == {made[RunStatus.WAITING]}
    assert set(await listed("held,failed")) == {made[RunStatus.HELD], made[RunStatus.FAILED]}
    assert len(await listed("running,waiting,exited")) == 5


async def test_what_a_run_began_with(
    admin: httpx.AsyncClient, db_session: AsyncSession, workspace: Workspace, clock: Clock
) -> None:
    """By its event, by hand, by what another run changed, and from before runs kept their event."""
    flow, by_hand = await live_flow(admin), await live_flow(admin, trigger={"type": "manual"})
    listens = {"type": "event", "event": "contact.attribute_changed"}
    told_by_runs = await live_flow(admin, trigger=listens)
    change = {"changed": ["plan"], "attributes": {"plan": "pro"}, "previous": {"plan": "free"}}
    event_id, earlier = uuid7(), clock.at - timedelta(hours=3)
    runs = {
        "event": await make_run(
            db_session, workspace, flow, RunStatus.RUNNING, clock.at, event_id=event_id, occurred_at=earlier
        ),
        "hand": await make_run(
            db_session, workspace, flow, RunStatus.RUNNING, clock.at, occurred_at=clock.at, origin=RunOrigin.HAND
        ),
        "old": await make_run(db_session, workspace, flow, RunStatus.FAILED, clock.at, trigger_event=None),
        "manual": await make_run(db_session, workspace, by_hand, RunStatus.RUNNING, clock.at),
        "change": await make_run(
            db_session,
            workspace,
            told_by_runs,
            RunStatus.RUNNING,
            clock.at,
            occurred_at=clock.at,
            origin=RunOrigin.CHANGE,
        ),
        "no change": await make_run(
            db_session,
            workspace,
            told_by_runs,
            RunStatus.RUNNING,
            clock.at,
            occurred_at=clock.at,
            trigger_event=change,
            origin=RunOrigin.HAND,
        ),
    }
    listed = {row["id"]: row["triggerEvent"] for row in (await admin.get("/api/v1/runs")).json()["data"]}
    told = {name: listed[str(run.id)] for name, run in runs.items()}
    assert told["event"] == {
        "name": "cart.left",
        "id": str(event_id),
        "occurredAt": "2026-06-01T09:00:00Z",
        "properties": {"sum": 40},
    }
    assert told["hand"]["name"] == told["manual"]["name"] == "manual" and told["hand"]["id"] is None
    assert told["old"]["name"] == "cart.left" and told["old"]["properties"] == {}
    assert (told["change"]["name"], told["change"]["id"]) == ("contact.attribute_changed", None)
    assert told["no change"]["name"] == "manual"


@pytest.mark.parametrize(
    ("params", "path"),
    [
        ({"status": "done"}, "status"),
        ({"contactId": "me"}, "contactId"),
        ({"from": "yesterday"}, "from"),
        ({"limit": "500"}, "limit"),
        ({"cursor": "abc"}, "cursor"),
    ],
)
async def test_bad_filters_are_named(admin: httpx.AsyncClient, params: dict[str, str], path: str) -> None:
    flow = await live_flow(admin)
    answer = await admin.get(f"{PATH}/{flow}/runs", params=params)
    assert answer.status_code == 422 and path in field_errors(answer), answer.text


async def test_not_yours(
    admin: httpx.AsyncClient,
    api: ApiClients,
    db_session: AsyncSession,
    workspace: Workspace,
    other_workspace: Workspace,
    clock: Clock,
    client: httpx.AsyncClient,
) -> None:
    flow = await live_flow(admin)
    await make_run(db_session, workspace, flow, RunStatus.COMPLETED, clock.at)
    stranger = await api(Role.OWNER, other_workspace)
    for workflow_id in (flow, uuid4()):
        answer = await stranger.get(f"{PATH}/{workflow_id}/runs")
        assert answer.status_code == 404 and answer.json()["code"] == "workflow_not_found"
    assert (await stranger.get("/api/v1/runs")).json()["data"] == []
    assert (await client.get(f"{PATH}/{flow}/runs")).status_code == 401


async def test_a_list_takes_four_queries_whatever_its_length(
    admin: httpx.AsyncClient,
    db_session: AsyncSession,
    workspace: Workspace,
    principal: Principal,
    clock: Clock,
    connection: AsyncConnection,
) -> None:
    flow = await live_flow(admin)
    for _ in range(8):
        contact = await make_contact(db_session, workspace)
        await make_run(db_session, workspace, flow, RunStatus.COMPLETED, clock.at, contact_id=contact.id)
    sent: list[str] = []
    event.listen(connection.sync_connection, "before_cursor_execute", lambda *args: sent.append(args[2]))
    page = await RunService(db_session, principal).list(RunFilter(), 5)
    assert len(page.items) == 5 and len(sent) == 4, sent
