"""Due runs: whoever has few does not wait behind who has many, and a look costs by who has something due."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
import pytest
from psycopg.types.json import Jsonb

from app import wakes
from app.engine import due, integrity, rows
from app.engine.call_shares import CallLane, CallShares
from app.engine.work_status import work_status
from app.flow import registry
from app.lib import database
from app.lib.ids import uuid7, uuid7_many
from app.models.status import Priority
from app.turns import RoundRobin
from tests.engine.conftest import Trouble
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.world import World, flow, node

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
GRAPH = flow(
    None,
    [node("d", "delay", duration=1, unit="hours"), node("e", "end")],
    ("trigger", "d"),
    ("d", "e"),
    trigger={"data": {"contact": "none"}},
)


@pytest.fixture
def world(committed_database: CommittedDatabase, own_types: None) -> Iterator[World]:
    registry._types["trouble"] = Trouble
    made = World(committed_database.url)
    made.travel(NOON)
    yield made
    made.close()


def workspace(world: World, number: int, weight: int = 1) -> int:
    tenant = world.one(
        "insert into workspaces (name, slug, weight) values ('W', %s, %s) returning id", f"w-{number}", weight
    )
    return int(tenant)


def workflow(world: World, tenant: int, priority: Priority = Priority.NORMAL) -> UUID:
    """An active workflow of a workspace whose runs wait an hour and end."""
    workflow_id = uuid7()
    world.db.execute(
        "insert into workflows (id, tenant_id, name, status, live_version, draft, priority) values (%s, %s, 'Flow', 'active', 1, %s, %s)",
        (workflow_id, tenant, Jsonb(GRAPH), int(priority)),
    )
    world.db.execute(
        "insert into workflow_versions (workflow_id, version, tenant_id, graph, content_hash) values (%s, 1, %s, %s, '')",
        (workflow_id, tenant, Jsonb(GRAPH)),
    )
    return workflow_id


def park(world: World, tenant: int, workflow_id: UUID, count: int, at: datetime) -> None:
    """Runs of nobody that go on at `at`, parked together."""
    world.db.execute(
        "insert into active_runs (tenant_id, id, workflow_id, workflow_version, started_at, status, seq, current_node_id, resume_at,"
        " resume_port) select %s, run, %s, 1, clock_now(), 1, 0, 'd', %s, 'next' from unnest(%s::uuid[]) as run",
        (tenant, workflow_id, at, [UUID(bytes=raw) for raw in uuid7_many(count)]),
    )
    world.db.execute("insert into wakes (tenant_id, workflow_id, at) values (%s, %s, %s)", (tenant, workflow_id, at))


@contextmanager
def claiming(world: World) -> Iterator[psycopg.Cursor]:
    """A worker's cursor in a transaction that is given up."""
    with psycopg.connect(world.db.info.dsn) as connection:
        rows.register(connection)
        yield connection.cursor(binary=True)
        connection.rollback()


def test_small_workspaces_do_not_wait_behind_a_giant(world: World) -> None:
    """By the engine itself, batch by batch: 2,000 runs of one are due for longer than the few of 20 others."""
    giant = workspace(world, 0)
    park(world, giant, workflow(world, giant), 2_000, NOON - timedelta(hours=1))
    small = [workspace(world, number) for number in range(1, 21)]
    for tenant in small:
        park(world, tenant, workflow(world, tenant), 3, NOON - timedelta(minutes=1))
    world.engine.limit = 200
    world.engine.sizes.set("due", 200)
    batches = 0
    while world.one("select count(*) from active_runs where tenant_id <> %s", giant):
        assert world.engine.take_due() == 200, "a batch is full while there are runs"
        batches += 1
    assert batches == 1
    assert world.one("select count(*) from active_runs") == 1_860
    while world.engine.take_due():
        batches += 1
    assert batches == 11
    assert world.one("select count(*) from wakes") == world.one("select count(*) from active_runs") == 0


def test_workflows_and_priorities_of_a_workspace_take_turns(world: World) -> None:
    for priority, flows in ((Priority.BULK, 1), (Priority.NORMAL, 3), (Priority.URGENT, 1)):
        for _ in range(flows):
            park(
                world, world.tenant, workflow(world, world.tenant, priority), 300, NOON - timedelta(hours=1 + priority)
            )
    with claiming(world) as cursor:
        counts = Counter(one.run.workflow_id for one in due.take(cursor, 100, (), RoundRobin()))
    assert sorted(counts.values()) == [10, 10, 10, 10, 60]


