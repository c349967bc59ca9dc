"""Workspaces share the inbox: whoever has few events does not wait for who has many, and nobody is forgotten."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import uuid4

import psycopg
import pytest

from app.engine import claim, history, inbox_lanes, rows
from app.inbox import InboxKind
from app.lib.ids import uuid7
from app.models.status import Priority
from app.turns import RoundRobin
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.world import World

FOREIGN = uuid4()


def fill(world: World, counts: dict[int, int], kind: int = InboxKind.EVENT) -> None:
    """Rows of workspaces, one workspace after the other."""
    for tenant_id, count in counts.items():
        world.db.execute(
            "insert into inbox (tenant_id, name, kind, workflow_id, contact_id, occurred_at)"
            " select %s, 'go', %s, %s, gen_random_uuid(), clock_now() from generate_series(1, %s)",
            (tenant_id, kind, FOREIGN, count),
        )


@contextmanager
def claiming(url: str) -> Iterator[psycopg.Cursor]:
    """A worker's cursor in a transaction that stays open."""
    with psycopg.connect(url) as connection:
        rows.register(connection)
        yield connection.cursor(binary=True)


def taken(cursor: psycopg.Cursor, limit: int, **but: list[bytes]) -> dict[int, int]:
    """How many rows of each workspace a claim takes."""
    return dict(Counter(item.tenant_id for item in claim.inbox(cursor, limit, RoundRobin(), **but)))


@pytest.mark.parametrize(
    ("counts", "limit", "expected"),
    [
        ({1: 100, 2: 3, 3: 100}, 30, {1: 10 + 4, 2: 3, 3: 10 + 3}),  # what the second does not use goes on
        ({1: 100, 2: 100, 3: 100}, 30, {1: 10, 2: 10, 3: 10}),
        ({7: 100}, 30, {7: 30}),
        ({7: 4}, 30, {7: 4}),
        ({3: 5, 1: 5, 2: 5}, 2, {1: 1, 2: 1}),  # more workspaces than places: in turn
        ({3: 1, 1: 1, 2: 1}, 1, {1: 1}),
        ({}, 30, {}),
    ],
)
def test_each_workspace_has_its_share(
    world: World, committed_database: CommittedDatabase, counts: dict[int, int], limit: int, expected: dict[int, int]
) -> None:
    fill(world, counts)
    with claiming(committed_database.url) as cursor:
        assert taken(cursor, limit) == expected


def test_the_oldest_rows_of_a_workspace_come_first_and_no_row_twice(
    world: World, committed_database: CommittedDatabase
) -> None:
    fill(world, {1: 50, 2: 2, 3: 50})
    seen, turns = list[tuple[int, int]](), RoundRobin()
    while True:
        with claiming(committed_database.url) as cursor:
            items = claim.inbox(cursor, 16, turns)
            cursor.connection.commit()
        if not items:
            break
        assert len(items) == 16 or world.one("select count(*) from inbox") == 0, "a batch is full while there are rows"
        seen += sorted((item.tenant_id, item.id) for item in items)
    assert len(seen) == len(set(seen)) == 102
    assert [inbox_id for tenant_id, inbox_id in seen if tenant_id == 1] == list(range(1, 51))


def test_two_workers_take_different_rows_of_one_workspace(world: World, committed_database: CommittedDatabase) -> None:
    fill(world, {1: 30, 2: 10})
    with claiming(committed_database.url) as first, claiming(committed_database.url) as second:
        assert taken(first, 20) == {1: 10, 2: 10}
        assert taken(second, 20) == {1: 20}


def test_a_workspace_whose_rows_all_wait_for_something_keeps_nobody_from_the_rest(
    world: World, committed_database: CommittedDatabase
) -> None:
    """Also when one row is taken at a time, as after a crash: the oldest row of all is one that stays where it is."""
    fill(world, {1: 5}, InboxKind.DEFERRED)
    fill(world, {2: 1, 3: 1})
    with claiming(committed_database.url) as cursor:
        assert taken(cursor, 1, foreign=[FOREIGN.bytes]) == {2: 1}
        assert taken(cursor, 1, foreign=[FOREIGN.bytes]) == {3: 1}
        assert taken(cursor, 1, foreign=[FOREIGN.bytes]) == {}


