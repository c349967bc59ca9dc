"""The engines of this process, each with a connection and a thread of its own: one walks while PostgreSQL writes for the other.

Two keep a processor and a half busy, so a process for each two cores is enough. What they share is the garbage collector, the
report of what they do, and the number of compiled steps that are kept; all else is one engine's own.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator

import psycopg
import structlog

from app.engine.advance import Engine
from app.engine.batch_sizes import BatchSizes
from app.lib import database

log = structlog.get_logger()


class EngineThread:
    """One engine, made when it is needed, and made anew when its database was away."""

    def __init__(self, number: int, threads: EngineThreads) -> None:
        self.number = number
        self.free = threading.Lock()
        """Held by the thread that works with the engine."""
        self.wanted = threading.Event()
        """There is more work than the others can do at once."""
        self._threads = threads
        self._engine: Engine | None = None
        self._sizes = BatchSizes()
        """How large its batches may be: what an engine learned by the loss of its session, the next one knows."""

    def advance(self) -> set[str]:
        """Take work until there is none; answers the actors that have some now. Only who holds `free` may call it.

        Without the database nothing happens: the next round looks again.
        """
        try:
            if self._engine is None:
                connection = database.connect("engine")
                count, call_others = len(self._threads), lambda: self._threads.call_others(self)
                self._engine = Engine(
                    connection, number=self.number, engines=count, on_backlog=call_others, sizes=self._sizes
                )
            self._engine.advance()
        except psycopg.Error as error:
            # The database went away, or took a session back that had been silent for too long: nothing of the batch was committed.
            connection_lost = self._engine is None or self._engine.connection.closed
            if not connection_lost and not isinstance(error, psycopg.OperationalError):
                raise
            log.warning("engine.database_away", error=type(error).__name__, engine=self.number)
            self.close()
            return set()
        actors, self._engine.actors = self._engine.actors, set()
        return actors

    def close(self) -> None:
        """Let the engine go, with its connections."""
        if self._engine is not None:
            self._engine.close()
        self._engine = None


class EngineThreads:
    """Those of a process; the first is number 0."""

    def __init__(self, count: int) -> None:
        self._all = [EngineThread(number, self) for number in range(count)]

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[EngineThread]:
        return iter(self._all)

    def call_others(self, busy: EngineThread) -> None:
        """`busy` has more to do than fits one batch: whoever is idle helps."""
        for other in self._all:
            if other is not busy:
                other.wanted.set()
