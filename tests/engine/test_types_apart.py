"""Workers with different types side by side: what a step waits for, or was answered, is left to a worker that has its type."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from app.engine import integrity
from app.engine.advance import Engine
from app.engine.control import fail_run
from app.flow import performers, registry
from app.flow.performers import PlacedCall
from app.inbox import InboxKind
from app.lib import database
from tests.engine.calling import Ask, Doing, asking, make_calls, perform_with
from tests.engine.test_waits import Listen, listen_flow
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.world import World, flow, node, rule

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
ALWAYS = {"settings": {"reentry": "always"}}


@pytest.fixture(autouse=True)
def types(own_types: None) -> None:
    registry._types |= {"listen": Listen, "ask": Ask}


@contextmanager
def lacking(*types: str) -> Iterator[Engine]:
    """Another worker, on which these types are not installed."""
    with pytest.MonkeyPatch.context() as patch:
        for name in types:
            patch.delitem(registry._types, name)
        engine = Engine(database.connect("engine"))
        yield engine
        engine.close()


def set_clock(world: World, at: datetime) -> None:
    world.db.execute("update virtual_clock set at = %s", (at,))


def waiting(world: World) -> list[UUID]:
    return [run_id for (run_id,) in world.db.execute("select id from runs where waits_for is not null order by id")]


@pytest.mark.parametrize("unreadable", [False, True])
def test_an_event_is_kept_for_the_runs_that_wait_for_it(world: World, unreadable: bool) -> None:
    """The worker that lacks the type, or does not understand the step's config, starts what it can by the event, once."""
    world.travel(NOON)
    large = [rule("event.total", "greater_than", 10)]
    workflow = world.workflow(listen_flow(node("w", "listen", hours=24, conditions=large), **ALWAYS))
    starts = world.workflow(
        flow(
            "order",
            [node("w", "listen", hours=24, event="paid"), node("t", "add_tag", tag="t")],
            ("trigger", "w"),
            ("w", "t"),
            **ALWAYS,
        )
    )
    people = world.contacts(4)
    world.emit("go", people[:3])
    if unreadable:
        world.db.execute(
            """update workflow_versions set graph = replace(graph::text, '"hours": 24', '"hours": "soon"')::jsonb"""
        )
    with lacking(*() if unreadable else ("listen",)) as other:
        for number in (5, 20, 30):
            world.put("order", people[:2], {"total": number})
        world.put("order", people[3:], {"total": 99})
        for _ in range(3):
            other.advance()
        assert world.runs(workflow) == {"waiting": 3}
        assert world.runs(starts) == {"running": 7}, "it begins runs, which stand before the step"
        assert world.one("select count(*) from inbox where kind = %s", int(InboxKind.FOR_RUN)) == 6
        assert world.one("select count(*) from inbox") == 6
    if unreadable:
        world.db.execute(
            """update workflow_versions set graph = replace(graph::text, '"hours": "soon"', '"hours": 24')::jsonb"""
        )
    world.engine.advance()
    assert world.runs(workflow) == {"waiting": 1, "completed": 2}
    assert world.one(
        "select array_agg(output->'properties'->>'total') from steps where node_id = 'w' and port = 'next'"
    ) == ["20", "20"]
    assert world.runs(starts) == {"running": 7}, "none is begun twice"
    assert world.one("select count(*) from inbox") == 0
    set_clock(world, NOON + timedelta(minutes=1))
    world.engine.advance()
    assert world.runs(starts) == {"waiting": 7}
    assert integrity.check(world.db) == []


def test_a_time_out_is_left_too_and_takes_its_own_way(world: World) -> None:
    """An end that nobody connected ends the run: a worker that does not know the ways of the step would have gone on by `next`."""
    world.travel(NOON)
    graph = listen_flow(node("w", "listen", hours=1))
    graph["edges"] = [edge for edge in graph["edges"] if edge["sourceHandle"] != "timeout"]
    workflow = world.workflow(graph)
    world.emit("go", world.contacts(2))
    set_clock(world, NOON + timedelta(hours=1))
    with lacking("listen") as other:
        other.advance()
        assert world.runs(workflow) == {"waiting": 2}
        assert "not installed" in world.one("select min(error_message) from runs")
        assert world.one("select count(*) from runs where waits_for = 'order' and resume_port = 'timeout'") == 2
    set_clock(world, NOON + timedelta(hours=2))
    world.engine.advance()
    assert world.runs(workflow) == {"completed": 2}
    assert world.steps(workflow) == [("w", "completed", "timeout")] * 2
    assert world.one("select count(*) from runs where error_message is not null") == 0
    assert integrity.check(world.db) == []


def test_what_is_kept_for_a_run_goes_when_the_run_is_over(world: World) -> None:
    world.workflow(listen_flow(node("w", "listen")))
    people = world.contacts(2)
    world.emit("go", people)
    with lacking("listen") as other:
        world.put("order", people)
        other.advance()
        assert world.one("select count(*) from inbox") == 2
        for run_id in waiting(world):
            fail_run(world.db, world.tenant, run_id, "Ended by hand")
        other.advance()
    assert world.one("select count(*) from inbox") == 0


def test_goals_end_such_runs_and_their_events_wake_nobody(world: World) -> None:
    workflow = world.workflow(listen_flow(node("w", "listen"), goals=[{"id": "g", "event": "order"}]))
    people = world.contacts(2)
    world.emit("go", people)
    with lacking("listen") as other:
        world.put("order", people)
        other.advance()
        assert world.runs(workflow) == {"goal_reached": 2}
    world.engine.advance()
    assert (world.runs(workflow), world.one("select count(*) from inbox")) == ({"goal_reached": 2}, 0)
    assert integrity.check(world.db) == []


def test_an_answer_is_kept_until_a_worker_has_the_type(world: World, committed_database: CommittedDatabase) -> None:
    """The call may be made by whoever has its performer; what the answer means, the type alone says."""
    world.travel(NOON)

    async def ask(call: PlacedCall) -> Any:
        return {"length": 9}

    perform_with(Doing(ask))
    workflow = world.workflow(asking())
    world.emit("go", world.contacts(2))
    with lacking("ask") as other:
        assert make_calls(committed_database.url) == 2
        other.advance()
        assert world.runs(workflow) == {"running": 2}
        assert (
            world.one(
                "select count(*) from runs where resume_port = 'answered' and resume_output->'value' = '{\"length\": 9}'"
            )
            == 2
        )
        assert world.steps(workflow) == []
    performers.forget_performer("fake")
    set_clock(world, NOON + timedelta(minutes=1))
    world.engine.advance()
    assert world.runs(workflow) == {"completed": 2}
    assert world.one("select count(*) from contacts where tags = '{9}'") == 2
    assert integrity.check(world.db) == []
