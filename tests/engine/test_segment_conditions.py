"""“Is in segment” in steps, triggers and goals: the membership is that of the moment, whatever the batch, and read once for all."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from app.engine import integrity
from app.lib.ids import uuid7
from tests.engine.dynamic import Dynamic, did, f, rule
from tests.engine.test_segments import segment
from tests.fixtures.world import World, flow, node

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


def inside(*ids: UUID, operator: str = "in") -> dict[str, Any]:
    return {"field": "segment", "operator": operator, "value": [str(one) for one in ids]}


def asks(
    *conditions: dict[str, Any], event: str = "seen", before: list[dict[str, Any]] | None = None
) -> dict[str, Any]:
    """A workflow that tags whom its condition holds for, after other steps."""
    steps = [*(before or ()), node("c", "condition", conditions=list(conditions)), node("y", "add_tag", tag="yes")]
    edges = [(one["id"], other["id"]) for one, other in itertools.pairwise(steps[:-1])]
    return flow(event, steps, ("trigger", steps[0]["id"]), *edges, ("c", "y", "true"))


def tagged(world: World) -> set[UUID]:
    rows = world.db.execute("select id from contacts where 'yes' = any(tags)").fetchall()
    return {contact for (contact,) in rows}


def untag(world: World) -> None:
    world.db.execute("update contacts set tags = '{}'")
    world.db.execute("delete from contact_tags")


def sound(world: World) -> None:
    world.balanced()
    assert integrity.check(world.db) == []


async def test_a_step_asks_static_and_dynamic_segments(any_way: World) -> None:
    world = any_way
    people, segments = world.contacts(6, attributes={"plan": "free"}), Dynamic(world)
    (pro,) = await segments.add(rule(f("attributes.plan", "equals", "pro")))
    static = segment(world, number=50)
    segments.change(people[0], plan="pro")
    world.workflow(flow("put", [node("a", "add_to_segment", segmentId=str(static))], ("trigger", "a")))
    world.emit("put", people[1:3])
    workflow = world.workflow(asks(inside(pro, static)))
    world.emit("seen", people)
    assert tagged(world) == set(people[:3])
    outputs = world.db.execute(
        "select s.output from steps s join runs r on r.id = s.run_id where r.contact_id = %s and s.node_id = 'c'",
        (people[1],),
    ).fetchall()
    assert outputs[0][0]["rules"] == [
        {
            "field": "segment",
            "operator": "in",
            "segments": [str(pro), str(static)],
            "wanted": ["Segment 1", "VIPs"],
            "actual": ["VIPs"],
            "building": [],
            "held": True,
        }
    ]
    assert world.runs(workflow) == {"completed": 6}
    sound(world)


async def test_the_event_that_starts_a_run_counts_already_and_is_told_once(any_way: World) -> None:
    world = any_way
    people, segments = world.contacts(5), Dynamic(world)
    (often,) = await segments.add(rule(did("paid", 3, 30)))
    world.workflow(asks(inside(often), event="paid"))
    for round_ in range(3):
        for contact in people[: 5 - round_]:
            world.happen("paid", contact)
        world.engine.advance()
    assert tagged(world) == segments.members(often) == set(people[:3])
    assert segments.told(often) == {("added", contact): 1 for contact in people[:3]}
    assert segments.faults() == []
    sound(world)


async def test_who_enters_and_leaves_in_one_batch_is_told_nothing(world: World) -> None:
    """What a step reads is foreseen, not written: only what the batch comes to moves anybody."""
    (person,), segments = world.contacts(1), Dynamic(world)
    workflow = asks(inside(uuid7()), event="paid")
    workflow_id = world.workflow(workflow)
    (outside,) = await segments.add(rule(did("paid"), {"workflow": str(workflow_id), "state": "never"}))
    world.workflow(asks(inside(outside), event="paid"))
    world.happen("paid", person)
    world.engine.advance()
    assert tagged(world) == {person}, "when the step was asked the other run had not begun as far as segments know"
    assert segments.members(outside) == set() and not segments.told(outside)
    assert segments.faults() == []


async def test_time_alone_has_moved_whoever_acts_now(world: World) -> None:
    world.travel(NOON)
    (person,), segments = world.contacts(1), Dynamic(world)
    (recent,) = await segments.add(rule(did("paid", 1, 7)))
    world.workflow(asks(inside(recent), event="paid", before=[node("d", "delay", duration=7, unit="days")]))
    world.workflow(
        {
            **asks(
                inside(recent, operator="not_in"), event="paid", before=[node("d", "delay", duration=167, unit="hours")]
            )
        }
    )
    world.happen("paid", person)
    world.engine.advance()
    world.travel(NOON + timedelta(days=6, hours=23, minutes=59))
    world.travel(NOON + timedelta(days=7, minutes=1))
    assert tagged(world) == set(), "an hour before it was in, and a minute after the seventh day it was not"
    assert segments.faults() == []


async def test_nobody_is_in_a_segment_that_is_built_for_the_first_time(world: World) -> None:
    people, segments = world.contacts(4, attributes={"plan": "pro"}), Dynamic(world)
    (pro,) = await segments.add(rule(f("attributes.plan", "equals", "pro")), build=False)
    workflow = world.workflow(asks(inside(pro)))
    world.emit("seen", people[:2])
    assert tagged(world) == set()
    (output,) = world.db.execute("select output from steps where node_id = 'c' limit 1").fetchone()
    assert output["rules"][0]["building"] == ["Segment 1"]
    segments.build()
    world.emit("seen", people[:2])
    assert tagged(world) == set(people[:2])
    number = await segments.edit(pro, rule(f("attributes.plan", "equals", "free")))
    world.emit("seen", people[2:])
    assert tagged(world) == set(people), "the rule that counts is the old one until the new one is applied"
    segments.build()
    await segments.swap(pro)
    assert segments.of_number(number) == set()
    untag(world)
    world.emit("seen", people)
    assert tagged(world) == set() and world.runs(workflow)["completed"] == 10


def test_a_step_of_the_run_itself_puts_in_and_takes_out(any_way: World) -> None:
    world = any_way
    people, static = world.contacts(3), segment(world)
    put = node("p", "add_to_segment", segmentId=str(static))
    world.workflow(asks(inside(static), before=[put]))
    world.workflow(
        asks(
            inside(static, operator="not_in"),
            event="out",
            before=[node("o", "remove_from_segment", segmentId=str(static))],
        )
    )
    world.emit("seen", people)
    assert tagged(world) == set(people)
    untag(world)
    world.emit("out", people[:2])
    assert tagged(world) == set(people[:2])
    sound(world)


async def test_triggers_and_waits_ask_for_membership(any_way: World) -> None:
    world = any_way
    people, segments = world.contacts(4, attributes={"plan": "free"}), Dynamic(world)
    (pro,) = await segments.add(rule(f("attributes.plan", "equals", "pro")))
    segments.change(people[0], plan="pro")
    world.engine.advance()
    starts = world.workflow(
        flow("seen", [node("a", "add_tag", tag="in")], ("trigger", "a"), trigger={"conditions": [inside(pro)]})
    )
    waits = world.workflow(
        flow("begin", [node("w", "wait_for_event", event="seen", conditions=[inside(pro)])], ("trigger", "w"))
    )
    world.emit("begin", people)
    world.emit("seen", people)
    assert world.runs(starts) == {"completed": 1} and world.runs(waits) == {"completed": 1, "waiting": 3}
    segments.change(people[1], plan="pro")
    world.emit("seen", people)
    assert world.runs(starts) == {"completed": 3} and world.runs(waits) == {"completed": 2, "waiting": 2}
    sound(world)


async def test_a_goal_on_membership_is_reached_when_somebody_enters(any_way: World) -> None:
    world = any_way
    people, segments = world.contacts(4, attributes={"plan": "free"}), Dynamic(world)
    (pro, often) = await segments.add(rule(f("attributes.plan", "equals", "pro")), rule(did("paid", 2, 30)))
    static = segment(world, number=50)
    goal = {"id": "g", "name": "Won", "event": "contact.attribute_changed", "checkContact": True}
    waits = [node("d", "delay", duration=3, unit="days")]
    workflow = world.workflow(
        flow(
            "begin",
            waits,
            ("trigger", "d"),
            goals=[{**goal, "match": "any", "conditions": [inside(pro, often), inside(static)]}],
        )
    )
    world.workflow(flow("put", [node("a", "add_to_segment", segmentId=str(static))], ("trigger", "a")))
    world.emit("begin", people)
    assert world.runs(workflow) == {"waiting": 4}
    segments.change(people[0], plan="pro")
    world.engine.advance()
    for _ in range(2):
        world.happen("paid", people[1])
        world.engine.advance()
    assert world.runs(workflow) == {"goal_reached": 2, "waiting": 2}
    world.emit("put", people[2:3])
    assert world.runs(workflow) == {"goal_reached": 3, "waiting": 1}
    world.emit("begin", people[:3])
    assert world.one("select count(*) from entry_refusals where reason = 'goal_already_reached'") == 3
    sound(world)


async def test_a_run_of_nobody_and_a_segment_that_is_gone(world: World) -> None:
    people, segments = world.contacts(1, attributes={"plan": "pro"}), Dynamic(world)
    (pro,) = await segments.add(rule(f("attributes.plan", "equals", "pro")))
    graph = asks(inside(pro), event=None)  # type: ignore[arg-type]
    del graph["trigger"]
    graph["triggers"] = [{"id": "trigger", "type": "manual", "data": {"contact": "optional"}}]
    workflow = world.workflow(graph)
    world.start_nobody(workflow)
    world.engine.advance()
    assert world.one("select port from steps where node_id = 'c'") == "false"
    world.db.execute("update segments set deleted_at = clock_now()")
    seen = world.workflow(asks(inside(pro)))
    world.emit("seen", people)
    assert tagged(world) == set() and world.runs(seen) == {"completed": 1}


@pytest.mark.parametrize("count", [3, 300])
async def test_what_a_batch_reads_of_segments_does_not_grow_with_runs(
    world: World, count: int, monkeypatch: Any
) -> None:
    people, segments = world.contacts(count, attributes={"plan": "pro"}), Dynamic(world)
    (pro,) = await segments.add(rule(f("attributes.plan", "equals", "pro")))
    static = segment(world, number=50)
    world.workflow(asks(inside(pro, static)))
    world.workflow(flow("other", [node("a", "add_tag", tag="x")], ("trigger", "a")))
    from app.engine.segment_reads import SegmentReads

    read = list[int]()
    whole = SegmentReads._workspace

    def counted(self: Any, tenant_id: int, wanted: set[UUID]) -> Any:
        read.append(tenant_id)
        return whole(self, tenant_id, wanted)

    monkeypatch.setattr(SegmentReads, "_workspace", counted)
    world.emit("other", people)
    assert read == [], "versions that ask for no segment read none"
    world.emit("seen", people)
    assert len(read) <= 2 and tagged(world) == set(people)
