"""The actor that fires dates of contacts, notified when the first of them is due."""

from __future__ import annotations

import asyncio

import dramatiq
from sqlalchemy.ext.asyncio import AsyncSession

from app.dates import firing, repository
from app.lib import jobs
from app.lib.due_work import look_and_work, work_off
from app.lib.wakeups import Wakeup

FIRE = "fire_dates"

jobs.broker()


@dramatiq.actor(queue_name=jobs.URGENT, max_retries=0, actor_name=FIRE)
def fire_dates() -> None:
    """Start the runs of those whose date has come."""
    jobs.acknowledge(FIRE)
    if asyncio.run(work()):
        jobs.notify(FIRE)


async def work() -> bool:
    """True: the time was up and there may be more."""
    broken = set[repository.TriggerKey]()

    async def step(session: AsyncSession) -> bool:
        return await firing.step(session, broken)

    return await work_off(step)


def poll_dates() -> None:
    """Is somebody due? Asked each second by a thread of its own; a look costs one row of an index."""
    look_and_work(repository.ANY_DUE, work)


ACTORS = [fire_dates]
WAKEUPS = [Wakeup(FIRE, due=repository.IS_DUE, next_due=repository.NEXT_DUE)]
POLLS = [poll_dates]
