"""Migrations on tables that hold something: what was there is told in the new columns, and comes back on the way down."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.types.json import Jsonb

from app.lib.ids import uuid7
from app.models.status import MessageStatus, RunStatus
from tests.fixtures import environment
from tests.fixtures.database import migrate

BEFORE = "0008_engine"
QUEUED, SENDING, SENT, FAILED, UNCERTAIN, SUPPRESSED = (
    int(MessageStatus[name]) for name in ("QUEUED", "SENDING", "SENT", "FAILED", "UNCERTAIN", "SUPPRESSED")
)


@contextmanager
def database_at(revision: str) -> Iterator[str]:
    """The URL of a database with the tables of `revision`; it goes afterwards."""
    name = f"test_{os.getpid()}_old"
    with psycopg.connect(environment.server_url("postgres"), autocommit=True) as server:
        server.execute(f'drop database if exists "{name}" with (force)')
        server.execute(f'create database "{name}"')
        migrate(environment.server_url(name), "upgrade", revision)
        yield environment.server_url(name)
        server.execute(f'drop database if exists "{name}" with (force)')


@pytest.fixture
def old_database() -> Iterator[str]:
    """A database as it was before the outcomes of messages were told."""
    environment.start_server()
    with database_at(BEFORE) as url:
        yield url


class Old:
    """One workspace with two versions of a workflow, as an older release left them."""

    def __init__(self, url: str) -> None:
        self.db: psycopg.Connection[Any] = psycopg.connect(url, autocommit=True)
        self.tenant = self.value("insert into workspaces (name, slug) values ('Old', 'old') returning id")
        self.workflow = uuid7()
        self.db.execute(
            "insert into workflows (id, tenant_id, name, draft) values (%s, %s, 'Flow', '{}')",
            (self.workflow, self.tenant),
        )

    def value(self, sql: str, *arguments: Any) -> Any:
        row = self.db.execute(sql, arguments or None).fetchone()
        return row[0] if row else None

    def step(self, run_id: UUID, status: int) -> None:
        """The first step of a run, over."""
        self.db.execute(
            "insert into steps (run_id, seq, node_id, status, port, started_at, completed_at)"
            " values (%s, 1, 'a', %s, 'next', now(), now())",
            (run_id, status),
        )

    def message(
        self, status: int, *, version: int = 1, node: str = "mail", open_step: bool = False, awaited: bool = False
    ) -> UUID:
        """A run with one message of its second step, which is over, or still open."""
        run_id = uuid7()
        run_status = RunStatus.CALLING if open_step else RunStatus.COMPLETED
        self.db.execute(
            "insert into runs (id, contact_id, tenant_id, workflow_id, workflow_version, started_at, completed_at, status, seq,"
            " current_node_id) values (%s, %s, %s, %s, %s, now(), %s, %s, %s, %s)",
            (run_id, uuid7(), self.tenant, self.workflow, version, None if open_step else "2026-11-20T10:00Z",
             int(run_status), 1 if open_step else 2, node),
        )  # fmt: skip
        if not open_step:
            self.db.execute(
                "insert into steps (run_id, seq, node_id, status, started_at, completed_at) values (%s, 2, %s, 4, now(), now())",
                (run_id, node),
            )
        self.db.execute(
            "insert into messages (run_id, seq, tenant_id, workflow_id, contact_id, channel, status, created_at, sent_at,"
            " payload) values (%s, 2, %s, %s, %s, 1, %s, now(), %s, %s)",
            (run_id, self.tenant, self.workflow, uuid7(), status, "2026-11-20T09:00Z" if status == SENT else None,
             Jsonb({"awaited": True}) if awaited else None),
        )  # fmt: skip
        return run_id


def test_messages_of_older_releases_are_counted_and_placed(old_database: str) -> None:
    old = Old(old_database)
    sent = old.message(SENT)
    for status in (SENT, FAILED, SENDING, SUPPRESSED):
        old.message(status)
    other = old.message(UNCERTAIN, version=2, node="reminder", open_step=True, awaited=True)
    old.message(FAILED, version=2, node="reminder", awaited=True)

    migrate(old_database)

    assert old.value("select node_id from messages where run_id = %s", other) == "reminder"
    assert old.value("select workflow_version from messages where run_id = %s", other) == 2
    assert old.value("select settled_at = sent_at from messages where run_id = %s", sent)
    assert old.value("select count(*) from messages where settled_at is null") == 1  # the one under way
    counted = old.db.execute(
        "select version, node_id, key, n from node_stats where key like 'message.%' order by 1, 2, 3"
    ).fetchall()
    assert counted == [
        (1, "mail", "message.failed", 1),
        (1, "mail", "message.queued", 1),
        (1, "mail", "message.sent", 2),
        (1, "mail", "message.suppressed", 1),
        (2, "reminder", "message.failed.awaited", 1),
        (2, "reminder", "message.uncertain", 1),
    ]
    assert old.value(
        "select due_at > clock_now() from messages where run_id = %s", other
    )  # its run does not wait for ever

    old.db.execute("update messages set due_at = null, status = 0 where status = 1")  # held by a paused connector
    migrate(old_database, "downgrade", BEFORE)
    assert old.value("select count(*) from messages") == 7
    assert old.value("select due_at from messages where run_id = %s", other) is None
    assert old.value("select count(*) from messages where status = 0 and due_at is not null") == 1
    assert old.value("select count(*) from node_stats where key like 'message.%'") == 0


@pytest.mark.parametrize("request_key", ["abc#0", "idempotency-key:twice#12"])
def test_keys_of_requests_and_of_clients_part_and_meet_again(old_database: str, request_key: str) -> None:
    old = Old(old_database)
    for key in (f"idempotency-key:{request_key}", "order-7", None):
        old.db.execute(
            "insert into events (id, tenant_id, name, key, occurred_at) values (%s, %s, 'bought', %s, now())",
            (uuid7(), old.tenant, key),
        )

    migrate(old_database)
    rows = old.db.execute(
        "select e.key, k.of_request, k.key from events e left join event_keys k on k.tenant_id = e.tenant_id and k.event_id = e.id"
        " order by e.id"
    ).fetchall()
    assert rows == [(None, True, request_key), ("order-7", False, "order-7"), (None, None, None)]
    with pytest.raises(psycopg.errors.UniqueViolation):
        old.db.execute("insert into event_keys values (%s, true, %s, %s)", (old.tenant, request_key, uuid7()))

    migrate(old_database, "downgrade", "0028_lower_addresses")
    rows = old.db.execute("select key, request_key from events order by id").fetchall()
    assert rows == [(None, request_key), ("order-7", None), (None, None)]
    with pytest.raises(psycopg.errors.UniqueViolation):
        old.db.execute(
            "insert into events (id, tenant_id, name, request_key, occurred_at) values (%s, %s, 'bought', %s, now())",
            (uuid7(), old.tenant, request_key),
        )

    migrate(old_database, "downgrade", BEFORE)
    keys = [key for (key,) in old.db.execute("select key from events order by id")]
    assert keys == [f"idempotency-key:{request_key}", "order-7", None]


def test_connectors_and_messages_get_their_channel(old_database: str) -> None:
    migrate(old_database, "upgrade", "0024_waits")
    old = Old(old_database)
    configs = ({"host": "A.example", "port": 25}, {"host": "a.example", "port": 25}, {"local": True}, {})
    for number, config in enumerate(configs):
        old.db.execute(
            "insert into connectors (id, tenant_id, type, name, config, is_default) values (%s, %s, 'smtp', %s, %s, %s)",
            (uuid7(), old.tenant, f"C{number}", Jsonb(config), number == 0),
        )
    before = [row for (row,) in old.db.execute("select server from connectors order by name")]
    assert before[0] == before[1] and before[2] == before[3]

    migrate(old_database)
    rows = old.db.execute("select channel, server, is_default from connectors order by name").fetchall()
    assert [(channel, default) for channel, _, default in rows] == [(1, True), (1, False), (1, False), (1, False)]
    after = [server for _, server, _ in rows]
    assert after[:3] == before[:3] and after[3] != before[3], "what has no host shares none"
    with pytest.raises(psycopg.errors.UniqueViolation):
        old.db.execute(
            "insert into connectors (id, tenant_id, type, name, is_default) values (%s, %s, 'other', 'Second', true)",
            (uuid7(), old.tenant),
        )
    index = old.value("select indexdef from pg_indexes where indexname = 'messages_due'")
    assert "(tenant_id, channel, COALESCE" in index

    migrate(old_database, "downgrade", "0024_waits")
    assert [row for (row,) in old.db.execute("select server from connectors order by name")] == before


def test_runs_without_a_contact_go_with_what_they_counted(old_database: str) -> None:
    """On the way down: an older release cannot walk them. What contacts have done stays, and the counters say no more than that."""
    migrate(old_database, "upgrade", "0026_runs_without_contact")
    old = Old(old_database)
    kept = old.value(
        "insert into runs (id, contact_id, tenant_id, workflow_id, workflow_version, started_at, completed_at, status, seq)"
        " values (gen_random_uuid(), gen_random_uuid(), %s, %s, 1, now(), now(), 4, 1) returning id",
        old.tenant, old.workflow,
    )  # fmt: skip
    for status, seq, node in ((4, 1, None), (1, 1, "wait"), (5, 1, None)):
        run_id = old.value(
            "insert into runs (id, tenant_id, workflow_id, workflow_version, started_at, status, seq, current_node_id)"
            " values (gen_random_uuid(), %s, %s, 1, now(), %s, %s, %s) returning id",
            old.tenant, old.workflow, status, seq, node,
        )  # fmt: skip
        old.step(run_id, 5 if status == 5 else 4)
    old.step(kept, 4)
    old.db.execute(
        "insert into inbox (tenant_id, kind, name, workflow_id, occurred_at) values (%s, 1, 'manual', %s, now())",
        (old.tenant, old.workflow),
    )
    counted = {
        ("", "entered"): 4,
        ("", "completed"): 2,
        ("", "failed"): 1,
        ("a", "next"): 3,
        ("a", "failed"): 1,
        ("wait", "waiting"): 1,
    }
    for (node, key), n in counted.items():
        for shard, part in ((3, n - 1), (4, 1)):
            old.db.execute(
                "insert into node_stats (workflow_id, version, node_id, key, shard, tenant_id, n) values (%s, 1, %s, %s, %s, %s, %s)",
                (old.workflow, node, key, shard, old.tenant, part),
            )

    migrate(old_database, "downgrade", "0025_channels")
    assert [run_id for (run_id,) in old.db.execute("select id from runs")] == [kept]
    assert [run_id for (run_id,) in old.db.execute("select run_id from steps")] == [kept]
    assert old.value("select count(*) from inbox") == 0
    left = old.db.execute(
        "select node_id, key, sum(n)::int from node_stats group by 1, 2 having sum(n) <> 0"
    ).fetchall()
    assert {(node, key): n for node, key, n in left} == {("", "entered"): 1, ("", "completed"): 1, ("a", "next"): 1}
    with pytest.raises(psycopg.errors.NotNullViolation):
        old.db.execute("insert into inbox (tenant_id, name, occurred_at) values (%s, 'e', now())", (old.tenant,))
