"""Steps that put contacts into static segments and take them out, and workflows that begin when somebody enters or leaves."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg
import pytest

from app.engine import failpoints
from app.flow.segment_membership import ADDED, REMOVED
from app.lib.ids import uuid7
from app.segment_member_repository import StaticMove, move_static
from tests.fixtures.world import World, flow, node, rule


def segment(world: World, name: str = "VIPs", kind: str = "static", number: int = 1) -> UUID:
    id_ = uuid7()
    world.db.execute(
        "insert into segments (tenant_id, id, number, name, kind) values (%s, %s, %s, %s, %s)",
        (world.tenant, id_, number, name, kind),
    )
    return id_


def of_segment(kind: str, segment_id: UUID, step: str, **data: Any) -> dict[str, Any]:
    """A workflow that begins by a trigger of this type and adds a tag."""
    graph = flow(None, [node("a", "add_tag", tag=step)], ("t", "a"))
    del graph["trigger"]
    return {**graph, "triggers": [{"id": "t", "type": kind, "data": {"segmentId": str(segment_id), **data}}]}


def members(world: World, number: int = 1) -> set[UUID]:
    rows = world.db.execute("select contact_id from segment_members where segment = %s", (number,)).fetchall()
    return {contact for (contact,) in rows}


def moves(world: World) -> dict[str, int]:
    """How often each event of a move is in the timeline."""
    rows = world.db.execute("select name, count(*) from events where name like 'segment.%' group by 1").fetchall()
    return dict(rows)


def size(world: World, number: int = 1) -> int:
    return int(world.one("select sum(entered - departed) from segment_days where segment = %s", number))


def test_a_step_puts_contacts_in_and_takes_them_out(any_way: World) -> None:
    world = any_way
    people, vips = world.contacts(40), segment(world)
    add = world.workflow(flow("paid", [node("a", "add_to_segment", segmentId=str(vips))], ("trigger", "a")))
    world.workflow(flow("refunded", [node("a", "remove_from_segment", segmentId=str(vips))], ("trigger", "a")))
    world.emit("paid", people)
    assert members(world) == set(people) and size(world) == 40
    world.emit("paid", people[:10])
    assert moves(world) == {ADDED: 40}, "who is in does not enter again"
    world.emit("refunded", [*people[:5], *world.contacts(1)])
    assert members(world) == set(people[5:]) and size(world) == 35
    assert moves(world) == {ADDED: 40, REMOVED: 5}
    assert world.one("select properties from events where name = %s limit 1", ADDED) == {
        "segmentId": str(vips),
        "segmentName": "VIPs",
    }
    assert world.runs(add) == {"completed": 50}
    world.balanced()


def test_the_last_of_several_wishes_counts(world: World) -> None:
    (person, other), vips = world.contacts(2), segment(world)
    both = [node("a", "add_to_segment", segmentId=str(vips)), node("b", "remove_from_segment", segmentId=str(vips))]
    world.workflow(flow("seen", both, ("trigger", "a"), ("a", "b")))
    world.emit("seen", [person])
    assert (members(world), moves(world)) == (set(), {}), "what is undone in one batch never happened"
    world.workflow(flow("paid", both, ("trigger", "b"), ("b", "a")))
    world.emit("paid", [person, other])
    assert members(world) == {person, other} and moves(world) == {ADDED: 2}


def test_entering_and_leaving_start_runs_exactly_once(any_way: World) -> None:
    world = any_way
    people, vips, others = world.contacts(6), segment(world), segment(world, "Others", number=2)
    add = flow(
        "paid",
        [node("a", "add_to_segment", segmentId=str(vips)), node("b", "add_to_segment", segmentId=str(others))],
        ("trigger", "a"),
        ("a", "b"),
    )
    world.workflow(add)
    world.workflow(flow("refunded", [node("a", "remove_from_segment", segmentId=str(vips))], ("trigger", "a")))
    entry = world.workflow(of_segment("segment_entry", vips, "came"))
    leaving = world.workflow(of_segment("segment_exit", vips, "went"))
    world.emit("paid", people)
    world.emit("paid", people)
    assert world.runs(entry) == {"completed": 6} and world.runs(leaving) == {}
    assert world.one("select trigger_event from runs where workflow_id = %s limit 1", entry) == {
        "segmentId": str(vips),
        "segmentName": "VIPs",
    }
    world.emit("refunded", people[:2])
    assert world.runs(leaving) == {"completed": 2}
    world.balanced()


def test_conditions_and_a_trigger_that_is_off(world: World) -> None:
    (pro,) = world.contacts(1, attributes={"plan": "pro"})
    (free,) = world.contacts(1, attributes={"plan": "free"})
    vips = segment(world)
    world.workflow(flow("paid", [node("a", "add_to_segment", segmentId=str(vips))], ("trigger", "a")))
    rules = [rule("contact.plan", "equals", "pro"), rule("contact.plan", "equals", "team")]
    picky = world.workflow(of_segment("segment_entry", vips, "x", conditions=rules, match="any"))
    graph = of_segment("segment_entry", vips, "y")
    graph["triggers"][0]["enabled"] = False
    off = world.workflow(graph)
    world.emit("paid", [pro, free])
    assert (world.runs(picky), world.runs(off)) == ({"completed": 1}, {})


def test_a_workflow_is_not_started_by_what_it_does_itself(world: World) -> None:
    (person,), vips = world.contacts(1), segment(world)
    graph = of_segment("segment_entry", vips, "came")
    graph["triggers"].append({"id": "paid", "type": "event", "data": {"event": "paid"}})
    graph["nodes"].append(node("b", "add_to_segment", segmentId=str(vips)))
    graph["edges"].append({"source": "paid", "target": "b", "sourceHandle": "next"})
    own = world.workflow(graph)
    world.emit("paid", [person])
    assert members(world) == {person} and world.runs(own) == {"completed": 1}


def test_an_echo_of_echoes_ends(world: World) -> None:
    """Workflows that answer each other's moves do not go on for ever; the contact moves all the same."""
    (person,), vips, pause = world.contacts(1), segment(world), {"settings": {"reentry": "always"}}
    step_in, step_out = (node("a", kind, segmentId=str(vips)) for kind in ("add_to_segment", "remove_from_segment"))
    for kind, step in (("segment_entry", step_out), ("segment_exit", step_in)):
        graph = of_segment(kind, vips, "x")
        world.workflow({**graph, **pause, "nodes": [step]})
    world.workflow(flow("paid", [step_in], ("trigger", "a")))
    world.emit("paid", [person])
    assert world.one("select count(*) from inbox") == 0
    assert sum(moves(world).values()) == 6 and size(world) == len(members(world))


