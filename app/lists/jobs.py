"""The actor that does things with many rows of a list, notified when a job begins and when its next batch is due."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import dramatiq

from app.lib import clock, database, jobs
from app.lib.database_roles import DatabaseRole
from app.lib.due_work import look_and_work, work_off
from app.lib.wakeups import Wakeup
from app.lists import bulk, bulk_repository
from app.lists.bulk import JOB

IDS_KEPT = timedelta(days=1)
"""How long it is known which rows a job was about."""
KEPT = timedelta(days=365)
"""How long it is known who did what with many rows."""

jobs.broker()


@dramatiq.actor(queue_name=jobs.BULK, max_retries=0, actor_name=JOB)
def do_with_many() -> None:
    """Do the batches that are due."""
    jobs.acknowledge(JOB)
    if asyncio.run(_work()):
        jobs.notify(JOB)


async def _work() -> bool:
    """True: the time was up and there may be more."""
    return await work_off(bulk.step_of_any)


def poll_bulk_jobs() -> None:
    """Is a batch due? Asked each second by a thread of its own; a look costs one small index."""
    look_and_work(bulk_repository.ANY_DUE, _work)


async def forget_bulk_jobs() -> None:
    """Ids go after a day, the row after a year."""
    async with database.transaction(DatabaseRole.ENGINE) as session:
        await bulk_repository.forget_ids(session, clock.now() - IDS_KEPT)
        await bulk_repository.forget_ended_jobs(session, clock.now() - KEPT)


ACTORS = [do_with_many]
WAKEUPS = [Wakeup(JOB, due=bulk_repository.IS_DUE, next_due=bulk_repository.NEXT_DUE)]
POLLS = [poll_bulk_jobs]
HOUSEKEEPING = [forget_bulk_jobs]
