"""What becomes of a run at a step that failed for good, and at one that is switched off."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.engine import held_runs, integrity
from app.flow import registry
from app.flow.node_type import NodeType
from app.flow.outcomes import Done, Run
from app.lib import database
from tests.fixtures.world import World, flow, node, rule

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
RETRY = {"attempts": 2, "backoff": {"type": "fixed", "delay": 60_000, "jitter": False}}


class BrittleConfig(msgspec.Struct):
    pass


class Brittle(NodeType):
    """Fails for whoever has no `part`."""

    type, label, category, description = "brittle", "Brittle", "logic", "For tests."
    retryable = True
    Config = BrittleConfig

    @staticmethod
    def compile(config: BrittleConfig, scope: Any) -> Run:
        read, done = scope.field("contact.attributes.part"), Done(output={"is": "whole"})

        def run(step: Any) -> Done:
            if read(step) is None:
                raise ValueError("part")
            return done

        return run


@pytest.fixture(autouse=True)
def brittle(own_types: None) -> None:
    registry._types["brittle"] = Brittle


def broken(world: World, settings: dict[str, Any] | None = None, *edges: Any, **policies: Any) -> UUID:
    """`go` leads to a step that fails, which leads to a tag."""
    nodes = [{**node("b", "brittle"), **policies}, node("t", "add_tag", tag="after"), node("e", "add_tag", tag="error")]
    ways = (("trigger", "b"), ("b", "t"), *edges)
    return world.workflow(flow("go", nodes, *ways, settings=settings or {}))


FAILS = [("b", "failed", "error")]
GOES_ON = [("b", "failed", "next"), ("t", "completed", "next")]
TAKES_THE_PATH = [("b", "failed", "error"), ("e", "completed", "next")]
BY_ERROR = ("b", "e", "error")


@pytest.mark.parametrize(
    ("own", "of_workflow", "edges", "status", "steps"),
    [
        (None, None, (), "failed", FAILS),
        ("fail", "continue", (), "failed", FAILS),
        ("continue", None, (), "completed", GOES_ON),
        (None, "continue", (), "completed", GOES_ON),
        ("continue", "hold", (BY_ERROR,), "completed", TAKES_THE_PATH),
        ("hold", None, (BY_ERROR,), "completed", TAKES_THE_PATH),
        ("hold", "fail", (), "held", []),
        (None, "hold", (), "held", []),
    ],
)
def test_what_becomes_of_a_run(
    any_way: World, own: str | None, of_workflow: str | None, edges: Any, status: str, steps: list[Any]
) -> None:
    world = any_way
    policies = {"onError": own} if own else {}
    workflow = broken(world, {"onError": of_workflow} if of_workflow else {}, *edges, **policies)
    world.emit("go", world.contacts(3))
    assert world.runs(workflow) == {status: 3}
    assert world.steps(workflow) == steps * 3
    world.balanced()
    assert integrity.check(world.db) == []


def test_a_run_is_held_when_its_tries_are_over(world: World) -> None:
    world.travel(NOON)
    workflow = broken(world, onError="hold", retry=RETRY)
    world.emit("go", world.contacts(1))
    assert world.runs(workflow) == {"running": 1}
    world.travel(NOON + timedelta(minutes=1))
    assert world.runs(workflow) == {"held": 1}
    assert world.one("select count(*) from runs where resume_at is null and error_message is not null") == 1
    attempts = world.db.execute("select attempt, next_at is null from step_attempts order by 1").fetchall()
    assert attempts == [(1, False), (2, True)]
    world.travel(NOON + timedelta(days=9))
    assert world.runs(workflow) == {"held": 1}, "nobody takes it on but a person"
    assert integrity.check(world.db) == []


def decide(world: World, work: Callable[[AsyncSession], Awaitable[int]]) -> int:
    async def in_transaction() -> int:
        async with database.job_engine() as engine, database.committed(AsyncSession(engine)) as session:
            return await work(session)

    return asyncio.run(in_transaction())


def held(world: World, count: int = 2) -> tuple[UUID, list[UUID]]:
    workflow = broken(world, onError="hold")
    world.emit("go", world.contacts(count))
    rows = world.db.execute("select id from runs where status = 3 order by id").fetchall()
    return workflow, [row[0] for row in rows]


def test_a_held_run_is_tried_again(world: World) -> None:
    workflow, (first, second) = held(world)
    world.db.execute("update contacts set attributes = '{\"part\": 1}'")
    assert decide(world, lambda session: held_runs.release_runs(session, world.tenant, [first])) == 1
    assert decide(world, lambda session: held_runs.release_runs(session, world.tenant, [first])) == 0
    world.engine.advance()
    assert world.runs(workflow) == {"completed": 1, "held": 1}
    assert world.steps(workflow) == [("b", "completed", "next"), ("t", "completed", "next")]
    assert world.one("select attempt from steps where node_id = 'b'") == 2
    assert world.one("select id from runs where status = 3") == second
    world.balanced()
    assert integrity.check(world.db) == []


def test_a_held_run_that_fails_again_is_held_again(world: World) -> None:
    workflow, ids = held(world)
    for tried in (1, 2):
        assert decide(world, lambda session: held_runs.release_runs(session, world.tenant, ids)) == 2
        world.engine.advance()
        assert world.runs(workflow) == {"held": 2}
        assert world.one("select count(*) from step_attempts") == 2 * (tried + 1)
    assert integrity.check(world.db) == []


def test_a_held_run_goes_on_without_its_step(any_way: World) -> None:
    world = any_way
    workflow, ids = held(world)
    ports = dict.fromkeys(ids, "next")
    assert decide(world, lambda session: held_runs.pass_runs(session, world.tenant + 1, ports, "Ada")) == 0
    assert decide(world, lambda session: held_runs.pass_runs(session, world.tenant, ports, "Ada")) == 2
    world.engine.advance()
    assert world.runs(workflow) == {"completed": 2}
    assert world.steps(workflow) == [("b", "skipped", "next"), ("t", "completed", "next")] * 2
    assert world.one("select output from steps where node_id = 'b' limit 1") == {"skippedBy": "Ada"}
    world.balanced()
    assert integrity.check(world.db) == []


@pytest.mark.parametrize(
    ("type_", "data", "port"),
    [
        ("brittle", {}, "next"),
        ("condition", {"conditions": [rule("contact.plan", "equals", "pro")]}, "true"),
        ("delay", {"duration": 3, "unit": "days"}, "next"),
        ("send_email", {}, "next"),
    ],
)
def test_a_step_that_is_switched_off_is_passed_by(any_way: World, type_: str, data: dict[str, Any], port: str) -> None:
    """By `next`, or by the first port; it is not done, nor is what is not finished in it asked for."""
    world = any_way
    nodes = [{**node("x", type_, **data), "disabled": True}, node("t", "add_tag", tag="after")]
    workflow = world.workflow(flow("go", nodes, ("trigger", "x"), ("x", "t", port)))
    world.emit("go", world.contacts(2))
    assert world.runs(workflow) == {"completed": 2}
    assert world.steps(workflow) == [("x", "skipped", port), ("t", "completed", "next")] * 2
    assert world.one("select count(*) from messages") == 0
    world.balanced()
    assert integrity.check(world.db) == []


def test_an_end_that_is_switched_off_ends_the_run_all_the_same(world: World) -> None:
    workflow = world.workflow(flow("go", [{**node("x", "end"), "disabled": True}], ("trigger", "x")))
    world.emit("go", world.contacts(1))
    assert world.runs(workflow) == {"completed": 1} and world.steps(workflow) == [("x", "skipped", "next")]
    assert integrity.check(world.db) == []
