"""Workers are killed while they read dates, follow changes and fire: each date starts one run in the end."""

from __future__ import annotations

import asyncio
import itertools
import multiprocessing
import random
import signal
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from app.dates import firing, jobs
from app.engine import failpoints, integrity
from app.engine.date_builder import DateBuilder
from app.schedules import jobs as schedules
from tests.dates.dated import change, dated, set_clock, settle, travel
from tests.engine.workers import engine_on
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.world import World

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
PLACES = itertools.cycle(["claimed", "", "written", "", "committed", ""])
"""What kills its worker again and again would be set aside, so it is handled in peace in between."""
FORK = multiprocessing.get_context("fork")


def read_and_die(url: str, _: str) -> None:
    """The main function of a process that reads dates and is killed before a piece, or behind it."""
    builder = DateBuilder(engine_on(url, 100).connection, piece=7)
    piece = builder._piece

    def deadly(*arguments: object) -> list[bytes]:
        failpoints.reach("read")
        ids = piece(*arguments)  # type: ignore[arg-type]
        failpoints.reach("read")
        return ids

    builder._piece = deadly  # type: ignore[method-assign]
    failpoints.arm("read", 0.3)
    builder.run()


def follow_and_die(url: str, place: str) -> None:
    """An engine that is killed at its first batch: somewhere, or nowhere, by whose turn it is."""
    if place:
        failpoints.arm(place)
    engine_on(url, 7).advance()


def fire_and_die(_: str, place: str) -> None:
    """A scheduler that is killed when it has asked for runs, before it has committed; or that is left in peace."""
    firing.PIECE = 7
    fire = firing._fire

    async def deadly(*arguments: object) -> None:
        await fire(*arguments)  # type: ignore[arg-type]
        failpoints.reach("fired")

    firing._fire = deadly  # type: ignore[assignment]
    if place:
        failpoints.arm(place)
    asyncio.run(jobs.work())


def test_each_date_starts_one_run_whoever_is_killed(world: World, committed_database: CommittedDatabase) -> None:
    url = committed_database.url
    chance = random.Random(7)
    asyncio.run(travel(world, NOON))
    contacts = world.contacts(60, attributes={"renewal": "2026-06-10"})
    workflow = world.workflow(dated())
    asyncio.run(schedules.work())
    moved, killed = dict[object, str](), Counter[str]()
    for round_ in range(14):
        for contact_id in chance.sample(contacts, 3):
            moved[contact_id] = f"2026-06-{chance.randint(8, 12):02}"
            change(world, contact_id, renewal=moved[contact_id])
        set_clock(world, NOON + timedelta(hours=round_))
        killed[_die(read_and_die, url)] += 1
        killed[_die(follow_and_die, url, next(PLACES))] += 1
    asyncio.run(settle(world))
    due = world.db.execute("select contact_id, next_at::date::text from due_dates").fetchall()
    assert dict(due) == {contact_id: moved.get(contact_id, "2026-06-10") for contact_id in contacts}
    for day in range(8, 13):  # each day has dates that are due at seven o'clock
        for hour, place in ((12, "fired"), (18, "")):
            set_clock(world, datetime(2026, 6, day, hour, tzinfo=UTC))
            killed[_die(fire_and_die, url, place)] += 1
            killed[_die(follow_and_die, url, next(PLACES))] += 1
    asyncio.run(travel(world, datetime(2026, 6, 13, tzinfo=UTC)))
    rows = world.db.execute("select contact_id, trigger_event->>'date' from runs where workflow_id = %s", (workflow,))
    fired = Counter(rows.fetchall())
    assert fired == {(contact_id, moved.get(contact_id, "2026-06-10")): 1 for contact_id in contacts}
    assert integrity.check(world.db) == []
    assert min(killed[main.__name__] for main in (read_and_die, follow_and_die, fire_and_die)) >= 2, killed


def _die(main: Callable[[str, str], None], url: str, place: str = "") -> str:
    """Run it in a process; answers what it did if it was killed."""
    process = FORK.Process(target=main, args=(url, place))
    process.start()
    process.join()
    assert process.exitcode in (0, -signal.SIGKILL), main
    return main.__name__ if process.exitcode else ""
