"""The actor that moves enrolments, notified when one begins and when its next piece is due."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta

import dramatiq
from sqlalchemy.ext.asyncio import AsyncSession

from app.enrolments import repository, runner
from app.enrolments.service import ENROL
from app.lib import clock, database, jobs
from app.lib.database_roles import DatabaseRole
from app.lib.wakeups import Wakeup

SECONDS = 20.0
"""One call works for at most about this long, so that a stopping worker is not held up."""
KEPT = timedelta(days=90)
"""How long one that is over is listed."""

jobs.broker()


@dramatiq.actor(queue_name=jobs.BULK, max_retries=0, actor_name=ENROL)
def enrol_contacts() -> None:
    """Let those of audiences in whose turn has come."""
    jobs.acknowledge(ENROL)
    if asyncio.run(_work()):
        jobs.notify(ENROL)


async def _work() -> bool:
    """True: the time was up and there may be more."""
    until = time.monotonic() + SECONDS
    async with database.job_engine() as engine:
        while time.monotonic() < until:
            async with database.committed(AsyncSession(engine, expire_on_commit=False)) as session:
                if not await runner.step(session):
                    return False
    return True


def poll_enrolments() -> None:
    """Is a piece due? Asked each second by a thread of its own; a look costs one small index."""
    with database.connect() as connection:
        due = connection.execute(repository.ANY_DUE).fetchone() is not None
    if due:
        asyncio.run(_work())


async def forget_enrolments() -> None:
    """What is over is listed for three months."""
    async with database.transaction(DatabaseRole.ENGINE) as session:
        await repository.forget_ended(session, clock.now() - KEPT)


ACTORS = [enrol_contacts]
WAKEUPS = [Wakeup(ENROL, due=repository.IS_DUE, next_due=repository.NEXT_DUE)]
POLLS = [poll_enrolments]
HOUSEKEEPING = [forget_enrolments]