def test_a_workspace_of_more_weight_has_more(world: World) -> None:
    heavy = workspace(world, 1, 4)
    for tenant in (heavy, world.tenant):
        park(world, tenant, workflow(world, tenant), 300, NOON - timedelta(hours=1))
    with claiming(world) as cursor:
        counts = Counter(one.run.tenant_id for one in due.take(cursor, 100, (), RoundRobin()))
    assert counts == {heavy: 80, world.tenant: 20}


def test_what_cannot_be_stored_is_found_among_workflows_that_take_turns(world: World) -> None:
    """Ever smaller batches are of those whose turn it was, so that it stands alone in the end, and fails alone."""
    graph = flow(
        "go",
        [node("d", "delay", duration=1, unit="hours"), node("t", "trouble", mode="odd"), node("e", "end")],
        ("trigger", "d"), ("d", "t"), ("t", "e"),
    )  # fmt: skip
    flows = [world.workflow({**graph, "trigger": {"type": "event", "event": f"go{number}"}}) for number in range(3)]
    people = world.contacts(5)
    for number in range(3):
        world.emit(f"go{number}", people)
    world.travel(NOON + timedelta(hours=2))
    for workflow_id in flows:
        assert world.runs(workflow_id) == {"completed": 4, "failed": 1}
    assert world.one("select count(*) from wakes") == 0


def test_a_look_costs_by_who_has_something_due_not_by_who_has_something_parked(world: World) -> None:
    for number in range(300):
        tenant = workspace(world, number)
        park(world, tenant, workflow(world, tenant), 10, NOON + timedelta(days=1))
    paused = workflow(world, world.tenant)
    park(world, world.tenant, paused, 5_000, NOON - timedelta(hours=1))
    world.set_status(paused, "paused")
    world.db.execute("vacuum analyze active_runs, wakes, workflows")
    assert world.engine.take_due() == 0
    assert world.one("select count(*) from wakes where workflow_id = %s", paused) == 0
    world.db.execute("vacuum analyze wakes")
    with claiming(world) as cursor:
        assert pages(cursor, lambda: due.take(cursor, 100, (), RoundRobin())) <= 10, "nobody has anything due"
        assert pages(cursor, lambda: cursor.execute(f"select {wakes.IS_DUE}")) <= 10
        assert pages(cursor, lambda: cursor.execute(wakes.NEXT_DUE)) <= 10
    park(world, world.tenant, small := workflow(world, world.tenant), 5, NOON - timedelta(minutes=1))
    with claiming(world) as cursor:
        assert pages(cursor, lambda: due.take(cursor, 100, (), RoundRobin())) < 60, "five are due"
    assert world.engine.take_due() == 5
    assert world.runs(small) == {"completed": 5}
    world.set_status(paused, "active")
    assert world.engine.advance() == 5_000
    assert [breach for breach in integrity.check(world.db) if breach.invariant == "I1"] == []


async def test_what_is_late_is_known_without_reading_what_is_paused(world: World) -> None:
    paused, late = workflow(world, world.tenant), workflow(world, world.tenant)
    park(world, world.tenant, paused, 10, NOON - timedelta(hours=2))
    world.set_status(paused, "paused")
    async with database.transaction() as session:
        assert (await work_status(session)).due_seconds is None
    park(world, world.tenant, late, 10, NOON - timedelta(minutes=1))
    async with database.transaction() as session:
        assert (await work_status(session)).due_seconds == 60


def test_calls_of_priorities_take_turns() -> None:
    """One place comes free at a time: 60, 30 and 10 %, though all wait for the same target."""
    flows = {priority: CallLane(1, uuid7(), "http", "example.test", int(priority)) for priority in Priority}
    shares, began = CallShares({"http": 10}), Counter[int]()
    shares.began(flows[Priority.BULK], 9)
    for _ in range(100):
        (lane,) = (quotas := shares.quotas(list(flows.values())))
        assert quotas[lane] == 1
        began[lane.priority] += 1
    assert began == {Priority.URGENT: 60, Priority.NORMAL: 30, Priority.BULK: 10}


def pages(cursor: psycopg.Cursor, work: Callable[[], object]) -> int:
    """Pages of runs and wakes and their indexes that `work` looks at."""
    sql = (
        "select coalesce(sum(pg_stat_get_xact_blocks_fetched(c)), 0)::int from (select indexrelid as c from pg_index"
        " where indrelid in ('active_runs'::regclass, 'wakes'::regclass) union all select 'active_runs'::regclass"
        " union all select 'wakes'::regclass) t"
    )
    before = cursor.execute(sql).fetchone()
    work()
    after = cursor.execute(sql).fetchone()
    assert before is not None and after is not None
    return int(after[0] - before[0])
