"""Waits for the database end when the work that waits has a deadline, as each request has (`app.web.request_deadline`).

Giving up must not wait for what does not answer. psycopg asks the server to cancel and waits for it; `BoundedConnection` hangs
up instead, and never waits longer for the server than the request may, with a second more for cleaning up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import psycopg
from psycopg import waiting

CLEANUP_S = 1.0
"""Rolling back and the like may take so much longer."""
LONGEST_WAIT_S = 45.0
"""Timeout of callers without a deadline. PostgreSQL ends statements after 30 s, so a server that is silent for longer hangs."""
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


def extend(seconds: float | None) -> None:
    """From now on the work has this long, and with None as long as it takes. It lasts until the `ends_in` around it is left."""
    _ends.set(None if seconds is None else _now() + seconds)


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
