"""How long one transaction of the engine may be in Python: others wait for what it holds, and PostgreSQL ends a session that is silent.

A batch that takes longer is put back and done in smaller ones, like one that cannot be stored. What stands alone may take its time and
says a word now and then; only a single step that keeps the whole process for longer loses its session.
"""

from __future__ import annotations

import time

from app.engine.claim import Cursor
from app.lib.database import IDLE_IN_TRANSACTION_MS

monotonic = time.monotonic
MOST_S = IDLE_IN_TRANSACTION_MS / 3_000
"""Seconds: a third of what a session may be silent, so that one slow step more does no harm."""


class BatchTooLong(Exception):
    """The batch is too large for what its items cost."""


class TimeLimit:
    """Of one batch. `alone`: it has one item, and cannot be smaller."""

    def __init__(self, cursor: Cursor, *, alone: bool) -> None:
        self._cursor, self._alone = cursor, alone
        self._began = self._spoke = monotonic()

    @property
    def nearly_reached(self) -> bool:
        """Would a batch of twice the size likely be too long?"""
        return monotonic() - self._began > MOST_S / 2

    @property
    def silent(self) -> bool:
        """Has it been in Python for so long?"""
        return monotonic() - self._spoke > MOST_S

    def check(self) -> None:
        """To be called between pieces of work. Raises BatchTooLong."""
        if not self.silent:
            return
        if not self._alone:
            raise BatchTooLong
        self._cursor.execute("select 1")
        self._spoke = monotonic()
