"""Runs that sleep until an event: what wakes them, what does not, and that nothing wakes them twice."""

from __future__ import annotations

import multiprocessing
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import UUID

import msgspec
import pytest

from app.engine import claim, integrity
from app.engine.control import cancel_runs
from app.flow import registry
from app.flow.conditions import Condition
from app.flow.node_type import NodeType, Port
from app.flow.outcomes import WaitFor
from app.inbox import InboxKind
from app.lib import database
from tests.engine.workers import engine_on, work_and_die
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.world import World, flow, node, rule

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


class ListenConfig(msgspec.Struct, rename="camel"):
    event: str = "order"
    conditions: list[Condition] = []
    hours: float = 24
    since: Literal["now", "run_start"] = "now"


class Listen(NodeType):
    """Waits for an event with conditions, or some hours."""

    type, label, category, description = "listen", "Listen", "timing", "For tests."
    outputs = (Port("next"), Port("timeout"))
    Config = ListenConfig

    @staticmethod
    def compile(config: ListenConfig, scope: Any) -> WaitFor:
        judge = scope.conditions(config.conditions, "all") if config.conditions else None
        return WaitFor(config.event, judge, seconds=3600 * config.hours, since=config.since)

    @classmethod
    def events(cls, config: ListenConfig) -> list[str]:
        return [config.event]


@pytest.fixture(autouse=True)
def listening() -> Iterator[None]:
    registry.types()
    registry._types["listen"] = Listen
    yield
    del registry._types["listen"]


