"""`workflow.node.executed`: each step of each run for whoever asks for it by name, and nothing for anybody else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import msgspec
import psycopg
import pytest

from app.domain_events.types import NODE_EXECUTED, NodeData
from tests.domain_events.conftest import heard, listen
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.world import World, flow, node, rule

START = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.fixture
def world(committed_database: CommittedDatabase) -> Iterator[World]:
    place = World(committed_database.url)
    place.travel(START)
    yield place
    place.close()


def steps(world: World) -> list[NodeData]:
    told = [msgspec.convert(data, NodeData) for name, data in heard(world) if name == NODE_EXECUTED]
    return sorted(told, key=lambda one: (one.run_id, one.seq))


def test_what_is_told_is_what_the_run_has(world: World) -> None:
    listen(world, NODE_EXECUTED)
    nodes = [
        node("set", "update_contact", set={"plan": "pro"}),
        node("pro", "condition", conditions=[rule("plan", "equals", "pro")]),
        node("wait", "delay", duration=1, unit="days"),
        node("again", "condition", conditions=[rule("event.n", "greater_than", 1)]),
    ]
    edges = [("trigger", "set"), ("set", "pro"), ("pro", "wait", "true"), ("wait", "again")]
    world.workflow(flow("signed_up", nodes, *edges))
    contacts = world.contacts(2, attributes={"plan": "trial"})
    world.emit("signed_up", contacts, {"n": "much"})
    assert [(one.seq, one.node_id, one.node_type, one.port) for one in steps(world)[:2]] == [
        (1, "set", "update_contact", "next"),
        (2, "pro", "condition", "true"),
    ], "the step that waits is not over"
    world.travel(START + timedelta(days=2))
    world.engine.advance()
    stored = world.db.execute(
        "select run_id, seq, node_id, status, port, error_message, attempt, occurrence, started_at, completed_at from steps order by 1, 2"
    ).fetchall()
    told = [
        (
            one.run_id, one.seq, one.node_id, {"completed": 4, "failed": 5, "skipped": 6}[one.status], one.port, one.error,
            one.attempt, one.occurrence, one.started_at, one.completed_at,
        )
        for one in steps(world)
    ]  # fmt: skip
    assert told == stored and len(told) == 8
    assert {one.contact.id for one in steps(world) if one.contact} == set(contacts)
    failed = [one for one in steps(world) if one.status == "failed"]
    assert len(failed) == 2 and all(one.error and one.node_id == "again" for one in failed)


def test_a_step_that_is_cancelled_was_not_executed(world: World) -> None:
    listen(world, NODE_EXECUTED)
    world.workflow(flow("signed_up", [node("wait", "delay", duration=1, unit="days")], ("trigger", "wait")))
    world.emit("signed_up", contacts := world.contacts(1))
    world.db.execute("delete from contacts where id = %s", (contacts[0],))
    world.db.execute(
        "insert into inbox (tenant_id, kind, name, contact_id, occurred_at) values (%s, 3, 'contact.erased', %s, clock_now())",
        (world.tenant, contacts[0]),
    )
    world.engine.advance()
    assert world.one("select status from ended_runs") is not None and steps(world) == []


def test_it_costs_nothing_where_nobody_asked_for_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    nodes = [node("one", "update_contact", set={"a": 1}), node("two", "end")]
    world.workflow(flow("signed_up", nodes, ("trigger", "one"), ("one", "two")))
    world.emit("signed_up", world.contacts(1))
    statements: list[str] = []
    execute = psycopg.Cursor.execute
    monkeypatch.setattr(
        psycopg.Cursor,
        "execute",
        lambda self, query, *args, **more: statements.append(str(query)) or execute(self, query, *args, **more),
    )

    def asked(count: int) -> int:
        statements.clear()
        world.put("signed_up", world.contacts(count))
        world.engine.take_events()
        return sum("event_deliveries" in one for one in statements)

    assert (asked(1), asked(50)) == (0, 0), "nobody listens"
    listen(world, "contact.deleted")
    assert (asked(1), asked(50)) == (0, 0), "somebody listens to something else"
    listen(world, NODE_EXECUTED)
    assert (asked(1), asked(50)) == (1, 1) and len(steps(world)) == 102
