"""A database connection in a thread of its own, for work on an event loop: neither a slow commit nor a database that is away stops it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import psycopg

Connection = psycopg.Connection[Any]
T = TypeVar("T")


class ConnectionThread:
    """Transactions of one event loop, one after the other. Nothing else uses the connection meanwhile."""

    def __init__(self, connection: Connection, reconnect: Callable[[], Connection], name: str) -> None:
        """`reconnect` makes another one when the server has hung up."""
        self.connection, self._first, self._reconnect = connection, connection, reconnect
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._lock = asyncio.Lock()
        self.away = False
        """The database could not be reached at the last try."""

    async def transaction(self, work: Callable[[Connection], T]) -> T:
        """Do `work` in a transaction of its own. Raises what it raises; with psycopg.OperationalError nothing was committed."""

        def run() -> T:
            if self.connection.closed:
                self.connection = self._reconnect()
            with self.connection.transaction():
                return work(self.connection)

        try:
            async with self._lock:
                done = await asyncio.get_running_loop().run_in_executor(self._thread, run)
        except psycopg.OperationalError:
            self.away = True
            raise
        self.away = False
        return done

    def close(self) -> None:
        """Give the thread back, and the connection if it is one of our own."""
        self._thread.shutdown(wait=False, cancel_futures=True)
        if self.connection is not self._first:
            self.connection.close()
