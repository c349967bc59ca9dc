"""How many files are written for a workspace at the same time, over all web processes.

In Redis or Valkey each file has an entry that is good for some seconds and is written again while the file is: what a process that died
left behind expires by itself. While it is away each process counts its own files alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import NamedTuple
from uuid import uuid4

import redis.asyncio
import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.settings import settings

log = structlog.get_logger()
FILES_AT_ONCE = 2
"""Each keeps a process reading, one page after another."""
GOOD_S, BEAT_S = 30, 10
"""How long an entry is good, and how often it is written again."""
AWAY_S = 5.0
"""Who did not answer is not asked for so long."""
_FAILURES = (RedisError, OSError, asyncio.TimeoutError)
# By the clock of Valkey: those of processes may differ.
_TAKE = """
local now = tonumber(redis.call('TIME')[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then return 0 end
redis.call('ZADD', KEYS[1], now + ARGV[3], ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[3])
return 1
"""
_BEAT = """
redis.call('ZADD', KEYS[1], redis.call('TIME')[1] + ARGV[2], ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[2])
"""


class FilePlace(NamedTuple):
    """The place of one file. `shared`: it stands in Valkey."""

    tenant_id: int
    name: str
    shared: bool

    @property
    def key(self) -> str:
        return f"files:{self.tenant_id}"


class FilePlaces:
    """The places as one web process sees them. `url`: of Redis or Valkey, None without one."""

    def __init__(self, url: Callable[[], str | None]) -> None:
        self._url, self._silent_until = url, 0.0
        self.own: Counter[int] = Counter()
        """Files that this process writes, by workspace."""

    async def take(self, tenant_id: int) -> FilePlace | None:
        """A place for one file more; None while FILES_AT_ONCE of the workspace are being written. One that is not held expires."""
        place = FilePlace(tenant_id, str(uuid4()), shared=True)
        async with self._connected() as client:
            if client is not None:
                try:
                    taken = await client.eval(_TAKE, 1, place.key, place.name, FILES_AT_ONCE, GOOD_S)
                except _FAILURES as error:
                    self._away(error)
                else:
                    return place if taken else None
        return None if self.own[tenant_id] >= FILES_AT_ONCE else place._replace(shared=False)

    @contextlib.asynccontextmanager
    async def held(self, place: FilePlace) -> AsyncIterator[None]:
        """Keep the place while the file is written, then leave it to others."""
        self.own[place.tenant_id] += 1
        beat = asyncio.create_task(self._keep(place)) if place.shared else None
        try:
            yield
        finally:
            self.own[place.tenant_id] -= 1
            if not self.own[place.tenant_id]:
                del self.own[place.tenant_id]
            if beat is not None:
                beat.cancel()
                await self.leave(place)

    async def leave(self, place: FilePlace) -> None:
        """Of a file that is done, or was not begun."""
        async with self._connected() as client:
            if place.shared and client is not None:
                with contextlib.suppress(*_FAILURES):
                    await client.zrem(place.key, place.name)

    async def _keep(self, place: FilePlace) -> None:
        while True:
            await asyncio.sleep(BEAT_S)
            async with self._connected() as client:
                if client is not None:
                    with contextlib.suppress(*_FAILURES):
                        await client.eval(_BEAT, 1, place.key, place.name, GOOD_S)

    @contextlib.asynccontextmanager
    async def _connected(self) -> AsyncIterator[Redis | None]:
        """A connection for one question: files are few, and so is what they ask."""
        url = self._url()
        if url is None or time.monotonic() < self._silent_until:
            yield None
            return
        client = redis.asyncio.from_url(url, socket_timeout=1.0, socket_connect_timeout=0.3)
        try:
            yield client
        finally:
            with contextlib.suppress(*_FAILURES):
                await client.aclose()

    def _away(self, error: Exception) -> None:
        self._silent_until = time.monotonic() + AWAY_S
        log.warning("files.redis_away", error=type(error).__name__)


PLACES = FilePlaces(lambda: settings().redis.url)
"""Of this process."""
