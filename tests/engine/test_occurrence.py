"""Occurrence, not arrival: what a run began with and when it happened, and goals that arrive before, with or after the entry."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from app.lib.ids import uuid7
from tests.fixtures.world import World, flow, node

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
WAIT = node("d", "delay", duration=1, unit="hours")


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def test_a_run_knows_its_event_and_when_it_happened(any_way: World) -> None:
    world = any_way
    world.travel(NOON)
    world.workflow(flow("e", [WAIT], ("trigger", "d")))
    world.workflow(flow("e", [], settings={"reentry": "always"}))
    first, second = world.contacts(2)
    late, ahead = (
        world.happen("e", first, {"n": 1}, occurred_at=at(-90)),
        world.happen("e", second, occurred_at=at(1800)),
    )
    world.engine.advance()
    found = world.db.execute("select distinct contact_id, event_id, occurred_at, started_at from runs order by 1")
    # A clock that runs ahead is not believed: nothing arrives before it happens.
    assert found.fetchall() == [(first, late, at(-90), NOON), (second, ahead, NOON, NOON)]


def test_what_no_event_began_has_a_time_but_no_event(any_way: World) -> None:
    world = any_way
    world.travel(NOON)
    by_hand = world.workflow(flow(None, [WAIT], ("trigger", "d")))
    listener = world.workflow(flow("contact.updated", [WAIT], ("trigger", "d")))
    world.workflow(flow("go", [node("t", "add_tag", tag="x")], ("trigger", "t")))
    one, two = world.contacts(2)
    world.put("manual", [one], kind=1, workflow_id=by_hand, run_id=uuid7())
    world.happen("go", two)
    world.engine.advance()
    for workflow in (by_hand, listener):
        found = world.db.execute("select event_id, occurred_at from runs where workflow_id = %s", (workflow,))
        assert found.fetchall() == [(None, NOON)]