def listen_flow(*nodes: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Enter by `go`, wait in each of `nodes`, one after the other; whoever times out is tagged."""
    listed = [*nodes, node("late", "add_tag", tag="late"), node("end", "add_tag", tag="end")]
    names = [spec["id"] for spec in nodes]
    edges = [("trigger", names[0]), *zip(names, [*names[1:], "end"], strict=True)]
    return flow("go", listed, *edges, *[(name, "late", "timeout") for name in names], **more)


def at(hours: float) -> datetime:
    return NOON + timedelta(hours=hours)


def tags(world: World, contact: UUID) -> list[str]:
    found: list[str] = world.one("select tags from contacts where id = %s", contact)
    return found


def test_the_event_whose_conditions_hold_takes_the_run_on_and_no_other(any_way: World) -> None:
    world = any_way
    world.travel(NOON)
    large = [rule("event.total", "greater_than", 10), rule("contact.plan", "equals", "pro")]
    seen = node("seen", "condition", conditions=[rule("steps.w.properties.total", "equals", 20)])
    graph = listen_flow(node("w", "listen", conditions=large), seen)
    graph["edges"] = [e for e in graph["edges"] if e["source"] != "seen"] + flow("x", [], ("seen", "end", "true"))[
        "edges"
    ]
    workflow = world.workflow(graph)
    woken, small, other, idle = world.contacts(4, attributes={"plan": "pro"})
    (free,) = world.contacts(1, attributes={"plan": "free"})
    world.emit("go", [woken, small, other, idle, free])
    assert world.one("select count(*) from runs where waits_for = 'order' and status = 1") == 5
    world.happen("order", small, {"total": 3})
    world.happen("paid", other, {"total": 20})
    world.happen("order", free, {"total": 20})
    world.happen("order", woken, {"total": 20}, occurred_at=at(-1))  # before the wait began
    world.engine.advance()
    assert world.runs(workflow) == {"waiting": 5}
    event_id = world.happen("order", woken, {"total": 20})
    for number in range(50):
        world.happen("order", woken, {"total": 30 + number})
    world.engine.advance()
    assert world.runs(workflow) == {"waiting": 4, "completed": 1}
    assert world.one("select output from steps where node_id = 'w'") == {
        "name": "order", "id": str(event_id), "occurredAt": NOON.isoformat(), "properties": {"total": 20},
    }  # fmt: skip
    assert tags(world, woken) == ["end"]
    assert integrity.check(world.db) == []
    world.travel(at(24))
    assert world.runs(workflow) == {"completed": 5}
    assert tags(world, idle) == ["late"]
    assert world.one("select count(*) from runs where waits_for is not null") == 0
    world.balanced()
    assert integrity.check(world.db) == []


@pytest.mark.parametrize("limit", [1, 7, 1000])
def test_batches_do_not_decide_what_wakes_whom(world: World, limit: int) -> None:
    """Two waits in a row, and all events in the inbox before anybody looks: each event ends one wait."""
    world.travel(NOON)
    world.engine.limit = limit
    workflow = world.workflow(listen_flow(node("a", "listen"), node("b", "listen"), node("c", "listen", event="paid")))
    people = world.contacts(3)
    for person in people:
        for name, seconds in (
            ("paid", 1),
            ("go", 2),
            ("order", 3),
            ("paid", 4),
            ("order", 5),
            ("paid", 6),
            ("paid", 7),
        ):
            world.happen(name, person, occurred_at=NOON - timedelta(seconds=60 - seconds))
    world.engine.advance()
    assert world.runs(workflow) == {"completed": 3}
    woken_by = world.db.execute(
        "select distinct node_id, output->>'occurredAt' from steps where node_id in ('a', 'b', 'c') order by 1"
    )
    moments = {name: datetime.fromisoformat(moment) for name, moment in woken_by}
    assert moments == {
        "a": NOON - timedelta(seconds=57),
        "b": NOON - timedelta(seconds=55),
        "c": NOON - timedelta(seconds=54),
    }
    world.balanced()
    assert integrity.check(world.db) == []


def test_what_happened_since_the_run_began_counts_when_asked_for(any_way: World) -> None:
    world = any_way
    world.travel(NOON)
    delay = node("d", "delay", duration=1, unit="hours")
    since = node("a", "listen", since="run_start", conditions=[rule("event.n", "greater_than", 1)])
    graph = listen_flow(node("x", "listen", event="never", hours=1), since, node("b", "listen"))
    graph["edges"] = flow("go", [], ("trigger", "d"), ("d", "a"), ("a", "b"), ("b", "end"), ("a", "late", "timeout"))[
        "edges"
    ]
    workflow = world.workflow({**graph, "nodes": [delay, *graph["nodes"]]})
    bought, before, small = world.contacts(3)
    world.happen("order", before, {"n": 5}, occurred_at=at(-1))
    world.emit("go", [bought, before, small])
    world.happen("order", bought, {"n": 5})
    world.happen("order", small, {"n": 1})
    world.travel(at(1))
    where = dict(world.db.execute("select contact_id, current_node_id from runs").fetchall())
    assert where == {bought: "b", before: "a", small: "a"}
    world.happen("order", small, {"n": 2})
    world.travel(at(1.5))
    assert world.one("select current_node_id from runs where contact_id = %s", small) == "b"
    assert world.runs(workflow) == {"waiting": 3}
    assert integrity.check(world.db) == []


async def test_goals_cancelling_and_erasure_end_waits_and_a_pause_keeps_both(world: World) -> None:
    world.travel(NOON)
    workflow = world.workflow(listen_flow(node("w", "listen"), goals=[{"id": "g", "event": "won"}]))
    goal, cancelled, erased, answered, late = world.contacts(5)
    world.emit("go", [goal, cancelled, erased, answered, late])
    world.emit("won", [goal])
    async with database.transaction() as session:
        run_id = world.one("select id from runs where contact_id = %s", cancelled)
        assert await cancel_runs(session, world.tenant, [run_id]) == 1
    world.put("erased", [erased], kind=int(InboxKind.ERASED))
    world.db.execute("delete from contacts where id = %s", (erased,))
    world.set_status(workflow, "paused")
    world.emit("order", [goal, cancelled, answered])
    world.emit("order", [answered], {"second": True})
    assert world.runs(workflow) == {"goal_reached": 1, "cancelled": 2, "waiting": 2}
    assert world.one("select count(*) from runs where waits_for is not null") == 1
    assert integrity.check(world.db) == []
    world.travel(at(30))
    assert world.runs(workflow) == {"goal_reached": 1, "cancelled": 2, "waiting": 2}
    world.set_status(workflow, "active")
    world.engine.advance()
    assert world.runs(workflow) == {"goal_reached": 1, "cancelled": 2, "completed": 2}
    assert (tags(world, answered), tags(world, late)) == (["end"], ["late"])
    assert world.one("select output->'properties' from steps where port = 'next' and node_id = 'w'") == {}
    assert integrity.check(world.db) == []


def test_an_event_reads_of_100_000_waits_of_others_none(world: World) -> None:
    """As many of other workspaces, of other contacts of this one, and of this contact for other events."""
    world.workflow(listen_flow(node("w", "listen")))
    (contact,) = world.contacts(1)
    world.emit("go", [contact])
    world.db.execute(
        "drop index active_runs_due, active_runs_place, active_runs_one"
    )  # which the look-up cannot use; they cost time
    world.db.execute(
        "insert into active_runs (id, contact_id, tenant_id, workflow_id, workflow_version, started_at, status, seq, resume_at, waits_for,"
        " waits_since) select lpad(to_hex(n), 32, '0')::uuid, case n %% 100 when 0 then %s::uuid"
        " else lpad(to_hex(n), 32, '0')::uuid end, %s + n %% 2,"
        " lpad('1', 32, '0')::uuid, 1, now(), 1, 0, now(), case when n %% 100 = 0 then 'e' || n else 'order' end, now()"
        " from generate_series(1, 100000) n",
        (contact, world.tenant),
    )
    world.db.execute("vacuum analyze active_runs")
    place = [world.tenant], [contact], ["order"]
    plan = [line for (line,) in world.db.execute(f"explain (analyze, buffers, costs off) {claim.WAITING}", place)]
    text = "\n".join(plan)
    assert "Index Scan using active_runs_waits" in text and "Seq Scan on active_runs" not in text, text
    assert re.search(r"rows=1(\.00)? loops=1", plan[0]), text
    assert sum(int(pages) for pages in re.findall(r"shared hit=(\d+)", plan[1])) < 30, text


def die_listening(url: str, limit: int, deadly: dict[str, float]) -> None:
    """The main function of a worker process that knows the type."""
    registry.types()
    registry._types["listen"] = Listen
    work_and_die(url, limit, deadly)


def test_event_and_time_out_race_and_one_wins_whoever_dies(world: World, committed_database: CommittedDatabase) -> None:
    world.travel(NOON)
    workflow = world.workflow(listen_flow(node("w", "listen", hours=1)))
    people = world.contacts(60)
    world.emit("go", people)
    world.engine.close()
    world.db.execute("update virtual_clock set at = %s", (at(1),))
    for person in people[::2]:
        world.happen("order", person)
        world.happen("order", person)
    context, kills = multiprocessing.get_context("fork"), 0
    for place in ("claimed", "written", "committed", ""):
        pair = [
            context.Process(target=die_listening, args=(committed_database.url, 7, {place: 0.3} if place else {}))
            for _ in range(2)
        ]
        for process in pair:
            process.start()
        for process in pair:
            process.join(60)
            kills += process.exitcode == -9
    assert kills >= 2
    engine_on(committed_database.url, 100).advance()
    assert world.runs(workflow) == {"completed": 60}
    assert world.one("select count(*) from steps where node_id = 'w'") == 60
    assert world.one("select count(*) from contacts where cardinality(tags) = 1") == 60
    assert world.one("select count(*) from steps where port = 'next' and node_id = 'w'") > 0
    assert integrity.check(world.db) == []


@pytest.mark.parametrize(
    "damage",
    [
        "update active_runs set waits_since = null where waits_for is not null",
        "update ended_runs set waits_for = 'order'",
        "update active_runs set resume_at = null where waits_for is not null",
    ],
)
def test_damaged_waits_are_found(world: World, damage: str) -> None:
    world.workflow(listen_flow(node("w", "listen")))
    people = world.contacts(2)
    world.emit("go", people)
    world.emit("order", people[:1])
    assert integrity.check(world.db) == []
    assert world.db.execute(damage).rowcount > 0
    assert {breach.invariant for breach in integrity.check(world.db)} == {"I1"}
