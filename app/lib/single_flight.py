"""Share one read between concurrent callers (single flight), never with a result older than the call.

A call during a read waits for the next read, because the current one may have begun before a change that the caller already
knows of. So a result is as fresh as a read of its own, and many callers cost two reads at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """`await reads(key, read)`: the result of a `read()` that began after this call."""

    def __init__(self) -> None:
        self._next: dict[Hashable, asyncio.Future[T]] = {}
        self._running: dict[Hashable, asyncio.Task[None]] = {}

    async def __call__(self, key: Hashable, read: Callable[[], Awaitable[T]]) -> T:
        future = self._next.get(key)
        if future is None:
            future = self._next[key] = asyncio.get_running_loop().create_future()
            if key not in self._running:
                self._running[key] = asyncio.create_task(self._read(key, read))
        return await asyncio.shield(future)

    async def _read(self, key: Hashable, read: Callable[[], Awaitable[T]]) -> None:
        try:
            while (waiting := self._next.pop(key, None)) is not None:
                try:
                    answer = await read()
                except Exception as error:
                    waiting.set_exception(error)
                    waiting.exception()  # all callers may have been cancelled: mark the exception as retrieved
                else:
                    waiting.set_result(answer)
        finally:
            del self._running[key]
            if (next_read := self._next.pop(key, None)) is not None:  # only when this task itself was cancelled
                next_read.cancel()
