"""Firings of dates: a limit for each day that counts who enters, and dates that had come already, with progress and a stop button."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.dates import firing as date_firing
from app.engine.date_builder import DateBuilder
from app.schedules import jobs as schedules
from tests.dates.dated import contact, dated, settle, started, travel
from tests.fixtures.world import World

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
DUE = datetime(2026, 6, 10, 7, tzinfo=UTC)


def firings(world: World) -> list[tuple[Any, ...]]:
    rows = world.db.execute(
        "select firing, status, enrolled, most, expected, open_runs is null from enrolments order by firing"
    )
    return [tuple(row) for row in rows]


async def settled(world: World, at: datetime) -> None:
    """All looks that follow one another until nothing changes."""
    for number in range(8):
        await travel(world, at + timedelta(seconds=number))


@pytest.mark.parametrize("piece", [3, 1_000])
async def test_a_limit_by_firing_counts_who_enters(world: World, monkeypatch: pytest.MonkeyPatch, piece: int) -> None:
    monkeypatch.setattr(date_firing, "PIECE", piece)
    await travel(world, NOON)
    people = [contact(world, renewal="2026-06-10") for _ in range(6)]
    later = contact(world, renewal="2026-06-11")
    workflow = world.workflow({**dated(maxPerFiring=3), "settings": {"reentry": "once"}})
    await settle(world)
    world.put("trigger", people[:2], {}, kind=6, workflow_id=workflow)
    world.engine.advance()
    await settled(world, DUE)
    await settled(world, DUE + timedelta(days=1))
    days = [day for day, _ in started(world, workflow) if day is not None]
    assert days == ["2026-06-10"] * 3 + ["2026-06-11"], "whom re-entry refuses makes room for another"
    assert firings(world) == [("2026-06-10", "done", 3, 3, 3, True), ("2026-06-11", "done", 1, 3, 3, True)]
    reasons = dict(world.db.execute("select reason, count(*) from entry_refusals group by 1").fetchall())
    assert reasons == {"entered_before": 2, "firing_used_up": 1}
    assert world.one("select count(*) from due_dates where next_at is not null") == 0 and later
    world.balanced()


async def test_dates_that_had_come_are_one_firing(world: World) -> None:
    await travel(world, NOON)
    for day in range(1, 7):
        contact(world, renewal=f"2026-05-0{day}")
    workflow = world.workflow(dated(existing="enter", maxPerFiring=4))
    await settled(world, NOON)
    assert len(started(world, workflow)) == 4
    assert firings(world) == [("existing", "done", 4, 4, 4, True)]


async def test_dates_that_had_come_show_how_far_they_are_and_stop(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(date_firing, "PIECE", 2)
    monkeypatch.setattr(date_firing, "PER_MINUTE", 2)
    await travel(world, NOON)
    for day in range(1, 7):
        contact(world, renewal=f"2026-05-0{day}")
    contact(world, renewal="2026-06-10")
    workflow = world.workflow(dated(existing="enter"))
    await settle(world)
    assert firings(world) == [("existing", "running", 2, None, 6, True)]
    world.db.execute("update enrolments set status = 'stopped', stopped_by = 'Ada', ended_at = clock_now()")
    for minute in range(1, 9):
        await travel(world, NOON + timedelta(minutes=minute))
    assert len(started(world, workflow)) == 2, "nobody else enters"
    await travel(world, DUE)
    assert [day for day, _ in started(world, workflow)][-1] == "2026-06-10", "whose date comes later does"
    assert firings(world)[0][:3] == ("existing", "stopped", 2)


async def test_it_is_over_when_all_have_entered_also_where_there_was_nobody(world: World) -> None:
    await travel(world, NOON)
    contact(world, renewal="2026-06-10")
    world.workflow(dated(existing="enter"))
    await settle(world)
    assert firings(world) == [("existing", "done", 0, None, 0, True)]


async def test_a_trigger_that_says_something_else_ends_it(world: World) -> None:
    await travel(world, NOON)
    contact(world, renewal="2026-05-01")
    workflow = world.workflow(dated(existing="enter"))
    await schedules.work()
    assert firings(world) == [("existing", "running", 0, None, None, True)]
    world.publish(workflow, dated(), 2)
    await settle(world)
    assert world.db.execute("select firing, status, error from enrolments").fetchall() == [
        (None, "stopped", "The trigger says something else by now.")
    ]
    assert started(world, workflow) == []


@pytest.mark.parametrize("existing", ["enter", "only"])
@pytest.mark.parametrize(
    ("before", "after", "starts_at"),
    [
        ("Europe/Berlin", "America/Los_Angeles", "2026-06-01 16:00"),  # nine there is still to come
        ("Europe/Berlin", "Asia/Tokyo", "2026-06-01 00:00"),
        ("America/New_York", "Pacific/Kiritimati", "2026-05-31 19:00"),
        (None, "Pacific/Pago_Pago", "2026-06-01 20:00"),
    ],
)
@pytest.mark.parametrize("engine_first", [True, False])
async def test_who_moves_to_another_zone_before_the_turn_keeps_it(
    world: World, existing: str, before: str | None, after: str, starts_at: str, engine_first: bool
) -> None:
    """The date had come where the contact was when the trigger went live; it starts one run, at the latest when it comes there."""
    await travel(world, datetime(2026, 6, 1, 15, 30, tzinfo=UTC))
    ada = contact(world, timezone=before, renewal="2026-06-01")
    workflow = world.workflow(dated(zone="contact", existing=existing))
    await schedules.work()
    DateBuilder(world.engine.connection).run()
    world.db.execute("update contacts set timezone = %s where id = %s", (after, ada))
    if engine_first:
        world.put("contact.updated", [ada], {"changed": ["timezone"]})
        world.engine.advance()
    await settle(world)
    if not engine_first:
        world.put("contact.updated", [ada], {"changed": ["timezone"]})
    await travel(world, datetime(2026, 6, 1, 21, tzinfo=UTC))
    await travel(world, datetime(2026, 6, 3, 21, tzinfo=UTC))
    assert started(world, workflow) == [("2026-06-01", starts_at)]


async def test_another_date_is_no_move(world: World) -> None:
    await travel(world, NOON)
    ada = contact(world, renewal="2026-05-01")
    workflow = world.workflow(dated(existing="enter"))
    await schedules.work()
    DateBuilder(world.engine.connection).run()
    world.db.execute('update contacts set attributes = \'{"renewal": "2026-04-01"}\' where id = %s', (ada,))
    world.put("contact.updated", [ada], {"changed": ["attributes.renewal"]})
    world.engine.advance()
    await settled(world, NOON)
    assert started(world, workflow) == []
