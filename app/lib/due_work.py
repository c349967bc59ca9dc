"""Work that is done piece by piece while some is due, each piece in a transaction of its own: what the actors of it have in common."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from app.lib import database

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


def look_and_work(any_due: str, work: Callable[[], Any]) -> None:
    """Run the coroutine function `work` when the query `any_due` answers a row. For a thread that looks each second."""
    with database.connect() as connection:
        due = connection.execute(any_due).fetchone() is not None
    if due:
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
