"""Time limits that leave out what somebody else takes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def uncounted(limit: asyncio.Timeout, ask: Callable[[], Awaitable[T]]) -> T | None:
    """What `ask` answers, with the time that it takes added to `limit`. None: that has just run out, and nobody was asked."""
    loop = asyncio.get_running_loop()
    remaining = (limit.when() or loop.time()) - loop.time()
    if remaining <= 0:  # it cannot be stopped any more
        return None
    limit.reschedule(None)
    try:
        return await ask()
    finally:
        limit.reschedule(loop.time() + remaining)
