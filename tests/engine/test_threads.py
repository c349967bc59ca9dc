"""Several engines in one process: what they share, who helps whom, and that one goes on when the other stands."""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from app.engine import garbage, integrity, jobs, vacuum
from app.engine.advance import Engine
from app.engine.garbage import Sweeper
from app.engine.matcher import MOST_STEPS
from app.engine.progress import Progress
from app.engine.threads import EngineThreads
from app.lib import polling, shards
from tests.engine.workers import engine_on
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.world import World, flow, node

AT_ONCE = flow("go", [node("t", "add_tag", tag="done")], ("trigger", "t"), settings={"reentry": "always"})
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture
def threads(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[EngineThreads]:
    """Two engines of a process, in the place of those of this one."""
    two = EngineThreads(2)
    monkeypatch.setattr(jobs, "_threads", two)
    yield two
    for thread in two:
        thread.close()


def test_the_second_engine_works_while_the_first_stands(world: World, threads: EngineThreads) -> None:
    workflow = world.workflow(AT_ONCE)
    first, second = threads
    with first.free:  # it hangs in a batch
        world.put("go", world.contacts(3))
        jobs.advance()
        assert world.runs(workflow) == {"completed": 3}
        assert second.free.acquire(blocking=False)
        world.put("go", world.contacts(2))
        jobs.advance()  # nobody is free now
        assert world.runs(workflow) == {"completed": 3}
        second.free.release()
    jobs.advance()
    assert world.runs(workflow) == {"completed": 5}


def test_who_works_looks_again_when_all_were_busy(
    world: World, threads: EngineThreads, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bell that rings while both work is heard by the one that is done first."""
    workflow = world.workflow(AT_ONCE)
    first, second = threads
    looks = []
    advance = first.advance

    def rings_once() -> set[str]:
        actors = advance()
        looks.append(1)
        if len(looks) == 1:
            world.put("go", world.contacts(2))
            jobs.advance()
        return actors

    monkeypatch.setattr(first, "advance", rings_once)
    with second.free:
        jobs.advance()
    assert len(looks) == 2 and world.runs(workflow) == {"completed": 2}


def test_a_helper_joins_when_a_batch_is_full_and_ends_with_the_process(
    world: World, threads: EngineThreads, monkeypatch: pytest.MonkeyPatch
) -> None:
    workflow = world.workflow(AT_ONCE)
    first, second = threads
    called = threading.Event()
    advance = second.advance

    def helps() -> set[str]:
        actors = advance()
        called.set()
        return actors

    monkeypatch.setattr(second, "advance", helps)
    helper = threading.Thread(target=jobs._helper(second))
    polling.stopping.clear()
    helper.start()
    try:
        threads.call_others(first)
        assert called.wait(10)
        assert not first.wanted.is_set()
    finally:
        polling.stopping.set()
        second.wanted.set()
        helper.join(10)
        polling.stopping.clear()
    assert not helper.is_alive() and world.runs(workflow) == {}


def test_others_are_called_when_there_is_more_than_a_batch(world: World, committed_database: CommittedDatabase) -> None:
    calls = []
    world.workflow(AT_ONCE)
    connection = psycopg.connect(committed_database.url, autocommit=True, options="-c timezone=UTC")
    engine = Engine(connection, limit=10, on_backlog=lambda: calls.append(1))
    world.put("go", world.contacts(5))
    engine.advance()
    assert calls == []
    world.put("go", world.contacts(6))
    engine.advance()
    assert calls == [1]
    engine.close()


def test_two_engines_at_once_keep_nothing_and_count_right(world: World, committed_database: CommittedDatabase) -> None:
    from tests.engine.test_memory import alive

    world.travel(NOON)
    waits = flow(
        "go", [node("d", "delay", duration=1, unit="hours"), node("t", "add_tag", tag="late")],
        ("trigger", "d"), ("d", "t"), settings={"reentry": "always"},
    )  # fmt: skip
    workflow = world.workflow(waits)
    people = world.contacts(100)
    gc.collect()
    before = alive()
    engines = [engine_on(committed_database.url, 10, number, 2) for number in range(2)]
    wrong: list[BaseException] = []

    def run(engine: Engine) -> None:
        try:
            engine.advance()
        except BaseException as error:
            wrong.append(error)

    for hour in (0, 1, 2, 3):
        world.db.execute("update virtual_clock set at = %s", (NOON + timedelta(hours=hour),))
        if hour < 3:
            world.put("go", people)
        sides = [threading.Thread(target=run, args=(engine,)) for engine in engines]
        for side in sides:
            side.start()
        for side in sides:
            side.join(60)
    engines[0].advance()
    assert wrong == [] and gc.isenabled()
    assert world.runs(workflow) == {"completed": 300}
    assert world.one("select count(distinct shard) from node_stats") == 2
    assert integrity.check(world.db) == []
    gc.collect()
    assert alive() == before
    for engine in engines:
        engine.close()


def test_compiled_steps_are_shared_out(world: World, committed_database: CommittedDatabase) -> None:
    engines = [engine_on(committed_database.url, 10, number, 2) for number in range(2)]
    assert sum(engine.matcher._most_steps for engine in engines) == MOST_STEPS
    for engine in engines:
        engine.close()


def test_each_engine_counts_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    used = []
    for pid in range(1000, 1004):
        monkeypatch.setattr(os, "getpid", lambda pid=pid: pid)
        used += [shards.own(), shards.own(1)]
    assert len(set(used)) == 8 and all(1 <= shard <= shards.WORKERS for shard in used)


class Collector:
    """What is asked of the collector of the process, without it."""

    def __init__(self) -> None:
        self.on, self.sweeps = True, list[int]()

    def isenabled(self) -> bool:
        return self.on

    def disable(self) -> None:
        self.on = False

    def enable(self) -> None:
        self.on = True

    def collect(self, generation: int) -> None:
        self.sweeps.append(generation)


def test_the_collector_stays_out_while_either_is_in_a_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    collector, sweeper = Collector(), Sweeper()
    monkeypatch.setattr(garbage, "gc", collector)
    with sweeper.kept_out():
        with sweeper.kept_out():
            assert not collector.on
        assert not collector.on and collector.sweeps == []
    assert collector.on and collector.sweeps == [0]


def test_it_sweeps_also_when_there_is_always_a_batch_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    collector, sweeper = Collector(), Sweeper()
    monkeypatch.setattr(garbage, "gc", collector)
    with sweeper.kept_out():
        for _ in range(2 * garbage.MIDDLE_EVERY):
            with sweeper.kept_out():
                pass
        assert not collector.on
        assert len(collector.sweeps) == 2 * garbage.MIDDLE_EVERY // garbage.MOST_UNSWEPT
        assert collector.sweeps.count(1) == 2
    sweeper._full -= 2 * garbage.FULL_EVERY_S
    with sweeper.kept_out():
        pass
    assert collector.sweeps[-1] == 2


def test_who_has_turned_the_collector_off_finds_it_off(monkeypatch: pytest.MonkeyPatch) -> None:
    collector, sweeper = Collector(), Sweeper()
    collector.on = False
    monkeypatch.setattr(garbage, "gc", collector)
    with sweeper.kept_out():
        pass
    assert not collector.on and collector.sweeps == []


def test_a_process_reports_its_engines_as_one() -> None:
    progress = Progress()
    alone = progress.report()
    assert (alone["doing"], alone["heldUp"]) == ("idle", {}) and "engines" not in alone
    first, second = progress.of(0), progress.of(1)
    first.does("walking")
    second.does("writing")
    first._since -= 40
    second.through("events", 5)
    first.held_up("due", "lock")
    second.held_up("due", "turn")
    first._held_up["due"] = "lock", first._held_up["due"][1] - 30
    report = progress.report()
    assert (report["doing"], report["committed"]) == ("walking", 0.0) and report["for"] >= 40
    assert report["heldUp"]["due"]["by"] == "lock" and report["heldUp"]["due"]["for"] >= 30
    assert [engine["doing"] for engine in report["engines"]] == ["walking", "writing"]
    first.does("idle")
    assert progress.report()["doing"] == "writing"


def test_the_inbox_is_vacuumed_by_who_takes_from_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(vacuum.AFTER, "inbox", 5)
    world.workflow(AT_ONCE)

    def vacuums(table: str) -> int:
        count: int = world.one("select vacuum_count from pg_stat_user_tables where relname = %s", table)
        return count

    world.emit("go", world.contacts(4))
    assert vacuums("inbox") == 0
    world.emit("go", world.contacts(2))
    assert (vacuums("inbox"), vacuums("active_runs")) == (1, 0)
    world.emit("go", world.contacts(4))
    assert vacuums("inbox") == 1


def test_a_vacuum_that_somebody_keeps_from_the_table_stops_nobody(
    world: World, committed_database: CommittedDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(vacuum.AFTER, "inbox", 1)
    workflow = world.workflow(AT_ONCE)
    with committed_database.connect() as other, other.transaction():
        other.execute("lock table inbox in share update exclusive mode")  # as another vacuum does
        world.emit("go", world.contacts(2))
        assert world.runs(workflow) == {"completed": 2}
    assert world.one("select vacuum_count from pg_stat_user_tables where relname = 'inbox'") == 0
