"""Runs that call runs of other workflows: what those come to is what the step comes to, whatever becomes of either."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from app.engine import control, transfers
from app.engine.limits import MAX_DEPTH, TOO_DEEP
from app.inbox import InboxKind
from app.lib import database
from app.lib.database_roles import DatabaseRole
from app.lib.ids import uuid7
from app.models.status import RunOrigin, RunStatus
from tests.engine.calling_runs import NOON, came, cancel, child_flow, in_a_thread, parent_flow, sound, waiting_child
from tests.fixtures.world import World, node, rule


def test_it_waits_for_what_the_called_run_comes_to(any_way: World) -> None:
    world = any_way
    child = world.workflow(child_flow())
    given = {"total": "{{ event.total }}", "plan": "{{ contact.attributes.plan }}"}
    parent = world.workflow(parent_flow(child, input=given))
    people = world.contacts(3, attributes={"plan": "pro"})
    world.emit("go", people, {"total": 7})
    assert world.runs(parent) == world.runs(child) == {"completed": 3}
    for port, output, error in came(world, parent):
        assert (port, error) == ("next", None)
        run_id = output.pop("runId")
        assert output == {"status": "completed", "outcome": "sold", "output": {"total": 7, "plan": "pro"}}
        assert world.one("select parent_run_id is not null from sub_runs where run_id = %s", UUID(run_id))
    kept = world.db.execute(
        "select output->'output'->'came'->'output'->>'total' from steps where node_id = 'ok'"
    ).fetchall()
    assert kept == [("7",)] * 3, "later steps read it, with its type"
    origins = world.db.execute("select distinct origin from runs where workflow_id = %s", (child,)).fetchall()
    assert origins == [(RunOrigin.CALLED,)]
    assert set(world.db.execute("select contact_id from runs where workflow_id = %s", (child,)).fetchall()) == {
        (p,) for p in people
    }
    sound(world)


def test_it_goes_on_at_once_when_told_to(any_way: World) -> None:
    world = any_way
    child = world.workflow(child_flow(node("w", "delay", duration=1, unit="days"), node("end", "end")))
    parent = world.workflow(parent_flow(child, mode="start"))
    world.emit("go", world.contacts(2))
    assert world.runs(parent) == {"completed": 2} and world.runs(child) == {"waiting": 2}
    assert came(world, parent) == [("next", None, None)] * 2
    sound(world)
    world.hurry()
    world.engine.advance()
    assert world.runs(child) == {"completed": 2}
    assert world.db.execute("select distinct awaited, status from sub_runs").fetchall() == [
        (False, RunStatus.COMPLETED)
    ]


@pytest.mark.parametrize("audience", ["company", "contact"])
def test_runs_without_a_contact_call_and_are_called(any_way: World, audience: str) -> None:
    world = any_way
    child = world.workflow(child_flow())
    parent = world.workflow(parent_flow(child, None, audience=audience, input={"total": "{{ event.n }}"}))
    world.start_nobody(parent, {"n": 5})
    world.engine.advance()
    ((port, output, _),) = came(world, parent)
    assert (port, output["output"]["total"]) == ("next", 5)
    assert world.one("select contact_id from runs where workflow_id = %s", child) is None


def test_a_contact_calls_for_the_company(any_way: World) -> None:
    world = any_way
    child = world.workflow(child_flow())
    parent = world.workflow(parent_flow(child, audience="company"))
    world.emit("go", world.contacts(2))
    assert world.runs(parent) == {"completed": 2}
    assert world.db.execute("select distinct contact_id from runs where workflow_id = %s", (child,)).fetchall() == [
        (None,)
    ]


ENDS: dict[str, tuple[dict[str, Any], str, str | None, str]] = {
    "fails": (child_flow(node("x", "add_tag", tag="{{ event.tag }}"), node("end", "end")), "failed", "The called run failed: ", "failed"),
    "a goal step": (child_flow(node("g", "goal", name="Sold", ends=True)), "goal_reached", None, "goal_reached"),
    "without an end": (child_flow(node("x", "add_tag", tag="x")), "completed", None, "completed"),
    "a condition of its trigger": (
        child_flow(trigger={"conditions": [rule("contact.plan", "equals", "pro")]}), "", "did not let it in. It did not meet", "refused",
    ),
    "its trigger asks for more": (
        child_flow(trigger={"data": {"input": {"properties": {"n": {"type": "number"}}, "required": ["n"]}}}),
        "", "What it was started with does not fit: “n” is missing.", "refused",
    ),
    "takes no contacts": (child_flow(trigger={"data": {"contact": "none"}}), "", "No trigger started runs of contacts", "refused"),
}  # fmt: skip


@pytest.mark.parametrize("name", ENDS)
def test_how_the_called_run_ends_says_how_the_step_does(any_way: World, name: str) -> None:
    world, (graph, status, error, word) = any_way, ENDS[name]
    child = world.workflow(graph)
    parent = world.workflow(parent_flow(child))
    world.emit("go", world.contacts(2))
    assert world.runs(child) == ({status: 2} if status else {})
    for port, output, message in came(world, parent):
        assert port == ("next" if error is None else "error")
        assert output["status"] == word and (message or "").count(error or "") and bool(message) is (error is not None)
    assert world.runs(parent) == {"completed": 2}
    refused = [] if status else [("refused", 2)]
    rows = world.db.execute(
        "select case when refused is null then 'ran' else 'refused' end, count(*) from sub_runs group by 1"
    )
    assert rows.fetchall() == (refused or [("ran", 2)])
    sound(world)


@pytest.mark.parametrize(("status", "why"), [("draft", "not active"), ("archived", "not active"), ("paused", "paused")])
def test_a_workflow_that_is_not_active_takes_no_calls(world: World, status: str, why: str) -> None:
    child = world.workflow(child_flow(), status)
    parent = world.workflow(parent_flow(child))
    world.emit("go", world.contacts(1))
    ((port, _, error),) = came(world, parent)
    assert port == "error" and why in error
    assert world.one("select count(*) from entry_refusals where workflow_id = %s", child) == 1, (
        "recorded like any other"
    )


def test_the_rules_of_entry_hold_for_calls_too(any_way: World) -> None:
    world = any_way
    child = world.workflow(child_flow(settings={"reentry": "once"}))
    parent = world.workflow({**parent_flow(child), "settings": {"reentry": "always"}})
    (one,) = world.contacts(1)
    world.emit("go", [one, one])
    world.emit("go", [one])
    assert world.runs(child) == {"completed": 1} and world.runs(parent) == {"completed": 3}
    assert [port for port, *_ in came(world, parent)] == ["next", "error", "error"]
    assert all("has been in" in error for port, _, error in came(world, parent) if port == "error")
    sound(world)


def test_defaults_of_the_input_are_filled_in(world: World) -> None:
    schema = {"properties": {"total": {"type": "number", "default": 3}}}
    child = world.workflow(child_flow(trigger={"data": {"contact": "optional", "input": schema}}))
    parent = world.workflow(parent_flow(child))
    world.emit("go", world.contacts(1))
    assert came(world, parent)[0][1]["output"]["total"] == 3
    assert world.one("select trigger_event from runs where workflow_id = %s", child) == {"total": 3}


@pytest.mark.parametrize("on_error", [None, "continue", "hold"])
def test_a_wait_that_takes_too_long_is_a_failure(any_way: World, on_error: str | None) -> None:
    world = any_way
    world.travel(NOON)
    child = waiting_child(world)
    graph = parent_flow(child, timeout=3_600, **({"onError": on_error} if on_error else {}))
    if on_error:
        graph["edges"] = [edge for edge in graph["edges"] if edge["sourceHandle"] != "error"]
    parent = world.workflow(graph)
    world.emit("go", world.contacts(2))
    assert world.runs(parent) == {"running": 2}
    sound(world)
    world.travel(NOON + timedelta(hours=2))
    if on_error == "hold":
        assert world.runs(parent) == {"held": 2}
        assert "was not over within 3,600 seconds" in world.one(
            "select error_message from active_runs where status = 3"
        )
    else:
        assert world.runs(parent) == {"completed": 2}
        assert all(error == "What was called was not over within 3,600 seconds." for *_, error in came(world, parent))
    world.travel(NOON + timedelta(days=11))
    assert world.runs(child) == {"completed": 2}, "it goes on, though nobody waits for it any more"
    assert world.runs(parent) == ({"held": 2} if on_error == "hold" else {"completed": 2})
    sound(world)


def test_a_step_that_is_tried_again_waits_for_what_it_calls_then(world: World) -> None:
    world.travel(NOON)
    child = waiting_child(world, settings={"reentry": "always"})
    graph = parent_flow(child, timeout=60, onError="hold")
    graph["edges"] = [edge for edge in graph["edges"] if edge["sourceHandle"] != "error"]
    parent = world.workflow(graph)
    world.emit("go", world.contacts(1))
    first = world.one("select run_id from sub_runs")
    world.travel(NOON + timedelta(minutes=2))
    assert world.runs(parent) == {"held": 1}
    world.db.execute("update active_runs set status = 0, resume_at = clock_now(), resume_port = null where status = 3")
    world.hurry("status = 0")
    world.engine.advance()
    assert world.runs(child) == {"waiting": 2} and world.runs(parent) == {"running": 1}
    cancel(world, [first])
    assert world.runs(parent) == {"running": 1}, "what it called before is nothing to it"
    cancel(world, [world.one("select run_id from sub_runs where ended_at is null")])
    assert world.runs(parent) == {"held": 1}
    sound(world)


def test_a_called_run_that_is_cancelled_wakes_who_waits(any_way: World) -> None:
    world = any_way
    child = waiting_child(world)
    parent = world.workflow(parent_flow(child))
    world.emit("go", world.contacts(2))
    one, other = [run_id for (run_id,) in world.db.execute("select run_id from sub_runs order by 1").fetchall()]
    cancel(world, [one])
    cancel(world, [one])
    assert world.runs(parent) == {"running": 1, "completed": 1}
    assert [(port, output["status"], error) for port, output, error in came(world, parent)] == [
        ("error", "cancelled", "The called run was cancelled.")
    ]
    control.fail_run(world.db, world.tenant, other, "It broke.")
    world.engine.advance()
    assert sorted(error for *_, error in came(world, parent)) == [
        "The called run failed: It broke.",
        "The called run was cancelled.",
    ]
    sound(world)


def test_who_is_cancelled_leaves_what_it_called_alone(world: World) -> None:
    child = waiting_child(world)
    parent = world.workflow(parent_flow(child))
    world.emit("go", world.contacts(1))
    cancel(world, [world.one("select id from active_runs where workflow_id = %s", parent)])
    assert world.runs(parent) == {"cancelled": 1} and world.runs(child) == {"waiting": 1}
    world.hurry()
    world.engine.advance()
    assert world.runs(child) == {"completed": 1} and world.runs(parent) == {"cancelled": 1}
    sound(world)


def test_a_goal_of_the_called_run_counts(any_way: World) -> None:
    world = any_way
    goals = [{"id": "g", "name": "Paid", "event": "paid", "conditions": []}]
    child = world.workflow(child_flow(node("w", "delay", duration=10, unit="days"), goals=goals))
    parent = world.workflow(parent_flow(child))
    people = world.contacts(2)
    world.emit("go", people)
    world.emit("paid", people)
    assert world.runs(child) == {"goal_reached": 2}
    assert [(port, output["status"]) for port, output, _ in came(world, parent)] == [("next", "goal_reached")] * 2
    sound(world)


def test_a_start_that_cannot_be_handled_is_a_failure_of_the_step(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    child, reached = world.workflow(child_flow()), []
    parent = world.workflow(parent_flow(child))
    from app.engine.arrivals import Arrivals

    enter = Arrivals._enter

    def broken(self: Any, batch: Any, lookups: Any, timeline: Any, *more: Any) -> None:
        if timeline.arrivals[timeline.place].item.kind == InboxKind.CALLED:
            reached.append(1)
            raise ValueError("cannot be stored")
        enter(self, batch, lookups, timeline, *more)

    monkeypatch.setattr(Arrivals, "_enter", broken)
    world.emit("go", world.contacts(1))
    assert reached and world.one("select kind from dead_letters") == InboxKind.CALLED
    assert world.runs(parent) == {"completed": 1} and "could not be started" in came(world, parent)[0][2]
    sound(world)


def test_a_circle_ends_where_it_is_too_deep(any_way: World) -> None:
    """Publishing refuses circles; what is live all the same, because two were published by older releases, does not go on for ever."""
    world = any_way
    again = {"settings": {"reentry": "always"}}
    first = world.workflow(parent_flow(uuid7()) | again)
    second = world.workflow(parent_flow(first, None) | again)
    world.publish(first, parent_flow(second) | again, 2)
    world.emit("go", world.contacts(2))
    assert sum(world.runs(first).values()) + sum(world.runs(second).values()) == 2 * (MAX_DEPTH + 1)
    errors = world.db.execute(
        "select error_message from steps where error_message is not null and error_message not like %s",
        ("The called%",),
    )
    assert errors.fetchall() == [(TOO_DEEP.error,)] * 2
    assert set(world.runs(first)) | set(world.runs(second)) == {"completed"}
    sound(world)


@pytest.mark.parametrize("limit", [1, 7, 1_000])
def test_batches_of_any_size_do_the_same(world: World, limit: int) -> None:
    world.engine.limit = limit
    child = world.workflow(child_flow(node("w", "delay", duration=1, unit="days"), node("end", "end", outcome="done")))
    parent = world.workflow(parent_flow(child))
    world.emit("go", world.contacts(15))
    world.hurry()
    world.engine.advance()
    assert world.runs(parent) == world.runs(child) == {"completed": 15}
    assert {(port, output["outcome"]) for port, output, _ in came(world, parent)} == {("next", "done")}
    assert world.one("select count(*) from sub_runs where ended_at is not null") == 15
    sound(world)


def test_a_called_run_that_is_moved_to_another_step_is_waited_for_there(world: World) -> None:
    graph = child_flow(node("x", "add_tag", tag="{{ event.tag }}"), node("end", "end", outcome="moved"))
    graph["settings"] = {"onError": "hold"}
    child = world.workflow(graph)
    parent = world.workflow(parent_flow(child))
    world.emit("go", world.contacts(1))
    old = world.one("select id from active_runs where status = 3")

    async def move() -> None:
        async with database.transaction(DatabaseRole.ENGINE) as session:
            await transfers.move_runs(session, world.tenant, [old], transfers.Place(1, "end"), "Ada")

    in_a_thread(move)
    world.engine.advance()
    ((port, output, _),) = came(world, parent)
    assert (port, output["outcome"], output["status"]) == ("next", "moved", "completed") and output["runId"] != str(old)
    sound(world)
