"""Workflows start for those who move when a changed rule begins to count: a part at a time, each once, to be stopped."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from app.enrolments import runner
from app.flow.audience import RuleReplacement
from app.lib import clock
from app.lib.database import transaction
from app.lib.database_roles import DatabaseRole
from app.models import Segment
from app.segments.repository import SegmentRepository
from app.segments.rule_starts import start_for_moved
from tests.engine.dynamic import Dynamic, f, rule
from tests.fixtures.world import World, flow, node


def _waits(segment_id: UUID, kind: str) -> dict[str, Any]:
    graph = flow(None, [node("a", "add_tag", tag=kind)], ("t", "a"))
    del graph["trigger"]
    return {**graph, "triggers": [{"id": "t", "type": kind, "data": {"segmentId": str(segment_id)}}]}


async def _edited(world: World) -> tuple[Dynamic, UUID, list[UUID], list[UUID]]:
    """Six of 20 to 25 years: of a segment of those from 23 on, which is of those from 21 to 24 now. Nothing is dropped yet."""
    people, segments = world.contacts(6), Dynamic(world)
    for number, contact in enumerate(people):
        segments.change(contact, age=20 + number)
    world.engine.advance()
    (segment,) = await segments.add(rule(f("age", "greater_or_equal", 23)))
    flows = [world.workflow(_waits(segment, kind)) for kind in ("segment_entry", "segment_exit")]
    await segments.edit(segment, rule(f("age", "between", [21, 24])))
    segments.build()
    return segments, segment, people, flows


async def _apply(world: World, segments: Dynamic, segment_id: UUID) -> int:
    before = segments.numbers[segment_id]
    await segments.swap(segment_id)
    async with transaction() as session:
        segment = await session.get(Segment, (world.tenant, segment_id))
        assert segment is not None
        return await start_for_moved(session, segment, RuleReplacement(before, segment.number, clock.now()), "Ada")


async def _enrol(world: World, *, steps: int = 100) -> None:
    for _ in range(steps):
        world.db.execute("update enrolments set next_at = clock_now() where next_at is not null and status = 'running'")
        async with transaction(DatabaseRole.ENGINE) as session:
            if not await runner.step(session):
                break
    world.engine.advance()


@pytest.mark.parametrize("piece", [1, 1_000])
async def test_each_who_moved_starts_once_a_part_at_a_time(
    world: World, piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "PIECE", piece)
    segments, segment, people, (entry, leaving) = await _edited(world)
    assert await _apply(world, segments, segment) == 2
    async with transaction() as session:
        assert {row.expected for row, _ in await SegmentRepository(session, world.tenant).starting(segment)} == {2, 1}
    segments.build()
    assert segments.members(segment) == set(people[1:5]), "they count at once"
    segments.change(people[0], age=22)  # comes in meanwhile, and is told of as ever
    world.engine.advance()
    await _enrol(world)
    assert world.runs(entry) == {"completed": 3} and world.runs(leaving) == {"completed": 1}
    assert world.one("select count(distinct contact_id) from runs where workflow_id = %s", entry) == 3
    segments.build()
    assert world.one("select count(*) from segment_builds where dropped_at is not null") == 0, (
        "the old version goes afterwards"
    )
    assert segments.faults() == []


@pytest.mark.parametrize("times", [1, 2])
async def test_who_moves_again_before_the_turn_comes_starts_by_that_move_alone(world: World, times: int) -> None:
    """Left by the change, came in and left again: told of as ever, so the enrolment has nothing to do with them any more."""
    segments, segment, people, (entry, leaving) = await _edited(world)
    await _apply(world, segments, segment)
    for _ in range(times):
        segments.change(people[5], age=22)
        world.engine.advance()
        segments.change(people[5], age=40)
        world.engine.advance()
    assert segments.told(segment) == {("added", people[5]): times, ("removed", people[5]): times}
    assert world.runs(leaving) == {"completed": times}
    await _enrol(world)
    assert world.runs(leaving) == {"completed": times}, "not once more by the change of the rule"
    assert world.runs(entry) == {"completed": 2 + times}


async def test_what_happened_in_another_segment_keeps_nobody_out(world: World) -> None:
    segments, segment, people, (_, leaving) = await _edited(world)
    (other,) = await segments.add(rule(f("age", "greater_than", 30)))
    await _apply(world, segments, segment)
    segments.change(people[5], age=40)
    world.engine.advance()
    segments.change(people[5], age=10)
    world.engine.advance()
    assert segments.told(other) == {("added", people[5]): 1, ("removed", people[5]): 1}
    await _enrol(world)
    assert world.runs(leaving) == {"completed": 1}


async def test_a_silent_import_takes_nobody_out_of_those_who_moved_by_the_change(world: World) -> None:
    """Who moved by the change, and then silently there and back, starts by the change; who moved silently alone does not start."""
    segments, segment, people, (entry, leaving) = await _edited(world)  # 21 and 22 came in, 25 left
    segments.change(people[3], name="stays")  # 23 stays in
    await _apply(world, segments, segment)
    for ages in ({1: 40, 2: 40, 3: 40, 5: 22}, {1: 22, 5: 40, 0: 22}):
        await segments.import_silently(*((people[who], {"age": age}) for who, age in ages.items()))
        world.engine.advance()
    assert segments.members(segment) == {people[0], people[1], people[4]}
    assert world.runs(entry) == world.runs(leaving) == {}
    await _enrol(world)
    started = "select array_agg(contact_id) from runs where workflow_id = %s"
    assert set(world.one(started, leaving)) == {people[5]}, "not 23, who left silently"
    assert set(world.one(started, entry)) == {people[1]}, "not 22, who is out, nor 20, who came in silently"


async def test_it_can_be_stopped(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "PIECE", 1)
    segments, segment, _, (entry, leaving) = await _edited(world)
    await _apply(world, segments, segment)
    await _enrol(world, steps=1)
    world.db.execute("update enrolments set status = 'stopped', next_at = null, ended_at = clock_now()")
    await _enrol(world)
    assert sum(world.runs(entry).values()) + sum(world.runs(leaving).values()) == 1
    async with transaction() as session:
        assert await SegmentRepository(session, world.tenant).starting(segment) == []


async def test_nobody_waits_nothing_begins(world: World) -> None:
    people, segments = world.contacts(2, attributes={"age": 30}), Dynamic(world)
    (segment,) = await segments.add(rule(f("age", "greater_than", 40)))
    await segments.edit(segment, rule(f("age", "greater_than", 20)))
    segments.build()
    assert await _apply(world, segments, segment) == 0
    assert segments.members(segment) == set(people) and world.one("select count(*) from enrolments") == 0
