"""The statements of the engine and of sending name the workspace of every table that they read, but for the few that look across."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.architecture import hot_statements
from tests.architecture.test_keys import SHARED

PACKAGES = ("app.engine", "app.messaging", "app.counters", "app.inbox", "app.wakes")
ANYWHERE = "asks what is due in all workspaces, by an index of what is open"
ACROSS = {
    "engine.calls._LANES": ANYWHERE,
    "engine.calls._EXPIRED": ANYWHERE,
    "engine.date_builder._DROPPED": ANYWHERE,
    "engine.date_builder._UNREAD": ANYWHERE,
    "engine.segment_builder._OPEN": ANYWHERE,
    "engine.segment_turns.NEXT_DUE": ANYWHERE,
    "engine.work_status._INBOX": "counts what waits in all workspaces, up to a limit",
    "engine.waiting_starts.NEXT_DUE": "a row for each workflow with a limit; few rows",
    "engine.waiting_starts._DUE": "walks the workflows that somebody waits to enter, an index probe each",
    "messaging.decisions.FOLLOW_RULES": ANYWHERE,
    "messaging.deliveries._END_WAITS": ANYWHERE,
    "messaging.holds._RECOVERED": "connectors of all workspaces; few rows",
    "messaging.job_repository.ANY_UNFINISHED": ANYWHERE,
    "messaging.ledger.FOLLOW_RULES": ANYWHERE,
    "messaging.ledger._EXPIRE": ANYWHERE,
    "messaging.ledger._UNCLAIM": ANYWHERE,
    "messaging.ledger._GIVE_UP": "connectors of all workspaces; few rows",
    "messaging.queue.OLDEST_DUE": ANYWHERE,
    "messaging.queue.NEXT_DUE": ANYWHERE,
    "messaging.queue.NEXT_DECISION_DUE": ANYWHERE,
    "messaging.queue._FOLLOW_PRIORITIES": "after a change of a priority: walks what is queued, by the index of what is open",
    "messaging.queue._DUE_LANES": ANYWHERE,
    "wakes.NEXT_DUE": ANYWHERE,
    "wakes._SWEEP": "the sweep walks the workflows that have parked runs, an index probe each",
}
"""Statements that read a table of all workspaces. The list only shrinks."""


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database_url) as connection:
        if connection.info.server_version < 160_000:
            pytest.skip("older servers plan nothing without values")
        yield connection
        connection.rollback()


def test_statements_name_the_workspace(connection: psycopg.Connection[Any]) -> None:
    texts = dict(hot_statements.statements(PACKAGES))
    plans = {name: hot_statements.plan(connection, sql) for name, sql in texts.items()}
    planned = {name: plan for name, plan in plans.items() if plan is not None}
    assert len(planned) >= 70, "most of them are whole statements"
    across = {name: tables for name, plan in planned.items() if (tables := hot_statements.unbounded(plan, SHARED))}
    assert not (wrong := {name: tables for name, tables in across.items() if name not in ACROSS}), wrong
    # Which way tables are joined changes with their statistics: by hashes, none is read by the keys of another.
    connection.execute("set local enable_nestloop = off")
    hashed = {
        name
        for name in ACROSS
        if (plan := hot_statements.plan(connection, texts[name])) and hot_statements.unbounded(plan, SHARED)
    }
    assert not (needless := ACROSS.keys() - across.keys() - hashed), (
        f"these look across no more; the list only shrinks: {needless}"
    )


@pytest.mark.parametrize(
    ("sql", "tables"),
    [
        ("select * from active_runs where id = %s", {"active_runs"}),
        ("select * from active_runs where tenant_id = %s and id = %s", set()),
        ("select * from contacts c join active_runs r on r.contact_id = c.id where c.tenant_id = %(tenant)s", {"active_runs"}),
        ("select * from contacts c join runs r on r.tenant_id = c.tenant_id and r.contact_id = c.id where c.tenant_id = %s", set()),
        ("update messages m set fence = 1 from unnest(%s::int[], %s::uuid[]) as v(t, id) where m.run_id = v.id", {"messages"}),
        (
            "update messages m set fence = 1 from unnest(%s::int[], %s::uuid[]) as v(t, id)"
            " where m.tenant_id = v.t and m.run_id = v.id",
            set(),
        ),
        ("delete from steps where run_id = any(%(ids)s::uuid[])", {"steps"}),
        ("select (select count(*) from inbox i where i.contact_id = c.id) from contacts c where tenant_id = %s", {"inbox"}),
        ("select * from users where lower(email) = %s", set()),
    ],
)  # fmt: skip
def test_a_planted_statement_is_seen(connection: psycopg.Connection[Any], sql: str, tables: set[str]) -> None:
    plan = hot_statements.plan(connection, sql)
    assert plan is not None
    assert hot_statements.unbounded(plan, SHARED) == tables


def test_a_part_of_a_statement_is_none(connection: psycopg.Connection[Any]) -> None:
    assert hot_statements.plan(connection, "select count(*) from moved") is None
    assert hot_statements.numbered("a = %(x)s and b = %(y)b and c = %(x)s and d %% 2 = 0{and}") == (
        "a = $1 and b = $2 and c = $1 and d % 2 = 0"
    )
