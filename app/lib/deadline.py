"""No request takes for ever: after `DEFAULT_S` its work is given up and the client hears 503, also when the database hangs.

The time is that of the server's own work, up to the first byte of the answer. How long a client may take to send a body is
counted where bodies are read. A route whose work may take longer says so: `deadline=60` in its decorator, in seconds.

Giving up must not wait for what does not answer. psycopg asks the server to cancel and waits for it; `BoundedConnection` hangs
up instead, and never waits longer for the server than the request may, with a second more for cleaning up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

import psycopg
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from psycopg import waiting

from app.errors import TookTooLong

DEFAULT_S = 10.0
CLEANUP_S = 1.0
"""Rolling back and the like may take so much longer."""
LONGEST_WAIT_S = 45.0
"""For whoever has no deadline. PostgreSQL ends statements after 30 s, so a server that is silent for longer hangs."""
RETRY_AFTER_S = 5
_Result = TypeVar("_Result")
_ends: ContextVar[float | None] = ContextVar("deadline", default=None)


def _now() -> float:
    return asyncio.get_running_loop().time()


@contextmanager
def ends_in(seconds: float | None) -> Iterator[None]:
    """Inside, no wait for the database goes on for longer than this altogether, give or take `CLEANUP_S`."""
    token = _ends.set(None if seconds is None else _now() + seconds)
    try:
        yield
    finally:
        _ends.reset(token)


def remaining() -> float:
    """Seconds that a wait for the database may take now."""
    end = _ends.get()
    return LONGEST_WAIT_S if end is None else max(0.0, end - _now()) + CLEANUP_S


class BoundedConnection(psycopg.AsyncConnection[Any]):
    """A connection of the web process whose waits all end. After one that ended early it is closed, and fit for nothing."""

    async def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:  # noqa: ASYNC109  psycopg's
        if timeout is not None:  # psycopg's own short waits
            return await super().wait(gen, interval=interval, timeout=timeout)
        try:
            async with asyncio.timeout(remaining()):
                return await waiting.wait_async(gen, self.pgconn.socket, interval=interval)
        except asyncio.CancelledError:
            self.pgconn.finish()
            raise
        except TimeoutError:
            self.pgconn.finish()
            raise psycopg.OperationalError("the database did not answer in time") from None


class Deadline:
    """ASGI middleware around all that takes time."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        seconds = scope["route_handler"].opt.get("deadline", DEFAULT_S) if scope["type"] == ScopeType.HTTP else None
        if seconds is None:
            await self.app(scope, receive, send)
            return
        work = _Work(float(seconds), receive, send)
        try:
            with ends_in(seconds):
                async with asyncio.timeout(seconds) as work.limit:
                    await self.app(scope, work.receive, work.send)
        except TimeoutError:
            if not work.limit.expired() or work.answered:
                raise
            raise TookTooLong from None


class _Work:
    """One request: stops the clock while its client is slow, and for good when the answer begins."""

    limit: asyncio.Timeout

    def __init__(self, seconds: float, receive: Receive, send: Send) -> None:
        self._left, self._receive, self._send = seconds, receive, send
        self._whole = False
        self.answered = False

    async def receive(self) -> Any:
        if self._whole or self.answered:  # nothing comes any more but the end of the connection
            return await self._receive()
        end = self.limit.when()
        self._left = end - _now() if end is not None else self._left
        self.limit.reschedule(None)
        try:
            message = await self._receive()
        finally:
            self.limit.reschedule(_now() + self._left)
            _ends.set(_now() + self._left)
        self._whole = message["type"] != "http.request" or not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        await self._send(message)
        if not self.answered:
            self.answered = True
            if not self.limit.expired():
                self.limit.reschedule(None)
            _ends.set(None)
