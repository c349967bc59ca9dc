"""Schedules fire each local minute once: over summer time, outages, pauses, several schedulers, and whatever happens to the workflow."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from psycopg.types.json import Jsonb

from app.engine import integrity
from app.flow.trigger_registry import types
from app.schedules import firing, jobs
from tests.fixtures.world import World, flow, node

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)  # a Monday


def scheduled(cron: str, **data: Any) -> dict[str, Any]:
    """A workflow that the clock starts."""
    document = flow(None, [node("end", "end")], ("trigger", "end"))
    del document["trigger"]
    trigger = {
        "id": "trigger",
        "type": "schedule",
        "enabled": True,
        "data": {"cron": cron, "timezone": "Europe/Berlin", **data},
    }
    return {**document, "triggers": [trigger]}


async def travel(world: World, at: datetime, *, schedulers: int = 1) -> None:
    """Move the clock, let schedulers do what is due, and the engine what they ask for."""
    world.db.execute(
        "insert into virtual_clock (one, at) values (1, %s) on conflict (one) do update set at = excluded.at", (at,)
    )
    await asyncio.gather(*[jobs.work() for _ in range(schedulers)])
    world.engine.advance()


def fired(world: World, workflow: UUID) -> list[datetime]:
    rows = world.db.execute("select scheduled_at from schedule_firings where workflow_id = %s order by 1", (workflow,))
    return [row[0] for row in rows]


def runs_of(world: World, workflow: UUID) -> list[str]:
    """When its runs were meant to start, as their steps read it."""
    rows = world.db.execute(
        "select trigger_event->>'scheduledAt' from runs where workflow_id = %s order by 1", (workflow,)
    )
    return [row[0] for row in rows]


async def test_a_run_without_a_contact_starts_at_each_time(world: World) -> None:
    await travel(world, NOON)
    workflow = world.workflow(scheduled("0 9 * * mon-fri"))
    await travel(world, NOON + timedelta(seconds=1))
    assert world.one("select next_at from schedules") == datetime(2026, 6, 2, 7, tzinfo=UTC)
    await travel(world, datetime(2026, 6, 2, 6, 59, 59, tzinfo=UTC))
    assert runs_of(world, workflow) == []
    await travel(world, datetime(2026, 6, 2, 7, 0, 1, tzinfo=UTC))
    await travel(world, datetime(2026, 6, 2, 7, 0, 30, tzinfo=UTC))
    assert runs_of(world, workflow) == ["2026-06-02T09:00:00+02:00"]
    assert world.runs(workflow) == {"completed": 1}
    assert world.one("select count(*) from runs where contact_id is null") == 1
    world.balanced()
    assert integrity.check(world.db) == []


@pytest.mark.parametrize(
    ("begin", "cron", "expected"),
    [
        (datetime(2026, 3, 29, tzinfo=BERLIN), "30 2 * * *", ["03:00+02:00"]),
        (datetime(2026, 3, 29, tzinfo=BERLIN), "*/30 1-3 * * *", ["01:00+01:00", "01:30+01:00", "03:00+02:00", "03:30+02:00"]),
        (datetime(2026, 10, 25, tzinfo=BERLIN), "30 2 * * *", ["02:30+02:00"]),
        (datetime(2026, 10, 25, tzinfo=BERLIN), "*/30 2 * * *", ["02:00+02:00", "02:30+02:00", "02:00+01:00", "02:30+01:00"]),
        (datetime(2026, 10, 25, tzinfo=BERLIN), "0 1-3 * * *", ["01:00+02:00", "02:00+02:00", "03:00+01:00"]),
    ],
)  # fmt: skip
async def test_over_the_days_of_summer_time(world: World, begin: datetime, cron: str, expected: list[str]) -> None:
    """By the clock moved in steps of ten minutes, each looked at by two schedulers."""
    start = begin.astimezone(UTC)
    await travel(world, start - timedelta(minutes=5))
    workflow = world.workflow(scheduled(cron))
    for step in range(0, 5 * 60, 10):
        await travel(world, start + timedelta(minutes=step), schedulers=2)
    assert [moment[11:16] + moment[19:] for moment in runs_of(world, workflow)] == sorted(expected)
    assert world.one("select count(*) from schedule_firings") == len(expected)


async def test_29_february(world: World) -> None:
    await travel(world, datetime(2027, 2, 28, tzinfo=UTC))
    workflow = world.workflow(scheduled("0 9 29 2 *"))
    await travel(world, datetime(2027, 3, 2, tzinfo=UTC))
    assert world.one("select next_at from schedules") == datetime(2028, 2, 29, 8, tzinfo=UTC)
    await travel(world, datetime(2028, 2, 29, 8, tzinfo=UTC))
    assert runs_of(world, workflow) == ["2028-02-29T09:00:00+01:00"]
    assert world.one("select next_at from schedules") == datetime(2032, 2, 29, 8, tzinfo=UTC)


async def test_many_schedulers_at_once_fire_once(world: World) -> None:
    await travel(world, NOON)
    workflows = [world.workflow(scheduled("* * * * *")) for _ in range(3)]
    await travel(world, NOON + timedelta(seconds=1), schedulers=4)
    for minute in range(1, 4):
        await travel(world, NOON + timedelta(minutes=minute), schedulers=4)
    for workflow in workflows:
        assert len(runs_of(world, workflow)) == len(fired(world, workflow)) == 3
    assert integrity.check(world.db) == []


async def test_a_minute_that_was_fired_is_not_fired_again_when_the_clock_goes_back(world: World) -> None:
    await travel(world, NOON)
    workflow = world.workflow(scheduled("* * * * *"))
    await travel(world, NOON + timedelta(seconds=1))
    await travel(world, NOON + timedelta(minutes=1))
    world.db.execute("update schedules set next_at = %s", (NOON + timedelta(minutes=1),))
    await travel(world, NOON + timedelta(minutes=1, seconds=5))
    assert len(runs_of(world, workflow)) == 1


@pytest.mark.parametrize(
    ("missed", "expected"),
    [
        ("skip", []),
        ("once", ["2026-06-03T09:00:00+02:00"]),
        ("all", ["2026-06-02T09:00:00+02:00", "2026-06-03T09:00:00+02:00"]),
    ],
)
@pytest.mark.parametrize("why", ["nobody runs", "paused"])
async def test_what_was_missed_is_made_up_for_as_the_trigger_says(
    world: World, missed: str, expected: list[str], why: str
) -> None:
    await travel(world, NOON)
    workflow = world.workflow(scheduled("0 9 * * *", missed=missed))
    await travel(world, NOON + timedelta(seconds=1))
    if why == "paused":
        world.set_status(workflow, "paused")
        await travel(world, datetime(2026, 6, 2, 12, tzinfo=UTC))
        assert world.one("select active from schedules") is False
        world.set_status(workflow, "active")
    await travel(world, datetime(2026, 6, 3, 12, tzinfo=UTC))
    assert runs_of(world, workflow) == expected
    await travel(world, datetime(2026, 6, 4, 7, tzinfo=UTC))
    assert runs_of(world, workflow) == [*expected, "2026-06-04T09:00:00+02:00"]


def test_what_is_fired_of_what_has_come() -> None:
    due = [NOON + timedelta(minutes=number) for number in range(300)]
    just_now = due[-1] + timedelta(seconds=80)
    assert firing.to_fire(due[-1:], just_now, "skip") == due[-1:], "80 seconds late is not missed"
    assert firing.to_fire(due[-2:], just_now, "skip") == due[-1:]
    assert firing.to_fire(due, just_now, "once") == due[-1:]
    assert firing.to_fire(due, just_now, "all") == due[-100:]
    assert firing.to_fire(due[:5], just_now, "skip") == []


async def test_it_follows_the_live_version(world: World) -> None:
    await travel(world, NOON)
    workflow = world.workflow(scheduled("0 9 * * *"))
    other = world.workflow(scheduled("0 9 * * *", timezone="workspace"), status="draft")
    await travel(world, NOON + timedelta(seconds=1))
    assert world.one("select count(*) from schedules") == 1, "a draft fires nothing"
    world.set_status(other, "active")
    world.publish(workflow, scheduled("0 10 * * *"), 2)
    await travel(world, NOON + timedelta(seconds=2))
    hours = dict(world.db.execute("select workflow_id, next_at from schedules").fetchall())
    assert hours == {workflow: datetime(2026, 6, 2, 8, tzinfo=UTC), other: datetime(2026, 6, 2, 9, tzinfo=UTC)}
    world.db.execute("update workspaces set timezone = 'Asia/Tokyo'")
    await travel(world, NOON + timedelta(seconds=3))
    assert world.one("select next_at from schedules where workflow_id = %s", other) == datetime(2026, 6, 2, tzinfo=UTC)
    switched_off = scheduled("0 10 * * *")
    switched_off["triggers"][0]["enabled"] = False
    world.publish(workflow, switched_off, 3)
    world.set_status(other, "archived")
    await travel(world, NOON + timedelta(seconds=4))
    assert world.one("select count(*) from schedules") == 0
    await travel(world, NOON + timedelta(days=2))
    assert world.one("select count(*) from runs") == 0


async def test_a_publication_that_leaves_the_schedule_as_it_is_forgets_nothing(world: World) -> None:
    await travel(world, NOON)
    workflow = world.workflow(scheduled("0 9 * * *"))
    await travel(world, NOON + timedelta(seconds=1))
    world.publish(workflow, scheduled("0 9 * * *"), 2)
    await travel(world, datetime(2026, 6, 3, 12, tzinfo=UTC))
    assert runs_of(world, workflow) == ["2026-06-03T09:00:00+02:00"]
    assert world.one("select workflow_version from runs") == 2


async def test_one_that_breaks_keeps_none_of_the_others(world: World) -> None:
    await travel(world, NOON)
    broken, fine = (world.workflow(scheduled(cron)) for cron in ("0 9 * * *", "1 9 * * *"))
    await travel(world, NOON + timedelta(seconds=1))
    world.db.execute(
        "update schedules set trigger = %s where workflow_id = %s",
        (Jsonb({"type": "of a newer release", "data": {}}), broken),
    )
    await travel(world, datetime(2026, 6, 2, 7, 1, tzinfo=UTC))
    assert len(runs_of(world, fine)) == 1 and runs_of(world, broken) == []
    assert world.one("select next_at from schedules where workflow_id = %s", broken) == datetime(
        2026, 6, 2, 7, tzinfo=UTC
    )


@pytest.mark.parametrize(
    "audience", [{"segmentId": None}, {"conditions": [{"field": "contact.plan", "operator": "equals", "value": "pro"}]}]
)
async def test_an_audience_enters_one_part_after_another(world: World, audience: dict[str, Any]) -> None:
    from app.enrolments import jobs as enrolments

    await travel(world, NOON)
    pro, free = world.contacts(3, attributes={"plan": "pro"}), world.contacts(2, attributes={"plan": "free"})
    workflow = world.workflow(scheduled("0 9 * * *", audience=audience))
    await travel(world, NOON + timedelta(seconds=1))
    await travel(world, datetime(2026, 6, 2, 7, tzinfo=UTC), schedulers=2)
    assert world.one("select count(*) from enrolments") == 1
    assert world.one("select reason from enrolments") == "The schedule fired for 2026-06-02 09:00 (Europe/Berlin)"
    world.db.execute("update enrolments set next_at = clock_now()")  # it was said by the machine's clock
    await enrolments.enrol_due()
    world.engine.advance()
    entered = {row[0] for row in world.db.execute("select contact_id from runs where workflow_id = %s", (workflow,))}
    assert entered == {*pro, *(free if "conditions" not in audience else [])}
    assert set(runs_of(world, workflow)) == {"2026-06-02T09:00:00+02:00"}
    assert integrity.check(world.db) == []


async def enrolled(world: World) -> None:
    """Let everybody in whose turn it is, however often a piece is taken."""
    from app.enrolments import jobs as enrolments

    for _ in range(20):
        world.db.execute("update enrolments set next_at = clock_now() where next_at is not null")
        await enrolments.enrol_due()
        world.engine.advance()


async def test_conditions_are_asked_of_many_at_once_and_only_who_meets_them_counts(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from app.enrolments import audience_repository

    monkeypatch.setattr(audience_repository, "LOOKED_AT", 4)
    await travel(world, NOON)
    world.contacts(9, attributes={"plan": "free", "age": 40})
    pro = world.contacts(3, attributes={"plan": "pro", "age": 40})
    odd = world.contacts(1, attributes={"plan": "pro", "age": "old"})
    rules = [
        {"field": "plan", "operator": "equals", "value": "pro"},
        {"field": "contact.attributes.age", "operator": "greater_than", "value": 30},
    ]
    few, everybody = (
        world.workflow(scheduled("0 9 * * *", audience={"conditions": rules}, maxPerFiring=most)) for most in (2, 100)
    )
    await travel(world, NOON + timedelta(seconds=1))
    await travel(world, datetime(2026, 6, 2, 7, tzinfo=UTC))
    await enrolled(world)

    def entered(workflow: UUID) -> set[UUID]:
        return {row[0] for row in world.db.execute("select contact_id from runs where workflow_id = %s", (workflow,))}

    assert entered(few) == {*pro[:2]} and entered(everybody) == {*pro}
    counts = dict(world.db.execute("select workflow_id, enrolled from enrolments").fetchall())
    assert counts == {few: 2, everybody: 3}, (
        "of whom it cannot be said is asked in, so that it is said why not, and does not count"
    )
    refused = world.db.execute("select contact_id, reason from entry_refusals").fetchall()
    assert refused == [(odd[0], "condition_error")]
    assert {row[0] for row in world.db.execute("select status from enrolments")} == {"done"}


async def test_conditions_on_the_firing_itself_are_asked_of_each(world: World) -> None:
    await travel(world, NOON)
    world.contacts(3, attributes={"scheduledAt": "never"})
    rule = {"field": "scheduledAt", "operator": "starts_with", "value": "2026-06-02"}
    workflow = world.workflow(scheduled("0 9 * * *", audience={"conditions": [rule]}))
    await travel(world, NOON + timedelta(seconds=1))
    await travel(world, datetime(2026, 6, 2, 7, tzinfo=UTC))
    await enrolled(world)
    assert len(runs_of(world, workflow)) == 3, "a short name is looked up in the event first"


async def test_a_segment_that_was_deleted_is_said_on_the_page_of_the_runs(world: World) -> None:
    await travel(world, NOON)
    segment = "0193a1b2-7c3d-7e4f-8a5b-1c2d3e4f5a6b"
    world.workflow(scheduled("0 9 * * *", audience={"segmentId": segment}))
    await travel(world, NOON + timedelta(seconds=1))
    await travel(world, datetime(2026, 6, 2, 7, tzinfo=UTC))
    row = world.db.execute("select status, error, enrolled, ended_at is not null from enrolments").fetchone()
    assert row == ("stopped", "The segment was deleted.", 0, True)
    assert world.one("select next_at from schedules") == datetime(2026, 6, 3, 7, tzinfo=UTC), "it goes on"


async def test_a_look_reads_no_contact_and_asks_indexes(world: World) -> None:
    """However many workflows there are, the question of each second costs one row a workspace."""
    await travel(world, NOON)
    world.workflow(scheduled("0 9 * * *"))
    await travel(world, NOON + timedelta(seconds=1))
    plan = "\n".join(row[0] for row in world.db.execute(f"explain {jobs.repository.ANY_DUE}"))
    assert "contacts" not in plan and "workflow_versions" not in plan
    assert not world.one(f"select exists ({jobs.repository.ANY_DUE})")


def test_every_trigger_with_a_timetable_says_so_by_itself() -> None:
    assert types()["schedule"].timetable(types()["schedule"].Config(cron="0 9 * * *")) is not None
    assert all(kind.timetable(kind.Config()) is None for name, kind in types().items())
