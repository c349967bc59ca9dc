"""The scheduler: it notifies for exactly what is due, only one copy does, and a moved clock is answered at once."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

from app import features
from app.lib import database, virtual_clock
from app.lib.ids import uuid7
from app.scheduler import LIMITS, Scheduler
from app.schedules import jobs as schedules
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.world import World, flow, node

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture
def world(committed_database: CommittedDatabase) -> Iterator[World]:
    made = World(committed_database.url)
    virtual_clock.move(made.db, NOON)
    yield made
    made.close()


class Ticks(list[str]):
    """Which actors one tick notifies."""

    def __init__(self, world: World) -> None:
        self.scheduler, self.world = Scheduler(self.append), world

    def of_a_tick(self) -> list[str]:
        self.clear()
        self.scheduler.tick(self.world.db)
        return list(self)


def waiting_run(world: World) -> UUID:
    """A workflow in which one contact waits until 13:00."""
    graph = flow("go", [node("d", "delay", duration=1, unit="hours"), node("e", "end")], ("trigger", "d"), ("d", "e"))
    workflow = world.workflow(graph)
    world.emit("go", world.contacts(1))
    return workflow


def test_it_notifies_for_what_is_due_and_only_then(world: World) -> None:
    ticks = Ticks(world)
    assert ticks.of_a_tick() == []
    workflow = waiting_run(world)
    assert ticks.of_a_tick() == ["fire_schedules"]
    asyncio.run(schedules.work())
    assert ticks.of_a_tick() == []
    virtual_clock.move(world.db, NOON + timedelta(hours=1))
    assert ticks.of_a_tick() == ["advance"]
    world.set_status(workflow, "paused")
    assert ticks.of_a_tick() == ["fire_schedules"], "a paused workflow fires none"
    world.set_status(workflow, "active")
    world.engine.advance()
    asyncio.run(schedules.work())
    assert ticks.of_a_tick() == []
    world.put("nobody_listens", world.contacts(1))
    assert ticks.of_a_tick() == ["advance"]


@pytest.mark.parametrize(
    ("columns", "notifies"),
    [
        ({"status": 0, "due_at": NOON}, True),
        ({"status": 0, "due_at": NOON + timedelta(hours=1)}, False),
        ({"status": 1, "lease_until": datetime(2020, 1, 1, tzinfo=UTC)}, True),
        ({"status": 1, "lease_until": datetime(2100, 1, 1, tzinfo=UTC)}, False),
        ({"status": 2}, False),
    ],
)
def test_it_rings_for_messages_to_send_and_for_sends_that_were_left(
    world: World, columns: dict[str, Any], notifies: bool
) -> None:
    row = {"due_at": None, "lease_until": None, **columns}
    world.db.execute(
        "insert into messages (run_id, seq, tenant_id, workflow_id, contact_id, channel, created_at, status, due_at, lease_until)"
        " values (%s, 1, %s, %s, %s, 1, now(), %s, %s, %s)",
        (uuid7(), world.tenant, uuid7(), uuid7(), row["status"], row["due_at"], row["lease_until"]),
    )
    assert Ticks(world).of_a_tick() == (["deliver"] if notifies else [])


def test_the_next_tick_comes_with_the_next_due_time(world: World) -> None:
    scheduler = Scheduler(lambda actor: None)
    assert scheduler.tick(world.db) == 1.0
    waiting_run(world)
    virtual_clock.move(world.db, NOON + timedelta(minutes=59, seconds=59.8))
    assert scheduler.tick(world.db) == pytest.approx(0.2)


def test_of_two_copies_one_rings_and_the_other_takes_over(world: World, committed_database: CommittedDatabase) -> None:
    world.put("x", world.contacts(1))
    first, second = list[str](), list[str]()
    one, other = Scheduler(first.append), Scheduler(second.append)
    with committed_database.connect() as a, committed_database.connect() as b:
        one.tick(a)
        other.tick(b)
        other.tick(b)
        assert (first, second) == (["advance"], [])
        a.close()
        deadline = time.monotonic() + 10
        while not second and time.monotonic() < deadline:
            other.tick(b)
        assert second == ["advance"]


def test_a_moved_clock_is_answered_without_waiting_for_the_tick(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting_run(world)
    asyncio.run(schedules.work())
    monkeypatch.setattr("app.scheduler.TICK_S", 30.0)
    notified = threading.Event()
    ticked = threading.Event()
    scheduler = Scheduler(lambda actor: notified.set())
    tick = scheduler.tick

    def tick_and_tell(connection: psycopg.Connection[Any]) -> float:
        seconds = tick(connection)
        ticked.set()
        return seconds

    monkeypatch.setattr(scheduler, "tick", tick_and_tell)
    thread = threading.Thread(target=scheduler.run)
    thread.start()
    try:
        assert ticked.wait(10) and not notified.is_set()
        virtual_clock.move(world.db, NOON + timedelta(hours=1))
        assert notified.wait(10)
    finally:
        scheduler.stop()
        virtual_clock.move(world.db, NOON)
        thread.join(10)
    assert not thread.is_alive()


def test_a_tick_asks_little(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    scheduler = Scheduler(lambda actor: None)
    scheduler.tick(world.db)
    asked: list[str] = []
    execute = psycopg.Connection.execute
    monkeypatch.setattr(
        psycopg.Connection,
        "execute",
        lambda self, sql, *rest, **kw: asked.append(sql) or execute(self, sql, *rest, **kw),
    )
    scheduler.tick(world.db)
    known_ahead = [wakeup for wakeup in features.wakeups() if wakeup.next_due]
    assert len(asked) == len(features.wakeups()) + len(known_ahead), "what is due, and when the next is"


async def test_housekeeping_is_found_and_runs(committed_database: CommittedDatabase) -> None:
    names = {job.__name__ for job in features.housekeeping()}
    assert {"forget_answers", "forget_sign_ins", "forget_unstarted"} <= names
    assert [job.__name__ for job in features.each_minute()] == [
        "match_late_reports",
        "sweep_wakes",
        "record_activity",
        "forget_moves",
    ]
    for job in [*features.housekeeping(), *features.each_minute()]:
        await job()


def test_each_minute_is_not_each_five(monkeypatch: pytest.MonkeyPatch) -> None:
    async def often() -> None: ...

    async def seldom() -> None: ...

    monkeypatch.setattr(features, "each_minute", lambda: [often])
    monkeypatch.setattr(features, "housekeeping", lambda: [seldom])
    rounds = Scheduler()._rounds
    begun = list[tuple[object, ...]]()
    for seconds in (59, 2, 2, 238):
        for one in rounds:
            one.at -= seconds
        begun.append(tuple(job for one in rounds for job in one.begin()))
    assert begun == [(), (often,), (), (often, seldom)]


def test_housekeeping_that_fails_keeps_no_other_from_running(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[int] = []

    async def breaks() -> None:
        raise RuntimeError("broken")

    async def works() -> None:
        done.append(1)

    monkeypatch.setattr(features, "housekeeping", lambda: [breaks, works])
    scheduler = Scheduler()
    scheduler.sweep()
    scheduler.sweep()
    assert done == [1, 1]


def test_a_locked_table_or_a_long_clean_up_stops_no_tick(
    world: World, committed_database: CommittedDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks, over = Ticks(world), threading.Event()
    monkeypatch.setattr(ticks.scheduler, "sweep", lambda jobs: over.wait(30))
    ticks.scheduler._rounds[0].at -= 61
    assert ticks.of_a_tick() == []
    assert ticks.scheduler._sweeping()
    world.db.execute("set lock_timeout = '100ms'")
    with psycopg.connect(committed_database.url) as somebody:
        somebody.execute("lock table wakes, messages")
        assert ticks.of_a_tick() == ["advance", "deliver"]
        somebody.rollback()
    assert ticks.of_a_tick() == []
    over.set()


def test_a_frozen_leader_does_not_lead_for_ever(
    committed_database: CommittedDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its session is silent, so PostgreSQL ends it, and another copy takes the lead."""
    monkeypatch.setitem(LIMITS, "idle_session_timeout", 300)
    first, second = Scheduler(lambda _: None), Scheduler(lambda _: None)
    with committed_database.connect() as other:
        frozen = database.connect("scheduler", limits=LIMITS)
        first.tick(frozen)
        second.tick(other)
        assert (first._leading, second._leading) == (True, False)
        deadline = time.monotonic() + 20
        while not second._leading:
            assert time.monotonic() < deadline
            second.tick(other)
        with pytest.raises(psycopg.OperationalError):
            frozen.execute("select 1")
