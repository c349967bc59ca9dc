"""Occurrence, not arrival: what a run began with and when it happened, and goals that arrive before, with or after the entry."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from app.engine import integrity
from app.lib.ids import uuid7
from app.models.status import RunStatus
from tests.fixtures.world import World, flow, node, rule

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


BOUGHT = {"id": "bought", "name": "Bought", "event": "order", "conditions": []}


def waiting(**more: Any) -> dict[str, Any]:
    """Enter on `cart`, wait an hour, tag; leave by `order`."""
    nodes = [WAIT, node("t", "add_tag", tag="reminded")]
    return flow("cart", nodes, ("trigger", "d"), ("d", "t"), goals=more.pop("goals", [BOUGHT]), **more)


def outcome(world: World, workflow: UUID) -> list[tuple[str, str | None]]:
    """Status and goal of each run, in order of what began it."""
    found = world.db.execute(
        "select status, goal_reached_id from runs where workflow_id = %s order by occurred_at, id", (workflow,)
    )
    return [(RunStatus(status).word, goal) for status, goal in found]


def sound(world: World) -> None:
    world.balanced()
    assert integrity.check(world.db) == []


@pytest.mark.parametrize("cut", [False, True], ids=["one batch", "two batches"])
@pytest.mark.parametrize("goal_first", [True, False], ids=["the goal arrives first", "the entry arrives first"])
@pytest.mark.parametrize("later", [0.001, 3000], ids=["a millisecond", "most of an hour"])
def test_a_goal_after_the_entry_counts_in_whichever_order_they_arrive(
    world: World, cut: bool, goal_first: bool, later: float
) -> None:
    world.travel(NOON)
    workflow = world.workflow(waiting())
    (person,) = world.contacts(1)
    story = [("cart", at(-3600)), ("order", at(later - 3600))]
    for name, when in reversed(story) if goal_first else story:
        world.happen(name, person, occurred_at=when)
        if cut:
            world.engine.advance()
    world.engine.advance()
    assert outcome(world, workflow) == [("goal_reached", "bought")]
    assert world.steps(workflow) == [("d", "skipped", None)]
    sound(world)


@pytest.mark.parametrize("cut", [False, True], ids=["one batch", "two batches"])
@pytest.mark.parametrize("goal_first", [True, False], ids=["the goal arrives first", "the entry arrives first"])
@pytest.mark.parametrize("earlier", [0.001, 3600], ids=["a millisecond", "an hour"])
def test_a_goal_before_the_entry_does_not_count(world: World, cut: bool, goal_first: bool, earlier: float) -> None:
    world.travel(NOON)
    workflow = world.workflow(waiting())
    (person,) = world.contacts(1)
    story = [("order", at(-60 - earlier)), ("cart", at(-60))]
    for name, when in story if goal_first else reversed(story):
        world.happen(name, person, occurred_at=when)
        if cut:
            world.engine.advance()
    world.engine.advance()
    assert outcome(world, workflow) == [("waiting", None)]
    world.travel(at(3600))
    assert outcome(world, workflow) == [("completed", None)]
    sound(world)


def test_at_the_same_instant_the_order_of_arrival_decides(world: World) -> None:
    """Clocks that know whole seconds: the shop of the journeys is one."""
    world.travel(NOON)
    workflow = world.workflow(waiting())
    first, second = world.contacts(2)
    for person, names in ((first, ("cart", "order")), (second, ("order", "cart"))):
        for name in names:
            world.happen(name, person, occurred_at=at(-30))
    world.engine.advance()
    found = dict(world.db.execute("select contact_id, status from runs where workflow_id = %s", (workflow,)))
    assert found == {first: RunStatus.GOAL_REACHED, second: RunStatus.WAITING}


def test_nothing_is_done_for_who_has_reached_the_goal_since(any_way: World) -> None:
    """The order came through before the cart did: no tag, no mail, but the entry and its success are counted."""
    world = any_way
    world.travel(NOON)
    graph = flow(
        "cart",
        [node("t", "add_tag", tag="in"), node("m", "send_email", templateId=str(uuid7())), node("end", "end")],
        ("trigger", "t"), ("t", "m"), ("m", "end"), goals=[BOUGHT],
    )  # fmt: skip
    workflow = world.workflow(graph)
    person, other = world.contacts(2)
    world.happen("order", person, occurred_at=at(-10))
    world.engine.advance()
    world.happen("cart", person, occurred_at=at(-20))
    world.happen("cart", other, occurred_at=at(-20))
    world.engine.advance()
    assert sorted(outcome(world, workflow)) == [("completed", None), ("goal_reached", "bought")]
    assert world.one("select tags from contacts where id = %s", person) == []
    assert world.db.execute("select contact_id from messages").fetchall() == [(other,)]
    assert world.counters()["", "goal_reached"] == world.counters()["t", "goal"] == 1
    sound(world)


def test_the_first_goal_by_occurrence_wins(any_way: World) -> None:
    world = any_way
    world.travel(NOON)
    goals = [{"id": name, "event": name, "conditions": []} for name in ("trial", "order")]
    workflow = world.workflow(waiting(goals=goals))
    inside, late = world.contacts(2)
    world.happen("cart", inside, occurred_at=at(-60))
    for person in (inside, late):
        world.happen("order", person, occurred_at=at(-10))
        world.happen("trial", person, occurred_at=at(-20))
    world.engine.advance()
    world.happen("cart", late, occurred_at=at(-60))
    world.engine.advance()
    assert outcome(world, workflow) == [("goal_reached", "trial")] * 2
    sound(world)


def test_a_goal_that_was_missed_is_judged_by_its_own_properties(any_way: World) -> None:
    world = any_way
    world.travel(NOON)
    goals = [{"id": "big", "event": "order", "conditions": [rule("event.total", "greater_than", 10)]}]
    workflow = world.workflow(waiting(goals=goals))
    small, big, other = world.contacts(3)
    world.happen("order", small, {"total": 5}, occurred_at=at(-10))
    world.happen("order", big, {"total": 5}, occurred_at=at(-10))
    world.happen("order", big, {"total": 50}, occurred_at=at(-9))
    world.happen("refund", other, {"total": 50}, occurred_at=at(-9))
    world.engine.advance()
    for person in (small, big, other):
        world.happen("cart", person, occurred_at=at(-20))
    world.engine.advance()
    found = dict(world.db.execute("select contact_id, status from runs where workflow_id = %s", (workflow,)))
    assert found == {small: RunStatus.WAITING, big: RunStatus.GOAL_REACHED, other: RunStatus.WAITING}
    sound(world)


def test_the_event_that_lets_in_is_not_its_own_goal(any_way: World) -> None:
    """Each order starts a follow-up, and the next order ends it."""
    world = any_way
    world.travel(NOON)
    workflow = world.workflow(flow("order", [WAIT], ("trigger", "d"), goals=[BOUGHT]))
    (person,) = world.contacts(1)
    for minutes in (-30, -20, -10):
        world.happen("order", person, occurred_at=at(minutes * 60))
    world.engine.advance()
    assert outcome(world, workflow) == [("goal_reached", "bought"), ("goal_reached", "bought"), ("waiting", None)]
    sound(world)


def test_who_is_inside_is_not_let_in_again_before_the_goal(any_way: World) -> None:
    """Three carts and an order pile up, the order handled first: one visit, one success, two refusals."""
    world = any_way
    world.travel(NOON)
    workflow = world.workflow(waiting())
    (person,) = world.contacts(1)
    world.happen("order", person, occurred_at=at(-10))
    world.engine.advance()
    for seconds in (-20, -40, -30):
        world.happen("cart", person, occurred_at=at(seconds))
    world.happen("cart", person, occurred_at=at(-5))
    world.engine.advance()
    assert outcome(world, workflow) == [("goal_reached", "bought"), ("waiting", None)]
    refused = world.db.execute("select reason, times from entry_refusals").fetchall()
    assert refused == [("already_active", 2)]
    sound(world)


def test_a_clock_that_runs_ahead_loses_no_goal(any_way: World) -> None:
    """An entry that says it happens in 50 minutes: what happens meanwhile came after it."""
    world = any_way
    world.travel(NOON)
    workflow = world.workflow(waiting())
    ahead, both = world.contacts(2)
    world.happen("cart", ahead, occurred_at=at(3000))
    # One clock for both: they keep their order.
    world.happen("order", both, occurred_at=at(3000))
    world.happen("cart", both, occurred_at=at(3001))
    world.engine.advance()
    world.db.execute("update virtual_clock set at = %s", (at(60),))
    world.happen("order", ahead)
    world.engine.advance()
    found = dict(world.db.execute("select contact_id, status from runs where workflow_id = %s", (workflow,)))
    assert found == {ahead: RunStatus.GOAL_REACHED, both: RunStatus.WAITING}
    sound(world)


def test_events_of_others_are_no_goals(world: World) -> None:
    """Of another contact, of another workspace, and of somebody who was erased."""
    world.travel(NOON)
    workflow = world.workflow(waiting())
    person, neighbour, erased = world.contacts(3)
    other_tenant = world.one("insert into workspaces (name, slug) values ('Other', 'other') returning id")
    for contact in (person, erased):
        world.happen("cart", contact, occurred_at=at(-60))
    world.happen("order", neighbour, occurred_at=at(-30))
    world.db.execute(
        "insert into events (id, tenant_id, contact_id, name, occurred_at) values (%s, %s, %s, 'order', %s)",
        (uuid7(), other_tenant, person, at(-30)),
    )
    world.db.execute("delete from contacts where id = %s", (erased,))
    world.engine.advance()
    found = world.db.execute("select contact_id, status from runs where workflow_id = %s", (workflow,)).fetchall()
    assert found == [(person, RunStatus.WAITING)]


def test_a_goal_and_the_end_of_a_wait_at_one_instant(any_way: World) -> None:
    """What happened goes first: whoever bought in the last moment is not reminded."""
    world = any_way
    world.travel(NOON)
    workflow = world.workflow(waiting())
    one, two = world.contacts(2)
    for person in (one, two):
        world.happen("cart", person)
    world.engine.advance()
    world.db.execute("update virtual_clock set at = %s", (at(3600),))
    world.happen("order", one)
    world.happen("order", two, occurred_at=at(3599))
    world.engine.advance()
    assert outcome(world, workflow) == [("goal_reached", "bought")] * 2
    assert world.one("select count(*) from contacts where 'reminded' = any(tags)") == 0
    sound(world)


def test_a_run_that_is_over_stays_as_it_ended(any_way: World) -> None:
    world = any_way
    world.travel(NOON)
    goals = [{"id": name, "event": name, "conditions": []} for name in ("trial", "order")]
    workflow = world.workflow(waiting(goals=goals))
    (person,) = world.contacts(1)
    world.happen("cart", person, occurred_at=at(-60))
    world.happen("order", person, occurred_at=at(-10))
    world.engine.advance()
    world.happen("trial", person, occurred_at=at(-20))
    world.engine.advance()
    assert outcome(world, workflow) == [("goal_reached", "order")]
    sound(world)


@pytest.mark.parametrize(
    ("days", "enters"), [(0.01, True), (6.9, True), (7.1, False), (900, False)], ids=lambda value: str(value)
)
def test_history_starts_nothing(world: World, days: float, enters: bool) -> None:
    """Whoever brings in last year's events mails nobody by it. A week of delay is still a delay."""
    world.travel(NOON)
    workflow = world.workflow(waiting(trigger={"conditions": [rule("event.n", "equals", 1)]}))
    person, other = world.contacts(2)
    when = NOON - timedelta(days=days)
    world.happen("cart", person, {"n": 1}, occurred_at=when)
    world.happen("cart", other, {"n": 2}, occurred_at=when)
    world.engine.advance()
    assert bool(outcome(world, workflow)) is enters
    refused = world.db.execute("select contact_id, reason, detail from entry_refusals").fetchall()
    told = {"occurredAt": when.isoformat(), "arrivedAt": NOON.isoformat()}
    assert refused == ([] if enters else [(person, "event_too_old", told)])


