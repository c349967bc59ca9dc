"""Room in memory for the answers of one worker's polls: small ones are let by, large ones a few at a time, however many are under way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

SMALL_BYTES = 262_144
"""An answer that is no larger has room by itself: 48 of them are 13 MB."""
MOST_LARGE = 4
"""Larger answers at a time, of 5 MB at most; read as JSON each takes several times that."""


WAIT_S = 20.0
"""How long a large answer waits for a place: its connection stays open meanwhile, and whoever sends it must not be blamed."""


class NoRoom(Exception):
    """All places were taken: the answer is asked for again later."""


class AnswerRoom:
    """The room of one pass. For one event loop."""

    def __init__(self) -> None:
        self._large = asyncio.Semaphore(MOST_LARGE)

    @asynccontextmanager
    async def share(self) -> AsyncIterator[AnswerShare]:
        """What one answer takes of it, until its rows are stored."""
        share = AnswerShare(self._large)
        try:
            yield share
        finally:
            share.give_back()


class AnswerShare:
    """The part of one answer. It asks once, for all that it may become, so nobody waits for room who has some of it."""

    def __init__(self, large: asyncio.Semaphore) -> None:
        self._large, self._is_large = large, False

    async def grown(self, size: int) -> None:
        """So many bytes of it are read. The first time that it is large it waits for a place, and reads no further. Raises NoRoom."""
        if size > SMALL_BYTES and not self._is_large:
            try:
                async with asyncio.timeout(WAIT_S):
                    await self._large.acquire()
            except TimeoutError:
                raise NoRoom from None
            self._is_large = True

    def give_back(self) -> None:
        """Nothing of it is held any more."""
        if self._is_large:
            self._is_large = False
            self._large.release()
