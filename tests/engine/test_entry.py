"""Who may enter: trigger conditions, re-entry policies, entry keys; goals, pause, erasure; versions stay pinned."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.lib.ids import uuid7
from tests.fixtures.world import World, flow, node, rule

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
WAIT = node("d", "delay", duration=1, unit="hours")


def waiting(settings: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return flow("e", [WAIT, node("end", "end")], ("trigger", "d"), ("d", "end"), settings=settings or {}, **more)


@pytest.mark.parametrize(
    ("settings", "inside", "after", "much_later", "reasons"),
    [
        ({}, 1, 2, 3, {"already_active"}),
        ({"reentry": "once"}, 1, 1, 1, {"already_active", "entered_before"}),
        ({"reentry": "cooldown", "cooldownSeconds": 86_400}, 1, 1, 2, {"already_active", "cooling_down"}),
        ({"reentry": "always"}, 2, 3, 4, set()),
    ],
    ids=["after exit", "once", "cool-down", "always"],
)
def test_the_re_entry_policy(
    world: World, settings: dict[str, Any], inside: int, after: int, much_later: int, reasons: set[str]
) -> None:
    people = world.contacts(1)
    world.travel(NOW)
    flow_id = world.workflow(waiting(settings))
    world.emit("e", people)
    world.emit("e", people)
    assert sum(world.runs(flow_id).values()) == inside
    world.travel(NOW + timedelta(hours=2))
    world.emit("e", people)
    assert sum(world.runs(flow_id).values()) == after
    world.travel(NOW + timedelta(days=3))
    world.emit("e", people)
    assert sum(world.runs(flow_id).values()) == much_later
    assert {reason for (reason,) in world.db.execute("select reason from entry_refusals")} == reasons
    world.balanced()


def test_twice_in_one_batch_enters_once(world: World) -> None:
    (person,) = world.contacts(1)
    flow_id = world.workflow(waiting())
    world.emit("e", [person, person])
    assert world.runs(flow_id) == {"waiting": 1}


def test_one_run_an_entry_key(world: World) -> None:
    (person,) = world.contacts(1)
    flow_id = world.workflow(waiting({"entryKey": "event.order"}))
    for order in ("a", "b", "a"):
        world.emit("e", [person], {"order": order})
    assert world.runs(flow_id) == {"waiting": 2}
    assert world.one("select array_agg(entry_key order by entry_key) from runs") == ["a", "b"]


def test_only_who_meets_the_conditions_enters(world: World) -> None:
    pro, free = world.contacts(1, attributes={"plan": "pro"}) + world.contacts(1, attributes={"plan": "free"})
    flow_id = world.workflow(waiting(trigger={"conditions": [rule("attributes.plan", "equals", "pro")]}))
    world.emit("e", [pro, free])
    assert world.runs(flow_id) == {"waiting": 1}
    assert world.one("select contact_id from runs") == pro


def test_a_goal_ends_active_runs_and_only_those_whose_conditions_hold(world: World) -> None:
    people = world.contacts(3)
    goals = [
        {"id": "bought", "name": "Bought", "event": "order", "conditions": [rule("event.total", "greater_than", 10)]}
    ]
    flow_id = world.workflow(waiting(goals=goals))
    world.emit("e", people)
    world.emit("order", people[:1], {"total": 50})
    world.emit("order", people[1:2], {"total": 5})
    assert world.runs(flow_id) == {"goal_reached": 1, "waiting": 2}
    assert world.one("select goal_reached_id from runs where status = 6") == "bought"
    assert world.steps(flow_id)[0] == ("d", "skipped", None)
    world.balanced()
    world.emit("e", people[:1])
    assert world.runs(flow_id) == {"goal_reached": 1, "waiting": 3}


def test_entry_and_goal_in_one_batch_keep_their_order(world: World) -> None:
    first, second = world.contacts(2)
    flow_id = world.workflow(waiting(goals=[{"id": "g", "name": "G", "event": "order", "conditions": []}]))
    world.put("e", [first])
    world.put("order", [first, second])
    world.put("e", [second])
    world.engine.advance()
    assert world.runs(flow_id) == {"goal_reached": 1, "waiting": 1}
    assert world.one("select contact_id from runs where status = 6") == first
    world.balanced()


def test_goals_of_the_pinned_version_count(world: World) -> None:
    people = world.contacts(2)
    flow_id = world.workflow(waiting(goals=[{"id": "old", "name": "Old", "event": "order", "conditions": []}]))
    world.emit("e", people[:1])
    world.publish(flow_id, waiting(goals=[]), 2)
    world.emit("e", people[1:])
    world.emit("order", people)
    assert world.runs(flow_id) == {"goal_reached": 1, "waiting": 1}


def test_runs_stay_on_their_version(world: World) -> None:
    world.travel(NOW)
    people = world.contacts(2)
    flow_id = world.workflow(waiting())
    world.emit("e", people[:1])
    world.publish(flow_id, flow("e", [WAIT, node("t", "add_tag", tag="two")], ("trigger", "d"), ("d", "t")), 2)
    world.emit("e", people[1:])
    world.travel(NOW + timedelta(hours=1))
    assert world.db.execute("select workflow_version, current_node_id from runs order by id").fetchall() == [
        (1, "end"),
        (2, "t"),
    ]


def test_a_pause_stops_entries_and_timers_but_not_goals_and_loses_nothing(world: World) -> None:
    world.travel(NOW)
    people = world.contacts(3)
    flow_id = world.workflow(waiting(goals=[{"id": "g", "name": "G", "event": "order", "conditions": []}]))
    world.emit("e", people[:2])
    world.set_status(flow_id, "paused")
    world.emit("e", people[2:])
    world.emit("order", people[:1])
    world.travel(NOW + timedelta(hours=5))
    assert world.runs(flow_id) == {"goal_reached": 1, "waiting": 1}
    world.set_status(flow_id, "active")
    world.engine.advance()
    assert world.runs(flow_id) == {"goal_reached": 1, "completed": 1}
    world.balanced()


def test_somebody_is_started_by_hand_with_the_run_that_was_promised(world: World) -> None:
    (person,) = world.contacts(1)
    flow_id = world.workflow(flow(None, [WAIT], ("trigger", "d")))
    promised = uuid7()
    world.put("manual", [person], {"why": "asked"}, kind=1, workflow_id=flow_id, run_id=promised)
    world.engine.advance()
    assert world.db.execute("select id, trigger_event from runs").fetchall() == [(promised, {"why": "asked"})]


def test_an_erased_contact_leaves_its_runs(world: World) -> None:
    world.travel(NOW)
    (person,) = world.contacts(1)
    flow_id = world.workflow(waiting())
    world.emit("e", [person])
    world.db.execute("delete from contacts where id = %s", (person,))
    world.put("contact.erased", [person], kind=3)
    world.put("e", [person])
    world.engine.advance()
    assert world.runs(flow_id) == {"cancelled": 1}
    world.balanced()


def test_an_event_right_after_the_activation_starts_a_run(world: World) -> None:
    """The matcher follows the epoch in the snapshot of the claim."""
    (person,) = world.contacts(1)
    world.emit("e", [person])
    for index in range(3):
        flow_id = world.workflow(flow(f"e{index}", [WAIT], ("trigger", "d")))
        world.emit(f"e{index}", [person])
        assert world.runs(flow_id) == {"waiting": 1}


def test_an_event_that_arrived_before_the_activation_starts_nothing(world: World) -> None:
    """A worker that is late must not let in people whom the activation dialog did not speak of."""
    world.travel(NOW)
    (person,) = world.contacts(1)
    world.put("e", [person])
    world.db.execute("update virtual_clock set at = %s", (NOW + timedelta(seconds=1),))
    flow_id = world.workflow(waiting())
    world.engine.advance()
    assert world.runs(flow_id) == {}
    world.put("e", [person])
    world.engine.advance()
    assert world.runs(flow_id) == {"waiting": 1}
    world.set_status(flow_id, "paused")
    world.put("e", world.contacts(1))
    world.db.execute("update virtual_clock set at = %s", (NOW + timedelta(seconds=2),))
    world.set_status(flow_id, "active")
    world.engine.advance()
    assert world.runs(flow_id) == {"waiting": 1}
