"""Events and due runs alternate by batches: a flood of events holds up no due run of others, and none overtakes what came before it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from app import wakes
from app.engine import integrity
from tests.engine.test_flood_follow_ups import another_workspace, flooded
from tests.engine.test_statements_of_types import count_statements
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.world import World, flow, node

BATCH = 50
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
SLEEP = [node("d", "delay", duration=1, unit="days"), node("t", "add_tag", tag="mailed")]
SLEEPER = flow("sleep", SLEEP, ("trigger", "d"), ("d", "t"), goals=[{"id": "g", "event": "paid"}])
GREETING = flow("hello", [node("end", "end")], ("trigger", "end"))


@pytest.fixture
def world(committed_database: CommittedDatabase) -> Iterator[World]:
    one = World(committed_database.url)
    one.engine.limit = BATCH
    yield one
    one.close()


def before_each_batch(world: World, do: Callable[[int], None]) -> None:
    """Have `do` happen before each batch of events that the engine takes, with its number."""
    take, count = world.engine.take_events, iter(range(1_000))

    def take_events() -> int:
        do(next(count))
        return take()

    world.engine.take_events = take_events  # type: ignore[method-assign]


def asleep(world: World, workflow: UUID) -> int:
    return int(world.one("select count(*) from active_runs where workflow_id = %s", workflow))


def sleeping(world: World) -> UUID:
    """A workflow with a run that is parked."""
    workflow = world.workflow(SLEEPER)
    world.emit("sleep", world.contacts(1))
    assert asleep(world, workflow) == 1
    return workflow


def test_a_due_run_is_handled_within_two_batches_while_a_flood_goes_on(world: World) -> None:
    flood = world.workflow({**GREETING, "trigger": {"type": "manual", "data": {}}})
    beside = sleeping(world)
    with another_workspace(world):
        elsewhere = sleeping(world)
    people = world.contacts(BATCH)
    flooded(world, flood, people * 6)
    seen = dict[int, tuple[int, int]]()

    def goes_on(batch: int) -> None:
        if batch <= 12:
            flooded(world, flood, people)
        if batch == 2:
            world.hurry()
        seen[batch] = asleep(world, beside), asleep(world, elsewhere)

    before_each_batch(world, goes_on)
    world.engine.advance()
    assert seen[2] == (1, 1) and seen[4] == (0, 0), seen
    assert len(seen) > 15 and sum(world.runs(flood).values()) >= BATCH, "and the flood had the rest"
    assert integrity.check(world.db) == []


def test_who_waits_to_enter_begins_while_a_flood_goes_on(world: World) -> None:
    world.travel(NOON)
    flood = world.workflow({**GREETING, "trigger": {"type": "manual", "data": {}}})
    with another_workspace(world):
        paced = world.workflow({**SLEEPER, "settings": {"rateLimitPerMinute": 1}})
        world.emit("sleep", world.contacts(2))
    assert asleep(world, paced) == 1
    flooded(world, flood, world.contacts(BATCH) * 4)
    seen = list[int]()

    def goes_on(batch: int) -> None:
        if batch == 1:
            world.db.execute("update virtual_clock set at = at + interval '2 minutes'")
            world.engine._starts_looked = 0.0  # half a second is over
        seen.append(asleep(world, paced))

    before_each_batch(world, goes_on)
    world.engine.advance()
    assert seen[:3] == [1, 1, 2] and len(seen) > 4, seen


def test_a_due_run_does_not_overtake_what_its_workspace_was_told_before(world: World) -> None:
    """A purchase that waits behind many events ends a run whose delay is over; a run of another workspace does not wait for them."""
    world.workflow(GREETING)
    own = world.workflow(SLEEPER)
    (buyer,) = world.contacts(1)
    world.emit("sleep", [buyer])
    with another_workspace(world):
        elsewhere = sleeping(world)
    world.put("hello", world.contacts(BATCH * 4))
    world.put("paid", [buyer])
    world.hurry()
    seen = list[tuple[int, int]]()
    before_each_batch(world, lambda _: seen.append((asleep(world, own), asleep(world, elsewhere))))
    world.engine.advance()
    assert seen[:3] == [(1, 1), (1, 0), (1, 0)], seen
    assert world.runs(own) == {"goal_reached": 1}
    assert world.one("select count(*) from contacts where id = %s and 'mailed' = any(tags)", buyer) == 0
    assert integrity.check(world.db) == []


def test_a_batch_of_events_asks_for_due_runs_only_when_there_are_some(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.workflow(GREETING)
    sleeping(world)
    asked: list[Any] = count_statements(monkeypatch)
    world.put("hello", world.contacts(BATCH * 8))
    before = len(asked)
    world.engine.advance()
    looks = [one for one in asked[before:] if one == wakes._DUE]
    assert len(looks) <= 2, "after the events of each turn, not after each of eight batches"
