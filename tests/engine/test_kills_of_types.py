"""Workers die between statements while runs go round, take alternatives, handle errors, wait for events and ask people: nothing is lost or
done twice, and what it comes to is what it comes to in calm."""

from __future__ import annotations

import multiprocessing
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from app.engine import integrity
from tests.engine.test_hold import answer
from tests.engine.workers import work_and_die
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.world import World, flow, node, rule

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
PEOPLE = 12
N = rule("contact.attributes.n", "greater_than", 1)


def going_round() -> dict[str, Any]:
    """A loop over three items, and a jump back that is taken twice."""
    nodes = [
        node("round", "loop", items="{{ event.items }}", maxIterations=5),
        node("count", "update_contact", increment={"rounds": 1}),
        node("again", "goto", target="round", maxVisits=2),
        node("over", "add_tag", tag="over"),
    ]
    edges = [
        ("trigger", "round"),
        ("round", "count", "body"),
        ("count", "round"),
        ("round", "again", "done"),
        ("again", "over", "exceeded"),
    ]
    return flow("go", nodes, *edges)


def trying() -> dict[str, Any]:
    """The first way fails at a text that is no number, the second does it."""
    nodes = [
        node("ways", "fallback", alternatives=["first", "second"]),
        node("first", "condition", conditions=[N]),
        node("second", "update_contact", increment={"rounds": 1}),
        node(
            "variant",
            "split",
            variants=[{"id": "a", "label": "A", "weight": 50}, {"id": "b", "label": "B", "weight": 50}],
        ),
        node("over", "add_tag", tag="over"),
    ]
    edges = [
        ("trigger", "ways"), ("ways", "first", "first"), ("ways", "second", "second"), ("second", "variant"),
        ("variant", "over", "a"), ("variant", "over", "b"),
    ]  # fmt: skip
    return flow("go", nodes, *edges)


def handling() -> dict[str, Any]:
    """A step fails, and the handler of the workflow takes over."""
    nodes = [
        node("odd", "condition", conditions=[N]),
        node("handler", "error_handler"),
        node("count", "update_contact", increment={"rounds": 1}),
        node("over", "add_tag", tag="over"),
    ]
    return flow("go", nodes, ("trigger", "odd"), ("handler", "count"), ("count", "over"))


def waiting() -> dict[str, Any]:
    """Wait for an event that comes, then ask a person who does not answer."""
    choices = [{"id": "yes", "label": "Yes"}, {"id": "no", "label": "No"}]
    nodes = [
        node("for", "wait_for_event", event="paid", timeout={"duration": 1, "unit": "days"}),
        node("count", "update_contact", increment={"rounds": 1}),
        node("ask", "hold", question="Well?", choices=choices, timeout={"duration": 1, "unit": "hours"}),
        node("over", "add_tag", tag="over"),
    ]
    edges = [("trigger", "for"), ("for", "count"), ("count", "ask"), ("ask", "over", "timeout"), ("ask", "over", "yes")]
    return flow("go", nodes, *edges)


def die_until_done(url: str) -> None:
    """Workers die with a batch written, committed and only claimed, one after the other; then one ends in order.

    No more of them: what stops a worker three times is held.
    """
    context = multiprocessing.get_context("fork")
    exits = list[int | None]()
    for place in ("written", "committed", "claimed", ""):
        process = context.Process(target=work_and_die, args=(url, 5, {place: 1.0} if place else {}))
        process.start()
        process.join(60)
        exits.append(process.exitcode)
    assert exits[-1] == 0 and exits[0] == -9, exits


@pytest.mark.parametrize(("graph", "rounds"), [(going_round, 9), (trying, 1), (handling, 1)])
def test_nothing_is_lost_or_done_twice(
    world: World, committed_database: CommittedDatabase, graph: Any, rounds: int
) -> None:
    workflow = world.workflow(graph())
    people = world.contacts(PEOPLE, attributes={"n": "many"})
    world.put("go", people, {"items": [1, 2, 3]})
    world.engine.close()
    die_until_done(committed_database.url)
    assert world.runs(workflow) == {"completed": PEOPLE}, world.one(
        "select error_message from runs where error_message <> ''"
    )
    assert world.one("select array_agg(distinct (attributes->>'rounds')::int) from contacts") == [rounds]
    assert world.one("select count(*) from contacts where tags = '{over}'") == PEOPLE
    world.balanced()
    assert integrity.check(world.db) == []


def test_waits_and_questions_outlive_their_workers(world: World, committed_database: CommittedDatabase) -> None:
    world.travel(NOON)
    workflow = world.workflow(waiting())
    people = world.contacts(PEOPLE)
    world.put("go", people)
    world.engine.close()
    die_until_done(committed_database.url)
    assert world.one("select array_agg(distinct waits_for) from active_runs") == ["paid"]
    for person in people:
        world.happen("paid", person)
    die_until_done(committed_database.url)
    with psycopg.connect(committed_database.url) as other:
        assert answer_first(world, people, other)
        other.commit()
    world.db.execute("update virtual_clock set at = %s", (NOON + timedelta(hours=2),))
    die_until_done(committed_database.url)
    assert world.runs(workflow) == {"completed": PEOPLE}
    assert world.one("select array_agg(distinct (attributes->>'rounds')::int) from contacts") == [1]
    assert world.one("select count(*) from steps where node_id = 'ask' and port = 'timeout'") == PEOPLE - 1
    world.balanced()
    assert integrity.check(world.db) == []


def answer_first(world: World, people: list[Any], connection: Any) -> bool:
    """One of them is answered while the others wait."""
    return answer(world, people[0], "yes", connection)


def test_contacts_and_goals_of_variants_are_counted_once(world: World, committed_database: CommittedDatabase) -> None:
    """Each enters twice and pays; workers die before and after the statements that count."""
    variants = [{"id": "a", "weight": 1}, {"id": "b", "weight": 1}]
    day = {"duration": 1, "unit": "days"}
    nodes = [
        node("s", "split", variants=variants),
        node("for", "wait_for_event", event="paid", timeout=day),
        node("won", "goal", name="Paid"),
    ]
    edges = [("trigger", "s"), ("s", "for", "a"), ("s", "for", "b"), ("for", "won")]
    world.workflow(flow("go", nodes, *edges, settings={"reentry": "always"}))
    people = world.contacts(PEOPLE)
    world.engine.close()
    for _ in range(2):
        world.put("go", people)
        die_until_done(committed_database.url)
        for person in people[:5]:
            world.happen("paid", person)
        die_until_done(committed_database.url)
    counted = {(key.split(".")[1]): n for (_, key), n in variant_counters(world).items()}
    assert counted == {"contacts": PEOPLE, "converted": 5}
    assert world.one("select count(*) from split_exposures where converted_at is not null") == 5
    world.balanced()
    assert integrity.check(world.db) == []


def variant_counters(world: World) -> dict[tuple[str, str], int]:
    """The counters of contacts and of goals, all variants together."""
    sums: dict[tuple[str, str], int] = {}
    for (node_id, key), n in world.counters().items():
        if key.startswith("variant."):
            kind = node_id, ".".join(key.split(".")[:2])
            sums[kind] = sums.get(kind, 0) + n
    return sums
