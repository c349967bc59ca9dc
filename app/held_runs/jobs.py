"""The actor that does things with many held runs, notified when a job begins and when its next batch is due."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import dramatiq

from app.held_runs import bulk, repository
from app.held_runs.bulk import JOB
from app.lib import clock, database, jobs
from app.lib.database_roles import DatabaseRole
from app.lib.due_work import look_and_work, work_off
from app.lib.wakeups import Wakeup

KEPT = timedelta(days=365)
"""How long it is listed who did what with many runs."""

jobs.broker()


@dramatiq.actor(queue_name=jobs.BULK, max_retries=0, actor_name=JOB)
def decide_held_runs() -> None:
    """Do the batches that are due."""
    jobs.acknowledge(JOB)
    if asyncio.run(_work()):
        jobs.notify(JOB)


async def _work() -> bool:
    """True: the time was up and there may be more."""
    return await work_off(bulk.step_of_any)


def poll_held_run_jobs() -> None:
    """Is a batch due? Asked each second by a thread of its own; a look costs one small index."""
    look_and_work(repository.ANY_DUE, _work)


async def forget_held_run_jobs() -> None:
    """What is over is listed for a year."""
    async with database.transaction(DatabaseRole.ENGINE) as session:
        await repository.forget_ended(session, clock.now() - KEPT)


ACTORS = [decide_held_runs]
WAKEUPS = [Wakeup(JOB, due=repository.IS_DUE, next_due=repository.NEXT_DUE)]
POLLS = [poll_held_run_jobs]
HOUSEKEEPING = [forget_held_run_jobs]
