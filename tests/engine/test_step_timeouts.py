"""The `timeout` of a step: what a try may take. It strikes once, the run leaves by `error`, and what comes later moves nobody."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.engine import integrity, step_timeouts
from app.flow import registry
from tests.engine.test_hold import answer as answer_by_hand
from tests.engine.test_messages import answer as settle_messages
from tests.fixtures.world import World, flow, node

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
TEMPLATE = "550e8400-e29b-41d4-a716-446655440001"
ASK = {"question": "Let {{ contact.name }} in?", "choices": [{"id": "yes", "label": "Yes"}]}
LISTEN = {"event": "paid", "timeout": {"duration": 3, "unit": "days"}}


def timed(kind: str, policies: dict[str, Any] | None = None, *, error: bool = True, **data: Any) -> dict[str, Any]:
    """`go` leads to the step `s`, and each of its ways out to a tag of its name."""
    step = {**node("s", kind, **data), "timeout": 60, **(policies or {})}
    ports = [port.id for port in registry.ports(registry.get(kind), data) if error or port.id != "error"]
    tags = [node(f"t-{port}", "add_tag", tag=port) for port in ports]
    return flow("go", [step, *tags], ("trigger", "s"), *[("s", f"t-{port}", port) for port in ports])


def step(world: World) -> tuple[Any, ...]:
    """Port, error and output of the step, which all runs have in common."""
    rows = world.db.execute(
        "select distinct port, error_message, output, attempt from steps where node_id = 's'"
    ).fetchall()
    assert len(rows) == 1, rows
    return tuple(rows[0])


def sound(world: World) -> None:
    world.balanced()
    assert [str(one) for one in integrity.check(world.db)] == []


@pytest.mark.parametrize("limit", [1, 1_000])
@pytest.mark.parametrize(
    ("kind", "data", "why", "known"),
    [
        ("hold", ASK, "Nobody answered within 60 seconds.", {"question": "Let Ada in?"}),
        ("wait_for_event", LISTEN, "The event did not happen within 60 seconds.", {}),
        ("send_email", {"templateId": TEMPLATE, "goOn": "sent"}, "The message was not sent within 60 seconds.", {}),
        ("send_email", {"templateId": TEMPLATE}, "The message was not sent within 60 seconds.", {}),
    ],
    ids=["hold", "wait_for_event", "sent", "queued"],
)
def test_a_wait_ends_by_error_when_the_time_of_its_step_is_over(
    any_way: World, kind: str, data: dict[str, Any], why: str, known: dict[str, Any], limit: int
) -> None:
    world = any_way
    world.engine.limit = limit
    world.travel(NOON)
    world.workflow(timed(kind, **data))
    world.emit("go", world.contacts(3, attributes={"name": "Ada"}))
    world.travel(NOON + timedelta(seconds=59))
    assert world.one("select count(*) from active_runs") == 3, "its time is not over"
    world.travel(NOON + timedelta(seconds=61))
    assert step(world) == ("error", why, {**known, "error": why, "timedOut": True}, 1)
    assert world.db.execute("select tags, count(*) from contacts group by 1").fetchall() == [(["error"], 3)]
    sound(world)


def test_without_an_edge_a_step_that_sends_waits_for_its_time_and_fails(world: World) -> None:
    world.travel(NOON)
    workflow = world.workflow(timed("send_email", error=False, templateId=TEMPLATE))
    world.emit("go", world.contacts(2))
    assert world.runs(workflow) == {"running": 2}, "with a timeout it waits for its message"
    world.travel(NOON + timedelta(seconds=61))
    assert world.runs(workflow) == {"failed": 2}
    sound(world)


def test_late_answers_change_nothing(any_way: World) -> None:
    world = any_way
    world.travel(NOON)
    asking = world.workflow(timed("hold", **ASK))
    (somebody,) = world.contacts(1)
    world.emit("go", [somebody])
    world.travel(NOON + timedelta(seconds=61))
    assert not answer_by_hand(world, somebody, "yes", at="s")
    world.happen("paid", somebody, {})
    assert world.runs(asking) == {"completed": 1}
    assert world.one("select tags from contacts") == ["error"]
    sound(world)


def test_a_message_that_is_sent_too_late_is_recorded_and_moves_nobody(any_way: World) -> None:
    world = any_way
    world.travel(NOON)
    workflow = world.workflow(timed("send_email", templateId=TEMPLATE, goOn="sent"))
    world.emit("go", world.contacts(2))
    world.travel(NOON + timedelta(seconds=61))
    settle_messages(world, workflow, "sent")
    assert world.runs(workflow) == {"completed": 2}
    assert world.db.execute("select distinct tags from contacts").fetchall() == [(["error"],)]
    assert world.one("select count(*) from messages") == 2, "they are not asked for again"
    assert world.one("select count(*) from inbox") == 0
    sound(world)


@pytest.mark.parametrize("kind", ["hold", "wait_for_event"])
def test_a_retry_waits_once_more_and_is_counted(any_way: World, kind: str) -> None:
    world = any_way
    world.travel(NOON)
    retry = {"attempts": 2, "backoff": {"type": "fixed", "delay": 1_000, "jitter": False}}
    world.workflow(timed(kind, {"retry": retry}, **(ASK if kind == "hold" else LISTEN)))
    world.emit("go", world.contacts(2, attributes={"name": "Ada"}))
    world.travel(NOON + timedelta(seconds=61))
    assert world.one("select count(*) from step_attempts") == 2
    world.travel(NOON + timedelta(seconds=63))
    assert world.db.execute("select distinct status, attempt from active_runs").fetchall() == [(1, 2)], "it waits again"
    world.travel(NOON + timedelta(seconds=130))
    assert (step(world)[0], step(world)[3]) == ("error", 2)
    sound(world)


def test_a_message_is_not_asked_for_twice_however_often_its_step_may_be_tried(world: World) -> None:
    world.travel(NOON)
    world.workflow(timed("send_email", {"retry": {"attempts": 5}}, templateId=TEMPLATE, goOn="sent"))
    world.emit("go", world.contacts(2))
    world.travel(NOON + timedelta(seconds=61))
    assert step(world)[0] == "error" and world.one("select count(*) from messages") == 2
    sound(world)


@pytest.mark.parametrize(("own", "port"), [(30, "timeout"), (90, "error")])
def test_the_first_of_two_limits_counts(any_way: World, own: int, port: str) -> None:
    world = any_way
    world.travel(NOON)
    world.workflow(timed("hold", **ASK, timeout={"duration": own, "unit": "seconds"}))
    world.emit("go", world.contacts(1))
    world.travel(NOON + timedelta(seconds=100))
    assert world.one("select tags from contacts") == [port]
    sound(world)


def looping(policies: dict[str, Any], *edges: tuple[str, ...]) -> dict[str, Any]:
    """A loop over three items whose body waits for 40 seconds; then a tag, which says how it was left."""
    nodes = [
        {**node("s", "loop", items="{{ event.items }}"), "timeout": 60, **policies},
        node("w", "delay", duration=40, unit="seconds"),
        node("t", "add_tag", tag="{{ vars.item }}"),
        node("done", "add_tag", tag="done"),
        node("late", "add_tag", tag="late{{ vars.item }}"),
    ]
    ways = [("trigger", "s"), ("s", "w", "body"), ("w", "t"), ("t", "s"), ("s", "done", "done"), *edges]
    return flow("go", nodes, *ways)


@pytest.mark.parametrize(
    "policies", [{"onError": "continue"}, {"disabled": True, "timeout": None}], ids=["late", "off"]
)
def test_a_loop_that_is_passed_by_is_done(world: World, policies: dict[str, Any]) -> None:
    """By its body it would come round again without end."""
    world.travel(NOON)
    workflow = world.workflow(looping(policies))
    world.emit("go", world.contacts(1), {"items": ["a", "b", "c"]})
    for second in (41, 82, 123, 164):
        world.travel(NOON + timedelta(seconds=second))
    assert world.runs(workflow) == {"completed": 1}
    assert world.one("select tags from contacts")[-1] == "done"
    sound(world)


def test_a_loop_that_was_late_begins_anew(world: World) -> None:
    """What leads back to it after its error finds no trace of the old rounds."""
    world.travel(NOON)
    graph = looping({}, ("s", "g", "error"), ("g", "s"))
    graph["nodes"].append(node("g", "goto", target="s", maxVisits=1))
    graph["edges"] = [edge for edge in graph["edges"] if edge["source"] != "g"]
    workflow = world.workflow(graph)
    world.emit("go", world.contacts(1), {"items": ["a", "b", "c"]})
    for second in range(41, 500, 41):
        world.travel(NOON + timedelta(seconds=second))
    assert world.runs(workflow) == {"completed": 1}
    ports = [port for (port,) in world.db.execute("select port from steps where node_id = 's' order by seq").fetchall()]
    assert ports == ["body", "body", "error"] * 2


def test_what_a_worker_does_at_once_is_bounded_by_its_own_processor_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    spent = iter(range(0, 10_000, 100))
    monkeypatch.setattr(step_timeouts.time, "thread_time", lambda: float(next(spent)))
    workflow = world.workflow(timed("update_contact", set={"seen": "{{ event.seen }}"}))
    world.emit("go", world.contacts(2), {"seen": 1})
    why = "The step was not done within 60 seconds."
    assert step(world)[:2] == ("error", why) and world.runs(workflow) == {"completed": 2}
    assert world.one("select count(*) from contacts where attributes ? 'seen'") == 0, "nothing of it is done"
    sound(world)
