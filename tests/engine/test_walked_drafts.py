"""A test of a draft takes the way that a run takes: random workflows, walked in memory and run by the engine, come to the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.flow import registry
from app.flow.document import Flow
from app.models.status import RunStatus, StepStatus
from app.test_runs.spec import Walk, WalkContact, WalkSpec
from app.test_runs.walk import walk
from tests.engine.reference import MAX_VISITS
from tests.engine.test_against_reference import Listen, Remember, When, graphs, seen
from tests.fixtures.world import World, flow, node, rule

BEGAN = datetime(2027, 1, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def used_up() -> dict[str, int]:
    """Hours that all examples of this module have used up: time never goes back."""
    return {"hours": 0}


def spec(graph: dict[str, Any], contact: UUID | None, event: dict[str, Any], **more: Any) -> WalkSpec:
    who = WalkContact(contact, {"email": "u@example.test"}, {"n": 0}) if contact else None
    document = Flow.load(graph)
    named = {
        "workflow_id": UUID(int=7), "tenant_id": 1, "timezone": "UTC", "country": None, "trigger_id": "trigger", "began": BEGAN,
    }  # fmt: skip
    return WalkSpec(flow=document, contact=who, event=event, **{**named, **more})


def way(result: Walk) -> tuple[str, list[tuple[str, int, str, str | None]]]:
    steps = [(one.node_id, one.occurrence, StepStatus(one.status).word, one.port) for one in result.steps]
    return RunStatus(result.status).word, steps


@settings(
    max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None
)
@given(graph=graphs(), k=st.integers(0, 2), coming=st.sets(st.integers(0, 6)))
def test_a_walk_takes_the_way_of_a_run(
    world: World,
    used_up: dict[str, int],
    monkeypatch: pytest.MonkeyPatch,
    graph: dict[str, Any],
    k: int,
    coming: set[int],
) -> None:
    """`coming`: the steps that wait for an event whose event comes; at the others the time is over."""
    registry._types |= {"trouble": When, "remember": Remember, "listen": Listen}
    monkeypatch.setattr("app.engine.walk.MAX_VISITS", MAX_VISITS)
    listening = {one["id"] for one in graph["nodes"] if one["type"] == "listen"}
    ways = {name: "next" if int(name[1:]) in coming else "timeout" for name in listening}
    at = BEGAN + timedelta(hours=used_up["hours"])
    world.travel(at)
    workflow = world.workflow(graph)
    [contact] = world.contacts(1, attributes={"n": 0})
    try:
        world.emit("go", [contact], {"k": k})
        for _ in range(60):
            stands = world.db.execute(
                "select current_node_id from active_runs where workflow_id = %s", (workflow,)
            ).fetchone()
            if stands is None:
                break
            if ways.get(stands[0]) == "next":
                world.emit("ping", [contact], {"k": 9})
            else:
                at += timedelta(hours=4)
                world.travel(at)
        walked = walk(spec(graph, contact, {"k": k}, ways=ways))
        assert [way(walked)] == seen(world, workflow, contact)
        row = world.db.execute("select attributes, tags from contacts where id = %s", (contact,)).fetchone()
        assert row is not None and (walked.attributes, sorted(walked.tags)) == (row[0], sorted(row[1]))
    finally:
        used_up["hours"] = int((at - BEGAN).total_seconds() / 3600) + 100
        world.db.execute("update workflows set status = 'archived' where id = %s", (workflow,))


def test_a_walk_tells_times_that_would_be_waited_for_and_writes_nothing() -> None:
    graph = flow("go", [node("w", "delay", duration=3, unit="days"), node("e", "end")], ("trigger", "w"), ("w", "e"))
    walked = walk(spec(graph, UUID(int=1), {}))
    assert way(walked) == ("completed", [("w", 1, "completed", "next"), ("e", 1, "completed", "next")])
    waited, ended = walked.steps
    assert (waited.started_at, waited.completed_at) == (BEGAN, BEGAN + timedelta(days=3))
    assert ended.started_at == walked.at == BEGAN + timedelta(days=3)


def test_a_walk_stops_behind_the_step_that_is_asked_for() -> None:
    steps = [
        node("a", "add_tag", tag="vip"),
        node("w", "delay", duration=1, unit="days"),
        node("b", "add_tag", tag="late"),
    ]
    graph = flow("go", steps, ("trigger", "a"), ("a", "w"), ("w", "b"))
    walked = walk(spec(graph, UUID(int=1), {}, until="w"))
    assert ([one.node_id for one in walked.steps], walked.stopped, walked.tags) == (["a", "w"], "until", ["vip"])


def test_who_would_not_be_let_in_walks_all_the_same() -> None:
    graph = flow(
        "go", [node("a", "add_tag", tag="x")], ("trigger", "a"), trigger={"conditions": [rule("plan", "equals", "pro")]}
    )
    walked = walk(spec(graph, UUID(int=1), {"plan": "free"}))
    assert (walked.refused, [one.node_id for one in walked.steps]) == ("conditions_not_met", ["a"])
    assert walked.rules[0]["actual"] == "free"


def test_a_loop_without_end_is_cut() -> None:
    graph = flow(
        "go",
        [node("l", "loop", items="{{ event.many }}", maxIterations=1000), node("a", "add_tag", tag="x")],
        ("trigger", "l"),
        ("l", "a", "body"),
        ("a", "l"),
    )
    walked = walk(spec(graph, UUID(int=1), {"many": list(range(900))}))
    assert (walked.stopped, len(walked.steps)) == ("steps", 500)


def test_a_variant_is_chosen_by_hand() -> None:
    variants = [{"id": "a", "weight": 1}, {"id": "b", "weight": 1}]
    graph = flow("go", [node("s", "split", variants=variants)], ("trigger", "s"))
    for chosen in ("a", "b"):
        [step] = walk(spec(graph, UUID(int=1), {}, ways={"s": chosen})).steps
        assert (step.port, step.ways, step.assumed) == (chosen, ("a", "b"), "chosen")
    [drawn] = walk(spec(graph, UUID(int=1), {})).steps
    assert drawn.port in ("a", "b") and drawn.assumed == "" and drawn.ways == ("a", "b")


def test_a_service_is_not_called_and_its_last_answer_is_taken() -> None:
    steps = [
        node("h", "http_request", url="https://example.test/x"),
        node("c", "condition", conditions=[rule("steps.h.body.plan", "equals", "pro")]),
    ]
    graph = flow("go", steps, ("trigger", "h"), ("h", "c"))
    known = walk(spec(graph, UUID(int=1), {}, outputs={"h": {"status": 200, "body": {"plan": "pro"}}}))
    assert [(one.port, one.assumed) for one in known.steps] == [("next", "answer"), ("true", "")]
    assert known.steps[0].ways == ("next", "error")
    unknown = walk(spec(graph, UUID(int=1), {}))
    assert (unknown.steps[0].output["status"], unknown.steps[1].port) == (200, "false")
    failing = walk(spec(graph, UUID(int=1), {}, ways={"h": "error"}))
    assert (failing.steps[0].port, StepStatus(failing.steps[0].status).word) == ("error", "failed")
    assert RunStatus(failing.status).word == "failed"


def test_code_is_asked_for_and_walked_again_with_its_answer() -> None:
    graph = flow("go", [node("c", "custom_code", code="return input.k + 1")], ("trigger", "c"))
    first = walk(spec(graph, UUID(int=1), {"k": 1}, performed=frozenset({"code.javascript"})))
    assert first.stopped == "call" and first.pending is not None
    assert (first.pending.node_id, first.pending.call.request["data"]) == ("c", {"input": {"k": 1}})
    answers = {first.pending.seq: {"ok": True, "value": {"value": 2, "lines": [["info", "hi"]]}}}
    again = walk(spec(graph, UUID(int=1), {"k": 1}, performed=frozenset({"code.javascript"}), answers=answers))
    assert (again.steps[0].output, again.steps[0].port) == (2, "next")
