"""Of large answers a worker holds a few at a time, however many polls are under way."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from app.lib import http_client
from app.polls import jobs, storing
from app.polls.answer_room import MOST_LARGE, SMALL_BYTES, AnswerRoom
from app.schedules import jobs as schedules
from tests.fixtures.http_server import json_reply
from tests.fixtures.world import World
from tests.polls.conftest import Shop, polling_flow, started


async def test_of_large_answers_a_few_have_room_and_small_ones_never_wait() -> None:
    room, held, over = AnswerRoom(), list[int](), asyncio.Event()

    async def answer(size: int) -> None:
        async with room.share() as share:
            await share.grown(SMALL_BYTES)
            await share.grown(size)
            await share.grown(size)  # it asks once
            held.append(size)
            await over.wait()

    tasks = [asyncio.create_task(answer(SMALL_BYTES + one % 2)) for one in range(40)]
    await asyncio.sleep(0)
    for _ in range(5):
        await asyncio.sleep(0)
    assert held.count(SMALL_BYTES) == 20 and held.count(SMALL_BYTES + 1) == MOST_LARGE
    tasks[0].cancel()
    over.set()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert held.count(SMALL_BYTES + 1) == 20, "each had its turn"


async def test_many_polls_with_large_answers_are_read_a_few_at_a_time(
    world: World, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.add(1, 2, 3)
    shop.recorder.answer = lambda _asked: json_reply({"orders": shop.rows, "note": "x" * SMALL_BYTES})
    flows = {}
    for number in range(MOST_LARGE + 3):
        world.tenant = world.one("insert into workspaces (name, slug) values ('W', %s) returning id", f"large-{number}")
        flows[world.tenant] = world.workflow(polling_flow(f"{shop.recorder.url}/orders", first="existing", identity={}))
    reading, most, real_store, real_read = 0, 0, storing.store, http_client._read

    async def store(*arguments: Any) -> Any:
        nonlocal reading
        for _ in range(50):
            await asyncio.sleep(0)
        end = await real_store(*arguments)
        reading -= 1
        return end

    async def read(response: Any, coding: str, limit: int, grown: Any) -> Any:
        nonlocal reading, most
        body = await real_read(response, coding, limit, grown)
        reading += 1
        most = max(most, reading)
        return body

    monkeypatch.setattr(storing, "store", store)
    monkeypatch.setattr(http_client, "_read", read)
    await schedules.work()
    await jobs.work()
    world.engine.advance()
    assert 1 <= most <= MOST_LARGE
    for tenant, workflow in flows.items():
        world.tenant = tenant
        assert started(world, workflow) == [1, 2, 3]
