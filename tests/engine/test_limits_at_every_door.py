"""Limits of a workflow hold whatever lets contacts in: each kind of trigger, and each rule of entry."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from psycopg.types.json import Jsonb

from app.engine import integrity
from app.flow.trigger_registry import types
from app.inbox import InboxKind
from tests.engine.limited import NOON, long, reasons, waiting
from tests.fixtures.world import World

PEOPLE = 6
SEGMENT = UUID(int=7)
Door = Callable[[World, UUID, list[UUID]], None]


def happens(world: World, workflow: UUID, people: list[UUID]) -> None:
    world.emit("e", people, {"order": "1"})


def is_put_in(world: World, workflow: UUID, people: list[UUID]) -> None:
    world.emit("segment.member.added", people, {"segmentId": str(SEGMENT), "segmentName": "VIPs", "order": "1"})


def is_taken_out(world: World, workflow: UUID, people: list[UUID]) -> None:
    world.emit("segment.member.removed", people, {"segmentId": str(SEGMENT), "segmentName": "VIPs", "order": "1"})


def is_asked_for(world: World, workflow: UUID, people: list[UUID]) -> None:
    """As a webhook, a schedule, a date of the contact, a person and a program ask: a start at a trigger."""
    for number, contact in enumerate(people):
        world.db.execute(
            """insert into inbox (tenant_id, kind, name, contact_id, workflow_id, run_id, payload, occurred_at, at)
            values (%s, %s, 'trigger', %s, %s, gen_random_uuid(), %s, clock_now(), clock_now())""",
            (world.tenant, int(InboxKind.AT_TRIGGER), contact, workflow, Jsonb({"order": "1", "number": number})),
        )
    world.engine.advance()


SCHEDULE = {"cron": "0 9 * * *", "audience": {"conditions": []}}
DOORS: dict[str, tuple[dict[str, Any], Door]] = {
    "event": ({"event": "e"}, happens),
    "manual": ({}, is_asked_for),
    "api": ({}, is_asked_for),
    "webhook": ({"identity": {"email": "$.email"}}, is_asked_for),
    "schedule": (SCHEDULE, is_asked_for),
    "poll": (
        {"source": {"kind": "url", "url": "https://shop.example/orders"}, "identity": {"email": "$.email"}},
        is_asked_for,
    ),
    "date": ({"field": "contact.attributes.renewal"}, is_asked_for),
    "segment_entry": ({"segmentId": str(SEGMENT)}, is_put_in),
    "segment_exit": ({"segmentId": str(SEGMENT)}, is_taken_out),
}
"""By type of trigger its data, and what lets contacts in by it."""
YESTERDAY, TOMORROW = (f"{NOON + timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}" for days in (-1, 1))
RULES: dict[str, tuple[dict[str, Any], int, int]] = {
    "rate": ({"rateLimitPerMinute": 1}, 1, PEOPLE - 1),
    "at once": ({"rateLimitMaxConcurrent": 2}, 2, PEOPLE - 2),
    "altogether": ({"maxEntries": 4}, 4, 0),
    "not yet": ({"activeFrom": TOMORROW}, 0, 0),
    "no more": ({"activeUntil": YESTERDAY}, 0, 0),
    "cool-down": ({"reentry": "cooldown", "cooldownSeconds": 60}, PEOPLE, 0),
    "key": ({"reentry": "once", "entryKey": "event.order"}, PEOPLE, 0),
}
"""By rule: the settings, and how many are in and wait after all have come, however often."""


def document(kind: str, settings: dict[str, Any]) -> dict[str, Any]:
    graph = long(settings)
    graph.pop("trigger", None)
    return {**graph, "triggers": [{"id": "trigger", "type": kind, "enabled": True, "data": DOORS[kind][0]}]}


def test_every_type_of_trigger_is_among_them() -> None:
    assert set(types()) == set(DOORS)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("kind", DOORS)
def test_a_rule_holds_at_every_door(world: World, kind: str, rule: str) -> None:
    settings, inside, wait = RULES[rule]
    world.travel(NOON)
    people, come = world.contacts(PEOPLE), DOORS[kind][1]
    workflow = world.workflow(document(kind, settings))
    come(world, workflow, people)
    assert (world.one("select count(*) from runs"), waiting(world)) == (inside, wait), reasons(world)
    come(world, workflow, people)
    assert (world.one("select count(*) from runs"), waiting(world)) == (inside, wait)
    assert sum(reasons(world).values()) == PEOPLE + (PEOPLE - inside - wait), reasons(world)
    assert integrity.check(world.db) == []
