"""Lanes of the inbox: who brings too much through one webhook's address waits behind itself, and nobody else does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.engine import claim, inbox_lanes, integrity, rows
from app.inbox import InboxKind
from app.inbox_lane import lane_of_trigger
from app.models.status import Priority
from app.turns import RoundRobin
from tests.engine.test_fair_inbox import claiming, pages_of
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.world import World, flow, node

FLOOD, OTHER = 2**61 + 5, 7
LANES = (0, 1, OTHER, FLOOD, 2**63 - 1)


def fill(world: World, count: int, lane: int, priority: int = Priority.NORMAL, tenant: int | None = None) -> None:
    """So many rows of a lane."""
    world.db.execute(
        "insert into inbox (tenant_id, name, lane, priority, contact_id, occurred_at)"
        " select %s, 'go', %s, %s, gen_random_uuid(), clock_now() from generate_series(1, %s)",
        (tenant or world.tenant, lane, int(priority), count),
    )


def test_a_lane_is_of_one_trigger_alone() -> None:
    workflows = [UUID(int=number) for number in range(200)]
    lanes = {lane_of_trigger(workflow, name) for workflow in workflows for name in ("shop", "form", "")}
    assert len(lanes) == 600
    assert all(0 < lane < 2**63 for lane in lanes)


def test_who_comes_after_a_flood_is_in_the_next_batch(world: World, committed_database: CommittedDatabase) -> None:
    """Another address, an event, and starts by hand of any priority; and what a batch has left is the flood's."""
    fill(world, 20_000, FLOOD)
    fill(world, 2, OTHER)
    fill(world, 3, 0)
    fill(world, 1, 0, Priority.BULK)
    with claiming(committed_database.url) as cursor:
        items = claim.inbox(cursor, 100, RoundRobin())
    counts = Counter((item.priority, item.lane) for item in items)
    assert counts == {(1, FLOOD): 94, (1, OTHER): 2, (1, 0): 3, (2, 0): 1}
    assert sorted(item.id for item in items if item.lane == FLOOD) == list(range(1, 95)), (
        "in the order in which they came"
    )


def test_a_claim_costs_the_same_however_much_waits_in_a_lane(
    world: World, committed_database: CommittedDatabase
) -> None:
    cost = dict[int, int]()
    for count in (1_000, 20_000):
        fill(world, count, FLOOD)
        fill(world, 10, 0)
        world.db.execute("vacuum analyze inbox")
        with claiming(committed_database.url) as cursor:
            cost[count] = pages_of(cursor, "inbox", lambda cursor=cursor: claim.inbox(cursor, 50, RoundRobin()))
            cursor.connection.rollback()
    assert cost[20_000] < 1.5 * cost[1_000], cost


def test_without_lanes_a_claim_asks_two_statements(world: World, committed_database: CommittedDatabase) -> None:
    """Who has no webhook pays for none; lanes are one question more, for all of them."""
    asked = list[str]()

    class Counting(psycopg.Cursor):  # type: ignore[type-arg]
        def execute(self, query, *arguments, **options):  # type: ignore[no-untyped-def]
            asked.append(str(query))
            return super().execute(query, *arguments, **options)

    numbers = list[int]()
    for lanes in (0, 1, 40):
        fill(world, 50, 0)
        for lane in range(1, lanes + 1):
            fill(world, 50, lane)
        with psycopg.connect(committed_database.url) as connection:
            rows.register(connection)
            asked.clear()
            claim.inbox(Counting(connection, row_factory=psycopg.rows.tuple_row), 20, RoundRobin())
            numbers.append(len(asked))
    assert numbers == [2, 3, 3]


def test_of_many_lanes_each_is_served_before_anybody_is_twice(
    world: World, committed_database: CommittedDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox_lanes, "MOST_LANES", 8)
    for lane in range(10, 60):
        fill(world, 3, lane)
    turns, served = RoundRobin(), Counter[int](dict.fromkeys(range(10, 60), 0))
    while True:
        with claiming(committed_database.url) as cursor:
            items = claim.inbox(cursor, 8, turns)
            cursor.connection.commit()
        if not items:
            break
        served.update(item.lane for item in items)
        assert max(served.values()) - min(served.values()) <= 1, "nobody is served twice before the others were once"
    assert set(served.values()) == {3}


