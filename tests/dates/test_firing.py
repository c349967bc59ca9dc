"""A date of a contact starts one run at its time: over changes of the contact and the workflow, outages, schedulers and summer time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.dates import jobs
from app.engine import integrity
from tests.dates.dated import change, contact, dated, next_times, set_clock, settle, started, travel
from tests.fixtures.world import World

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
RENEWAL = datetime(2026, 6, 10, 7, tzinfo=UTC)  # nine in Berlin


async def test_a_run_starts_at_the_date(world: World) -> None:
    await travel(world, NOON)
    ada, _ = contact(world, renewal="2026-06-10"), contact(world)
    workflow = world.workflow(dated())
    await settle(world)
    assert next_times(world) == [RENEWAL]
    await travel(world, RENEWAL - timedelta(seconds=1))
    assert started(world, workflow) == []
    await travel(world, RENEWAL)
    await travel(world, RENEWAL + timedelta(seconds=1), schedulers=3)
    await travel(world, RENEWAL + timedelta(days=400))
    assert started(world, workflow) == [("2026-06-10", "2026-06-10 07:00")]
    assert world.one("select contact_id from runs") == ada
    assert world.one("select trigger_event->>'field' from runs") == "contact.attributes.renewal"
    world.balanced()
    assert integrity.check(world.db) == []


@pytest.mark.parametrize(
    ("offset", "at", "value", "expected"),
    [
        ({"duration": 3, "unit": "days", "direction": "before"}, "09:00", "2026-06-10", "2026-06-07 07:00"),
        ({"duration": 1, "unit": "weeks", "direction": "after"}, "09:00", "2026-06-10", "2026-06-17 07:00"),
        ({"duration": 36, "unit": "hours", "direction": "before"}, None, "2026-06-10T18:00", "2026-06-09 04:00"),
        (None, None, "2026-06-10T18:00:00-04:00", "2026-06-10 22:00"),
        (None, None, 1781110800, "2026-06-10 17:00"),
        (None, None, "20260610", "2026-06-09 22:00"),
    ],
)
async def test_offsets_and_times_of_day(world: World, offset: Any, at: str | None, value: Any, expected: str) -> None:
    await travel(world, NOON)
    contact(world, renewal=value)
    workflow = world.workflow(dated(offset=offset, at=at))
    await settle(world)
    due = datetime.strptime(expected, "%Y-%m-%d %H:%M").replace(tzinfo=UTC)
    await travel(world, due - timedelta(seconds=1))
    assert started(world, workflow) == []
    await travel(world, due)
    assert [at for _, at in started(world, workflow)] == [expected]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-06-20", ["2026-06-20 07:00"]),  # it moves
        ("2026-06-05", ["2026-06-05 07:00"]),
        ("2026-05-20", []),  # passed already
        (None, []),
        ("soon", []),
        ([1, 2], []),
        ({"day": 1}, []),
        (True, []),
    ],
)
async def test_it_follows_the_contact_before_it_fires(world: World, value: Any, expected: list[str]) -> None:
    await travel(world, NOON)
    ada = contact(world, renewal="2026-06-10")
    workflow = world.workflow(dated())
    await settle(world)
    change(world, ada, renewal=value)
    await settle(world)
    for day in (5, 10, 20):
        await travel(world, datetime(2026, 6, day, 7, tzinfo=UTC))
    assert [at for _, at in started(world, workflow)] == expected


async def test_what_changed_and_was_not_told_yet_counts(world: World) -> None:
    """The change is in the row, the engine has not heard of it, and the time has come."""
    await travel(world, NOON)
    ada, bea = (contact(world, renewal="2026-06-10") for _ in range(2))
    workflow = world.workflow(dated())
    await settle(world)
    set_clock(world, RENEWAL)
    change(world, ada, renewal="2026-06-12")
    change(world, bea, renewal=None)
    await jobs.work()
    await settle(world)
    assert started(world, workflow) == []
    await travel(world, RENEWAL + timedelta(days=2))
    assert [day for day, _ in started(world, workflow)] == ["2026-06-12"]


async def test_a_new_date_after_it_fired_is_a_new_firing(world: World) -> None:
    await travel(world, NOON)
    ada = contact(world, renewal="2026-06-10")
    workflow = world.workflow(dated())
    await settle(world)
    await travel(world, RENEWAL)
    change(world, ada, renewal="2026-06-10T00:00")  # the same in other words
    await settle(world)
    change(world, ada, renewal="2026-06-20")
    await settle(world)
    await travel(world, RENEWAL + timedelta(days=10))
    assert [day for day, _ in started(world, workflow)] == ["2026-06-10", "2026-06-20"]


@pytest.mark.parametrize("zone", ["contact", "workspace"])
async def test_it_follows_the_zone(world: World, zone: str) -> None:
    await travel(world, NOON)
    ada, _ = contact(world, "Asia/Tokyo", renewal="2026-06-10"), contact(world, renewal="2026-06-10")
    workflow = world.workflow(dated(zone=zone))
    await settle(world)
    utc, tokyo = datetime(2026, 6, 10, 9, tzinfo=UTC), datetime(2026, 6, 10, 0, tzinfo=UTC)
    assert next_times(world) == ([tokyo, utc] if zone == "contact" else [utc, utc])
    world.db.execute("update contacts set timezone = 'Europe/Berlin' where id = %s", (ada,))
    world.put("contact.updated", [ada], {"changed": ["timezone"]})
    world.db.execute("update workspaces set timezone = 'America/New_York'")
    await settle(world)
    york = datetime(2026, 6, 10, 13, tzinfo=UTC)
    assert next_times(world) == ([RENEWAL, york] if zone == "contact" else [york, york])
    await travel(world, york)
    assert len(started(world, workflow)) == 2


async def test_whoever_moves_to_an_earlier_zone_is_not_started_again(world: World) -> None:
    await travel(world, NOON)
    ada = contact(world, "Asia/Tokyo", birthday="1990-06-10")
    workflow = world.workflow(dated("contact.attributes.birthday", zone="contact", every="year"))
    await settle(world)
    await travel(world, datetime(2026, 6, 10, 0, tzinfo=UTC))
    world.db.execute("update contacts set timezone = 'America/Los_Angeles' where id = %s", (ada,))
    world.put("contact.updated", [ada], {"changed": ["timezone"]})
    await settle(world)
    assert next_times(world) == [datetime(2027, 6, 10, 16, tzinfo=UTC)]
    await travel(world, datetime(2026, 6, 10, 16, tzinfo=UTC))
    assert len(started(world, workflow)) == 1


async def test_contacts_that_come_later(world: World) -> None:
    await travel(world, NOON)
    workflow = world.workflow(dated())
    await settle(world)
    ada = contact(world, renewal="2026-06-10")
    world.put("contact.created", [ada], {"via": "api"})
    await settle(world)
    assert next_times(world) == [RENEWAL]
    bea = contact(world)
    world.put("contact.created", [bea], {"via": "api"})
    change(world, bea, renewal="2026-06-10", other=1)
    change(world, bea, other=2)
    await travel(world, RENEWAL)
    assert len(started(world, workflow)) == 2


async def test_a_change_that_waited_while_nobody_worked_counts_from_when_it_came(world: World) -> None:
    await travel(world, NOON)
    workflow, strict = world.workflow(dated()), world.workflow(dated(missed="skip"))
    await settle(world)
    set_clock(world, RENEWAL - timedelta(minutes=5))
    ada = contact(world, renewal="2026-06-10")
    world.put("contact.created", [ada], {"via": "api"})
    await travel(world, RENEWAL + timedelta(hours=3))
    assert started(world, workflow) == [("2026-06-10", "2026-06-10 07:00")]
    assert started(world, strict) == []


async def test_birthdays_come_back_each_year_and_29_february_on_the_28th(world: World) -> None:
    await travel(world, datetime(2027, 1, 1, tzinfo=UTC))
    contact(world, birthday="1992-02-29")
    workflow = world.workflow(dated("contact.attributes.birthday", every="year"))
    await settle(world)
    for moment in ("2027-02-28", "2027-03-01", "2028-02-28", "2028-02-29", "2029-02-28"):
        await travel(world, datetime.fromisoformat(f"{moment}T08:00:00+00:00"))
    assert [day for day, _ in started(world, workflow)] == ["2027-02-28", "2028-02-29", "2029-02-28"]


async def test_a_day_of_each_month(world: World) -> None:
    await travel(world, datetime(2026, 1, 1, tzinfo=UTC))
    contact(world, billed="2025-10-31")
    workflow = world.workflow(dated("contact.attributes.billed", every="month"))
    await settle(world)
    for moment in ("2026-01-30", "2026-01-31", "2026-02-28", "2026-03-01", "2026-03-31", "2026-04-30", "2026-05-01"):
        await travel(world, datetime.fromisoformat(f"{moment}T09:00:00+00:00"))
    assert [day for day, _ in started(world, workflow)] == ["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30"]


@pytest.mark.parametrize(
    ("day", "at", "expected"),
    [
        ("2026-03-29", "02:30", "2026-03-29 01:00"),  # skipped: at the jump
        ("2026-03-29", "03:00", "2026-03-29 01:00"),
        ("2026-10-25", "02:30", "2026-10-25 00:30"),  # comes twice: the first time
        ("2026-10-25", "03:00", "2026-10-25 02:00"),
    ],
)
async def test_over_the_days_of_summer_time(world: World, day: str, at: str, expected: str) -> None:
    """By the clock moved in steps of half an hour, each looked at by two schedulers."""
    start = datetime.fromisoformat(f"{day}T00:00:00+00:00")
    await travel(world, start - timedelta(days=1))
    contact(world, renewal=day)
    workflow = world.workflow(dated(at=at))
    await settle(world)
    for step in range(0, 5 * 60, 30):
        await travel(world, start + timedelta(minutes=step), schedulers=2)
    assert [at for _, at in started(world, workflow)] == [expected]


@pytest.mark.parametrize(("missed", "count"), [("once", 1), ("skip", 0)])
@pytest.mark.parametrize("why", ["nobody works", "paused"])
async def test_what_was_missed(world: World, missed: str, count: int, why: str) -> None:
    """Three months have passed: of several dates of a contact the last one counts. The next ones come as always."""
    await travel(world, NOON)
    contact(world, billed="2026-01-10")
    workflow = world.workflow(dated("contact.attributes.billed", every="month", missed=missed))
    await settle(world)
    if why == "paused":
        world.set_status(workflow, "paused")
        await travel(world, datetime(2026, 8, 1, tzinfo=UTC))
        assert world.one("select active from date_schedules") is False
        world.set_status(workflow, "active")
    await travel(world, datetime(2026, 9, 1, tzinfo=UTC))
    assert [day for day, _ in started(world, workflow)] == ["2026-08-10"][:count]
    await travel(world, datetime(2026, 9, 10, 7, tzinfo=UTC))
    assert [day for day, _ in started(world, workflow)][count:] == ["2026-09-10"]
