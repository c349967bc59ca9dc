"""Splits in the engine: who has a variant keeps it, over re-entry, versions and crashes; one query a batch, none without a split."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

from app.counters.variant_counters import contacts_by_variant
from app.engine import assignments, integrity
from tests.fixtures.erasing import erase_contact
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


def statements_about_splits(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Those that name the table of variants, as they come."""
    asked = list[Any]()
    plain = psycopg.Cursor.execute

    def counting(self: Any, query: Any, *arguments: Any, **more: Any) -> Any:
        if "split_exposures" in str(query):
            asked.append(query)
        return plain(self, query, *arguments, **more)

    monkeypatch.setattr(psycopg.Cursor, "execute", counting)
    return asked


def test_a_batch_asks_once_and_flows_without_a_split_never(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = statements_about_splits(monkeypatch)
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


# What became of the variants ------------------------------------------------------------------------------------


def results(world: World, node_id: str = "s") -> dict[str, tuple[int, int]]:
    """By variant the contacts that have it and those that reached a goal since, as the counters of all versions say."""
    counters: Counter[str] = Counter()
    for key, count in world.db.execute("select key, n from node_stats where node_id = %s", (node_id,)):
        counters[key] += count
    return contacts_by_variant(counters)


def bought(world: World, contacts: Sequence[UUID]) -> None:
    world.emit("buy", contacts)


def goal_flow(*weights: float, **more: Any) -> dict[str, Any]:
    """The split, and a wait of a day behind each variant; who buys meanwhile has reached the goal."""
    graph = split_flow(*weights, goals=[{"id": "g", "name": "Bought", "event": "buy"}], **more)
    graph["nodes"].append(node("w", "delay", duration=1, unit="days"))
    graph["edges"] += [{"source": f"t{n}", "target": "w", "sourceHandle": "next"} for n in range(len(weights))]
    return graph


def expected(world: World, winners: set[UUID]) -> dict[str, tuple[int, int]]:
    variants = exposures(world)
    return {
        name: (
            sum(variant == name for variant in variants.values()),
            sum(variant == name for contact, variant in variants.items() if contact in winners),
        )
        for name in sorted(set(variants.values()))
    }


def test_contacts_and_goals_are_counted_once_by_variant(any_way: World) -> None:
    world = any_way
    world.travel(NOON)
    workflow = world.workflow(goal_flow(1, 1))
    contacts = world.contacts(40)
    winners = contacts[:15]
    world.emit("go", contacts)
    assert results(world) == expected(world, set())
    bought(world, winners)
    assert results(world) == expected(world, set(winners))
    world.emit("go", contacts)  # all once more: nobody is counted twice
    bought(world, winners)
    assert results(world) == expected(world, set(winners))
    world.publish(workflow, goal_flow(0, 1, 5), 2)  # in another version too
    world.emit("go", contacts)
    bought(world, contacts[10:25])
    assert results(world) == expected(world, set(contacts[:25]))
    assert sum(count for count, _ in results(world).values()) == 40
    assert integrity.check(world.db) == []
    world.balanced()


def test_a_goal_that_comes_before_the_split_or_lets_the_run_go_on_converts_what_came_before_it(any_way: World) -> None:
    world = any_way
    two = [{"id": "a", "weight": 1}, {"id": "b", "weight": 0}]
    graph = flow(
        "go",
        [
            node("s", "split", variants=two),
            node("g", "goal", name="Half way", ends=False),
            node("later", "split", variants=two),
            node("t", "add_tag", tag="x"),
        ],
        ("trigger", "s"),
        ("s", "g", "a"),
        ("s", "g", "b"),
        ("g", "later"),
        ("later", "t", "a"),
        ("later", "t", "b"),
        settings={"reentry": "always"},
    )
    world.workflow(graph)
    contacts = world.contacts(7)
    world.emit("go", contacts)
    assert results(world) == {"a": (7, 7)} and results(world, "later") == {"a": (7, 0)}
    world.emit("go", contacts[:3])  # who comes again has the later variant, and reaches the goal
    assert results(world) == {"a": (7, 7)} and results(world, "later") == {"a": (7, 3)}
    assert integrity.check(world.db) == []


def test_what_was_done_with_a_variant_that_was_taken_out_stays_in_its_results(world: World) -> None:
    world.travel(NOON)
    workflow = world.workflow(goal_flow(1, 0))
    contacts = world.contacts(5)
    world.emit("go", contacts)
    bought(world, contacts[:2])
    assert results(world) == {"v0": (5, 2)}
    graph = goal_flow(0, 1)
    split = next(one for one in graph["nodes"] if one["id"] == "s")
    split["data"]["variants"] = [{"id": "v1", "weight": 1}, {"id": "v2", "weight": 0}]
    graph["edges"] = [edge for edge in graph["edges"] if edge.get("sourceHandle") != "v0"]
    world.publish(workflow, graph, 2)
    world.emit("go", contacts[:4])
    assert results(world) == {"v0": (5, 2), "v1": (4, 0)}
    bought(world, contacts[1:4])
    assert results(world) == {"v0": (5, 2), "v1": (4, 3)}, "what they do now counts with what they have now"
    erase_contact(world, contacts[0])
    world.engine.advance()
    assert results(world) == {"v0": (5, 2), "v1": (4, 3)}
    assert integrity.check(world.db) == []


def test_who_is_erased_stays_in_the_results(world: World) -> None:
    world.travel(NOON)
    world.workflow(goal_flow(1, 0))
    contacts = world.contacts(6)
    world.emit("go", contacts)
    bought(world, contacts[:3])
    for contact in (contacts[0], contacts[5]):
        erase_contact(world, contact)
    world.engine.advance()
    assert len(exposures(world)) == 4 and results(world) == {"v0": (6, 3)}
    assert integrity.check(world.db) == []


def test_a_workflow_without_a_split_asks_nothing_about_goals(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = statements_about_splits(monkeypatch)
    world.workflow(flow("go", [node("g", "goal", name="Done")], ("trigger", "g")))
    world.emit("go", world.contacts(30))
    assert world.one("select count(*) from runs where status = 6") == 30 and asked == []


def test_the_check_of_counters_sees_a_wrong_number(world: World) -> None:
    world.workflow(split_flow(1, 0))
    world.emit("go", world.contacts(2))
    assert integrity.check(world.db) == []
    world.db.execute("update node_stats set n = 3 where key = 'variant.contacts.v0'")
    breaches = integrity.check(world.db)
    assert len(breaches) == 1 and "counted 3, are 2" in str(breaches[0])
