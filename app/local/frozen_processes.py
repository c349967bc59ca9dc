"""Finds processes of the product that live and do nothing any more: stopped, or stuck where no signal of their own reaches them.

A worker that freezes while it holds the turn of its kind of work holds up all the others. Their heartbeats say who is frozen: a thread
of each writes one every 5 s, whatever its other threads do.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

import psycopg

LOOK_EVERY_S = 10.0
STUCK_AFTER_S = 60.0
"""Twelve heartbeats. No pause of a healthy process is so long, and PostgreSQL has ended its sessions by then."""
_BEATS = "select process, at from heartbeats where split_part(process, ':', 2) = %s"


def beats(url: str) -> dict[int, datetime]:
    """The last heartbeat of each process of this machine, by pid. Raises psycopg.Error; waits 3 s at most for each answer."""
    with psycopg.connect(url, connect_timeout=3, options="-c statement_timeout=3000") as connection:
        rows = connection.execute(_BEATS, [socket.gethostname()]).fetchall()
    return {int(process.rpartition(":")[2]): at for process, at in rows}


class FrozenProcesses:
    """Remembers since when each heartbeat has stood still while the database answered. Times are seconds of a monotonic clock."""

    def __init__(self, beats: Callable[[], Mapping[int, datetime]]) -> None:
        self._beats = beats
        self._looked = float("-inf")
        self._moved: dict[int, tuple[datetime, float]] = {}

    def look(self, now: float, pids: Iterable[int]) -> list[int]:
        """Those of `pids` whose heartbeat has stood still for STUCK_AFTER_S. One that has not written any is starting."""
        if now - self._looked < LOOK_EVERY_S:
            return []
        self._looked = now
        try:
            current = self._beats()
        except psycopg.Error:  # nobody can write a heartbeat now either
            self._moved.clear()
            return []
        before, watched = self._moved, set(pids)
        self._moved = {
            pid: before[pid] if pid in before and before[pid][0] == at else (at, now)
            for pid, at in current.items()
            if pid in watched
        }
        return [pid for pid, (_, since) in self._moved.items() if now - since >= STUCK_AFTER_S]
