"""The steps that take runs round: a loop over a list, inside each other, and going to a step again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.engine import integrity
from app.engine.limits import STEPS_AT_ONCE
from app.flow.effects import MAX_VARS_BYTES
from tests.fixtures.world import World, flow, node

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


def sound(world: World) -> None:
    world.balanced()
    assert integrity.check(world.db) == []


def tagging(items: Any, **data: Any) -> dict[str, Any]:
    """`go` leads to a loop that tags the contact with each item and its number, then to a tag."""
    name = data.get("as", "item")
    nodes = [
        node("l", "loop", items=items, **data),
        node("t", "add_tag", tag="{{ vars." + name + " }}{{ vars.index }}"),
        node("d", "add_tag", tag="{{ steps.l.count }} done{{ vars.index }}"),
    ]
    return flow("go", nodes, ("trigger", "l"), ("l", "t", "body"), ("t", "l"), ("l", "d", "done"))


@pytest.mark.parametrize("limit", [1, 7, 1000])
def test_each_item_once_and_in_order(any_way: World, limit: int) -> None:
    world = any_way
    world.engine.limit = limit
    workflow = world.workflow(tagging("{{ event.items }}", **{"as": "letter"}))
    world.emit("go", world.contacts(3), {"items": ["a", "b", "c"]})
    assert world.runs(workflow) == {"completed": 3}
    assert world.one("select distinct tags from contacts") == ["a0", "b1", "c2", "3 done"]
    steps = world.db.execute(
        "select node_id, occurrence, port from steps where run_id = (select id from runs limit 1) order by seq"
    )
    assert steps.fetchall() == [
        ("l", 1, "body"), ("t", 1, "next"), ("l", 2, "body"), ("t", 2, "next"), ("l", 3, "body"), ("t", 3, "next"),
        ("l", 4, "done"), ("d", 1, "next"),
    ]  # fmt: skip
    assert world.one("select count(*) from runs where context->'loops' <> '{}'") == 0
    sound(world)


@pytest.mark.parametrize(
    ("event", "data", "status", "tags", "error"),
    [
        ({"items": []}, {}, "completed", ["0 done"], None),
        ({}, {}, "completed", ["0 done"], None),
        ({"items": None}, {}, "completed", ["0 done"], None),
        ({"items": "a,b"}, {}, "failed", [], "This loop goes through a list, and “a,b” is none."),
        ({"items": {"a": 1}}, {}, "failed", [], "is none."),
        ({"items": [1, 2, 3]}, {"maxIterations": 2}, "failed", [], "has 3 items, and this loop goes round 2 times"),
        ({"items": [1, 2]}, {"maxIterations": 2}, "completed", ["10", "21", "2 done"], None),
    ],
)
def test_odd_lists(
    world: World, event: dict[str, Any], data: dict[str, Any], status: str, tags: list[str], error: str | None
) -> None:
    workflow = world.workflow(tagging("{{ event.items }}", **data))
    world.emit("go", world.contacts(1), event)
    assert world.runs(workflow) == {status: 1}
    assert world.one("select tags from contacts") == tags
    assert error is None or error in world.one("select error_message from runs")
    sound(world)


def test_a_list_of_the_contact_is_read_once(any_way: World) -> None:
    """What the body does to it changes nothing for the loop, also over waits and for a run that nobody else is like."""
    world = any_way
    world.travel(NOON)
    nodes = [
        node("l", "loop", items="{{ contact.attributes.todo }}"),
        node("u", "update_contact", set={"todo": ["x"] * 9}),
        node("w", "delay", duration=1, unit="hours"),
        node("t", "add_tag", tag="{{ vars.item.name }}"),
    ]
    ways = (("trigger", "l"), ("l", "u", "body"), ("u", "w"), ("w", "t"), ("t", "l"))
    workflow = world.workflow(flow("go", nodes, *ways))
    world.emit("go", world.contacts(2, attributes={"todo": [{"name": "a"}, {"name": "b"}]}))
    assert integrity.check(world.db) == []
    for hour in (1, 2):
        world.travel(NOON + timedelta(hours=hour))
    assert world.runs(workflow) == {"completed": 2}
    assert world.one("select distinct tags from contacts") == ["a", "b"]
    sound(world)


def test_a_list_that_is_too_large_to_keep_fails_in_words(world: World) -> None:
    workflow = world.workflow(tagging("{{ contact.attributes.todo }}"))
    world.emit("go", world.contacts(1, attributes={"todo": ["x" * (MAX_VARS_BYTES // 3)] * 4}))
    assert world.runs(workflow) == {"failed": 1}
    assert world.one("select error_message from runs") == (
        "The list of this loop takes more than 64 kB. Go through less."
    )


@pytest.mark.parametrize("limit", [1, 1000])
def test_loops_inside_each_other(any_way: World, limit: int) -> None:
    """The inner one begins anew for each item of the outer one, whose variables are back when it is done."""
    world = any_way
    world.engine.limit = limit
    nodes = [
        node("o", "loop", items="{{ event.rows }}", **{"as": "row"}),
        node("i", "loop", items="{{ vars.row.cells }}"),
        node("t", "add_tag", tag="{{ vars.row.name }}{{ vars.item }}{{ vars.index }}"),
        node("e", "add_tag", tag="end {{ vars.row.name }}{{ vars.index }}{{ vars.item }}"),
    ]
    ways = (("trigger", "o"), ("o", "i", "body"), ("i", "t", "body"), ("t", "i"), ("i", "e", "done"), ("e", "o"))
    workflow = world.workflow(flow("go", nodes, *ways))
    rows = [{"name": "A", "cells": [7, 8]}, {"name": "B", "cells": []}, {"name": "C", "cells": [9]}]
    world.emit("go", world.contacts(2), {"rows": rows})
    assert world.runs(workflow) == {"completed": 2}
    assert world.one("select distinct tags from contacts") == ["A70", "A81", "end A0", "end B1", "C90", "end C2"]
    sound(world)


def test_an_inner_loop_that_was_left_begins_anew(world: World) -> None:
    """Its body leads back to the outer loop after the first item: a break."""
    nodes = [
        node("o", "loop", items=[1, 2], **{"as": "outer"}),
        node("i", "loop", items=["a", "b"]),
        node("t", "add_tag", tag="{{ vars.outer }}{{ vars.item }}"),
    ]
    ways = (("trigger", "o"), ("o", "i", "body"), ("i", "t", "body"), ("t", "o"))
    workflow = world.workflow(flow("go", nodes, *ways))
    world.emit("go", world.contacts(1))
    assert world.runs(workflow) == {"completed": 1} and world.one("select tags from contacts") == ["1a", "2a"]
    sound(world)


def test_a_long_loop_lets_others_go_before(world: World) -> None:
    """One batch takes a run so many steps far; 1,000 items are ten batches or more, and nobody waits for all of them."""
    nodes = [node("l", "loop", items="{{ event.items }}"), node("u", "update_contact", increment={"n": 1})]
    workflow = world.workflow(flow("go", nodes, ("trigger", "l"), ("l", "u", "body"), ("u", "l")))
    world.put("go", world.contacts(2, attributes={"n": 0}), {"items": [0] * 1000})
    world.engine.take_events()
    assert world.runs(workflow) == {"running": 2}
    assert world.one("select distinct seq from runs") <= STEPS_AT_ONCE + 1
    sound(world)
    world.engine.advance()
    assert world.runs(workflow) == {"completed": 2}
    assert world.one("select distinct attributes from contacts") == {"n": 1000}
    assert world.one("select distinct seq from runs") == 2001
    sound(world)


def again(most: int, *edges: Any, wait: bool = False) -> dict[str, Any]:
    nodes = [
        node("t", "update_contact", increment={"n": 1}),
        *([node("w", "delay", duration=1, unit="hours")] if wait else []),
        node("g", "goto", target="t", maxVisits=most),
        node("x", "add_tag", tag="enough"),
    ]
    to_goto = (("t", "w"), ("w", "g")) if wait else (("t", "g"),)
    return flow("go", nodes, ("trigger", "t"), *to_goto, *edges)


@pytest.mark.parametrize("wait", [False, True])
@pytest.mark.parametrize("edges", [(), (("g", "x", "exceeded"),)])
def test_going_to_a_step_again(any_way: World, edges: Any, wait: bool) -> None:
    world = any_way
    world.travel(NOON)
    workflow = world.workflow(again(2, *edges, wait=wait))
    world.emit("go", world.contacts(2, attributes={"n": 0}))
    for hour in range(1, 5):
        world.travel(NOON + timedelta(hours=hour))
    assert world.runs(workflow) == {"completed": 2}
    assert world.one("select distinct attributes from contacts") == {"n": 3}
    assert world.one("select tags from contacts limit 1") == (["enough"] if edges else [])
    counts = world.counters()
    assert counts["g", "target"] == 4 and counts["g", "exceeded"] == 2
    ports = world.db.execute("select occurrence, port from steps where node_id = 'g' order by run_id, seq limit 3")
    assert ports.fetchall() == [(1, "target"), (2, "target"), (3, "exceeded")]
    sound(world)


def test_going_forward(world: World) -> None:
    nodes = [node("g", "goto", target="b"), node("a", "add_tag", tag="a"), node("b", "add_tag", tag="b")]
    workflow = world.workflow(flow("go", nodes, ("trigger", "g"), ("g", "a", "exceeded"), ("a", "b")))
    world.emit("go", world.contacts(2))
    assert world.runs(workflow) == {"completed": 2} and world.one("select distinct tags from contacts") == ["b"]
    sound(world)


def test_going_to_a_step_that_is_gone_ends_the_run(world: World) -> None:
    """A version that could not be published now; old ones are walked all the same."""
    workflow = world.workflow(flow("go", [node("g", "goto", target="gone")], ("trigger", "g")))
    world.emit("go", world.contacts(1))
    assert world.runs(workflow) == {"completed": 1}
    sound(world)
