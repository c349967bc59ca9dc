"""Goals on the contact: asked of who enters and before each step that sends, by versions that say so."""

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
TEMPLATE = str(uuid7())
BOUGHT = {
    "id": "bought",
    "name": "Purchased",
    "event": "contact.attribute_changed",
    "conditions": [rule("attributes.has_purchased", "equals", True)],
    "checkContact": True,
}


def mailing(*goals: dict[str, Any], **settings: Any) -> dict[str, Any]:
    """Tag, mail, wait an hour, mail."""
    nodes = [
        node("t", "add_tag", tag="in"),
        node("m1", "send_email", templateId=TEMPLATE),
        node("d", "delay", duration=1, unit="hours"),
        node("m2", "send_email", templateId=TEMPLATE),
    ]
    edges = ("trigger", "t"), ("t", "m1"), ("m1", "d"), ("d", "m2")
    return flow("e", nodes, *edges, goals=list(goals), settings=settings)


def goal(field: str, operator: str, value: Any = None, **more: Any) -> dict[str, Any]:
    return {**BOUGHT, "conditions": [rule(field, operator, value)], **more}


def silently(world: World, contact: UUID, attributes: str) -> None:
    """A change that no event tells, as an import without events makes it."""
    world.db.execute("update contacts set attributes = %s::jsonb where id = %s", (attributes, contact))


def refusals(world: World) -> list[tuple[UUID, str, Any]]:
    return world.db.execute("select contact_id, reason, detail from entry_refusals order by id").fetchall()


def sound(world: World) -> None:
    world.balanced()
    assert integrity.check(world.db) == []


def test_who_has_reached_the_goal_does_not_enter_and_is_no_conversion(any_way: World) -> None:
    world = any_way
    workflow = world.workflow(mailing(BOUGHT))
    bought, looking = world.contacts(1, attributes={"has_purchased": True}) + world.contacts(
        1, attributes={"has_purchased": False}
    )
    world.emit("e", [bought, looking])
    assert world.runs(workflow) == {"waiting": 1}
    held = {"field": "attributes.has_purchased", "operator": "equals", "wanted": True, "actual": True, "held": True}
    assert refusals(world) == [
        (bought, "goal_already_reached", {"goal": "bought", "name": "Purchased", "rules": [held]})
    ]
    assert world.one("select count(*) from messages where contact_id = %s", bought) == 0
    assert ("", "goal_reached") not in world.counters()
    sound(world)


@pytest.mark.parametrize(
    "met",
    [
        goal("contact.plan", "equals", "pro"),
        goal("orders", "greater_than", 2),
        goal("contact.tags", "contains", "vip", event="contact.updated"),
        goal("contact.phone", "exists"),
        # Said on purpose, the conditions are enough for a goal on another event too.
        goal("contact.plan", "equals", "pro", event="order.placed"),
        {**BOUGHT, "match": "any", "conditions": [rule("contact.orders", "equals", 0), rule("tags", "contains", "vip")]},
    ],
    ids=["attribute", "bare number", "tag", "column", "another event", "any"],
)  # fmt: skip
def test_what_a_contact_can_be_like(world: World, met: dict[str, Any]) -> None:
    workflow = world.workflow(mailing(met))
    there = world.contacts(1, attributes={"plan": "pro", "orders": 3}, tags=["vip"], phone="+4915112345678")
    not_yet = world.contacts(1, attributes={"plan": "free", "orders": 1})
    world.emit("e", there + not_yet, {"orders": 9, "phone": "no"})
    assert world.db.execute("select contact_id from runs").fetchall() == [(not_yet[0],)]
    assert [(who, why) for who, why, _ in refusals(world)] == [(there[0], "goal_already_reached")]
    assert world.runs(workflow) == {"waiting": 1}


@pytest.mark.parametrize(
    "unmet",
    [
        {**BOUGHT, "checkContact": False},
        {name: value for name, value in BOUGHT.items() if name != "checkContact"},
        goal("event.attributes.has_purchased", "equals", True),
        {**BOUGHT, "conditions": [*BOUGHT["conditions"], rule("event.changed", "contains", "has_purchased")]},
        {**BOUGHT, "conditions": []},
        goal("attributes.orders", "greater_than", 2),  # cannot be answered: it is text
    ],
    ids=["off", "an older version", "reads the event", "reads the event too", "no conditions", "unanswerable"],
)  # fmt: skip
def test_goals_that_ask_nobody_without_an_event(world: World, unmet: dict[str, Any]) -> None:
    world.travel(NOON)
    workflow = world.workflow(mailing(unmet))
    people = world.contacts(2, attributes={"has_purchased": True, "orders": "many"})
    world.emit("e", people, {"attributes": {"has_purchased": True}, "changed": ["has_purchased"]})
    world.travel(NOON + timedelta(hours=1))
    assert world.runs(workflow) == {"completed": 2}
    assert world.one("select count(*) from messages") == 4
    assert refusals(world) == []


