"""Several triggers in one version: who starts runs, from which step, on which conditions, and what is counted."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from app.inbox import InboxKind
from app.lib.ids import uuid7
from app.models.status import RunOrigin
from tests.fixtures.world import World, flow, node, rule


def two(**overlay: dict[str, Any]) -> dict[str, Any]:
    """`signed_up` leads to step a, `paid` to step b, a start by hand to step c; `overlay` by trigger id."""
    triggers: list[dict[str, Any]] = [
        {"id": "trigger", "type": "event", "data": {"event": "signed_up"}},
        {"id": "paid", "type": "event", "data": {"event": "paid"}},
        {"id": "hand", "type": "manual"},
    ]
    graph = flow(
        None,
        [node(name, "add_tag", tag=name) for name in "abc"],
        ("trigger", "a"),
        ("paid", "b"),
        ("hand", "c"),
    )
    del graph["trigger"]
    return {**graph, "triggers": [{**trigger, **overlay.get(trigger["id"], {})} for trigger in triggers]}


def started(world: World, workflow: UUID) -> list[tuple[str | None, str]]:
    """The trigger that each run keeps and its first step, in the order of the runs."""
    return world.db.execute(
        "select r.trigger_id, s.node_id from runs r join steps s on s.run_id = r.id and s.seq = 1"
        " where r.workflow_id = %s order by r.id",
        (workflow,),
    ).fetchall()


def counters(world: World, workflow: UUID) -> dict[tuple[str, str], int]:
    found = world.db.execute(
        "select node_id, key, sum(n)::int from node_stats where workflow_id = %s group by 1, 2", (workflow,)
    )
    return {(node_id, key): count for node_id, key, count in found}


def test_each_trigger_begins_at_its_own_step(world: World) -> None:
    (person,) = world.contacts(1)
    workflow = world.workflow(two())
    world.emit("signed_up", [person])
    world.emit("paid", [person])
    world.put("manual", [person], kind=1, workflow_id=workflow)
    world.engine.advance()
    assert started(world, workflow) == [(None, "a"), ("paid", "b"), ("hand", "c")]
    counted = counters(world, workflow)
    assert counted["", "entered"] == 3
    assert (counted["paid", "next"], counted["hand", "next"], counted.get(("trigger", "next"))) == (1, 1, None)
    world.balanced()


def test_a_trigger_that_is_switched_off_starts_nothing(world: World) -> None:
    (person,) = world.contacts(1)
    workflow = world.workflow(two(paid={"enabled": False}, hand={"enabled": False}))
    world.emit("paid", [person])
    assert world.runs(workflow) == {}
    world.put("manual", [person], kind=1, workflow_id=workflow)
    world.engine.advance()
    assert started(world, workflow) == [], (
        "the trigger that is made for it is off: another one that is on is no way around it"
    )
    assert world.db.execute("select reason from entry_refusals").fetchall() == [("trigger_not_there",)]


def test_who_is_put_in_by_hand_begins_at_the_first_trigger_when_none_is_made_for_it(world: World) -> None:
    (person,) = world.contacts(1)
    workflow = world.workflow(two(paid={"enabled": False}, hand={"type": "event", "data": {"event": "asked"}}))
    world.put("manual", [person], kind=1, workflow_id=workflow)
    world.engine.advance()
    assert started(world, workflow) == [(None, "a")]


def test_an_event_that_two_triggers_wait_for_starts_one_run(world: World) -> None:
    pro, free = world.contacts(1, attributes={"plan": "pro"})[0], world.contacts(1)[0]
    only_pro = {"event": "paid", "conditions": [rule("plan", "equals", "pro")]}
    workflow = world.workflow({**two(trigger={"data": only_pro}), "settings": {"reentry": "always"}})
    world.emit("paid", [pro])
    world.emit("paid", [free])
    assert started(world, workflow) == [(None, "a"), ("paid", "b")]
    assert world.db.execute("select count(*) from entry_refusals").fetchone() == (0,)
    world.balanced()


def test_conditions_that_fail_on_one_trigger_leave_the_other(world: World) -> None:
    (person,) = world.contacts(1, attributes={"plan": ["a list"]})
    broken = {"event": "paid", "conditions": [rule("plan", "greater_than", 3)]}
    workflow = world.workflow(two(trigger={"data": broken}))
    world.emit("paid", [person])
    assert started(world, workflow) == [("paid", "b")]
    other = world.workflow(two(trigger={"data": broken}, paid={"data": broken}))
    world.emit("paid", [person])
    assert world.runs(other) == {}
    assert world.db.execute("select reason from entry_refusals where workflow_id = %s", (other,)).fetchall() == [
        ("condition_error",)
    ]


def test_the_re_entry_rule_is_of_the_workflow(world: World) -> None:
    (person,) = world.contacts(1)
    wait = node("a", "delay", duration=1, unit="hours")
    graph = two()
    workflow = world.workflow({**graph, "nodes": [wait, *graph["nodes"][1:]]})
    world.emit("signed_up", [person])
    world.emit("paid", [person])
    assert world.runs(workflow) == {"waiting": 1}
    assert world.db.execute("select reason from entry_refusals").fetchall() == [("already_active",)]


def test_who_started_it_is_known_when_a_run_goes_on(world: World) -> None:
    (person,) = world.contacts(1)
    graph = two()
    hold = [node("b", "delay", duration=1, unit="seconds"), node("d", "update_contact", set={"by": "{{ event.n }}"})]
    graph = {**graph, "nodes": [*graph["nodes"][:1], hold[0], graph["nodes"][2], hold[1]]}
    graph["edges"].append({"source": "b", "target": "d", "sourceHandle": "next"})
    workflow = world.workflow(graph)
    world.emit("paid", [person], {"n": "x"})
    assert world.runs(workflow) == {"waiting": 1}
    world.hurry()
    world.engine.advance()
    assert world.runs(workflow) == {"completed": 1}
    assert world.db.execute("select attributes from contacts").fetchone() == ({"by": "x"},)
    world.balanced()


def test_a_run_says_where_it_comes_from(world: World) -> None:
    """Who asks for runs at a trigger by name is a person or program, another program that called its address, or an audience."""
    kinds = {
        "hand": ("manual", {"contact": "optional"}),
        "shop": ("webhook", {"signature": "none"}),
        "clock": ("schedule", {"cron": "0 9 * * *"}),
    }
    graph = two()
    graph["triggers"] = [{"id": name, "type": kind, "data": data} for name, (kind, data) in kinds.items()]
    graph["edges"] = [{"source": name, "target": "a"} for name in kinds]
    workflow = world.workflow(graph)
    for name in kinds:
        world.put(name, [None], kind=int(InboxKind.AT_TRIGGER), workflow_id=workflow, run_id=uuid7())
    world.engine.advance()
    assert dict(world.db.execute("select trigger_id, origin from runs").fetchall()) == {
        "hand": RunOrigin.HAND,
        "shop": RunOrigin.RECEIVED,
        "clock": RunOrigin.ENROLLED,
    }
