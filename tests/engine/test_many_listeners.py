"""The work for an event is that of the workflows it is about, however many others listen, here and in other workspaces."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.types.json import Jsonb

from app.engine import change_events, matcher
from app.engine.compiled import CompiledFlow
from app.engine.entry import Entries
from app.engine.matcher import IDLE_S
from tests.fixtures.world import World, flow, node, rule

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
MANY = 10_000
TAG, DELAY = node("t", "add_tag", tag="seen"), node("d", "delay", duration=1, unit="days")


def listening(sku: str, *more: dict[str, Any], event: str = "bought") -> dict[str, Any]:
    """A workflow for what is bought of one kind."""
    conditions = [rule("event.sku", "equals", sku), *more]
    return flow(event, [TAG], ("trigger", "t"), trigger={"conditions": conditions}, settings={"reentry": "always"})


def another_workspace(world: World) -> int:
    tenant: int = world.one("insert into workspaces (name, slug) values ('Other', 'other') returning id")
    return tenant


def many(world: World, count: int, graph: dict[str, Any], tenant: int) -> None:
    """Active workflows like `graph`, in which each has a number in place of SKU."""
    world.db.execute(
        "with fresh as (insert into workflows (id, tenant_id, name, status, live_version, draft)"
        " select gen_random_uuid(), %(tenant)s, n::text, 'active', 1, '{}' from generate_series(1, %(count)s) n returning id, name)"
        " insert into workflow_versions (workflow_id, version, tenant_id, graph, content_hash)"
        " select id, 1, %(tenant)s, replace(%(graph)s::text, 'SKU', 'many-' || name)::jsonb, '' from fresh",
        {"tenant": tenant, "count": count, "graph": Jsonb(graph)},
    )


class Work(Counter[str]):
    """What the engine of a world does while it is counted: statements, those under the turn, people asked, versions compiled."""

    def __init__(self, world: World, patch: pytest.MonkeyPatch) -> None:
        super().__init__()
        engine, work = world.engine, self

        class Counting(psycopg.Cursor[Any]):
            def execute(self, query: Any, *more: Any, **options: Any) -> Any:
                work["statements"] += 1
                work["under the turn"] += engine.turn._held
                work["looks at workflows"] += "workflow_versions" in str(query)
                return super().execute(query, *more, **options)

        engine.connection.cursor_factory = Counting
        admitted, init = Entries.admitted, CompiledFlow.__init__

        def admit(entries: Entries, *more: Any) -> bool:
            work["asked"] += 1
            return admitted(entries, *more)

        def make(compiled: CompiledFlow, *more: Any, **options: Any) -> None:
            work["compiled"] += 1
            init(compiled, *more, **options)

        patch.setattr(Entries, "admitted", admit)
        patch.setattr(CompiledFlow, "__init__", make)


@pytest.fixture
def work(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Work]:
    # Else the clock decides whether a look is one of the statements.
    monkeypatch.setattr("app.engine.advance.LOOK_FOR_STARTS_S", 0.0)
    yield Work(world, monkeypatch)
    world.engine.connection.cursor_factory = psycopg.Cursor


@pytest.mark.parametrize("where", ["here", "in another workspace"])
def test_an_event_costs_what_the_workflows_cost_that_it_is_about(world: World, work: Work, where: str) -> None:
    tenant = world.tenant if where == "here" else another_workspace(world)
    workflow = world.workflow(listening("A-1", rule("event.amount", "greater_than", 3)))
    counted = []
    for count in (10, MANY):
        many(world, count, listening("SKU", rule("event.amount", "greater_than", 3)), tenant)
        if where != "here":
            many(world, 1, listening("SKU"), world.tenant)  # so that this one is looked at as well
        people = world.contacts(20)  # who have the tag already are not written again
        world.emit("bought", world.contacts(1), {"sku": "A-1", "amount": 5})
        compiled = work["compiled"]
        work.clear()
        world.emit("bought", people, {"sku": "a-1 ", "amount": 5})
        world.emit("bought", people, {"sku": "A-2", "amount": 5})
        counted.append(dict(work))
        assert compiled <= 1
    assert counted[0] == counted[1], counted
    assert counted[0]["asked"] == 20 and not counted[0]["looks at workflows"] and "compiled" not in counted[0]
    assert world.runs(workflow) == {"completed": 42}
    assert len(world.engine.matcher.flows) == 1
    if where != "here":
        assert set(world.engine.matcher.workspaces) == {world.tenant}, "nothing happened there"


def test_what_one_workspace_activates_costs_the_others_nothing(world: World, work: Work) -> None:
    world.workflow(listening("A-1"))
    other = another_workspace(world)
    people = world.contacts(1)
    world.emit("bought", people, {"sku": "A-1"})
    work.clear()
    world.emit("bought", people, {"sku": "A-1"})
    before = dict(work)
    many(world, 3, listening("SKU"), other)
    world.db.execute("update workflows set status = 'paused' where tenant_id = %s", (other,))
    world.db.execute("update workspaces set timezone = 'Europe/Helsinki' where id = %s", (other,))
    work.clear()
    world.emit("bought", people, {"sku": "A-1"})
    assert dict(work) == before
    assert world.one("select n from workflow_epochs where tenant_id = %s", other) == 3
    world.db.execute("update workspaces set timezone = 'Europe/Helsinki' where id = %s", (world.tenant,))
    work.clear()
    world.emit("bought", people, {"sku": "A-1"})
    assert work["looks at workflows"] == 1
    assert {compiled.timezone for compiled in world.engine.matcher.flows.values()} == {"Europe/Helsinki"}


def test_a_workspace_where_nothing_happens_is_let_go(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(matcher, "monotonic", lambda: now[0])
    workflow = world.workflow(listening("A-1"))
    people = world.contacts(1)
    world.engine.matcher._swept = 0.0
    known = world.engine.matcher
    for seconds, there in ((1, 1), (IDLE_S, 1), (2 * IDLE_S + 1, 0)):
        if there:
            world.emit("bought", people, {"sku": "A-1"})
        now[0] = seconds
        world.engine.advance()
        assert (len(known.workspaces), len(known.flows)) == (there, there), seconds
    world.emit("bought", people, {"sku": "A-1"})
    assert world.runs(workflow) == {"completed": 3}


def changing(**fields: Any) -> dict[str, Any]:
    return flow("go", [node("u", "update_contact", set=fields)], ("trigger", "u"), settings={"reentry": "always"})


def changes_told(world: World, people: list[UUID]) -> int:
    """How many changes are told when these people go through the workflow that changes them."""
    world.put("go", people)
    world.engine.take_events()
    waiting: int = world.one("select count(*) from inbox where name like 'contact.%%'")
    world.engine.advance()
    return waiting


@pytest.mark.parametrize(
    ("conditions", "number"),
    [
        ([rule("event.current.attributes.plan", "equals", "pro")], 2),
        ([rule("event.current.attributes.plan", "equals", "free")], 0),
        ([rule("event.current.attributes.city", "equals", "Turku")], 0),
        ([rule("event.current.attributes.city", "equals", "Turku"), rule("event.current.tags", "exists")], 0),
        ([rule("event.changed", "contains", "attributes.city")], 0),
        ([rule("event.changed", "not_contains", "attributes.city")], 2),
        ([rule("contact.plan", "equals", "pro")], 2),
        ([rule("contact.plan", "equals", "free")], 0),
        ([rule("attributes.plan", "in", ["pro", "free"]), rule("contact.tags", "contains", "vip")], 0),
        ([rule("contact.tags", "contains", "vip")], 0),
        ([], 2),
    ],
)
def test_a_change_is_told_when_a_trigger_may_be_about_it(world: World, conditions: list[Any], number: int) -> None:
    world.workflow(changing(plan="pro"))
    world.workflow(flow("contact.updated", [TAG], ("trigger", "t"), trigger={"conditions": conditions}))
    assert changes_told(world, world.contacts(2)) == number


def test_a_change_is_told_to_goals_of_who_stands_there(world: World) -> None:
    world.travel(NOON)
    world.workflow(changing(plan="pro"))
    goal = {
        "id": "g",
        "event": "contact.attribute_changed",
        "conditions": [rule("event.attributes.plan", "equals", "pro")],
    }
    onboarding = world.workflow(flow("join", [DELAY], ("trigger", "d"), goals=[goal]))
    other = world.workflow(flow("join", [DELAY], ("trigger", "d")))
    nobody, member, late = (world.contacts(1) for _ in range(3))
    assert changes_told(world, nobody) == 0
    world.emit("join", member)
    assert changes_told(world, member) == 1
    assert world.runs(onboarding) == {"goal_reached": 1} and world.runs(other) == {"waiting": 1}
    # Whoever joined before the change, and is still waited for in the inbox, is about to stand there.
    world.engine.limit = 1
    world.put("go", late)
    world.put("join", late)
    world.engine.take_events()
    assert world.one("select array_agg(name order by id) from inbox") == ["join", "contact.attribute_changed"]


def test_of_a_long_inbox_everybody_is_taken_to_wait_there(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = (contact.bytes for contact in world.contacts(2))
    world.put("x", [UUID(bytes=one)])
    cursor = world.engine.connection.cursor(binary=True)
    places = [(world.tenant, one), (world.tenant, other)]
    assert change_events.in_inbox(cursor, places) == [one]
    monkeypatch.setattr(change_events, "IN_INBOX", change_events.IN_INBOX.replace(str(change_events.MOST_INBOX), "0"))
    assert change_events.in_inbox(cursor, places) == [one, other]


def joining(*conditions: dict[str, Any]) -> dict[str, Any]:
    """A workflow whose goal is what is bought under these conditions."""
    goal = {"id": "g", "event": "bought", "conditions": list(conditions)}
    return flow("join", [DELAY], ("trigger", "d"), goals=[goal])


def test_an_event_looks_for_the_runs_whose_goals_it_may_reach(world: World, work: Work) -> None:
    sku, people = rule("event.sku", "equals", "A-1"), world.contacts(3)
    workflow = world.workflow(joining(sku))
    world.emit("join", people)
    for count in (10, 1000):
        many(world, count, joining(rule("event.sku", "equals", "SKU")), world.tenant)
        world.emit("bought", people, {"sku": "A-9"})  # so that the workflows are known
        counted = []
        for name in ("sold", "bought"):
            work.clear()
            world.emit(name, people, {"sku": "A-2"})
            counted.append(dict(work))
        assert counted[0] == counted[1], "an event that reaches no goal costs what one costs that nobody waits for"
    assert world.runs(workflow) == {"waiting": 3}
    world.emit("bought", people, {"sku": " a-1"})
    assert world.runs(workflow) == {"goal_reached": 3}


@pytest.mark.parametrize(
    "rules",
    [
        [rule("event.amount", "greater_than", 3)],
        [rule("event.sku", "in", ["B-1", "a-1"])],
        [rule("event.sku", "equals", "A-1"), rule("plan", "equals", "pro")],
    ],
)
def test_goals_of_a_pinned_version_are_reached_by_their_own_conditions(world: World, rules: list[Any]) -> None:
    person = world.contacts(1, attributes={"plan": "pro"})
    workflow = world.workflow(joining(*rules))
    world.emit("join", person)
    world.publish(workflow, joining(rule("event.sku", "equals", "C-1")), 2)
    world.emit("bought", person, {"sku": "C-1", "amount": 1})
    assert world.runs(workflow) == {"waiting": 1}
    world.emit("bought", person, {"sku": "A-1", "amount": 5})
    assert world.runs(workflow) == {"goal_reached": 1}
