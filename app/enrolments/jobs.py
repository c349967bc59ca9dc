"""The actor that moves enrolments, notified when one begins and when its next piece is due."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import dramatiq

from app.enrolments import repository, runner
from app.enrolments.service import ENROL
from app.lib import clock, database, jobs
from app.lib.database_roles import DatabaseRole
from app.lib.due_work import look_and_work, work_off
from app.lib.wakeups import Wakeup

KEPT = timedelta(days=90)
"""How long one that is over is listed."""

jobs.broker()


@dramatiq.actor(queue_name=jobs.BULK, max_retries=0, actor_name=ENROL)
def enrol_contacts() -> None:
    """Let those of audiences in whose turn has come."""
    jobs.acknowledge(ENROL)
    if asyncio.run(enrol_due()):
        jobs.notify(ENROL)


async def enrol_due() -> bool:
    """True: the time was up and there may be more."""
    return await work_off(runner.step)


def poll_enrolments() -> None:
    """Is a piece due? Asked each second by a thread of its own; a look costs one small index."""
    look_and_work(repository.ANY_DUE, enrol_due)


async def forget_enrolments() -> None:
    """What is over is listed for three months."""
    async with database.transaction(DatabaseRole.ENGINE) as session:
        await repository.forget_ended(session, clock.now() - KEPT)


ACTORS = [enrol_contacts]
WAKEUPS = [Wakeup(ENROL, due=repository.IS_DUE, next_due=repository.NEXT_DUE)]
POLLS = [poll_enrolments]
HOUSEKEEPING = [forget_enrolments]
