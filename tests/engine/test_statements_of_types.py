"""What a run through a step of any type costs in statements: what a batch costs, however many runs are in it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

import psycopg
import pytest

from app.flow import presentation, registry
from tests.fixtures.world import World, flow, node

FEW, MANY = 3, 90
CALLED = "0193a1b2-7c3d-7e4f-8a5b-1c2d3e4f5a6b"
"""The workflow, and the static segment, that examples name."""


def example(type_: str) -> dict[str, Any]:
    config: dict[str, Any] = json.loads((presentation.folder_on_disk(type_) / "example.json").read_text())
    return config


def count_statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Those that engines ask from now on. A copy and a batch of statements count once for each of theirs."""
    asked: list[str] = []

    def counting(plain: Callable[..., Any], each: bool) -> Callable[..., Any]:
        def execute(self: Any, query: Any, arguments: Any = None, *rest: Any, **more: Any) -> Any:
            lines = list(arguments) if each else [None]
            asked.extend([str(query)] * len(lines))
            return plain(self, query, lines if each else arguments, *rest, **more)

        return execute

    monkeypatch.setattr(psycopg.Cursor, "execute", counting(psycopg.Cursor.execute, each=False))
    monkeypatch.setattr(psycopg.Cursor, "executemany", counting(psycopg.Cursor.executemany, each=True))
    return asked


def prepare(world: World) -> list[str]:
    """A live workflow of one step for each installed type, begun by an event of its own; answers the types."""
    names = [name for name, kind in registry.types().items() if kind.__module__.startswith("app.")]
    world.workflow(flow(None, [node("e", "end")], ("trigger", "e")), id_=UUID(CALLED))
    world.db.execute(
        "insert into segments (tenant_id, id, number, name, kind) values (%s, %s, 77, 'Named by examples', 'static')",
        (world.tenant, CALLED),
    )
    for name in names:
        nodes = [node("x", name, **example(name)), node("end", "end")]
        ports = [port.id for port in registry.ports(registry.get(name), example(name))]
        edges = [("x", "end", port) for port in ports]
        world.workflow(flow(f"go-{name}", nodes, ("trigger", "x"), *edges))
    return names


def test_no_type_asks_a_statement_for_each_run(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    names = prepare(world)
    assert len(names) >= 25
    properties = {"total": 3, "items": [1, 2], "list": [1, 2], "plan": "pro"}

    def cost(name: str, count: int) -> list[str]:
        people = world.contacts(count, attributes={"plan": "pro", "first_name": "Ada"})
        world.put(f"go-{name}", people, properties)
        before = len(asked)
        world.engine.advance()
        return asked[before:]

    asked: list[str] = []
    for name in names:  # compiled, and with counters of their own
        cost(name, FEW)
    asked = count_statements(monkeypatch)
    grown = {}
    for name in names:
        few, many = cost(name, FEW), cost(name, MANY)
        assert few, name
        if len(many) > len(few):
            grown[name] = (len(few), len(many), sorted({one for one in many if many.count(one) > few.count(one)})[:3])
    assert not grown
    started = world.one("select count(*) from runs where workflow_id <> %s", UUID(CALLED))
    assert started >= len(names) * (2 * FEW + MANY)