def test_before_each_mail_the_contact_is_asked_again(any_way: World) -> None:
    world = any_way
    world.travel(NOON)
    workflow = world.workflow(mailing(BOUGHT))
    bought, looking = world.contacts(2)
    world.emit("e", [bought, looking])
    assert world.one("select count(*) from messages") == 2
    silently(world, bought, '{"has_purchased": true}')
    world.travel(NOON + timedelta(hours=1))
    assert world.runs(workflow) == {"goal_reached": 1, "completed": 1}
    assert world.one("select count(*) from messages where contact_id = %s", bought) == 1
    row = world.db.execute(
        "select r.goal_reached_id, r.current_node_id, s.status, s.port, s.output, s.error_message"
        " from runs r join steps s on s.run_id = r.id and s.seq = r.seq where r.contact_id = %s",
        (bought,),
    ).fetchone()
    held = {"field": "attributes.has_purchased", "operator": "equals", "wanted": True, "actual": True, "held": True}
    assert row == ("bought", "m2", 6, None, {"goal": "bought", "rules": [held]}, None)
    assert world.counters()["m2", "goal"] == world.counters()["", "goal_reached"] == 1
    sound(world)


def test_a_step_of_the_run_itself_may_reach_it(any_way: World) -> None:
    """The second step makes the contact meet the goal; the mail behind it stays away, in the batch of the entry."""
    world = any_way
    graph = flow(
        "e",
        [node("u", "update_contact", increment={"orders": 2}), node("m", "send_email", templateId=TEMPLATE)],
        ("trigger", "u"), ("u", "m"), goals=[goal("contact.orders", "greater_than", 2)],
    )  # fmt: skip
    workflow = world.workflow(graph)
    world.emit("e", world.contacts(3, attributes={"orders": 1}) + world.contacts(2))
    assert world.runs(workflow) == {"goal_reached": 3, "completed": 2}
    assert world.one("select count(*) from messages") == 2
    assert world.one("select count(*) from steps where node_id = 'm' and status = 6") == 3
    sound(world)


def test_steps_that_send_nothing_are_not_kept_back(world: World) -> None:
    world.travel(NOON)
    nodes = [node("d", "delay", duration=1, unit="hours"), node("t", "add_tag", tag="late"), node("end", "end")]
    workflow = world.workflow(flow("e", nodes, ("trigger", "d"), ("d", "t"), ("t", "end"), goals=[BOUGHT]))
    (person,) = world.contacts(1)
    world.emit("e", [person])
    silently(world, person, '{"has_purchased": true}')
    world.travel(NOON + timedelta(hours=1))
    assert world.runs(workflow) == {"completed": 1}


def test_a_mail_that_waits_for_its_outcome_is_asked_once_and_ended_by_the_event(any_way: World) -> None:
    world = any_way
    graph = flow(
        "e",
        [node("m", "send_email", templateId=TEMPLATE), node("end", "end"), node("bad", "add_tag", tag="bad")],
        ("trigger", "m"), ("m", "end"), ("m", "bad", "error"), goals=[BOUGHT],
    )  # fmt: skip
    workflow = world.workflow(graph)
    settled, told = world.contacts(2)
    world.emit("e", [settled, told])
    for person in (settled, told):
        silently(world, person, '{"has_purchased": true}')
    run_id = world.one("select id from runs where contact_id = %s", settled)
    world.put("message", [settled], {"seq": 1, "port": "next", "output": {"status": "sent"}}, kind=2, run_id=run_id)
    world.put("contact.attribute_changed", [told], {"attributes": {"has_purchased": True}})
    world.engine.advance()
    assert world.runs(workflow) == {"completed": 1, "goal_reached": 1}
    sound(world)


def test_whoever_asks_by_hand_is_told_too(world: World) -> None:
    graph = mailing(BOUGHT)
    graph["trigger"] = {"type": "manual"}
    workflow = world.workflow(graph)
    (person,) = world.contacts(1, attributes={"has_purchased": True})
    world.put("manual", [person], kind=1, workflow_id=workflow, run_id=uuid7())
    world.engine.advance()
    assert world.runs(workflow) == {}
    assert refusals(world)[0][:2] == (person, "goal_already_reached")


@pytest.mark.parametrize("reentry", ["once", "always"])
def test_who_bought_after_the_late_entry_is_a_conversion(world: World, reentry: str) -> None:
    """The cart came in last: the contact meets the goal by now, but it was met after the cart."""
    world.travel(NOON)
    workflow = world.workflow(mailing(BOUGHT, reentry=reentry))
    late, before = world.contacts(2, attributes={"has_purchased": True})
    changed = {"changed": ["has_purchased"], "attributes": {"has_purchased": True}}
    for person in (late, before):
        world.happen("contact.attribute_changed", person, changed, occurred_at=NOON - timedelta(minutes=5))
    world.engine.advance()
    world.happen("e", late, occurred_at=NOON - timedelta(minutes=10))
    world.happen("e", before, occurred_at=NOON - timedelta(minutes=1))
    world.engine.advance()
    found = world.db.execute("select contact_id, status from runs where workflow_id = %s", (workflow,)).fetchall()
    assert found == [(late, RunStatus.GOAL_REACHED)]
    assert [(who, why) for who, why, _ in refusals(world)] == [(before, "goal_already_reached")]
    assert world.one("select count(*) from messages") == 0
    sound(world)


def test_only_flows_with_such_goals_pay(world: World) -> None:
    """The sending step of any other flow does the same for everybody, so it is walked once a batch."""
    asked = world.workflow(mailing(BOUGHT))
    plain = world.workflow(mailing({**BOUGHT, "checkContact": False}))
    world.emit("e", world.contacts(1))
    flows = {key[0]: compiled for key, compiled in world.engine.matcher.flows.items()}
    assert flows[asked.bytes].nodes["m1"].constant_outcome is None
    assert flows[plain.bytes].nodes["m1"].constant_outcome is not None
    assert flows[asked.bytes].nodes["t"].constant_outcome is not None
