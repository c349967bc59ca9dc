"""The actor that imports files. Notified when an import is started; every worker also polls each second."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import dramatiq

from app.contacts import bulk_verbs
from app.contacts.imports import repository, runner
from app.lib import clock, database, jobs
from app.lib.database_roles import DatabaseRole
from app.lib.due_work import look_and_work

SECONDS = 20.0
"""One call works for at most about this long, so that a stopping worker is not held up by a long file."""
KEPT_UNSTARTED = timedelta(days=1)

jobs.broker()


@dramatiq.actor(queue_name=jobs.BULK, max_retries=0)
def import_contacts() -> None:
    """Import what waits until nothing does."""
    jobs.acknowledge("import_contacts")
    if asyncio.run(_work()):
        jobs.notify("import_contacts")


async def _work() -> bool:
    async with database.job_engine() as engine:
        return await runner.run_waiting(engine, SECONDS)


def poll_imports() -> None:
    """Is there an import to run? Asked each second by a thread of its own; a look costs one small query."""
    look_and_work(repository.WAITING, _work)


async def forget_unstarted() -> int:
    """Delete files that were uploaded a day ago and never started."""
    async with database.transaction(DatabaseRole.ENGINE) as session:
        return await repository.forget_unstarted(session, clock.now() - KEPT_UNSTARTED)


ACTORS = [import_contacts]
POLLS = [poll_imports]
"""What each worker calls every second, so that imports run without Redis and go on after a crash."""
HOUSEKEEPING = [forget_unstarted]
"""What the scheduler does every few minutes."""
BULK = [bulk_verbs.BULK]
"""What is done with many contacts: workers know it by this module."""
