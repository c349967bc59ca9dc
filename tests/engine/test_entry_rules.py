"""Who enters, by every door: dates, limits, entry keys, pauses between runs; and refusals that stay few."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from app.inbox import InboxKind
from app.lib.ids import uuid7
from tests.engine.limited import NOON, long, reasons, short, waiting
from tests.fixtures.world import World


def by_event(world: World, workflow: UUID, people: Sequence[UUID]) -> None:
    world.put("e", people)


def by_hand(world: World, workflow: UUID, people: Sequence[UUID]) -> None:
    for person in people:
        world.put("manual", [person], kind=int(InboxKind.START), workflow_id=workflow, run_id=uuid7())


def by_trigger(world: World, workflow: UUID, people: Sequence[UUID]) -> None:
    for person in people:
        world.put("trigger", [person], kind=int(InboxKind.AT_TRIGGER), workflow_id=workflow, run_id=uuid7())


def of_nobody(world: World, workflow: UUID, people: Sequence[UUID]) -> None:
    world.start_nobody(workflow, count=len(people))


DOORS = [by_event, by_hand, by_trigger, of_nobody]


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(
    ("settings", "begun", "waits", "refused"),
    [
        ({"rateLimitPerMinute": 1}, 1, 2, {}),
        ({"rateLimitMaxConcurrent": 2}, 2, 1, {}),
        ({"maxEntries": 2}, 2, 0, {"entries_used_up": 1}),
        ({"activeFrom": "2026-03-02"}, 0, 0, {"not_open_yet": 3}),
        ({"activeUntil": "2026-02-28"}, 0, 0, {"closed": 3}),
        ({"activeFrom": "2026-03-01", "activeUntil": "2026-03-01"}, 3, 0, {}),
    ],
    ids=["rate", "at once", "in all", "too early", "too late", "on the day"],
)
def test_every_door_has_the_same_rules(
    world: World,
    door: Callable[[World, UUID, Sequence[UUID]], None],
    settings: dict[str, Any],
    begun: int,
    waits: int,
    refused: dict[str, int],
) -> None:
    world.travel(NOON)
    graph = long(settings)
    if door is of_nobody:
        graph["trigger"] = {"type": "manual", "data": {"contact": "none"}}
    workflow = world.workflow(graph)
    door(world, workflow, world.contacts(3))
    world.engine.advance()
    assert (world.one("select count(*) from runs"), waiting(world), reasons(world)) == (begun, waits, refused)
    if begun and door in (by_hand, by_trigger):
        assert not world.db.execute("select id from runs where id is null").fetchall()


@pytest.mark.parametrize(
    ("settings", "enters"),
    [
        ({"activeFrom": "2026-03-01T12:00"}, True),
        ({"activeFrom": "2026-03-01T12:00", "timezone": "America/New_York"}, False),
        ({"activeFrom": "2026-03-01T13:00", "timezone": "Europe/Berlin"}, True),
        ({"activeFrom": "2026-03-01T13:00:01", "timezone": "Europe/Berlin"}, False),
        ({"activeFrom": "2026-03-01T13:00:00+01:00"}, True),
        ({"activeUntil": "2026-03-01T12:00"}, False),
        ({"activeUntil": "2026-03-01T12:01"}, True),
        ({"activeUntil": "2026-03-01T12:00", "timezone": "America/New_York"}, True),
        ({"activeUntil": "2026-03-01", "timezone": "Asia/Tokyo"}, True),
        ({"activeUntil": "2026-02-28", "timezone": "America/New_York"}, False),
        ({"activeUntil": "2026-02-28", "timezone": "Pacific/Kiritimati"}, False),
    ],
)
def test_dates_are_those_of_a_zone(world: World, settings: dict[str, Any], enters: bool) -> None:
    world.travel(NOON)
    world.workflow(long(settings))
    world.emit("e", world.contacts(1))
    assert world.one("select count(*) from runs") == int(enters)


def test_runs_go_on_when_the_workflow_closes_and_those_who_wait_are_told(world: World) -> None:
    world.travel(NOON)
    people = world.contacts(3)
    workflow = world.workflow(long({"rateLimitPerMinute": 1, "activeUntil": "2026-03-01T12:00:30"}))
    world.emit("e", people)
    assert world.runs(workflow) == {"waiting": 1}
    world.travel(NOON + timedelta(hours=2))
    assert world.runs(workflow) == {"completed": 1} and waiting(world) == 0
    assert reasons(world) == {"closed": 2}


def test_a_pause_between_two_runs_is_measured_from_the_end_or_from_the_start(world: World) -> None:
    world.travel(NOON)
    people = world.contacts(1)
    rules = {"reentry": "cooldown", "cooldownSeconds": 5_400}
    start, end = world.workflow(long(rules)), world.workflow(long({**rules, "cooldownFrom": "end"}))
    world.emit("e", people)
    counts = []
    for minute in (60, 95, 140, 155):  # both end after an hour: from the start until 13:30, from the end until 14:30
        world.travel(NOON + timedelta(minutes=minute))
        world.emit("e", people)
        counts.append(tuple(sum(world.runs(one).values()) for one in (start, end)))
    assert counts == [(1, 1), (2, 1), (2, 1), (2, 2)]
    assert world.one(
        "select detail->>'until' from entry_refusals where workflow_id = %s and reason = 'cooling_down'", end
    ) == ("2026-03-01T14:30:00+00:00")


@pytest.mark.parametrize(
    ("key", "events", "inside"),
    [
        ("{{ event.order }}", [{"order": 1}, {"order": "1"}, {"order": 2}], ["1", "2"]),
        (
            "{{ event.shop }}-{{ event.order | upcase }}",
            [{"shop": 1, "order": "a"}, {"shop": 2, "order": "a"}],
            ["1-A", "2-A"],
        ),
        ("{{ contact.attributes.plan }}", [{}, {}], ["pro"]),
        ("{% if event.order %}{{ event.order }}{% endif %}", [{}, {"order": 5}, {}], ["", "5"]),
    ],
)
def test_a_key_may_be_a_text(world: World, key: str, events: list[dict[str, Any]], inside: list[str]) -> None:
    (person,) = world.contacts(1, attributes={"plan": "pro"})
    world.workflow(long({"entryKey": key}))
    for properties in events:
        world.emit("e", [person], properties)
    assert world.one("select array_agg(entry_key order by entry_key) from runs") == inside


def test_a_key_that_cannot_be_worked_out_refuses(world: World) -> None:
    world.workflow(long({"entryKey": "{{ event.order | or_fail }}"}))
    world.emit("e", world.contacts(1))
    assert reasons(world) == {"entry_key_error": 1} and world.one("select trigger_id from entry_refusals") == "trigger"


@pytest.mark.parametrize("people", [1, 10_000])
def test_a_burst_of_refusals_stays_bounded(world: World, people: int) -> None:
    world.db.execute(
        "insert into contacts (id, tenant_id, email)"
        " select gen_random_uuid(), %s, 'u' || n || '@example.test' from generate_series(1, %s) n",
        (world.tenant, people),
    )
    world.workflow(short({"activeUntil": "2020-01-01"}))
    burst = (
        "insert into inbox (tenant_id, name, contact_id, occurred_at)"
        " select c.tenant_id, 'e', c.id, clock_now() from contacts c, generate_series(1, %s)"
    )
    for _ in range(1 if people > 1 else 2):
        world.db.execute(burst, (10_000 // people,))
        world.engine.advance()
    assert world.one("select count(*) from entry_refusals") == people
    assert reasons(world) == {"closed": 10_000 if people > 1 else 20_000}
