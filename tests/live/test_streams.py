"""Streams of live events: each client is told what happened to the runs that it may see, once and in order; nothing is lost."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
import pytest

from app.counters.message_counters import moving
from app.engine import live_moves
from app.engine.control import fail_run
from app.lib.ids import uuid7
from app.live.stream import Topic
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.world import World, flow, node
from tests.live.listening import desk

NOON, LATER = datetime(2026, 6, 1, 12, tzinfo=UTC), datetime(2026, 6, 1, 14, tzinfo=UTC)
FLOW = flow(
    "go",
    [node("tag", "add_tag", tag="x"), node("wait", "delay", duration=1, unit="hours"), node("end", "end")],
    ("trigger", "tag"),
    ("tag", "wait"),
    ("wait", "end"),
)
BEGINNING = ["started", "step_started", "step_completed", "step_started"]
REST = ["step_completed", "step_started", "step_completed", "completed"]


@pytest.fixture
def world(committed_database: CommittedDatabase) -> Iterator[World]:
    made = World(committed_database.url)
    made.travel(NOON)
    yield made
    made.close()


def statements(world: World) -> int:
    return int(world.one("select count(*) from live_moves"))


async def test_runs_are_told_as_they_go(world: World, committed_database: CommittedDatabase) -> None:
    workflow, other = world.workflow(FLOW), world.workflow(FLOW | {"trigger": {"type": "event", "event": "other"}})
    stranger = world.one("insert into workspaces (name, slug) values ('B', 'b') returning id")
    async with desk(committed_database.url) as listening:
        everything, of_workflow = (
            listening.open(world.tenant),
            listening.open(world.tenant, Topic(workflow_id=workflow)),
        )
        of_other, elsewhere = listening.open(world.tenant, Topic(workflow_id=other)), listening.open(stranger)
        hints = listening.open(world.tenant, Topic(hints=True))
        await listening.look()
        assert hints.names == ["changed"], "whoever comes may have missed something"
        world.emit("go", world.contacts(1))
        await listening.look()
        run_id = str(world.one("select id from active_runs"))
        of_run = listening.open(world.tenant, Topic(run_id=UUID(run_id)))
        await listening.look()
        assert everything.names == of_workflow.names == of_run.names == BEGINNING
        assert hints.names == ["changed", "changed"]
        world.travel(LATER)
        await listening.look()
        assert everything.names == of_workflow.names == of_run.names == BEGINNING + REST
        assert of_other.names == elsewhere.names == []
        stepped = [(event.data.get("stepId"), event.data["at"][:13], event.data["runId"]) for event in of_run.events]
        assert [step for step, *_ in stepped] == [None, "tag", "tag", "wait", "wait", "end", "end", None]
        assert [at for _, at, _ in stepped] == ["2026-06-01T12"] * 4 + ["2026-06-01T14"] * 4
        assert {run for *_, run in stepped} == {run_id}


async def test_failures_and_cancelled_runs_are_told(world: World, committed_database: CommittedDatabase) -> None:
    broken = flow("break", [node("t", "transform", expression="event.missing.deep")], ("trigger", "t"))
    world.workflow(broken)
    world.workflow(FLOW)
    async with desk(committed_database.url) as listening:
        everything = listening.open(world.tenant)
        await listening.look()
        world.emit("break", world.contacts(1))
        await listening.look()
        assert everything.names == ["started", "step_started", "step_failed", "failed"]
        assert all("expression failed" in event.data["error"] for event in everything.events[-2:])
        of_run = listening.open(world.tenant, Topic(run_id=world.one("select id from ended_runs")))
        await listening.look()
        assert of_run.names == everything.names and "expression failed" in of_run.events[-1].data["error"]
        world.emit("go", world.contacts(1))
        run_id = world.one("select id from active_runs")
        of_active, hint = (
            listening.open(world.tenant, Topic(run_id=run_id)),
            listening.open(world.tenant, Topic(run_id, hints=True)),
        )
        await listening.look()
        fail_run(world.db, world.tenant, run_id, "stopped")
        await listening.look()
        assert of_active.names[-2:] == ["step_failed", "failed"] and hint.names == ["changed", "changed"]
        assert everything.names[-1] == "changed", "what people do to runs is told too"


async def test_whoever_comes_back_misses_nothing(world: World, committed_database: CommittedDatabase) -> None:
    world.workflow(FLOW)
    async with desk(committed_database.url) as listening:
        gone = listening.open(world.tenant)
        await listening.look()
        world.emit("go", world.contacts(1))
        await listening.look()
        run_id = world.one("select id from active_runs")
        of_run = listening.open(world.tenant, Topic(run_id=run_id))
        await listening.look()
        listening.close(gone)
        listening.close(of_run)
        world.travel(LATER)
        back = listening.open(world.tenant, last_event_id=gone.last_event_id)
        run_back = listening.open(world.tenant, Topic(run_id=run_id), of_run.last_event_id)
        await listening.look()
        await listening.look()
        assert gone.names + back.names == of_run.names + run_back.names == BEGINNING + REST
        stale = listening.open(world.tenant, last_event_id="1000000000-700:700:")
        nonsense = listening.open(world.tenant, last_event_id="'; drop")
        await listening.look()
        assert stale.names == nonsense.names == ["missed"]


async def test_the_order_of_commits_loses_nothing(world: World, committed_database: CommittedDatabase) -> None:
    write = "insert into live_moves (tenant_id, at, moves) values (%s, now(), jsonb_build_array(jsonb_build_object('w', %s::text)))"
    async with desk(committed_database.url) as listening:
        client = listening.open(world.tenant)
        await listening.look()
        with psycopg.connect(committed_database.url) as slow:
            slow.execute(write, (world.tenant, "slow"))
            world.db.execute(write, (world.tenant, "quick"))
            await listening.look()
            assert [event.data["workflowId"] for event in client.events] == ["quick"]
            token = client.last_event_id
            slow.commit()
        await listening.look()
        await listening.look()
        assert [event.data["workflowId"] for event in client.events] == ["quick", "slow"]
        back = listening.open(world.tenant, last_event_id=token)
        await listening.look()
        await listening.look()
        assert [event.data["workflowId"] for event in back.events] == ["slow"]


async def test_nothing_is_written_where_nobody_listens(
    world: World, committed_database: CommittedDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.workflow(FLOW)

    def refuse(*_arguments: Any) -> None:
        raise AssertionError("a statement for nobody")

    write = live_moves.write_moves
    monkeypatch.setattr(live_moves, "write_moves", refuse)
    world.emit("go", world.contacts(2))
    world.travel(LATER)
    assert world.one("select count(*) from ended_runs") == 2
    monkeypatch.setattr(live_moves, "write_moves", write)
    async with desk(committed_database.url) as listening:
        listening.open(world.tenant)
        await listening.look()
        world.emit("go", world.contacts(30))
        assert statements(world) == 1, "one row for all runs of a batch"
        world.db.execute("update live_listeners set until = now() - interval '1 second'")
        world.emit("go", world.contacts(1))
        assert statements(world) == 1, "nobody was here for an hour"


async def test_a_flood_is_bounded_and_says_so(world: World, committed_database: CommittedDatabase) -> None:
    world.workflow(FLOW)
    async with desk(committed_database.url) as listening:
        client = listening.open(world.tenant)
        await listening.look()
        world.emit("go", world.contacts(300))
        await listening.look()
        assert client.names.count("started") == live_moves.MOST_RUNS
        assert client.events[-1].name == "left_out" and client.events[-1].data["runs"] == 300 - live_moves.MOST_RUNS


async def test_a_long_run_comes_piece_by_piece(world: World, committed_database: CommittedDatabase) -> None:
    world.workflow(FLOW)
    world.emit("go", world.contacts(1))
    run_id = world.one("select id from active_runs")
    world.db.execute(
        "insert into steps (tenant_id, run_id, seq, node_id, status, port, started_at, completed_at)"
        " select %s, %s, n, 'again', 4, 'next', now(), now() from generate_series(2, 450) n",
        (world.tenant, run_id),
    )
    world.db.execute("update active_runs set seq = 450, fence = fence + 1")
    async with desk(committed_database.url) as listening:
        client = listening.open(world.tenant, Topic(run_id=run_id))
        for _ in range(4):
            await listening.look()
        places = [int(event.id) for event in client.events]
        assert places == list(range(902)), "each once, in order"
        await listening.look()
        assert len(client.events) == 902


async def test_messages_of_runs_are_changes(world: World, committed_database: CommittedDatabase) -> None:
    world.workflow(FLOW)
    world.emit("go", world.contacts(1))
    run_id, workflow_id, contact_id = (
        world.db.execute("select id, workflow_id, contact_id from active_runs").fetchone() or ()
    )
    world.db.execute(
        "insert into messages (tenant_id, run_id, seq, workflow_id, workflow_version, node_id, contact_id, channel, status, created_at)"
        " values (%s, %s, 1, %s, 1, 'mail', %s, 1, 0, now())",
        (world.tenant, run_id, workflow_id, contact_id),
    )
    async with desk(committed_database.url) as listening:
        everything, of_run = listening.open(world.tenant), listening.open(world.tenant, Topic(run_id=run_id))
        await listening.look()
        before = len(of_run.names)
        update = "update messages m set status = 2 where m.tenant_id = %(tenant)s"
        world.db.execute(moving(update, "message.queued"), {"tenant": world.tenant, "shard": 0})
        await listening.look()
        assert everything.names == ["changed"] and everything.events[0].data["workflowId"] == str(workflow_id)
        assert of_run.names[before:] == ["changed"]


async def test_a_run_that_is_gone_ends_its_streams(world: World, committed_database: CommittedDatabase) -> None:
    world.workflow(FLOW)
    world.emit("go", world.contacts(1))
    async with desk(committed_database.url) as listening:
        client = listening.open(world.tenant, Topic(run_id=world.one("select id from active_runs")))
        await listening.look()
        world.db.execute("delete from active_runs")
        await listening.look()
        assert client.stream.ended_by == "removed"


async def test_the_panel_of_a_trigger_hears_of_its_events_alone(
    world: World, committed_database: CommittedDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also of those that start nothing, and nothing is written down for it."""
    monkeypatch.setattr("app.live.event_watch.SOONEST_S", 0.0)
    stranger = world.one("insert into workspaces (name, slug) values ('B', 'b') returning id")
    async with desk(committed_database.url) as listening:
        waiting = listening.open(world.tenant, Topic(hints=True, events=("go", "begun")))
        elsewhere = listening.open(stranger, Topic(hints=True, events=("go",)))
        await listening.look()
        assert waiting.names == elsewhere.names == ["changed"], "whoever comes may have missed something"
        await listening.look()
        assert waiting.names == ["changed"]
        for name in ("other", "go"):
            world.db.execute(
                "insert into events (tenant_id, id, name, occurred_at, received_at) values (%s, %s, %s, clock_now(), clock_now())",
                (world.tenant, uuid7(), name),
            )
            await listening.look()
            assert waiting.names == (["changed"] if name == "other" else ["changed", "changed"])
        await listening.look()
        assert waiting.names == ["changed", "changed"] and elsewhere.names == ["changed"]
        assert world.one("select count(*) from live_moves") + world.one("select count(*) from live_listeners") == 0
