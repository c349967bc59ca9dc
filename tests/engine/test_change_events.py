"""What a workflow changes on a contact reaches those who listen for it, once, and never without end."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from app.engine import integrity
from app.engine.limits import MAX_DEPTH
from app.inbox import InboxKind
from app.lib.ids import uuid7
from app.models.status import RunOrigin
from tests.fixtures.world import World, flow, node, rule

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
ALWAYS = {"reentry": "always"}


def changing(event: str, *changes: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A workflow that makes changes one after the other."""
    nodes = [{**change, "id": f"n{index}"} for index, change in enumerate(changes)]
    names = ["trigger", *(item["id"] for item in nodes)]
    return flow(event, nodes, *itertools.pairwise(names), **more)


def update(**config: Any) -> dict[str, Any]:
    return node("", "update_contact", **config)


def tag(name: str) -> dict[str, Any]:
    return node("", "add_tag", tag=name)


def events(world: World, workflow: UUID) -> list[Any]:
    """What started the runs of a workflow."""
    found = world.db.execute("select trigger_event from runs where workflow_id = %s order by id", (workflow,))
    return [event for (event,) in found]


def test_a_change_starts_the_workflows_that_listen_for_it(any_way: World) -> None:
    world = any_way
    world.workflow(changing("go", update(set={"plan": "pro", "seats": 3, "source": "sales"}), tag("vip")))
    updated = world.workflow(changing("contact.updated", tag("seen")))
    attribute = world.workflow(
        changing(
            "contact.attribute_changed",
            tag("upgraded"),
            trigger={"conditions": [rule("attributes.plan", "equals", "pro")]},
        )
    )
    (person,) = world.contacts(1, attributes={"plan": "free", "seats": 3}, tags=["new"], source="web")
    world.emit("go", [person])
    assert events(world, updated)[0] == {
        "changed": ["source", "attributes.plan", "tags"],
        "previous": {"source": "web", "attributes": {"plan": "free"}, "tags": ["new"]},
        "current": {"source": "sales", "attributes": {"plan": "pro"}, "tags": ["new", "vip"]},
    }
    origins = dict(world.db.execute("select workflow_id, origin from runs where origin > 0").fetchall())
    assert origins == {updated: RunOrigin.CHANGE, attribute: RunOrigin.CHANGE}
    shaped = {"changed": ["plan"], "previous": {}, "current": {"plan": "free"}}  # by hand, in the shape of a change
    world.put("manual", world.contacts(1), shaped, kind=InboxKind.START, workflow_id=updated, run_id=uuid7())
    world.happen("contact.updated", world.contacts(1)[0], shaped)
    world.engine.advance()
    by_origin = "select array_agg(distinct origin order by origin) from runs where workflow_id = %s"
    assert world.one(by_origin, updated) == [RunOrigin.EVENT, RunOrigin.HAND, RunOrigin.CHANGE]
    assert events(world, attribute) == [
        {"changed": ["plan"], "attributes": {"plan": "pro"}, "previous": {"plan": "free"}}
    ]
    assert {"vip", "seen", "upgraded"} <= set(world.one("select tags from contacts where id = %s", person))
    assert integrity.check(world.db) == []


def test_what_is_the_same_afterwards_is_no_change(world: World) -> None:
    world.workflow(changing("go", update(set={"plan": "pro"}, increment={"n": 0}), tag("vip")))
    listener = world.workflow(changing("contact.updated", tag("x")))
    world.emit("go", world.contacts(1, attributes={"plan": "pro", "n": 1}, tags=["vip"]))
    assert events(world, listener) == []


def test_nobody_listens_nothing_is_told(world: World) -> None:
    world.workflow(changing("go", update(set={"plan": "pro"})))
    world.put("go", world.contacts(1))
    world.engine.take_events()
    assert world.one("select count(*) from inbox") == 0


def test_a_change_reaches_goals_also_of_the_workflow_that_made_it(any_way: World) -> None:
    world = any_way
    world.travel(NOON)
    goal = {
        "id": "bought",
        "event": "contact.attribute_changed",
        "conditions": [rule("attributes.has_purchased", "is_true")],
    }
    graph = flow(
        "go",
        [node("d", "delay", duration=1, unit="days"), node("e", "end")],
        ("trigger", "d"), ("d", "e"), goals=[goal],
    )  # fmt: skip
    waiting = world.workflow(graph)
    own = world.workflow(
        flow(
            "go",
            [node("u", "update_contact", set={"has_purchased": True}), node("d", "delay", duration=1, unit="days")],
            ("trigger", "u"), ("u", "d"), goals=[goal],
        )
    )  # fmt: skip
    people = world.contacts(3)
    world.emit("go", people)
    assert world.runs(waiting) == world.runs(own) == {"goal_reached": 3}
    assert integrity.check(world.db) == []


def test_a_change_after_a_delay_is_told_by_an_engine_that_has_just_started(world: World) -> None:
    world.travel(NOON)
    graph = flow(
        "go",
        [node("d", "delay", duration=1, unit="hours"), node("u", "update_contact", set={"late": True})],
        ("trigger", "d"), ("d", "u"),
    )  # fmt: skip
    world.workflow(graph)
    listener = world.workflow(changing("contact.updated", tag("seen")))
    world.emit("go", world.contacts(2))
    world.engine.matcher.workspaces.clear()
    world.engine.matcher.flows.clear()
    world.travel(NOON + timedelta(hours=1))
    assert world.runs(listener) == {"completed": 2}


def test_a_workflow_does_not_start_itself(world: World) -> None:
    counting = world.workflow(changing("contact.updated", update(increment={"n": 1}), settings=ALWAYS))
    (person,) = world.contacts(1)
    world.emit("contact.updated", [person])
    assert world.runs(counting) == {"completed": 1}


def test_workflows_that_answer_each_other_come_to_an_end(world: World) -> None:
    one = world.workflow(changing("contact.updated", update(increment={"a": 1}), settings=ALWAYS))
    other = world.workflow(changing("contact.updated", update(increment={"b": 1}), settings=ALWAYS))
    (person,) = world.contacts(1)
    world.emit("contact.updated", [person])
    assert world.one("select count(*) from inbox") == 0
    counted = world.one("select (attributes->>'a')::int + (attributes->>'b')::int from contacts")
    assert MAX_DEPTH <= counted == sum(world.runs(one).values()) + sum(world.runs(other).values()) <= 2 * MAX_DEPTH + 2
    assert integrity.check(world.db) == []


@pytest.mark.parametrize("status", ["paused", "draft", "archived"])
def test_only_active_workflows_are_started(world: World, status: str) -> None:
    world.workflow(changing("go", update(set={"plan": "pro"})))
    listener = world.workflow(changing("contact.updated", tag("seen")), status)
    world.emit("go", world.contacts(1))
    assert world.runs(listener) == {}
    assert world.db.execute("select reason from entry_refusals").fetchall() == (
        [("workflow_paused",)] if status == "paused" else []
    )


def test_one_workflow_that_cannot_be_understood_keeps_no_other_from_starting(world: World) -> None:
    broken = changing("go", tag("x"))
    broken["trigger"]["conditions"] = [{"operator": 5}]
    world.workflow(broken)
    fine = world.workflow(changing("go", tag("y")))
    world.emit("go", world.contacts(2))
    assert world.runs(fine) == {"completed": 2}
    assert world.one("select count(*) from dead_letters") == 0