def test_a_claim_looks_at_a_few_workspaces_and_goes_on_behind_them(
    world: World, committed_database: CommittedDatabase
) -> None:
    world.db.execute(
        "insert into inbox (tenant_id, name, occurred_at) select t, 'go', now() from generate_series(1, 500) t, generate_series(1, 3) n"
    )
    turns, served = RoundRobin(), Counter[int]()
    with claiming(committed_database.url) as cursor:
        for _ in range(5):
            waiting = inbox_lanes.waiting(cursor, turns)
            assert len(waiting) == inbox_lanes.MOST_WORKSPACES
            items = claim.inbox(cursor, 100, turns)
            assert len(items) == len({item.tenant_id for item in items}) == 100
            served.update(item.tenant_id for item in items)
    assert len(served) == 500, "each was served once before anybody was twice"


def test_priorities_of_a_workspace_take_turns_and_rows_of_one_stay_in_order(
    world: World, committed_database: CommittedDatabase
) -> None:
    """A campaign of 500 is there first; what is urgent, and ordinary events, do not wait behind it."""
    for priority, count in ((Priority.BULK, 500), (Priority.NORMAL, 40), (Priority.URGENT, 20)):
        world.db.execute(
            "insert into inbox (tenant_id, name, priority, occurred_at) select %s, 'go', %s, now() from generate_series(1, %s)",
            (world.tenant, int(priority), count),
        )
    with claiming(committed_database.url) as cursor:
        items = claim.inbox(cursor, 100, RoundRobin())
        cursor.connection.rollback()
    counts = Counter(Priority(item.priority) for item in items)
    assert counts == {Priority.URGENT: 20, Priority.NORMAL: 40, Priority.BULK: 40}, "a batch is full"
    assert sorted(item.id for item in items if item.priority == Priority.BULK) == list(range(1, 41))
    with claiming(committed_database.url) as cursor:
        assert Counter(item.priority for item in claim.inbox(cursor, 10, RoundRobin())) == {0: 6, 1: 3, 2: 1}


def test_a_workspace_of_more_weight_has_more(world: World, committed_database: CommittedDatabase) -> None:
    other = world.one("insert into workspaces (name, slug, weight) values ('Big', 'big', 4) returning id")
    fill(world, {world.tenant: 100, other: 100})
    with claiming(committed_database.url) as cursor:
        assert taken(cursor, 50) == {world.tenant: 10, other: 40}


def test_looking_back_finds_what_still_stands_in_the_inbox_by_its_index(
    world: World, committed_database: CommittedDatabase
) -> None:
    """Not by reading the inbox, however much waits there; and the same contact and name of another workspace is another matter."""
    (contact,) = world.contacts(1)
    world.travel(since := world.one("select now()"))
    before, waiting = (world.happen("go", contact) for _ in range(2))
    world.db.execute("delete from inbox where event_id = %s", (before,))
    world.db.execute(
        "insert into events (id, tenant_id, contact_id, name, occurred_at) values (%s, %s, %s, 'go', clock_now())",
        (uuid7(), world.tenant + 1, contact),
    )
    world.db.execute(
        "insert into inbox (tenant_id, name, contact_id, event_id, occurred_at)"
        " select %s, 'go', %s, gen_random_uuid(), clock_now() from generate_series(1, 20000)",
        (world.tenant, contact),
    )
    world.db.execute("analyze inbox, events")
    with claiming(committed_database.url) as cursor:
        place = world.tenant, contact.bytes, "go", rows.microseconds(since) - 1
        assert [item.event_id for item in history.past_of(cursor, [place])] == [before.bytes]
        pages = pages_of(cursor, "inbox", lambda: history.past_of(cursor, [place]))
    assert pages < 20, f"{waiting} and 20,000 others wait, and {pages} pages were read"


def pages_of(cursor: psycopg.Cursor, table: str, work: Callable[[], object]) -> int:
    """Pages of the table and its indexes that `work` looks at."""
    sql = (
        "select coalesce(sum(pg_stat_get_xact_blocks_fetched(c)), 0)::int from"
        f" (select '{table}'::regclass::oid as c union all select indexrelid from pg_index where indrelid = '{table}'::regclass) t"
    )
    before = cursor.execute(sql).fetchone()
    work()
    after = cursor.execute(sql).fetchone()
    assert before is not None and after is not None
    return int(after[0] - before[0])
