"""Files that are written for a workspace are counted over all web processes; without Valkey each counts its own."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest
import redis

from app.web import file_places
from app.web.file_places import FILES_AT_ONCE, FilePlace, FilePlaces

WORKSPACE, OTHER = 1, 2


@pytest.fixture
def url(redis_url: str) -> str:
    redis.Redis.from_url(redis_url).delete(f"files:{WORKSPACE}", f"files:{OTHER}")
    return redis_url


async def taken(places: FilePlaces, workspace: int = WORKSPACE) -> FilePlace:
    place = await places.take(workspace)
    assert place is not None
    return place


async def test_two_processes_share_the_places_of_a_workspace(url: str) -> None:
    web, other = FilePlaces(lambda: url), FilePlaces(lambda: url)
    async with AsyncExitStack() as files:
        await files.enter_async_context(web.held(await taken(web)))
        async with other.held(await taken(other)):
            assert await web.take(WORKSPACE) is None and await other.take(WORKSPACE) is None
            assert await web.take(OTHER) is not None, "another workspace has places of its own"
        assert await web.take(WORKSPACE) is not None, "who is done makes room, also in the other process"
    assert not web.own and not other.own


async def test_one_that_is_not_begun_makes_room(url: str) -> None:
    web, other = FilePlaces(lambda: url), FilePlaces(lambda: url)
    places = [await taken(web) for _ in range(FILES_AT_ONCE)]
    assert await other.take(WORKSPACE) is None
    await web.leave(places[0])
    assert await other.take(WORKSPACE) is not None


async def test_what_a_process_left_behind_that_died_expires_and_what_is_written_stays(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    web, client = FilePlaces(lambda: url), redis.Redis.from_url(url)
    dead, written = await taken(web), await taken(web)
    client.zadd(dead.key, {dead.name: 0, written.name: 0})
    monkeypatch.setattr(file_places, "BEAT_S", 0)
    async with web.held(written):
        while client.zscore(written.key, written.name) == 0:
            await asyncio.sleep(0)
        assert await web.take(WORKSPACE) is not None and await web.take(WORKSPACE) is None
    assert 0 < client.ttl(dead.key) <= file_places.GOOD_S


@pytest.mark.parametrize("away", [None, "redis://127.0.0.1:9/0"], ids=["without Valkey", "Valkey is away"])
async def test_each_process_counts_its_own_without_valkey(away: str | None) -> None:
    web, other = FilePlaces(lambda: away), FilePlaces(lambda: away)
    async with AsyncExitStack() as files:
        for _ in range(FILES_AT_ONCE):
            await files.enter_async_context(web.held(await taken(web)))
        assert await web.take(WORKSPACE) is None and await other.take(WORKSPACE) is not None
    assert await web.take(WORKSPACE) is not None
