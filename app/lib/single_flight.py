"""One read for many who ask the same thing at the same moment, never older than the question.

Whoever asks while a read is under way waits for the next one, because the one under way may have begun before a change that
the asker has already been told of. So an answer is as fresh as a read of one's own, and a crowd costs two reads at a time.
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
