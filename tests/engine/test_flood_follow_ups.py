"""What a flood causes waits where the flood waits: events and changes by its runs, called runs, moves of segments, and answers to steps."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import pytest

from app.engine import claim, integrity
from app.inbox import InboxKind
from app.lib.database import transaction
from app.lib.ids import uuid7
from app.troubles.repository import DeadLetters
from tests.engine.calling_runs import child_flow, parent_flow
from tests.engine.dynamic import Dynamic, did, rule
from tests.engine.test_floods import moved
from tests.engine.test_inbox_lanes import FLOOD
from tests.enrolments.test_enrolments import segment_of
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.world import World, flow, node

MANUAL = {"type": "manual", "data": {}}
MANY = int(os.environ.get("THROUGHLINE_FLOOD", "3000"))
"""A larger one by hand: `THROUGHLINE_FLOOD=100000`."""


@pytest.fixture
def world(committed_database: CommittedDatabase) -> Iterator[World]:
    one = World(committed_database.url)
    yield one
    one.close()


def flooded(world: World, workflow: UUID, contacts: list[UUID], lane: int = FLOOD) -> None:
    """A start for each of these contacts waits in a lane, as calls of a webhook put it there."""
    with world.db.cursor() as cursor:
        cursor.executemany(
            "insert into inbox (tenant_id, name, kind, workflow_id, run_id, contact_id, payload, occurred_at, lane)"
            " values (%s, 'manual', %s, %s, %s, %s, '{}', clock_now(), %s)",
            [(world.tenant, int(InboxKind.START), workflow, uuid7(), contact, lane) for contact in contacts],
        )


def seen_lanes(world: World) -> dict[str, set[int]]:
    """In which lanes what waits stood, by name, while the engine did all there was to do and every delay was over at once."""
    seen: dict[str, set[int]] = {}
    for _ in range(40):
        for name, several in world.db.execute("select name, array_agg(distinct lane) from inbox group by 1").fetchall():
            seen.setdefault(name, set()).update(several)
        taken = [world.engine.take_events(), world.engine.take_due(), world.engine.take_starts()]
        if not any(taken):
            parked = "select (select count(*) from active_runs where resume_at is not null) + (select count(*) from waiting_starts)"
            if not world.one(parked):
                return seen
            world.hurry()
            world.engine._starts_looked = 0.0
            world.db.execute("update entry_paces set not_before = clock_now() where not_before > clock_now()")
    raise AssertionError(
        world.db.execute(
            "select status, waits_for, current_node_id, attempt, error_message from active_runs"
        ).fetchall()
    )


def echoing(event: str, *, later: str, **settings: Any) -> dict[str, Any]:
    """Who listens for `event` and emits another one a day later."""
    nodes = [node("d", "delay", duration=1, unit="days"), node("e", "emit_event", name=later)]
    return flow(event, nodes, ("trigger", "d"), ("d", "e"), settings=settings)


async def test_all_that_follows_from_a_flood_stays_in_its_lane(world: World) -> None:
    """At once, after days, through workflows that listen, are called or wait, and through segments."""
    vips = segment_of(world, [])
    world.db.execute("update segments set number = 77 where id = %s", (vips,))
    dynamic = Dynamic(world)
    await dynamic.add(rule(did("echo")))
    child = world.workflow(child_flow())
    nodes = [
        node("e", "emit_event", name="echo"),
        node("u", "update_contact", set={"plan": "gold"}),
        node("s", "add_to_segment", segmentId=str(vips)),
        node("c", "sub_workflow", workflowId=str(child)),
        node("d", "delay", duration=1, unit="days"),
        node("l", "emit_event", name="late"),
    ]
    names = [one["id"] for one in nodes]
    flow_of_flood = flow("never", nodes, ("trigger", "e"), *itertools.pairwise(names))
    flood = world.workflow({**flow_of_flood, "trigger": {"type": "manual", "data": {}}})
    for event, later in (
        ("echo", "second"), ("second", "third"), ("contact.updated", "changed"), ("segment.member.added", "moved"), ("late", "last"),
    ):  # fmt: skip
        limit = {"rateLimitMaxConcurrent": 1_000} if event == "second" else {}
        world.workflow(echoing(event, later=later, **limit))
    waiting = [
        node("w", "wait_for_event", event="echo"),
        node("e", "emit_event", name="woken"),
    ]
    sleeper = world.workflow(flow("sleep", waiting, ("trigger", "w"), ("w", "e")))
    for one in ("third", "changed", "moved", "last", "woken"):
        world.workflow(flow(one, [node("end", "end")], ("trigger", "end")))
    people = world.contacts(5)
    world.emit("sleep", people)
    assert world.runs(sleeper) == {"waiting": 5}
    flooded(world, flood, people)
    seen = seen_lanes(world)
    assert seen == {name: {FLOOD} for name in seen}
    assert seen.keys() == {
        "manual", "echo", "second", "third", "contact.updated", "changed", "segment.member.added", "moved", "late", "last", "woken",
        "message.settled",
    }  # fmt: skip
    assert world.runs(flood) == world.runs(child) == world.runs(sleeper) == {"completed": 5}
    world.emit("sleep", world.contacts(3))
    world.put("echo", world.contacts(3))
    assert seen_lanes(world)["second"] == {0}, "what nobody's flood has begun is everybody's as before"
    world.balanced()
    assert integrity.check(world.db) == []


def test_what_woke_a_run_while_its_workflow_was_paused_has_its_lane_when_it_goes_on(world: World) -> None:
    nodes = [node("w", "wait_for_event", event="echo"), node("e", "emit_event", name="woken")]
    sleeper = world.workflow(flow("sleep", nodes, ("trigger", "w"), ("w", "e")))
    world.workflow(flow("woken", [node("end", "end")], ("trigger", "end")))
    people = world.contacts(2)
    world.emit("sleep", people)
    world.set_status(sleeper, "paused")
    world.put("echo", people)
    world.db.execute("update inbox set lane = %s", (FLOOD,))
    world.engine.take_events()
    world.set_status(sleeper, "active")
    assert seen_lanes(world) == {"woken": {FLOOD}}
    assert world.runs(sleeper) == {"completed": 2}
    assert integrity.check(world.db) == []


def test_runs_that_are_called_for_a_whole_segment_wait_in_the_lane_of_who_calls(world: World) -> None:
    people = world.contacts(4)
    vips = segment_of(world, people[:3])
    child = world.workflow(
        flow("never", [node("e", "emit_event", name="echo")], ("trigger", "e")) | {"trigger": MANUAL}
    )
    parent = world.workflow({**parent_flow(child, audience={"segmentId": str(vips)}), "trigger": MANUAL})
    world.workflow(flow("echo", [node("end", "end")], ("trigger", "end")))
    flooded(world, parent, people[3:])
    world.engine.take_events()
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(moved(world))).result()
    assert (
        world.one("select count(*) from inbox where lane = %s", FLOOD) == world.one("select count(*) from inbox") == 3
    )
    assert seen_lanes(world)["echo"] == {FLOOD}
    assert world.runs(child) == {"completed": 3}


async def test_what_is_put_back_by_hand_waits_in_its_lane_again(world: World) -> None:
    world.put("go", world.contacts(1), lane=FLOOD)
    claim.set_aside(world.db, (world.tenant, FLOOD, world.one("select id from inbox")), "bad")
    async with transaction() as session:
        assert await DeadLetters(session, world.tenant).retry(None, limit=10) == 1
    assert world.one("select lane from inbox") == FLOOD


@contextmanager
def another_workspace(world: World) -> Iterator[None]:
    own = world.tenant
    world.tenant = world.one("insert into workspaces (name, slug) values ('Next door', 'next-door') returning id")
    try:
        yield
    finally:
        world.tenant = own


def test_no_neighbour_waits_for_more_than_a_batch_whatever_a_flood_causes(world: World) -> None:
    """Each call has an event that starts a second run, whose event starts a third: three times as much work as calls."""
    world.engine.limit = 100
    chain = [flow("never", [node("e", "emit_event", name="one")], ("trigger", "e"))]
    chain[0]["trigger"] = {"type": "manual", "data": {}}
    chain += [
        flow("one", [node("e", "emit_event", name="two")], ("trigger", "e")),
        flow("two", [node("end", "end")], ("trigger", "end")),
    ]
    flood, second, third = (world.workflow(one) for one in chain)
    greeting = flow("hello", [node("end", "end")], ("trigger", "end"))
    neighbour = world.workflow(greeting)
    with another_workspace(world):
        elsewhere, next_door = world.workflow(greeting), world.tenant
        people_there = world.contacts(40)
    people = world.contacts(MANY)
    world.put("hello", people[:1])
    world.engine.advance()  # all is compiled
    flooded(world, flood, people)
    waited, batches = Counter[int](), 0
    while world.one("select count(*) from inbox where lane = %s", FLOOD):
        if batches % 4 == 0 and batches < 100:
            world.put("hello", people[batches : batches + 1])
            world.db.execute(
                "insert into inbox (tenant_id, name, contact_id, occurred_at) values (%s, 'hello', %s, clock_now())",
                (next_door, people_there[batches // 4]),
            )
            asked = batches
        world.engine.take_events()
        batches += 1
        if not world.one("select count(*) from inbox where name = 'hello'") and asked is not None:
            waited[batches - asked] += 1
            asked = None
    assert waited.keys() == {1} and waited[1] >= 20, "each in the very next batch"
    assert batches <= 3 * MANY / 100 + 30, "and the flood has the rest of each"
    assert world.runs(flood) == world.runs(second) == world.runs(third) == {"completed": MANY}
    assert world.runs(neighbour)["completed"] == world.runs(elsewhere)["completed"] + 1
    assert integrity.check(world.db) == []
