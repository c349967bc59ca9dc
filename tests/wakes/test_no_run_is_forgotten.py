"""No run is forgotten: whoever parks, claims, pauses and resumes at once, in whatever order their statements come."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import greenlet
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app import wakes
from app.engine import due, integrity, rows
from app.lib.ids import uuid7
from app.turns import RoundRobin
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.world import World, flow, node

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
_PARK = """
insert into active_runs (tenant_id, id, workflow_id, workflow_version, started_at, status, seq, current_node_id, resume_at)
values (%s, %s, %s, 1, clock_now(), 1, 0, 'd', %s)
"""
_AGAIN = "update active_runs set resume_at = %s, fence = fence + 1 where tenant_id = %s and id = %s"
_END = "delete from active_runs where tenant_id = %s and id = %s"


class Rollback(Exception):
    """The batch is given up."""


class Steps:
    """A cursor that lets others go on before each of its statements."""

    def __init__(self, cursor: psycopg.Cursor[Any]) -> None:
        self.cursor = cursor

    def execute(self, sql: str, parameters: Any = None) -> psycopg.Cursor[Any]:
        pause()
        return self.cursor.execute(sql, parameters)


def pause() -> None:
    current = greenlet.getcurrent()
    assert current.parent is not None
    current.parent.switch()


@dataclass
class Actors:
    """Sessions of a database whose statements come in an order that the test says."""

    url: str
    tenant: int
    workflows: list[UUID]
    connections: list[psycopg.Connection[Any]] = field(default_factory=list)

    def session(self, work: Callable[[Any], None]) -> greenlet.greenlet:
        """A transaction of its own that does `work`; nobody may wait for anybody in it."""
        connection = psycopg.connect(self.url, options="-c lock_timeout=1")
        rows.register(connection)
        self.connections.append(connection)

        def run() -> None:
            try:
                work(Steps(connection.cursor(binary=True)))
                pause()
                connection.commit()
            except Rollback:
                connection.rollback()

        return greenlet.greenlet(run)

    def parks(self, workflow: UUID, at: datetime, gives_up: bool) -> greenlet.greenlet:
        """Somebody parks a run, as a batch does."""

        def work(cursor: Any) -> None:
            cursor.execute(_PARK, (self.tenant, uuid7(), workflow, at))
            wakes.append(cursor, [(self.tenant, workflow.bytes, rows.microseconds(at))])
            if gives_up:
                raise Rollback

        return self.session(work)

    def claims(self, limit: int, gives_up: bool, parks_again: bool) -> greenlet.greenlet:
        """A worker takes what is due, and ends it or parks it for an hour."""

        def work(cursor: Any) -> None:
            claimed = due.take(cursor, limit, (), RoundRobin())
            for run, *_ in claimed:
                if parks_again:
                    cursor.execute(_AGAIN, (NOON + timedelta(hours=1), run.tenant_id, UUID(bytes=run.id)))
                else:
                    cursor.execute(_END, (run.tenant_id, UUID(bytes=run.id)))
            if claimed and parks_again:
                later = rows.microseconds(NOON + timedelta(hours=1))
                wakes.append(cursor, sorted({(run.tenant_id, run.workflow_id, later) for run, *_ in claimed}))
            if gives_up:
                raise Rollback

        return self.session(work)

    def switches(self, workflow: UUID, times: int) -> greenlet.greenlet:
        """A person pauses a workflow and lets it go on, several times."""

        def run() -> None:
            with psycopg.connect(self.url, autocommit=True) as connection:
                for n in range(times):
                    with connection.transaction():
                        pause()
                        status = "active" if n % 2 else "paused"
                        connection.execute("update workflows set status = %s where id = %s", (status, workflow))
                        pause()
                        if n % 2:
                            connection.execute(wakes._RESUMED, {"tenant": self.tenant, "workflow": workflow})
                        pause()

        return greenlet.greenlet(run)

    def play(self, actors: list[greenlet.greenlet], order: Iterator[int]) -> None:
        """Let them go on one statement at a time, in this order, until all are over."""
        while alive := [actor for actor in actors if not actor.dead]:
            alive[next(order, 0) % len(alive)].switch()
        for connection in self.connections:
            connection.close()
        self.connections.clear()


@pytest.fixture
def world(committed_database: CommittedDatabase) -> Iterator[World]:
    made = World(committed_database.url)
    made.travel(NOON)
    yield made
    made.close()


moments = st.sampled_from([NOON - timedelta(minutes=5), NOON, NOON + timedelta(minutes=30)])
doings = st.lists(
    st.one_of(
        st.tuples(st.just("parks"), st.integers(0, 1), moments, st.booleans()),
        st.tuples(st.just("claims"), st.integers(1, 4), st.booleans(), st.booleans()),
    ),
    min_size=3,
    max_size=9,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=40)
@given(doings, st.integers(0, 5), st.lists(st.integers(0, 9), max_size=80))
def test_whatever_comes_between(world: World, doings: list[Any], switches: int, order: list[int]) -> None:
    world.db.execute("truncate active_runs, wakes")
    world.db.execute("delete from workflows")
    world.db.execute("update virtual_clock set at = %s", (NOON,))
    graph = flow(None, [node("d", "delay", duration=1, unit="hours")], ("trigger", "d"))
    workflows = [world.workflow(graph) for _ in range(2)]
    scene = Actors(world.db.info.dsn, world.tenant, workflows)
    actors = [scene.switches(workflows[0], switches)]
    for what, *how in doings:
        actors.append(scene.parks(workflows[how[0]], *how[1:]) if what == "parks" else scene.claims(*how))
    scene.play(actors, iter(order))
    forgotten = world.db.execute(f"with recursive {wakes.PARKED} {wakes.FORGOTTEN}").fetchall()
    assert forgotten == [], "an active workflow has a run that nobody looks for"
    world.set_status(None, "active")
    world.db.execute("update virtual_clock set at = %s", (NOON + timedelta(hours=2),))
    while world.one("select count(*) from active_runs"):
        before = world.one("select count(*) from active_runs")
        scene.play([scene.claims(3, False, False)], iter(()))
        assert world.one("select count(*) from active_runs") < before, "a run that is due is not taken"


def parked(world: World, workflow: UUID, count: int, at: datetime, *, wake: bool = True) -> None:
    """Runs of nobody, that go on at `at`; with a wake each, as if they had been parked one by one."""
    world.db.execute(
        "with parked as (insert into active_runs (tenant_id, id, workflow_id, workflow_version, started_at, status, seq,"
        " current_node_id, resume_at) select %s, gen_random_uuid(), %s, 1, clock_now(), 1, 0, 'd', %s + n * interval '1 ms'"
        " from generate_series(1, %s) n returning tenant_id, workflow_id, resume_at)"
        " insert into wakes (tenant_id, workflow_id, at) select * from parked where %s",
        (world.tenant, workflow, at, count, wake),
    )


def delay(world: World) -> UUID:
    return world.workflow(flow(None, [node("d", "delay", duration=1, unit="hours")], ("trigger", "d")))


def claim(world: World, limit: int, *, then: Callable[[psycopg.Cursor[Any]], None] = lambda cursor: None) -> int:
    """How many a worker takes and ends."""
    with psycopg.connect(world.db.info.dsn) as connection:
        rows.register(connection)
        cursor = connection.cursor(binary=True)
        claimed = due.take(cursor, limit, (), RoundRobin())
        cursor.executemany(_END, [(run.tenant_id, UUID(bytes=run.id)) for run, *_ in claimed])
        then(cursor)
    return len(claimed)


def test_what_was_parked_one_by_one_is_folded(world: World) -> None:
    """After a standstill: the next looks read one wake, though there is more to do."""
    workflow = delay(world)
    parked(world, workflow, 500, NOON - timedelta(minutes=1))
    assert claim(world, 10) == 10
    assert world.one("select count(*) from wakes") == 1
    assert world.one("select (select at from wakes) = (select min(resume_at) from active_runs)")
    assert claim(world, 1_000) == 490
    assert claim(world, 1_000) == 0
    assert world.one("select count(*) from wakes") == 0


def test_a_drained_workflow_is_looked_at_again_when_its_next_run_is_due(world: World) -> None:
    workflow = delay(world)
    parked(world, workflow, 3, NOON - timedelta(minutes=1))
    parked(world, workflow, 3, NOON + timedelta(minutes=1), wake=False)
    assert claim(world, 100) == 3
    assert world.one("select array_agg(at) from wakes") == [NOON + timedelta(minutes=1, milliseconds=1)]


def test_a_paused_workflow_costs_one_look_and_nothing_more(world: World) -> None:
    workflow = delay(world)
    parked(world, workflow, 50, NOON - timedelta(minutes=1))
    world.set_status(workflow, "paused")
    assert claim(world, 10) == 0
    assert world.one("select count(*) from wakes") == 0
    world.set_status(workflow, "active")
    assert world.one("select count(*) from wakes") == 1
    assert claim(world, 100) == 50


def test_a_run_that_somebody_holds_is_looked_for_again(world: World) -> None:
    workflow = delay(world)
    parked(world, workflow, 2, NOON - timedelta(minutes=1))
    with psycopg.connect(world.db.info.dsn) as holder:
        holder.execute("select from active_runs order by resume_at limit 1 for update")
        assert claim(world, 10) == 1
        assert claim(world, 10) == 0
        holder.rollback()
    assert claim(world, 10) == 1


def test_the_sweep_heals_what_was_written_past_the_product_and_nothing_else(world: World) -> None:
    healthy, wakeless, paused = delay(world), delay(world), delay(world)
    for workflow in (healthy, wakeless, paused):
        parked(world, workflow, 2, NOON + timedelta(hours=1), wake=workflow == healthy)
    world.set_status(paused, "paused")
    assert [breach.rule for breach in integrity.check(world.db) if "wake" in breach.rule] == [
        "each waiting run of an active workflow has a wake at or before its time"
    ]
    assert wakes.sweep(world.db) == 1
    assert world.one("select count(*) from wakes where workflow_id = %s", wakeless) == 1
    assert wakes.sweep(world.db) == 0
