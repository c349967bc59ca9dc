"""The actor that fires schedules, notified when one is due and when workflows have changed."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta

import dramatiq
from sqlalchemy.ext.asyncio import AsyncSession

from app.lib import clock, database, due_work, jobs
from app.lib.database_roles import DatabaseRole
from app.lib.wakeups import Wakeup
from app.schedules import firing, repository, upkeep

FIRE = "fire_schedules"
KEPT = timedelta(days=90)
"""How long it is kept that a trigger has fired: longer than clocks are put back."""

jobs.broker()


@dramatiq.actor(queue_name=jobs.URGENT, max_retries=0, actor_name=FIRE)
def fire_schedules() -> None:
    """Compare workspaces that have changed, then fire what is due."""
    jobs.acknowledge(FIRE)
    if asyncio.run(work()):
        jobs.notify(FIRE)


async def work() -> bool:
    """True: the time was up and there may be more."""
    until = time.monotonic() + due_work.SECONDS
    async with database.job_engine() as engine:
        async with database.committed(AsyncSession(engine, expire_on_commit=False)) as session:
            workspaces = await repository.changed_workspaces(session)
        for tenant_id, epoch in workspaces:
            async with database.committed(AsyncSession(engine, expire_on_commit=False)) as session:
                await upkeep.compare(session, tenant_id, epoch)
            async with database.committed(AsyncSession(engine, expire_on_commit=False)) as session:
                await repository.note_compared(session, tenant_id, epoch)
        broken = set[repository.TriggerKey]()

        async def step(session: AsyncSession) -> bool:
            return await firing.step(session, broken)

        more = await due_work.work_off(step, engine=engine, until=until)
    return more or len(workspaces) == repository.MOST_WORKSPACES


def poll_schedules() -> None:
    """Is something due? Asked each second by a thread of its own; a look costs a row of two indexes."""
    due_work.look_and_work(repository.ANY_DUE, work)


async def forget_firings() -> None:
    """Delete what has been fired for long."""
    async with database.transaction(DatabaseRole.ENGINE) as session:
        await repository.forget_old(session, clock.now() - KEPT)


ACTORS = [fire_schedules]
WAKEUPS = [Wakeup(FIRE, due=repository.IS_DUE, next_due=repository.NEXT_DUE)]
POLLS = [poll_schedules]
HOUSEKEEPING = [forget_firings]