def test_a_batch_does_not_happen_before_what_is_in_it(any_way: World) -> None:
    """Its transaction may have begun before: it waits for its turn. What its runs change comes after what began them."""
    world = any_way
    world.travel(NOON)
    told = {"id": "g", "event": "contact.attribute_changed", "conditions": [rule("event.changed", "contains", "seen")]}
    nodes = [node("u", "update_contact", set={"seen": True}), WAIT]
    workflow = world.workflow(flow("go", nodes, ("trigger", "u"), ("u", "d"), goals=[told]))
    for person in world.contacts(2):
        world.db.execute(
            "insert into inbox (tenant_id, name, contact_id, payload, occurred_at, at) values (%s, 'go', %s, '{}', %s, %s)",
            (world.tenant, person, at(0.3), at(0.3)),
        )
    world.engine.advance()
    assert outcome(world, workflow) == [("goal_reached", "g")] * 2
    assert world.one("select min(started_at) from runs") == at(0.3)
    sound(world)


def test_more_misses_than_are_judged_beforehand(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many goal events that do not hold cost a bounded look ahead; the one behind them ends the run all the same."""
    monkeypatch.setattr("app.engine.arrivals.LOOK_AHEAD", 3)
    world.travel(NOON)
    goals = [{"id": "big", "event": "order", "conditions": [rule("event.total", "greater_than", 10)]}]
    workflow = world.workflow(waiting(goals=goals))
    missed, together = world.contacts(2)
    for person in (missed, together):
        for number in range(6):
            world.happen("order", person, {"total": 3 * number}, occurred_at=at(number - 30))
    world.happen("cart", together, occurred_at=at(-60))
    world.engine.advance()
    world.happen("cart", missed, occurred_at=at(-60))
    world.engine.advance()
    assert outcome(world, workflow) == [("goal_reached", "big")] * 2
    sound(world)