@pytest.mark.parametrize("kind", ["dynamic", "deleted"])
def test_what_is_no_static_segment_takes_nobody(world: World, kind: str) -> None:
    (person,), vips = world.contacts(1), segment(world, kind="dynamic" if kind == "dynamic" else "static")
    if kind == "deleted":
        world.db.execute("update segments set deleted_at = clock_now()")
    add = world.workflow(flow("paid", [node("a", "add_to_segment", segmentId=str(vips))], ("trigger", "a")))
    world.emit("paid", [person])
    assert (members(world), moves(world), world.runs(add)) == (set(), {}, {"completed": 1})


def test_a_crash_between_writing_and_committing_moves_nobody_and_the_next_try_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    people, vips = world.contacts(5), segment(world)
    world.workflow(flow("paid", [node("a", "add_to_segment", segmentId=str(vips))], ("trigger", "a")))
    world.put("paid", people)

    class Crash(BaseException):
        pass

    def crash(name: str) -> None:
        if name == "written":
            raise Crash

    monkeypatch.setattr(failpoints, "reach", crash)
    with pytest.raises(Crash):
        world.engine.advance()
    assert (members(world), moves(world)) == (set(), {})
    monkeypatch.undo()
    world.engine.advance()
    assert members(world) == set(people) and moves(world) == {ADDED: 5} and size(world) == 5


def test_two_who_put_the_same_contact_in_at_once(world: World) -> None:
    (person,), vips = world.contacts(1), segment(world)
    url = world.db.info.dsn
    move = [StaticMove(world.tenant, vips, person)]
    with psycopg.connect(url) as first, psycopg.connect(url) as second:
        move_static(first.cursor(), entering=move, leaving=[], shard=1)
        first.commit()
        move_static(second.cursor(), entering=move, leaving=[], shard=2)
        second.commit()
    assert moves(world) == {ADDED: 1} and size(world) == 1


def test_a_run_without_a_contact_fails_in_words(world: World) -> None:
    vips = segment(world)
    graph = flow(
        None,
        [node("a", "add_to_segment", segmentId=str(vips))],
        ("trigger", "a"),
        trigger={"data": {"contact": "none"}},
    )
    graph["trigger"] = {"type": "manual"}
    graph = {**graph, "triggers": [{"id": "trigger", "type": "manual", "data": {"contact": "none"}}]}
    del graph["trigger"]
    workflow = world.workflow(graph)
    world.start_nobody(workflow)
    world.engine.advance()
    assert world.runs(workflow) == {"failed": 1}
    assert "needs a contact" in world.one("select error_message from runs where workflow_id = %s", workflow)
