"""Calls that waited when their keys were made to lead with the workspace: they are made under the new release, and under the old one."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import psycopg
import pytest

from app.engine.call_pass import CallPass
from app.flow import performers
from app.flow.performers import Performer, PlacedCall
from app.lib.ids import uuid7
from app.models.status import RunOrigin
from tests.fixtures import environment
from tests.fixtures.database import migrate
from tests.migrations.test_with_data import Old, database_at

OLD, NEW = "0026_runs_without_contact", "0027_calls"


class Echo(Performer):
    async def perform(self, call: PlacedCall) -> Any:
        return call.target


def test_calls_that_wait_survive_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    environment.start_server()
    monkeypatch.setitem(performers._kinds, "fake", performers.CallKind(Echo, None))
    with database_at(OLD) as url:
        old = Old(url)
        old.db.execute("update workflows set status = 'active'")
        for _ in range(3):
            run_id = uuid7()
            old.db.execute(
                "insert into runs (id, contact_id, tenant_id, workflow_id, workflow_version, started_at, status, seq, current_node_id)"
                " values (%s, %s, %s, %s, 1, now(), 2, 0, 'a')",
                (run_id, uuid7(), old.tenant, old.workflow),
            )
            old.db.execute(
                "insert into calls (run_id, seq, attempt, tenant_id, workflow_id, node_id, kind, policy, timeout_s, due_at)"
                " values (%s, 1, 1, %s, %s, 'a', 'fake', 'resend', 30, now())",
                (run_id, old.tenant, old.workflow),
            )
        change = '{"changed": ["plan"], "previous": {}, "current": {"plan": "pro"}}'
        for origin, (event_id, occurred_at, event) in {
            "old": (None, None, "{}"),
            "event": (uuid7(), "2026-11-20T10:00Z", change),
            "hand": (None, "2026-11-20T10:00Z", "{}"),
            "change": (None, "2026-11-20T10:00Z", change),
        }.items():
            old.db.execute(
                "insert into runs (id, contact_id, tenant_id, workflow_id, workflow_version, started_at, completed_at, status, seq,"
                " goal_reached_id, event_id, occurred_at, trigger_event) values (%s, %s, %s, %s, 1, now(), now(), 6, 0, %s, %s, %s, %s)",
                (uuid7(), uuid7(), old.tenant, old.workflow, origin, event_id, occurred_at, event),
            )
        migrate(url, "upgrade", NEW)
        origins = dict(old.db.execute("select goal_reached_id, origin from runs where status = 6").fetchall())
        assert origins == {"old": 0, "event": 0, "hand": RunOrigin.HAND, "change": RunOrigin.CHANGE}
        migrate(url, "downgrade", OLD)
        assert old.value("select count(*) from calls where lease_until is null") == 3
        migrate(url)
        with psycopg.connect(url, autocommit=True) as connection:
            calls = CallPass(connection, lambda: connection, threading.Event(), lambda actor: None)
            assert asyncio.run(calls.run(until_idle=True)) == 3
        assert old.value("select count(*) from runs where resume_output->>'value' = 'fake'") == 3
        old.db.close()
