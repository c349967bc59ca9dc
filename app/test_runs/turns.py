"""Whose test of a draft is made now: one for each person or key, few for a workspace and for the process, and a short wait for a place."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from typing import TypeAlias
from uuid import UUID

from app.connectors.trial import Turns
from app.errors import TooMany
from app.lib.translation import gettext

A_MINUTE = 60
AT_ONCE_IN_WORKSPACE, AT_ONCE_IN_PROCESS = 2, 6
"""Tests that are under way together: a walk computes for up to 5 s in one of a few threads, and a workspace must not have all of them."""
PLACE_S = 2.0
"""How long a test waits for a place: whoever presses twice means the second press, and tests take less than a second."""
WAITING = 2
"""Tests of one person that wait for a place; more are presses that nobody looks at any more."""
CALLS_IN_WORKSPACE, CALLS_IN_PROCESS = 2, 20
"""Real calls of tests that are under way together: each takes up to 20 s and a connection, and no processor time."""
AFTER_CALL_S = 10.0
"""How long a test waits for a place to go on in with the answer of a call. Then it goes on without one: the call was made."""
TestedBy: TypeAlias = tuple[int, str, UUID | int | str]
"""Workspace, kind and id of who tests."""


class DraftTestTurns:
    """Of this process. A person or key makes one test at a time and A_MINUTE a minute."""

    def __init__(self, place_s: float = PLACE_S, after_call_s: float = AFTER_CALL_S) -> None:
        self._place_s, self._after_call_s, self._turns = place_s, after_call_s, Turns(a_minute=A_MINUTE)
        self._busy: Counter[object] = Counter()
        self._waiting: Counter[object] = Counter()
        self._bells: set[asyncio.Event] = set()

    @asynccontextmanager
    async def take(self, who: TestedBy, before_waiting: Callable[[], Awaitable[object]]) -> AsyncIterator[None]:
        """Around one test. `before_waiting`: gives back what nobody may hold while waiting. Raises TooMany with `retry_after` seconds."""
        if self._full(who):
            await before_waiting()
            await self._place(who)
        places: list[object] = [("who", who), ("workspace", who[0]), "process"]
        with self._turns.take(who):
            self._move([], places)
            try:
                yield
            finally:
                self._move(places, [])

    @asynccontextmanager
    async def calling(self, who: TestedBy) -> AsyncIterator[None]:
        """Within `take`, around a call of a service: others test meanwhile in its shared places. Raises TooMany."""
        places, calls = [("workspace", who[0]), "process"], [("calls of", who[0]), "calls"]
        if self._busy["calls of", who[0]] >= CALLS_IN_WORKSPACE:
            raise TooMany(_others(), retry_after=2)
        if self._busy["calls"] >= CALLS_IN_PROCESS:
            raise TooMany(_many(), retry_after=2)
        self._move(places, calls)
        try:
            yield
            with suppress(TimeoutError):
                await self._wait(lambda: self._shared_full(who), self._after_call_s)
        finally:
            self._move(calls, places)

    def _move(self, left: Iterable[object], taken: Iterable[object]) -> None:
        self._busy.subtract(left)
        self._busy.update(taken)
        self._busy += Counter()  # without those that are at zero
        for bell in self._bells:
            bell.set()

    async def _place(self, who: TestedBy) -> None:
        if self._waiting[who] >= WAITING:
            raise TooMany(self._full(who), retry_after=2)
        self._waiting[who] += 1
        try:
            await self._wait(lambda: self._full(who), self._place_s)
        except TimeoutError:
            raise TooMany(self._full(who) or gettext("Try again in a moment."), retry_after=2) from None
        finally:
            self._waiting[who] -= 1
            self._waiting += Counter()

    async def _wait(self, full: Callable[[], str], seconds: float) -> None:
        """Until it is not full. Raises TimeoutError."""
        bell = asyncio.Event()
        self._bells.add(bell)
        try:
            async with asyncio.timeout(seconds):
                while full():
                    await bell.wait()
                    bell.clear()
        finally:
            self._bells.discard(bell)

    def _full(self, who: TestedBy) -> str:
        """Why there is no place for one more test; empty when there is."""
        if self._busy["who", who]:
            return gettext("Another test of yours is under way. Wait until it has its answer.")
        return self._shared_full(who)

    def _shared_full(self, who: TestedBy) -> str:
        """The same of the places that are shared with others."""
        if self._busy["workspace", who[0]] >= AT_ONCE_IN_WORKSPACE:
            return _others()
        if self._busy["process"] >= AT_ONCE_IN_PROCESS:
            return _many()
        return ""


def _others() -> str:
    return gettext("Others of this workspace are testing right now. Try again in a moment.")


def _many() -> str:
    return gettext("Many tests are under way right now. Try again in a moment.")
