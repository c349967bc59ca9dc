"""Splits in the engine: who has a variant keeps it, over re-entry, versions and crashes; one query a batch, none without a split."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

from app.engine import assignments, integrity
from tests.fixtures.world import World, flow, node

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


def split_flow(*weights: float, wait_first: bool = False, **more: Any) -> dict[str, Any]:
    """Enter by `go` as often as one likes, perhaps wait an hour, and be tagged with the variant."""
    variants = [{"id": f"v{n}", "label": f"V{n}", "weight": weight} for n, weight in enumerate(weights)]
    nodes = [
        node("s", "split", variants=variants),
        *[node(f"t{n}", "add_tag", tag=f"v{n}") for n in range(len(weights))],
    ]
    edges: list[Any] = [("s", f"t{n}", f"v{n}") for n in range(len(weights))]
    if wait_first:
        nodes.append(node("w", "delay", duration=1, unit="hours"))
        edges += [("trigger", "w"), ("w", "s")]
    else:
        edges.append(("trigger", "s"))
    return flow("go", nodes, *edges, settings={"reentry": "always"}, **more)


def exposures(world: World) -> dict[UUID, str]:
    return dict(world.db.execute("select contact_id, variant from split_exposures").fetchall())


def ways(world: World) -> Counter[str]:
    return Counter(port for (port,) in world.db.execute("select port from steps where node_id = 's'"))


def test_everybody_keeps_their_variant_when_they_come_again_and_when_weights_change(any_way: World) -> None:
    world = any_way
    workflow = world.workflow(split_flow(1, 1))
    contacts = world.contacts(60)
    world.emit("go", contacts)
    first = exposures(world)
    assert len(first) == 60 and 15 < Counter(first.values())["v0"] < 45
    world.emit("go", contacts)
    world.publish(workflow, split_flow(0, 1, 9), 2)
    world.emit("go", contacts)
    assert exposures(world) == first
    assert ways(world) == {variant: 3 * count for variant, count in Counter(first.values()).items()}
    newcomers = world.contacts(40)
    world.emit("go", newcomers)
    later = {contact: variant for contact, variant in exposures(world).items() if contact in set(newcomers)}
    assert len(later) == 40 and "v0" not in later.values()
    assert world.one("select count(*) from steps where node_id = 's' and output->>'assigned' = 'now'") == 100
    assert integrity.check(world.db) == []
    world.balanced()


def test_a_variant_that_was_taken_out_is_replaced_at_the_next_visit(world: World) -> None:
    workflow = world.workflow(split_flow(1, 0))
    contacts = world.contacts(5)
    world.emit("go", contacts)
    graph = split_flow(0, 1)
    split = next(one for one in graph["nodes"] if one["id"] == "s")
    split["data"]["variants"] = [{"id": "v1", "weight": 1}, {"id": "v2", "weight": 0}]
    graph["edges"] = [edge for edge in graph["edges"] if edge.get("sourceHandle") != "v0"]
    world.publish(workflow, graph, 2)
    world.emit("go", contacts)
    assert set(exposures(world).values()) == {"v1"} and len(exposures(world)) == 5


def test_two_runs_of_a_contact_in_one_batch_go_one_way(any_way: World) -> None:
    """Of two versions with opposite weights: the second run finds what the first was given."""
    world = any_way
    world.travel(NOON)
    workflow = world.workflow(split_flow(1, 0, wait_first=True))
    contacts = world.contacts(4)
    world.emit("go", contacts)
    world.publish(workflow, split_flow(0, 1, wait_first=True), 2)
    world.emit("go", contacts)
    world.travel(NOON + timedelta(hours=2))
    world.engine.advance()
    assert len(exposures(world)) == 4
    by_contact: dict[UUID, set[str]] = {}
    for contact, port in world.db.execute(
        "select r.contact_id, s.port from steps s join runs r on r.tenant_id = s.tenant_id and r.id = s.run_id where s.node_id = 's'"
    ):
        by_contact.setdefault(contact, set()).add(port)
    assert len(by_contact) == 4 and all(len(ports) == 1 for ports in by_contact.values())
    assert {contact: {variant} for contact, variant in exposures(world).items()} == by_contact


def test_a_run_without_a_contact_draws_and_nothing_is_kept(world: World) -> None:
    graph = split_flow(1, 1)
    graph["trigger"] = {"type": "manual", "data": {"contact": "optional"}}
    graph["nodes"] = [one for one in graph["nodes"] if one["type"] != "add_tag"]
    graph["edges"] = [edge for edge in graph["edges"] if not edge["target"].startswith("t")]
    workflow = world.workflow(graph)
    world.start_nobody(workflow, count=40)
    world.engine.advance()
    assert set(ways(world)) == {"v0", "v1"} and exposures(world) == {}


def test_a_batch_asks_once_and_flows_without_a_split_never(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    plain = psycopg.Cursor.execute

    def counting(self: Any, query: Any, *arguments: Any, **more: Any) -> Any:
        if "split_exposures" in str(query):
            asked.append(query)
        return plain(self, query, *arguments, **more)

    monkeypatch.setattr(psycopg.Cursor, "execute", counting)
    world.workflow(flow("other", [node("t", "add_tag", tag="x")], ("trigger", "t")))
    contacts = world.contacts(50)
    world.emit("other", contacts)
    assert asked == []
    world.workflow(split_flow(1, 1))
    world.emit("go", contacts)
    assert len(exposures(world)) == 50
    assert 2 <= len([query for query in asked if query in (assignments._ASSIGNED, assignments._ASSIGN)]) <= 4


def test_the_variant_goes_with_the_contact(world: World) -> None:
    world.workflow(split_flow(1, 1))
    contacts = world.contacts(3)
    world.emit("go", contacts)
    assert all(
        world.one("select assigned_at is not null from split_exposures where contact_id = %s", one) for one in contacts
    )
