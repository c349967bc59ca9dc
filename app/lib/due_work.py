"""Work that is done piece by piece while some is due, each piece in a transaction of its own: what the actors of it have in common."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar

import psycopg
import structlog
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from app.lib import database
from app.lib.database_roles import DatabaseRole

log = structlog.get_logger()
SECONDS = 20.0
"""One call works for at most about this long, so that a stopping worker is not held up."""
Key = TypeVar("Key")
Step = Callable[[AsyncSession], Awaitable[bool]]
"""Does one piece in the caller's transaction. False: none was due."""


async def work_off(step: Step, *, engine: AsyncEngine | None = None, until: float | None = None) -> bool:
    """Do pieces until none is due. True: the time was up (`until`, on the monotonic clock), and there may be more."""
    until = time.monotonic() + SECONDS if until is None else until
    async with contextlib.AsyncExitStack() as stack:
        connections = engine or await stack.enter_async_context(database.job_engine())
        while time.monotonic() < until:
            async with database.committed(AsyncSession(connections, expire_on_commit=False)) as session:
                if not await step(session):
                    return False
    return True


class DueLooks:
    """Asks whether work is due, on connections that stay for the next look.

    A process looks nine times a second, each time with one small query: with a new connection for each it took 3 % of a processor
    while nothing was due, and PostgreSQL, which starts a process for a connection, as much.
    """

    MOST_IDLE = 2
    """Connections that stay; looks that come at the same moment have further ones."""

    def __init__(self) -> None:
        self._idle: deque[tuple[str, psycopg.Connection[tuple[Any, ...]]]] = deque()

    def is_any(self, due: str) -> bool:
        """Does the query answer a row? Raises psycopg.OperationalError where the database is away."""
        while (idle := self._taken()) is not None:
            try:
                return self._ask(idle, due)
            except (psycopg.errors.QueryCanceled, psycopg.errors.LockNotAvailable):
                raise  # the server answered: a look that takes too long would not be quicker once more
            except psycopg.OperationalError:
                continue  # PostgreSQL may have started anew since it was used
        return self._ask(database.connect("looks"), due)

    def _taken(self) -> psycopg.Connection[tuple[Any, ...]] | None:
        place = database.dsn(DatabaseRole.ENGINE)
        while self._idle:
            with contextlib.suppress(IndexError):  # another thread was quicker
                led_to, connection = self._idle.popleft()
                if led_to == place:
                    return connection
                connection.close()
        return None

    def _ask(self, connection: psycopg.Connection[tuple[Any, ...]], due: str) -> bool:
        try:
            answer = connection.execute(due).fetchone() is not None
        except BaseException:
            connection.close()
            raise
        if len(self._idle) < self.MOST_IDLE:
            self._idle.append((database.dsn(DatabaseRole.ENGINE), connection))
        else:
            connection.close()
        return answer


_looks = DueLooks()


def _begin_alone() -> None:
    """A forked process does not speak on the connections of its parent."""
    global _looks
    _looks = DueLooks()


os.register_at_fork(after_in_child=_begin_alone)


def look_and_work(any_due: str, work: Callable[[], Any]) -> None:
    """Run the coroutine function `work` when the query `any_due` answers a row. For a thread that looks each second."""
    if _looks.is_any(any_due):
        asyncio.run(work())


@contextlib.asynccontextmanager
async def apart(session: AsyncSession, broken: set[Key], key: Key, event: str, **about: str) -> AsyncIterator[None]:
    """One piece of several: when it breaks, what it did is undone and `key` is put among `broken`, so that it keeps none of the others.

    `event` and `about` are logged with the error.
    """
    try:
        async with session.begin_nested():
            yield
    except Exception as error:
        broken.add(key)
        log.error(event, **about, exc_info=error)
