"""A call that a test makes for real takes its place at the gates of the engine's calls, and counts there."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest

from app.accounts.principal import Principal
from app.connectors.call_signs import FAILURES
from app.engine import call_gates
from app.engine.call_shares import CallLane
from app.errors import AppError, Conflict, TooMany
from app.flow.performers import PlacedCall, ServiceSign, connector_target
from app.models.status import Role
from app.test_runs import real_calls
from tests.engine.calling_by_connectors import connector
from tests.fixtures.world import World


@pytest.fixture(autouse=True)
def _many_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(real_calls.turns, "_a_minute", 100)


def person(world: World) -> Principal:
    return Principal(kind="user", id=UUID(int=1), tenant_id=world.tenant, role=Role.ADMIN, name="Ada")


def call_to(world: World, target: str) -> PlacedCall:
    return PlacedCall(world.tenant, UUID(int=3), UUID(int=0), "ask", 1, 1, "http", target, {}, 20)


def make(world: World, target: str, sign: ServiceSign | None = None) -> AppError | None:
    """Make one call; why there was none, or None."""

    async def one() -> None:
        async with real_calls.admitted(person(world), call_to(world, target)) as signs:
            signs += [sign] if sign else []

    try:
        asyncio.run(one())
    except AppError as error:
        return error
    return None


def test_a_rate_is_for_tests_and_runs_together(world: World) -> None:
    target = connector_target(connector(world, rate=1, seconds=3_600, burst=2))
    assert [make(world, target) for _ in range(2)] == [None, None]
    refused = make(world, target)
    assert isinstance(refused, TooMany) and "as many calls as it may" in str(refused)
    assert world.one("select tokens < 1 from connector_gates"), "what a test took is gone for runs too"


def test_what_is_away_or_paused_is_not_called(world: World) -> None:
    for state, words in (("away", "is away"), ("paused", "is paused")):
        row = connector(world)
        world.db.execute("update connectors set state = %s, probe_at = 'infinity' where id = %s", (state, row))
        refused = make(world, connector_target(row))
        assert isinstance(refused, Conflict) and words in str(refused), state


def test_what_a_test_meets_counts_for_the_breaker_of_connector_and_host(world: World) -> None:
    failed = ServiceSign(False, "It answered 500.")
    for target in (connector_target(connector(world)), "api.example.com"):
        assert [make(world, target, failed) for _ in range(FAILURES)] == [None] * FAILURES
        assert isinstance(make(world, target), Conflict), target


def test_a_call_that_is_not_let_in_gives_its_turn_back(world: World) -> None:
    row = connector(world)
    world.db.execute("update connectors set state = 'paused' where id = %s", (row,))
    assert isinstance(make(world, connector_target(row)), Conflict)
    world.db.execute("update connectors set state = 'ok'")
    assert make(world, connector_target(row)) is None


def test_a_test_takes_a_place_of_those_at_a_time_and_gives_it_back(world: World) -> None:
    row = connector(world, most=1)
    target = connector_target(row)

    async def two() -> AppError | None:
        async with real_calls.admitted(person(world), call_to(world, target)):
            lane = CallLane(world.tenant, UUID(int=3), "http", target)
            with world.db.transaction():
                opened = call_gates.open_for(world.db, [lane])
            assert opened.rooms[world.tenant, target] == 0, "nothing of a run begins beside it"
            return await asyncio.to_thread(make, world, target)

    assert isinstance(asyncio.run(two()), TooMany)
    assert world.one("select tests_until = '{}' from connector_gates")
    assert make(world, target) is None


def test_the_place_of_a_process_that_ended_comes_back(world: World) -> None:
    row = connector(world, most=1)
    assert make(world, connector_target(row)) is None
    world.db.execute("update connector_gates set tests_until = array[clock_now() + interval '1 minute']")
    assert isinstance(make(world, connector_target(row)), TooMany)
    world.db.execute("update connector_gates set tests_until = array[clock_now() - interval '1 second']")
    assert make(world, connector_target(row)) is None
    assert world.one("select tests_until = '{}' from connector_gates")
