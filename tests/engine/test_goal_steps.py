"""Goals that are steps: the run ends as a success there, and what it asked for before still leaves."""

from __future__ import annotations

from app.engine import integrity
from app.messaging.ledger import RUN_STATUS
from tests.fixtures.world import World, flow, node


def test_a_goal_step_ends_the_run_as_a_success(any_way: World) -> None:
    world = any_way
    nodes = [node("a", "add_tag", tag="a"), node("g", "goal", name="Bought")]
    workflow = world.workflow(flow("go", nodes, ("trigger", "a"), ("a", "g")))
    (someone,) = world.contacts(1)
    world.emit("go", [someone])
    assert world.runs(workflow) == {"goal_reached": 1}
    assert world.steps(workflow) == [("a", "completed", "next"), ("g", "completed", "next")]
    assert world.one("select goal_reached_id from runs") == "g" == world.one("select current_node_id from runs")
    assert world.one("select tags from contacts where id = %s", someone) == ["a"]
    assert world.one(f"select {RUN_STATUS} from runs r") == 4, "its messages leave as those of a completed run"
    assert integrity.check(world.db) == []
    world.balanced()


def test_a_goal_that_does_not_end_is_counted_and_passed(world: World) -> None:
    nodes = [
        node("g", "goal", name="Opened", ends=False),
        node("e", "end", outcome="Done", output={"n": "{{ event.n }}"}),
    ]
    workflow = world.workflow(flow("go", nodes, ("trigger", "g"), ("g", "e")))
    world.emit("go", world.contacts(2), {"n": 3})
    assert world.runs(workflow) == {"completed": 2}
    assert world.counters()["g", "next"] == 2
    assert world.one("select output from steps where node_id = 'e' limit 1") == {"outcome": "Done", "output": {"n": 3}}


def test_a_goal_of_the_workflow_still_stops_what_was_queued(world: World) -> None:
    nodes = [node("w", "delay", duration=1, unit="days")]
    goals = [{"id": "g", "name": "Bought", "event": "bought", "conditions": [], "match": "all"}]
    world.workflow(flow("go", nodes, ("trigger", "w"), goals=goals))
    (someone,) = world.contacts(1)
    world.emit("go", [someone])
    world.happen("bought", someone)
    world.engine.advance()
    assert world.one(f"select {RUN_STATUS} from runs r") == 6
