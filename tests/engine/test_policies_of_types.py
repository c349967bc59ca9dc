"""What becomes of a run at a step that failed for good holds at every type: it fails, takes the path for failures, goes on, or is held."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest

from app.engine import integrity
from app.engine.passing import passing_port
from app.flow import presentation, registry
from app.flow.outcomes import refused
from tests.fixtures.world import World, flow, node

WHY = "It is broken."
POLICIES: dict[str, tuple[dict[str, Any], list[Any], str]] = {
    "says nothing": ({}, [], "failed"),
    "fail": ({"onError": "fail"}, [], "failed"),
    "path": ({"onError": "hold"}, [("x", "sorry", "error")], "running"),
    "continue": ({"onError": "continue"}, [], "completed"),
    "hold": ({"onError": "hold"}, [], "held"),
}
"""Each with the fields of the step, edges from it, and what its run comes to. A path for failures goes before the policy; the step behind
it is of no type, so the run waits there."""


def example(type_: str) -> dict[str, Any]:
    folder = presentation.folder_on_disk(type_)
    config: dict[str, Any] = json.loads((folder / "example.json").read_text())
    return config


def break_all(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let every installed type that has ways out fail at each contact; answers their names."""
    broken = refused(WHY)
    names = [name for name, kind in registry.types().items() if kind.__module__.startswith("app.")]
    for name in names:
        monkeypatch.setattr(registry.get(name), "compile", staticmethod(lambda config, scope: lambda step: broken))
    return names


@pytest.mark.parametrize("policy", POLICIES)
def test_every_type_does_as_its_policy_says(world: World, monkeypatch: pytest.MonkeyPatch, policy: str) -> None:
    fields, edges, status = POLICIES[policy]
    names = break_all(monkeypatch)
    assert len(names) >= 20
    workflows: dict[str, UUID] = {}
    for name in names:
        nodes = [{**node("x", name, **example(name)), **fields}, node("sorry", "no_such_type")]
        workflows[name] = world.workflow(flow("go", nodes[: 1 + len(edges)], ("trigger", "x"), *edges))
    world.emit("go", world.contacts(1))
    wrong: dict[str, Any] = {}
    for name, workflow_id in workflows.items():
        came_to = world.runs(workflow_id)
        port = world.one(
            "select s.port from steps s join runs r on r.id = s.run_id where r.workflow_id = %s and s.node_id = 'x'",
            workflow_id,
        )
        ports = [one.id for one in registry.ports(registry.get(name), example(name))]
        ways = {"path": "error", "continue": passing_port(ports), "hold": None}
        wanted = ways.get(policy, "error")
        if came_to != {status: 1} or port != wanted:
            wrong[name] = came_to, port, wanted
    assert not wrong
    assert world.one("select count(*) from runs where error_message is distinct from %s and status <> 4", WHY) == (
        len(names) if edges else 0
    ), "who fails or is held says why"
    world.balanced()
    assert integrity.check(world.db) == []
