"""Whose date has come already when a trigger goes live: nobody, those beside who follows, or those alone; and days without a year."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.engine.date_builder import DateBuilder
from app.schedules import jobs as schedules
from tests.dates.dated import change, contact, dated, set_clock, settle, started, travel
from tests.fixtures.world import World

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("data", "at_once", "later"),
    [
        ({}, [], ["2026-06-10"]),
        ({"existing": "enter"}, ["2020-01-01", "2026-05-28"], ["2020-01-01", "2026-05-28", "2026-06-10"]),
        ({"existing": "enter", "existingDays": 7}, ["2026-05-28"], ["2026-05-28", "2026-06-10"]),
        ({"existing": "only"}, ["2020-01-01", "2026-05-28"], ["2020-01-01", "2026-05-28"]),
        ({"existing": "only", "existingDays": 3}, [], []),
        ({"existing": "enter", "missed": "skip"}, ["2020-01-01", "2026-05-28"], ["2020-01-01", "2026-05-28"]),
        (
            {"existing": "enter", "every": "month"},
            ["2026-05-28", "2026-06-01"],
            ["2026-05-28", "2026-06-01", "2026-06-10", "2026-06-28"],
        ),
        ({"existing": "enter", "every": "year", "existingDays": 10}, ["2026-05-28"], ["2026-05-28", "2026-06-10"]),
    ],
)  # fmt: skip
async def test_who_enters_at_once_and_who_later(
    world: World, data: dict[str, Any], at_once: list[str], later: list[str]
) -> None:
    await travel(world, NOON)
    for renewal in ("2020-01-01", "2026-05-28", "2026-06-10"):
        contact(world, renewal=renewal)
    contact(world)
    workflow = world.workflow(dated(**data))
    await settle(world)
    assert sorted(day for day, _ in started(world, workflow)) == at_once
    for day in (15, 30):
        await travel(world, datetime(2026, 6, day, 12, tzinfo=UTC))
    assert sorted(day for day, _ in started(world, workflow)) == later


async def test_nobody_enters_twice_and_what_is_paused_waits(world: World) -> None:
    """A pause before anybody entered, an outage, another time of day, another zone of the workspace: each date starts one run."""
    await travel(world, NOON)
    ada, bob = contact(world, renewal="2026-05-01"), contact(world, renewal="2026-05-02")
    workflow = world.workflow(dated(existing="enter", missed="skip", zone="workspace"))
    await schedules.work()
    DateBuilder(world.engine.connection).run()
    world.set_status(workflow, "paused")
    change(world, ada, plan="pro", timezone="ignored")
    world.put("contact.created", [bob], {})
    await travel(world, NOON + timedelta(days=2))
    assert started(world, workflow) == []
    world.set_status(workflow, "active")
    await settle(world)
    assert sorted(day for day, _ in started(world, workflow)) == ["2026-05-01", "2026-05-02"]
    late = contact(world, renewal="2026-05-03")
    world.put("contact.created", [late], {})
    world.db.execute("update workspaces set timezone = 'Asia/Tokyo' where id = %s", (world.tenant,))
    await settle(world)
    world.publish(workflow, dated(existing="enter", missed="skip", zone="workspace", match="any"), 2)
    await settle(world)
    assert len(started(world, workflow)) == 2, "a date that was past when it came starts nothing"
    assert Counter(world.runs(workflow)) == {"completed": 2}


async def test_who_wants_them_no_more_stops_those_whose_turn_has_not_come(world: World) -> None:
    await travel(world, NOON)
    contact(world, renewal="2026-05-01")
    workflow = world.workflow(dated(existing="enter"))
    await schedules.work()
    DateBuilder(world.engine.connection).run()
    world.publish(workflow, dated(), 2)
    await settle(world)
    assert started(world, workflow) == []


@pytest.mark.parametrize("birthday", ["--06-10", "--0610", "06-10", " 06-10 "])
async def test_a_birthday_without_a_year(world: World, birthday: str) -> None:
    await travel(world, NOON)
    contact(world, birthday=birthday)
    workflow = world.workflow(dated("contact.attributes.birthday", every="year"))
    monthly = world.workflow(dated("contact.attributes.birthday", every="month"))
    await settle(world)
    await travel(world, datetime(2026, 6, 11, tzinfo=UTC))
    await travel(world, datetime(2027, 6, 11, tzinfo=UTC))
    assert [day for day, _ in started(world, workflow)] == ["2026-06-10", "2027-06-10"]
    assert started(world, monthly) == []
    assert world.one("select count(*) from entry_refusals where reason = 'date_not_understood'") == 1, (
        "of the other one"
    )


async def test_a_leap_day_without_a_year(world: World) -> None:
    set_clock(world, NOON)
    contact(world, birthday="--02-29")
    contact(world, birthday="--02-31")
    workflow = world.workflow(dated("contact.attributes.birthday", every="year"))
    await settle(world)
    for year in (2027, 2028):
        await travel(world, datetime(year, 3, 1, 12, tzinfo=UTC))
    assert [day for day, _ in started(world, workflow)] == ["2027-02-28", "2028-02-29"]
    assert world.one("select count(*) from due_dates where unreadable") == 1
