"""Messages of steps: placed and counted when they are asked for, and waited for when the step says so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from app.engine import integrity
from tests.fixtures.world import Edge, World, flow, node, rule

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
TEMPLATE = "550e8400-e29b-41d4-a716-446655440001"


def answer(world: World, flow_id: UUID, status: str, port: str = "next", error: str | None = None) -> None:
    """The outcome of every message of a workflow comes in."""
    found = world.db.execute(
        "select run_id, seq, contact_id from messages where workflow_id = %s", (flow_id,)
    ).fetchall()
    for run_id, seq, contact in found:
        note = {"seq": seq, "port": port, "output": {"status": status}, "error": error}
        world.put("message.settled", [contact], note, kind=2, run_id=run_id)
    world.engine.advance()


def sending(*edges: Edge, **data: Any) -> dict[str, Any]:
    nodes = [
        node("m", "send_email", templateId=TEMPLATE, **data),
        node("yes", "add_tag", tag="yes"),
        node("no", "add_tag", tag="no"),
    ]
    return flow("e", nodes, ("trigger", "m"), ("m", "yes"), *edges)


def test_messages_are_placed_and_counted(any_way: World) -> None:
    world = any_way
    nodes = [
        node("c", "condition", conditions=[rule("contact.source", "equals", "web")]),
        node("first", "send_email", templateId=TEMPLATE), node("second", "send_email", templateId=TEMPLATE),
    ]  # fmt: skip
    graph = flow("e", nodes, ("trigger", "c"), ("c", "first", "true"), ("c", "second", "false"), ("first", "second"))
    flow_id = world.workflow(graph)
    world.publish(flow_id, graph, 3)
    world.emit("e", [*world.contacts(3, source="web"), *world.contacts(2)])
    found = world.db.execute(
        "select workflow_version, node_id, seq, count(*) from messages group by 1, 2, 3 order by 2, 3"
    ).fetchall()
    assert found == [(3, "first", 2, 3), (3, "second", 2, 2), (3, "second", 3, 3)]
    counts = world.counters()
    assert (counts["first", "message.queued"], counts["second", "message.queued"]) == (3, 5)
    assert world.one("select sum(n) from node_stats where key = 'message.queued' and version = 3") == 8
    world.balanced()
    assert integrity.check(world.db) == []


@pytest.mark.parametrize("wired", [False, True])
def test_sent_waits_and_goes_on_when_it_is_sent(any_way: World, wired: bool) -> None:
    world = any_way
    flow_id = world.workflow(sending(*[("m", "no", "error")] * wired, goOn="sent"))
    people = world.contacts(3)
    world.emit("e", people)
    assert world.runs(flow_id) == {"running": 3} and world.steps(flow_id) == []
    assert world.one("select count(*) from messages where payload = '{\"awaited\": true}'") == 3
    world.balanced()
    answer(world, flow_id, "sent")
    assert world.runs(flow_id) == {"completed": 3}
    assert world.one("select count(*) from contacts where tags = '{yes}'") == 3
    assert world.one("select distinct output->>'status' from steps where node_id = 'm'") == "sent"
    assert world.one("select count(*) from messages") == 3
    world.balanced()


@pytest.mark.parametrize(("wired", "ends"), [(False, {"failed": 2}), (True, {"completed": 2})])
def test_sent_fails_the_step_when_the_message_failed(any_way: World, wired: bool, ends: dict[str, int]) -> None:
    world = any_way
    flow_id = world.workflow(sending(*[("m", "no", "error")] * wired, goOn="sent"))
    world.emit("e", world.contacts(2))
    answer(world, flow_id, "failed", "error", "552 5.2.2 Mailbox full")
    assert world.runs(flow_id) == ends
    assert world.one("select distinct error_message from steps where status = 5") == "552 5.2.2 Mailbox full"
    assert world.one("select count(*) from contacts where tags = '{no}'") == (2 if wired else 0)
    world.balanced()


def test_sent_goes_on_past_people_who_may_not_be_written_to(world: World) -> None:
    flow_id = world.workflow(sending(goOn="sent"))
    world.emit("e", world.contacts(2))
    answer(world, flow_id, "suppressed")
    assert world.runs(flow_id) == {"completed": 2}
    assert world.one("select distinct output->>'status' from steps where node_id = 'm'") == "suppressed"
    world.balanced()


def test_queued_goes_on_at_once(any_way: World) -> None:
    world = any_way
    flow_id = world.workflow(sending(goOn="queued"))
    world.emit("e", world.contacts(2))
    assert world.runs(flow_id) == {"completed": 2}
    assert world.one("select count(*) from messages where payload is null") == 2
    assert world.one("select distinct output->>'status' from steps where node_id = 'm'") == "queued"


def test_an_answer_that_comes_twice_moves_nobody_twice(world: World) -> None:
    world.travel(NOW)
    graph = flow(
        "e",
        [node("m", "send_email", templateId=TEMPLATE, goOn="sent"), node("d", "delay", duration=1, unit="hours")],
        ("trigger", "m"), ("m", "d"),
    )  # fmt: skip
    flow_id = world.workflow(graph)
    world.emit("e", world.contacts(1))
    answer(world, flow_id, "sent")
    answer(world, flow_id, "failed", "error", "550 Too late")
    assert world.runs(flow_id) == {"waiting": 1}
    assert world.steps(flow_id) == [("m", "completed", "next")]
    world.travel(NOW + timedelta(hours=2))
    assert world.runs(flow_id) == {"completed": 1}
    world.balanced()


def test_a_goal_ends_a_run_that_waits_for_its_message(world: World) -> None:
    graph = sending(goOn="sent") | {"goals": [{"id": "g", "event": "bought"}]}
    flow_id = world.workflow(graph)
    (person,) = world.contacts(1)
    world.emit("e", [person])
    world.emit("bought", [person])
    assert world.runs(flow_id) == {"goal_reached": 1}
    assert world.counters()["m", "message.queued"] == 1
    answer(world, flow_id, "suppressed")
    assert world.runs(flow_id) == {"goal_reached": 1}
    world.balanced()
    assert integrity.check(world.db) == []


def test_the_version_says_who_waits(world: World) -> None:
    """Runs that are under way stay with what their version says."""
    flow_id = world.workflow(sending(goOn="sent"))
    world.emit("e", world.contacts(1))
    world.publish(flow_id, sending(), 2)
    world.emit("e", world.contacts(1))
    assert world.runs(flow_id) == {"running": 1, "completed": 1}
