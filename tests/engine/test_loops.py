"""Runs that come to a node again: visits are numbered, the latest output counts, and nobody goes round for ever."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from app.engine import integrity
from app.engine.compiled import CompiledFlow
from app.engine.cycles import repeatable
from app.engine.limits import MAX_STEPS, MAX_VISITS
from app.engine.state import ContactState
from app.engine.state import RunState as EngineRun
from app.engine.walk import Batch
from app.flow import registry
from app.flow.document import Flow
from app.flow.effects import MAX_VARS_BYTES, SetVars
from app.flow.node_type import NodeType, Port
from app.flow.outcomes import Done, Run
from tests.fixtures.world import World, flow, node, rule

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


class CountConfig(msgspec.Struct):
    until: int = 3
    size: int = 0


class Count(NodeType):
    """Goes round until it has counted so far; `size`: characters that it keeps besides."""

    type, label, category, description, outputs = "count", "Count", "logic", "For tests.", (Port("body"), Port("done"))
    Config = CountConfig

    @staticmethod
    def compile(config: CountConfig, scope: Any) -> Run:
        index, last = scope.field("vars.index"), scope.field("steps.c.count")
        scope.field("vars.text")

        def run(step: Any) -> Done:
            count = (index(step) or 0) + 1
            assert (last(step) or 0) == count - 1
            values = {"index": count, "text": "x" * config.size}
            return Done("body" if count < config.until else "done", {"count": count}, (SetVars(values),))

        return run


@pytest.fixture(autouse=True)
def counting(own_types: None) -> None:
    registry._types["count"] = Count


ROUND = (("trigger", "c"), ("c", "d", "body"), ("d", "c"), ("c", "end", "done"))


def test_each_visit_is_a_step_of_its_own_also_over_waits(any_way: World) -> None:
    world = any_way
    world.travel(NOON)
    nodes = [node("c", "count", until=3), node("d", "delay", duration=1, unit="hours"), node("end", "end")]
    workflow = world.workflow(flow("go", nodes, *ROUND))
    world.emit("go", world.contacts(3))
    assert world.one("select context from runs limit 1") == {
        "steps": {"c": {"count": 1}}, "vars": {"index": 1, "text": ""}, "visits": {"c": 1},
    }  # fmt: skip
    assert integrity.check(world.db) == []
    for hour in (1, 2):
        world.travel(NOON + timedelta(hours=hour))
        assert integrity.check(world.db) == []
    assert world.runs(workflow) == {"completed": 3}
    steps = world.db.execute(
        "select node_id, occurrence, port from steps where run_id = (select id from runs limit 1) order by seq"
    )
    assert steps.fetchall() == [
        ("c", 1, "body"), ("d", 1, "next"), ("c", 2, "body"), ("d", 2, "next"), ("c", 3, "done"), ("end", 1, "next"),
    ]  # fmt: skip
    counts = world.counters()
    assert (counts["c", "body"], counts["c", "done"], counts["d", "next"]) == (6, 3, 6)
    world.balanced()


def test_a_wrong_number_of_a_visit_is_found(world: World) -> None:
    nodes = [node("c", "count", until=3), node("d", "add_tag", tag="x"), node("end", "end")]
    world.workflow(flow("go", nodes, *ROUND))
    world.emit("go", world.contacts(1))
    assert integrity.check(world.db) == []
    world.db.execute("update steps set occurrence = 1 where node_id = 'd'")
    assert [breach.invariant for breach in integrity.check(world.db)] == ["I2"]


def walked(nodes: list[dict[str, Any]], *edges: Any) -> tuple[Batch, EngineRun]:
    """One run through a version, in memory alone."""
    compiled = CompiledFlow(bytes(16), 1, 1, Flow.load(flow("go", nodes, *edges)))
    begin = compiled.started_by(of_contact=True)
    assert not isinstance(begin, str)
    batch = Batch(0)
    run = EngineRun(bytes(16), compiled, begin, ContactState(bytes(16)), b"{}", begin.node, 0, 0, 0)
    batch.enter(run)
    return batch, run


def test_who_goes_round_for_ever_fails_even_by_the_error_port(monkeypatch: pytest.MonkeyPatch) -> None:
    """A circle of steps that are the same for everybody, and one whose error port leads round once more."""
    monkeypatch.setattr("app.engine.walk.STEPS_AT_ONCE", MAX_STEPS)
    _, run = walked(
        [node("a", "add_tag", tag="x"), node("b", "remove_tag", tag="x")], ("trigger", "a"), ("a", "b"), ("b", "a")
    )
    assert run.path is not None
    assert (run.path.end.error, run.path.end.seq) == (
        "A run may come to one step 2,000 times at most.",
        2 * MAX_VISITS + 1,
    )
    nodes = [node("c", "count", until=10**9), node("t", "add_tag", tag="x")]
    _, run = walked(nodes, ("trigger", "c"), ("c", "t", "body"), ("t", "c"), ("c", "t", "error"))
    assert run.path is not None
    assert run.path.end.error == "A run may come to one step 2,000 times at most."


def test_a_long_way_is_no_circle() -> None:
    """Also one longer than Python calls may be deep; its end is that of all long runs."""
    count = MAX_STEPS + 5
    nodes = [node(f"n{number}", "add_tag", tag="x") for number in range(count)]
    _, run = walked(nodes, ("trigger", "n0"), *[(f"n{number}", f"n{number + 1}") for number in range(count - 1)])
    assert run.path is not None
    assert run.path.end.error == "A run may take 10,000 steps at most."


def test_what_nothing_reads_is_not_kept_and_too_much_fails_in_words(world: World) -> None:
    nodes = [node("c", "count", until=2, size=MAX_VARS_BYTES), node("end", "end")]
    workflow = world.workflow(flow("go", nodes, ("trigger", "c"), ("c", "end", "done")))
    world.emit("go", world.contacts(2))
    assert world.runs(workflow) == {"failed": 2}
    assert world.one("select distinct error_message from runs") == (
        "The variables of this run would take more than 64 kB. Keep less in them."
    )
    assert world.one("select count(*) from runs where context->'vars' is not null") == 0
    assert integrity.check(world.db) == []


def test_variables_are_read_by_later_steps_of_the_same_run_alone(world: World) -> None:
    nodes = [
        node("c", "count", until=1),
        node("d", "delay", duration=1, unit="hours"),
        node("x", "condition", conditions=[rule("vars.index", "equals", 1)]),
        node("t", "add_tag", tag="{{ vars.index }} {{ vars.none }}"),
    ]
    world.travel(NOON)
    world.workflow(flow("go", nodes, ("trigger", "c"), ("c", "d", "done"), ("d", "x"), ("x", "t", "true")))
    world.workflow(flow("go", [node("x", "condition", conditions=[rule("vars.index", "exists")])], ("trigger", "x")))
    world.emit("go", world.contacts(1))
    world.travel(NOON + timedelta(hours=1))
    assert world.one("select tags from contacts") == ["1"]
    assert world.one("select port from steps where node_id = 'x' order by completed_at limit 1") == "false"


@pytest.mark.parametrize(
    ("edges", "wanted"),
    [
        ([("a", "b"), ("b", "c")], ""),
        ([("a", "b"), ("b", "c"), ("c", "b"), ("c", "d")], "bc"),
        ([("a", "a")], "a"),
        ([("a", "b"), ("b", "a"), ("b", "c"), ("c", "d"), ("d", "c")], "abcd"),
        ([("trigger", "a"), ("a", "gone")], ""),
    ],
)
def test_which_nodes_may_be_visited_again(edges: list[tuple[str, str]], wanted: str) -> None:
    assert repeatable("abcd", edges) == set(wanted)
