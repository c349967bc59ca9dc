"""Turns of tests of drafts: one for each person, few for a workspace and the process, and a short wait for a place."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from uuid import UUID

import pytest

from app.errors import TooMany
from app.test_runs.turns import AT_ONCE_IN_PROCESS, AT_ONCE_IN_WORKSPACE, CALLS_IN_WORKSPACE, DraftTestTurns


def person(number: int, workspace: int = 1) -> tuple[int, str, UUID]:
    return workspace, "user", UUID(int=number)


async def nothing() -> None:
    """Nothing is held."""


async def test_the_second_press_waits_for_the_first_one() -> None:
    turns, order, let_go = DraftTestTurns(), list[str](), list[str]()
    first_may_end = asyncio.Event()

    async def first() -> None:
        async with turns.take(person(1), nothing):
            order.append("first")
            await first_may_end.wait()

    async def second() -> None:
        async def before() -> None:
            let_go.append("connection")
            first_may_end.set()

        async with turns.take(person(1), before):
            order.append("second")

    await asyncio.gather(first(), second())
    assert (order, let_go) == (["first", "second"], ["connection"])
    async with turns.take(person(1), nothing):
        order.append("third")


async def test_who_waits_too_long_or_is_the_third_is_refused() -> None:
    turns = DraftTestTurns(place_s=0.01)
    async with turns.take(person(1), nothing):
        with pytest.raises(TooMany, match="yours is under way"):
            async with turns.take(person(1), nothing):
                pytest.fail("there was no place")
    patient = DraftTestTurns(place_s=60)

    async def wait() -> None:
        async with patient.take(person(1), nothing):
            pytest.fail("there was no place")

    async with patient.take(person(1), nothing):
        waiting = [asyncio.ensure_future(wait()) for _ in range(2)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        with pytest.raises(TooMany):
            async with patient.take(person(1), nothing):
                pytest.fail("there was no place")
        for one in waiting:
            one.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


async def test_a_workspace_and_the_process_have_so_many_at_once() -> None:
    turns = DraftTestTurns(place_s=0.01)
    async with AsyncExitStack() as under_way:
        for number in range(AT_ONCE_IN_WORKSPACE):
            await under_way.enter_async_context(turns.take(person(number), nothing))
        with pytest.raises(TooMany, match="Others of this workspace"):
            await under_way.enter_async_context(turns.take(person(99), nothing))
        for number in range(AT_ONCE_IN_PROCESS - AT_ONCE_IN_WORKSPACE):
            await under_way.enter_async_context(turns.take(person(number, workspace=10 + number), nothing))
        with pytest.raises(TooMany, match="Many tests"):
            await under_way.enter_async_context(turns.take(person(1, workspace=2), nothing))
    async with turns.take(person(1, workspace=2), nothing):
        pass


async def test_calls_of_services_leave_their_places_to_tests() -> None:
    turns = DraftTestTurns(place_s=0.01, after_call_s=0.01)
    async with AsyncExitStack() as under_way:
        for number in range(CALLS_IN_WORKSPACE):
            await under_way.enter_async_context(turns.take(person(number), nothing))
            await under_way.enter_async_context(turns.calling(person(number)))
        async with turns.take(person(98), nothing):
            with pytest.raises(TooMany, match="Others of this workspace"):
                await under_way.enter_async_context(turns.calling(person(98)))
        with pytest.raises(TooMany, match="yours is under way"):
            await under_way.enter_async_context(turns.take(person(0), nothing))
        for number in range(AT_ONCE_IN_PROCESS):
            await under_way.enter_async_context(turns.take(person(number, workspace=10 + number), nothing))
    assert not turns._busy, "each gave back what it took, though they went on without a place"


async def test_a_test_goes_on_with_its_answer_when_there_is_a_place() -> None:
    turns, order = DraftTestTurns(), list[str]()
    others_may_end, answered = asyncio.Event(), asyncio.Event()

    async def other(number: int) -> None:
        async with turns.take(person(number), nothing):
            answered.set()
            await others_may_end.wait()
            order.append("other")

    async def caller() -> None:
        async with turns.take(person(1), nothing):
            async with turns.calling(person(1)):
                others = [asyncio.ensure_future(other(2 + number)) for number in range(AT_ONCE_IN_WORKSPACE)]
                await answered.wait()
                asyncio.get_running_loop().call_soon(others_may_end.set)
            order.append("caller")
            await asyncio.gather(*others)

    await caller()
    assert order[0] == "other" and "caller" in order and not turns._busy
