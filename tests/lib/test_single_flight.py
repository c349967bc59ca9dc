"""Reads that are shared: few of them, and none older than the question."""

from __future__ import annotations

import asyncio

import pytest

from app.lib.single_flight import SingleFlight


async def test_a_crowd_costs_two_reads_and_hears_the_newest() -> None:
    reads, value = 0, 0
    gate = asyncio.Event()

    async def read() -> int:
        nonlocal reads
        reads += 1
        seen = value
        await gate.wait()
        return seen

    flight: SingleFlight[int] = SingleFlight()
    first = asyncio.create_task(flight("k", read))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    value = 1  # told to everybody who asks from here on
    crowd = [asyncio.create_task(flight("k", read)) for _ in range(50)]
    await asyncio.sleep(0)
    gate.set()
    assert await first == 0
    assert set(await asyncio.gather(*crowd)) == {1}
    assert reads == 2


async def test_errors_reach_everybody_and_are_not_kept() -> None:
    async def broken() -> int:
        raise ValueError("away")

    async def whole() -> int:
        return 7

    flight: SingleFlight[int] = SingleFlight()
    answers = await asyncio.gather(*(flight("k", broken) for _ in range(5)), return_exceptions=True)
    assert all(isinstance(answer, ValueError) for answer in answers)
    assert await flight("k", whole) == 7
    assert await asyncio.gather(flight("a", whole), flight("b", whole)) == [7, 7]


async def test_one_who_leaves_does_not_take_the_others_along() -> None:
    gate = asyncio.Event()

    async def read() -> int:
        await gate.wait()
        return 1

    flight: SingleFlight[int] = SingleFlight()
    leaving = asyncio.create_task(flight("k", read))
    staying = asyncio.create_task(flight("k", read))
    await asyncio.sleep(0)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    gate.set()
    assert await staying == 1
