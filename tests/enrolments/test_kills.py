"""A schedule with a limit for each firing and one in total, whose processes are killed at chosen places: never one too many, nobody lost.

Scheduler, enrolling worker and engine are processes of their own, killed as `kill -9` does at a place of their transactions, and started
again, until two firings are through. What was not committed is done again; what was is not.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import random
import signal
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from app.engine import integrity
from app.enrolments import entering_repository, repository, runner
from app.enrolments import jobs as enrolment_jobs
from app.schedules import firing
from app.schedules import jobs as schedule_jobs
from tests.engine.workers import work_and_die
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.world import World, flow, node

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
PER_FIRING, IN_TOTAL, DYING = 5, 8, 4
SCHEDULER = {"before it begins": (firing, "_start", 1), "before its commit": (firing.repository, "go_on", 2)}
ENROLLER = {
    "taken": (repository, "take_due", 2),
    "counted": (entering_repository, "outcome_of", 2),
    "asked": (runner.inbox, "start_at", 2),
    "noted": (repository, "advance", 2),
    "after a commit": (repository, "take_due", 1),
}
"""Places by name: before (1) or behind (2) this function. The first look of a process comes before any commit: there that one is let by."""
ENGINE = ("claimed", "written", "committed")


@pytest.fixture
def world(committed_database: CommittedDatabase) -> Iterator[World]:
    one = World(committed_database.url)
    yield one
    one.close()


def deadly(module: Any, name: str, side: int, calls_before: int) -> None:
    """From now on this process dies at a function of the product, once that was called so many times."""
    real, calls = getattr(module, name), [0]

    async def killing(*args: Any, **named: Any) -> Any:
        calls[0] += 1
        if side == 1 and calls[0] > calls_before:
            os.kill(os.getpid(), signal.SIGKILL)
        answer = await real(*args, **named)
        if calls[0] > calls_before:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    setattr(module, name, killing)


def schedule(place: str | None) -> None:
    if place is not None:
        deadly(*SCHEDULER[place], 0)
    asyncio.run(schedule_jobs.work())


def enrol(place: str | None) -> None:
    if place is not None:
        deadly(*ENROLLER[place], 1 if place == "after a commit" else 0)
    asyncio.run(enrolment_jobs.enrol_due())


def in_a_process(does: Callable[..., None], *args: Any) -> bool:
    """Was it killed?"""
    process = multiprocessing.get_context("fork").Process(target=does, args=args)
    process.start()
    process.join(60)
    assert process.exitcode in (0, -signal.SIGKILL), process.exitcode
    return process.exitcode == -signal.SIGKILL


def daily() -> dict[str, Any]:
    """Everybody, day for day, whose runs stand at a wait."""
    graph = flow(None, [node("w", "delay", duration=90, unit="days")], ("t", "w"), settings={"maxEntries": IN_TOTAL})
    del graph["trigger"]
    data = {"cron": "0 9 * * *", "timezone": "UTC", "audience": {"conditions": []}, "maxPerFiring": PER_FIRING}
    return {**graph, "triggers": [{"id": "t", "type": "schedule", "enabled": True, "data": data}]}


class Life:
    """What happens to the processes: which of them dies, and where, by chance or always at one place."""

    def __init__(self, world: World, url: str, seed: int, *, only: str | None = None) -> None:
        self.world, self.url, self.only = world, url, only
        self.random, self.deaths, self.places = random.Random(seed), 0, set[str]()

    def place(self, places: Any, alive: bool) -> str | None:
        if alive or (self.only is not None and self.only not in places):
            return None
        return self.only or (self.random.choice(list(places)) if self.random.random() < 0.6 else None)

    def note(self, place: str | None, died: bool) -> None:
        if died and place is not None:
            self.deaths += 1
            self.places.add(place)

    def run(self, places: Any, alive: bool, does: Callable[..., None], *args: Any) -> None:
        """In a process that dies at one of `places`, or in this one, which lives."""
        place = self.place(places, alive)
        if place is None:
            does(None, *args)
        else:
            self.note(place, in_a_process(does, place, *args))

    def round(self, *, alive: bool, number: int = 0) -> None:
        """Each kind of process once, which is started by its supervisor."""
        db = self.world.db
        self.run(SCHEDULER, alive, schedule)
        db.execute("update enrolments set next_at = clock_now() where next_at is not null")
        self.run(ENROLLER, alive, enrol)
        # What three workers in a row died over is set aside, and a person decides: each second time it lives.
        place = self.place(ENGINE, alive or number % 2 == 1)
        if place is None:
            self.world.engine.advance()
        else:
            self.note(place, in_a_process(work_and_die, self.url, 3, {place: 1.0}))
        db.execute("update entry_paces set not_before = null")
        asked = db.execute("select count(*), count(distinct contact_id) from runs").fetchone()
        assert asked is not None and asked[0] == asked[1] <= IN_TOTAL, "nobody twice, and never one too many"


def through(world: World, life: Life, at: datetime, workflow: UUID, *, firings: int) -> None:
    """The clock comes to `at`, and processes die and are started again until all that is due is done."""
    world.db.execute(
        "insert into virtual_clock (one, at) values (1, %s) on conflict (one) do update set at = excluded.at", (at,)
    )
    for number in range(40):
        life.round(alive=number >= DYING, number=number)
        begun = world.one("select count(*) from enrolments where workflow_id = %s", workflow)
        assert begun <= firings, "a minute is fired once"
        if (
            number >= 12
            and begun == firings
            and not world.one("select count(*) from enrolments where status = 'running'")
        ):
            break
    else:
        raise AssertionError("it does not come to an end")
    assert world.one("select count(*) from inbox") == 0


@pytest.mark.parametrize(
    ("only", "piece"), [(None, 2), (None, 1_000), *[(place, 2) for place in (*SCHEDULER, *ENROLLER, *ENGINE)]]
)
def test_a_limited_firing_lets_so_many_in_whatever_dies(
    world: World, committed_database: CommittedDatabase, monkeypatch: pytest.MonkeyPatch, only: str | None, piece: int
) -> None:
    monkeypatch.setattr(runner, "PIECE", piece)
    world.travel(NOON)
    people = world.contacts(12)
    workflow = world.workflow(daily())
    life = Life(world, committed_database.url, seed=piece, only=only)
    life.round(alive=True)
    through(world, life, NOON + timedelta(days=1), workflow, firings=1)
    first = {row[0] for row in world.db.execute("select contact_id from runs")}
    assert first == set(people[:PER_FIRING]), "so many, and in their order"
    through(world, life, NOON + timedelta(days=2), workflow, firings=2)
    inside = {row[0] for row in world.db.execute("select contact_id from runs")}
    assert inside == set(people[:IN_TOTAL]), "those behind them, up to the limit of all firings"
    counted = world.db.execute("select enrolled from enrolments order by id").fetchall()
    assert counted == [(PER_FIRING,), (IN_TOTAL - PER_FIRING,)]
    assert life.deaths > (0 if only else 3), (life.deaths, life.places)
    assert [str(one) for one in integrity.check(world.db)] == []
    world.balanced()
