"""A batch that is long in Python is done in smaller ones; a step that costs the session does not do so for ever."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from app.engine import integrity, time_limit
from app.engine.batch_sizes import MOST_LOSSES, BatchSizes
from app.engine.threads import EngineThread, EngineThreads
from app.flow import registry
from app.flow.node_type import NodeType
from app.flow.outcomes import Done, Run
from tests.fixtures.world import World, flow, node

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
ALWAYS = {"reentry": "always"}


class Slow:
    """What a planted step does: `costs` seconds each, by a clock of this test; and for whom the server ends the session meanwhile."""

    def __init__(self, world: World) -> None:
        self.world, self.now, self.costs, self.ends = world, 0.0, 1.0, ""
        self.steps = 0

    def step(self, email: str) -> None:
        self.steps += 1
        self.now += self.costs
        if self.ends and email.startswith(self.ends):
            self.now += 60
            self.world.db.execute(
                "select pg_terminate_backend(pid, 5000) from pg_stat_activity where state = 'idle in transaction'"
                " and datname = current_database() and application_name like '%%engine%%'"
            )


class SlowConfig(msgspec.Struct):
    pass


@pytest.fixture
def slow(world: World, monkeypatch: pytest.MonkeyPatch) -> Slow:
    planted = Slow(world)

    class SlowStep(NodeType):
        """Takes its time."""

        type, label, category, description = "slow", "Slow", "logic", "For tests."
        Config = SlowConfig

        @staticmethod
        def compile(config: SlowConfig, scope: Any) -> Run:
            email, done = scope.field("contact.email"), Done()

            def run(step: Any) -> Done:
                planted.step(email(step))
                return done

            return run

    registry._types["slow"] = SlowStep
    monkeypatch.setattr(time_limit, "monotonic", lambda: planted.now)
    return planted


AT_ONCE = flow(
    "go", [node("s", "slow"), node("t", "add_tag", tag="done")], ("trigger", "s"), ("s", "t"), settings=ALWAYS
)
LATER = flow(
    "go", [node("d", "delay", duration=1, unit="hours"), node("s", "slow"), node("t", "add_tag", tag="done")],
    ("trigger", "d"), ("d", "s"), ("s", "t"), settings=ALWAYS,
)  # fmt: skip


@pytest.mark.parametrize("graph", [AT_ONCE, LATER], ids=["events", "due runs"])
def test_a_batch_that_takes_long_is_done_in_smaller_ones(world: World, slow: Slow, graph: dict[str, Any]) -> None:
    world.travel(NOON)
    world.engine.limit = 40
    workflow, people = world.workflow(graph), world.contacts(40)
    world.emit("go", people)
    if graph is LATER:
        world.travel(NOON.replace(hour=14))
    assert world.runs(workflow) == {"completed": 40}
    assert slow.steps < 40 + 3 * time_limit.MOST_S, "what was done in vain is a few seconds a try"
    assert integrity.check(world.db) == []


def test_what_stands_alone_may_take_its_time(world: World, slow: Slow) -> None:
    """One event that starts many workflows: it cannot be smaller, so a word is said to the server now and then."""
    world.engine.limit = 8
    workflows = [world.workflow(AT_ONCE) for _ in range(12)]
    world.emit("go", world.contacts(2))
    assert [world.runs(workflow) for workflow in workflows] == [{"completed": 2}] * 12
    assert world.one("select count(*) from dead_letters") == 0


@pytest.fixture
def thread(world: World) -> Iterator[EngineThread]:
    (one,) = EngineThreads(1)
    yield one
    one.close()


@pytest.mark.parametrize("graph", [AT_ONCE, LATER], ids=["events", "due runs"])
def test_a_step_that_costs_the_session_is_found_and_stopped(
    world: World, slow: Slow, thread: EngineThread, graph: dict[str, Any]
) -> None:
    """Each loss makes the batches of the next engine smaller; everybody else gets through."""
    world.travel(NOON)
    slow.costs = 0.0
    workflow, people = world.workflow(graph), world.contacts(20)
    world.put("go", people)
    if graph is LATER:
        thread.advance()
        world.db.execute("update virtual_clock set at = %s", (NOON.replace(hour=14),))
    slow.ends = "u13-"
    lost = 0
    while thread.advance() or thread._engine is None:
        lost += thread._engine is None
        assert lost < 12, "for ever"
    assert lost >= MOST_LOSSES
    if graph is AT_ONCE:
        assert world.runs(workflow) == {"completed": 19}
        assert "took so long" in world.one("select error from dead_letters")
    else:
        assert world.runs(workflow) == {"completed": 19, "failed": 1}
        assert "took so long" in world.one("select error_message from runs where error_message is not null")
    assert world.one("select count(*) from crashes") == 0
    assert integrity.check(world.db) == []


def test_sizes() -> None:
    sizes = BatchSizes()
    assert sizes.of("events", 1000) == 1000 and sizes.shrink("events", 1000) == 125
    sizes.through("events", 125, 1000, larger=False)
    assert sizes.of("events", 1000) == 125
    sizes.through("events", 125, 1000)
    assert sizes.of("events", 1000) == 250 and sizes.of("events", 100) == 100 and sizes.of("due", 1000) == 1000
    for _ in range(MOST_LOSSES - 1):
        sizes.session_lost("events", 1, (1, 5))
    assert sizes.unbearable("events") is None
    sizes.session_lost("events", 1, (1, 6))
    assert sizes.unbearable("events") is None, "another one"
    for _ in range(MOST_LOSSES - 1):
        sizes.session_lost("events", 1, (1, 6))
    assert sizes.unbearable("events") == (1, 6) and sizes.unbearable("events") is None
