"""Hosts that are away are on Home, in the API and in the panel of the step whose calls wait, of the workspace that meets it alone."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.lib.ids import uuid7
from app.models import Workspace
from app.models.status import Role
from app.retention import repository
from tests.fixtures.people import ApiClients

HOST = "api.example.com"
AWAY = text(
    "insert into service_hosts (tenant_id, host, state, state_since, state_message, probe_at)"
    " values (:tenant, :host, 'away', clock_now() - interval '5 minutes', 'It answered 503.', clock_now() + interval '4 minutes')"
)
CALL = text(
    "insert into calls (tenant_id, run_id, seq, attempt, workflow_id, node_id, kind, target, policy, timeout_s, due_at)"
    " values (:tenant, :run, 1, 1, :workflow, 'n1', 'http', :host, 'resend', 30, clock_now())"
)
GRAPH: dict[str, Any] = {
    "name": "Orders",
    "trigger": {"type": "event", "event": "go"},
    "nodes": [{"id": "n1", "type": "http_request", "data": {"url": f"https://{HOST}/x", "method": "GET"}}],
    "edges": [{"source": "trigger", "target": "n1"}],
}


async def test_calls_that_wait_for_a_host_are_seen_where_somebody_looks(
    api: ApiClients, browser: ApiClients, db_session: AsyncSession, workspace: Workspace
) -> None:
    client, admin = await api(Role.ADMIN), await browser(Role.ADMIN)
    created = (await client.post("/api/v1/workflows", json=GRAPH)).json()["data"]
    workflow_id = created["id"]
    assert (await client.post(f"/api/v1/workflows/{workflow_id}/activate")).status_code == 200
    panel = f"/workflows/{workflow_id}/nodes/n1/panel"
    await db_session.execute(AWAY, {"tenant": workspace.id, "host": HOST})
    assert "host_away" not in str((await client.get("/api/v1/troubles")).json()), "nobody waits for it"
    for _ in range(2):
        call = {"tenant": workspace.id, "run": uuid7(), "workflow": workflow_id, "host": HOST}
        await db_session.execute(CALL, call)
    troubles = (await client.get("/api/v1/troubles")).json()["data"]
    assert [(one["host"], one["count"], one["message"]) for one in troubles if one["kind"] == "host_away"] == [
        (HOST, 2, "It answered 503.")
    ]
    home, shown = (await admin.get("/")).text, (await admin.get(panel)).text
    assert "Host away" in home and HOST in home and "calls wait" in home
    assert "2 calls of this step wait for it" in shown and "It answered 503." in shown and "It is tried again" in shown
    assert await repository.delete_hosts(db_session, workspace.id) == 0, "it said something within a day"
    await db_session.execute(text("update service_hosts set state = 'ok', probe_at = null"))
    assert "calls of this step" not in (await admin.get(panel)).text and "Host away" not in (await admin.get("/")).text
    await db_session.execute(text("update service_hosts set noted_at = clock_now() - interval '25 hours'"))
    assert await repository.delete_hosts(db_session, workspace.id) == 1


async def test_the_outage_of_a_neighbour_is_not_shown(api: ApiClients, db_session: AsyncSession) -> None:
    other = await db_session.scalar(text("insert into workspaces (name, slug) values ('Other', 'other') returning id"))
    await db_session.execute(AWAY, {"tenant": other, "host": HOST})
    call = {"tenant": other, "run": uuid7(), "workflow": uuid7(), "host": HOST}
    await db_session.execute(CALL, call)
    assert "host_away" not in str((await (await api(Role.VIEWER)).get("/api/v1/troubles")).json())
