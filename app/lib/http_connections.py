"""Connections to servers that are kept for the next request, the one that was used last first. For one event loop.

In place of the pool of httpcore, which looks at every connection for each of them at each request: with fifty side by side that was a
third of what a call costs here (decision 0124). What one connection does, httpcore does.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpcore

_Place = tuple[bytes, bytes, int | None]


class KeptConnections:
    """As many requests at a time as there may be connections; whoever comes later waits for its turn."""

    def __init__(self, *, tls: ssl.SSLContext, most: int, kept_s: float, backend: httpcore.AsyncNetworkBackend) -> None:
        """`most`: connections, in use or idle for up to `kept_s` seconds each. `backend` opens them."""
        self._tls, self._kept_s, self._backend = tls, kept_s, backend
        self._room, self._most, self._in_use = asyncio.Semaphore(most), most, 0
        self._idle: dict[_Place, list[httpcore.AsyncHTTPConnection]] = {}
        self._since: OrderedDict[httpcore.AsyncHTTPConnection, tuple[_Place, float]] = OrderedDict()
        """Since when each is idle, the longest first."""

    @asynccontextmanager
    async def request(self, request: httpcore.Request) -> AsyncIterator[httpcore.Response]:
        """The answer, as long as it is read. Raises what httpcore raises."""
        async with self._room:
            connection = await self._connection(request.url.origin)
            self._in_use += 1
            try:
                response = await connection.handle_async_request(request)
                try:
                    yield response
                finally:
                    await response.aclose()
            finally:
                self._in_use -= 1
                await self._give_back(connection, request.url.origin)

    async def close(self) -> None:
        """Close those that are idle."""
        while self._since:
            await self._close_longest_idle()

    async def _connection(self, origin: httpcore.Origin) -> httpcore.AsyncHTTPConnection:
        place = _place(origin)
        while alike := self._idle.get(place):
            connection = alike.pop()
            if not alike:
                del self._idle[place]
            del self._since[connection]
            if not connection.has_expired():  # nor closed by the server meanwhile
                return connection
            await connection.aclose()
        while self._since and len(self._since) + self._in_use >= self._most:
            await self._close_longest_idle()
        return httpcore.AsyncHTTPConnection(
            origin, ssl_context=self._tls, keepalive_expiry=self._kept_s, network_backend=self._backend
        )

    async def _give_back(self, connection: httpcore.AsyncHTTPConnection, origin: httpcore.Origin) -> None:
        if not connection.is_idle() or connection.is_closed():
            await connection.aclose()
        else:
            place, now = _place(origin), time.monotonic()
            self._idle.setdefault(place, []).append(connection)
            self._since[connection] = place, now
        while self._since and self._has_rested(next(iter(self._since))):
            await self._close_longest_idle()

    def _has_rested(self, connection: httpcore.AsyncHTTPConnection) -> bool:
        return time.monotonic() - self._since[connection][1] > self._kept_s

    async def _close_longest_idle(self) -> None:
        connection, (place, _) = self._since.popitem(last=False)
        self._idle[place].remove(connection)
        if not self._idle[place]:
            del self._idle[place]
        await connection.aclose()


def _place(origin: httpcore.Origin) -> _Place:
    return origin.scheme, origin.host, origin.port
