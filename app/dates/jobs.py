"""The actor that fires dates of contacts, notified when the first of them is due."""

from __future__ import annotations

import asyncio
import time

import dramatiq
from sqlalchemy.ext.asyncio import AsyncSession

from app.dates import firing, repository
from app.lib import database, jobs
from app.lib.wakeups import Wakeup

FIRE = "fire_dates"
SECONDS = 20.0
"""One call works for at most about this long, so that a stopping worker is not held up."""

jobs.broker()


@dramatiq.actor(queue_name=jobs.URGENT, max_retries=0, actor_name=FIRE)
def fire_dates() -> None:
    """Start the runs of those whose date has come."""
    jobs.acknowledge(FIRE)
    if asyncio.run(work()):
        jobs.notify(FIRE)


async def work() -> bool:
    """True: the time was up and there may be more."""
    until = time.monotonic() + SECONDS
    broken = set[repository.TriggerKey]()
    async with database.job_engine() as engine:
        while time.monotonic() < until:
            async with database.committed(AsyncSession(engine, expire_on_commit=False)) as session:
                if not await firing.step(session, broken):
                    return False
    return True


def poll_dates() -> None:
    """Is somebody due? Asked each second by a thread of its own; a look costs one row a trigger that watches dates."""
    with database.connect() as connection:
        due = connection.execute(repository.ANY_DUE).fetchone() is not None
    if due:
        asyncio.run(work())


ACTORS = [fire_dates]
WAKEUPS = [Wakeup(FIRE, due=repository.IS_DUE, next_due=repository.NEXT_DUE)]
POLLS = [poll_dates]
