"""Floods: a webhook that brings thousands, and a step that calls a workflow for thousands, cost by the batch and stay in bounds."""

from __future__ import annotations

import asyncio
import math
import os
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest

from app.engine import advance
from app.enrolments import jobs, runner
from tests.engine.calling_runs import child_flow, parent_flow
from tests.engine.test_inbox_lanes import FLOOD
from tests.engine.test_statements_of_types import count_statements
from tests.enrolments.test_enrolments import segment_of
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.world import World, flow, node

MANY = int(os.environ.get("THROUGHLINE_FLOOD", "4000"))
"""A larger one by hand: `THROUGHLINE_FLOOD=100000`."""


@pytest.fixture
def world(committed_database: CommittedDatabase) -> Iterator[World]:
    one = World(committed_database.url)
    yield one
    one.close()


def flooded(world: World, workflow: UUID, count: int) -> None:
    """So many calls of a webhook wait in its lane."""
    world.start_nobody(workflow, count=count)
    world.db.execute("update inbox set lane = %s where workflow_id = %s", (FLOOD, workflow))


def peak(world: World) -> int:
    """Bytes of Python at most, while the engine handles all that waits."""
    tracemalloc.start()
    try:
        world.engine.advance()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_flood_costs_statements_by_the_batch(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = flow(None, [node("e", "end")], ("trigger", "e"), trigger={"data": {"contact": "none"}})
    workflow = world.workflow(graph)
    world.engine.limit = 200
    flooded(world, workflow, 200)
    world.engine.advance()  # compiled, and with counters of its own
    monkeypatch.setattr(advance, "LOOK_FOR_STARTS_S", 3_600.0)  # a look that time alone brings is no cost of a batch
    statements = count_statements(monkeypatch)
    costs = []
    for batches in (1, 2, MANY // 200):
        flooded(world, workflow, 200 * batches)
        before = len(statements)
        world.engine.advance()
        costs.append(len(statements) - before)
    one_more = costs[1] - costs[0]
    assert costs[2] <= costs[0] + one_more * (MANY // 200 - 1), costs
    assert world.runs(workflow) == {"completed": 200 * 4 + MANY}


def test_the_memory_of_a_worker_does_not_grow_with_a_flood(world: World) -> None:
    graph = flow(None, [node("e", "end")], ("trigger", "e"), trigger={"data": {"contact": "none"}})
    workflow = world.workflow(graph)
    world.engine.limit = 200
    flooded(world, workflow, 400)
    world.engine.advance()
    flooded(world, workflow, 400)
    few = peak(world)
    flooded(world, workflow, MANY)
    assert peak(world) < 1.5 * few


async def moved(world: World) -> None:
    world.db.execute("update enrolments set next_at = clock_now() where next_at is not null")
    await jobs.enrol_due()


def test_a_fan_out_asks_piece_by_piece_and_all_are_called_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """However large the segment, no piece waits behind more than itself, and a neighbour's run begins between two of them."""
    monkeypatch.setattr(runner, "PIECE", 500)
    people = world.contacts(MANY)
    vips = segment_of(world, people)
    child = world.workflow(child_flow())
    parent = world.workflow(parent_flow(child, audience={"segmentId": str(vips)}))
    neighbour = world.workflow(flow("hello", [node("e", "end")], ("trigger", "e")))
    world.emit("go", world.contacts(1))
    (one,) = world.contacts(1)
    rounds, longest = 0, 0
    while world.runs(parent) != {"completed": 1}:
        with ThreadPoolExecutor(1) as thread:
            thread.submit(lambda: asyncio.run(moved(world))).result()
        longest = max(longest, world.one("select count(*) from inbox"))
        if rounds == 0:
            world.put("hello", [one])
            world.engine.take_events()
            assert world.runs(neighbour) == {"completed": 1}, "in the next batch"
        world.engine.advance()
        rounds += 1
        assert rounds < 4 * math.ceil(MANY / 500) + 20
    assert longest <= MANY and world.runs(child) == {"completed": MANY}
    assert world.one("select count(distinct contact_id) from runs where workflow_id = %s", child) == MANY
    assert world.one("select count(*) from sub_runs where ended_at is null") == 0
    world.balanced()