def test_a_batch_that_is_given_up_meets_the_same_lanes_again(
    world: World, committed_database: CommittedDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or what cannot be stored would not be found out by ever smaller batches."""
    monkeypatch.setattr(inbox_lanes, "MOST_LANES", 4)
    for lane in range(10, 30):
        fill(world, 2, lane)
    turns, lanes = RoundRobin(), list[list[int]]()
    for _ in range(2):
        with claiming(committed_database.url) as cursor, pytest.raises(RuntimeError), turns.batch():
            lanes.append(sorted(item.lane for item in claim.inbox(cursor, 4, turns)))
            raise RuntimeError
    assert lanes[0] == lanes[1] == [10, 11, 12, 13]


@st.composite
def floods(draw: st.DrawFn) -> dict[tuple[int, int, int], int]:
    """How many rows wait, by workspace, priority and lane."""
    places = st.tuples(st.integers(1, 3), st.sampled_from([0, 1, 2]), st.sampled_from(LANES))
    return draw(st.dictionaries(places, st.integers(1, 30), max_size=12))


@given(counts=floods(), steps=st.lists(st.tuples(st.integers(1, 25), st.booleans(), st.booleans()), max_size=12))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nothing_is_lost_or_doubled_and_nobody_overtakes_in_a_lane(
    world: World,
    committed_database: CommittedDatabase,
    counts: dict[tuple[int, int, int], int],
    steps: list[tuple[int, bool, bool]],
) -> None:
    """Two workers whose transactions overlap, one of which may be given up; then one takes what is left."""
    world.db.execute("truncate inbox")
    for (tenant, priority, lane), count in counts.items():
        fill(world, count, lane, priority, tenant)
    ids = [row[0] for row in world.db.execute("select id from inbox").fetchall()]
    served, turns = list[claim.Item](), [RoundRobin(), RoundRobin()]
    waiting, last = Counter(counts), dict[tuple[int, int, int], int]()
    for limit, gives_up, overlaps in [*steps, *[(25, False, False)] * (len(ids) // 25 + 4)]:
        with two_workers(committed_database.url) as cursors:
            for worker in (0, 1) if overlaps else (0,):
                items = claim.inbox(cursors[worker], limit, turns[worker])
                if worker == 0 and not overlaps:
                    assert len(items) == min(limit, sum(waiting.values())), "a batch is full while there are rows"
                if worker == 0 and gives_up:
                    continue
                cursors[worker].connection.commit()
                served += items
                waiting -= Counter((item.tenant_id, item.priority, item.lane) for item in items)
                if not (overlaps and gives_up):  # else the other worker took what is behind it
                    for item in sorted(items, key=lambda item: item.id):
                        place = item.tenant_id, item.priority, item.lane
                        assert item.id > last.get(place, 0)
                        last[place] = item.id
    assert sorted(item.id for item in served) == sorted(ids)
    assert Counter((item.tenant_id, item.priority, item.lane) for item in served) == counts


@contextmanager
def two_workers(url: str) -> Iterator[tuple[psycopg.Cursor, psycopg.Cursor]]:
    with claiming(url) as first, claiming(url) as second:
        yield first, second
        for cursor in (first, second):
            cursor.connection.rollback()


def test_runs_of_others_begin_beside_a_flood_and_all_of_it_runs(
    world: World, committed_database: CommittedDatabase
) -> None:
    """The whole engine: after two batches everybody else's run has begun, and in the end each call has its run, once."""
    nobody = {"data": {"contact": "none"}}
    flooded, called = (
        world.workflow(flow(None, [node("e", "end")], ("trigger", "e"), trigger=nobody)) for _ in range(2)
    )
    listening = world.workflow(flow("go", [node("e", "end")], ("trigger", "e")))
    for workflow, count, lane in ((flooded, 3_000, FLOOD), (called, 2, OTHER)):
        world.start_nobody(workflow, count=count)
        world.db.execute("update inbox set lane = %s where workflow_id = %s", (lane, workflow))
    world.put("go", world.contacts(3))
    world.start_nobody(called, count=1)
    world.engine.limit = 100
    for _ in range(2):
        world.engine.take_events()
    assert world.runs(called) == {"completed": 3} and world.runs(listening) == {"completed": 3}
    assert world.runs(flooded)["completed"] < 200
    world.engine.advance()
    assert world.runs(flooded) == {"completed": 3_000}
    assert world.one("select count(*) from inbox") == 0
    assert integrity.check(world.db) == []


def test_what_cannot_be_handled_in_a_lane_is_set_aside(world: World) -> None:
    (contact,) = world.contacts(1)
    world.put("go", [contact], lane=FLOOD)
    world.put("go", [contact])
    inbox_id = world.one("select id from inbox where lane = %s", FLOOD)
    claim.set_aside(world.db, (world.tenant, 0, inbox_id), "of another lane")
    assert world.one("select count(*) from inbox") == 2
    claim.set_aside(world.db, (world.tenant, FLOOD, inbox_id), "bad")
    assert world.one("select lane from inbox") == 0
    assert world.one("select id from dead_letters where kind = %s", int(InboxKind.EVENT)) == inbox_id
