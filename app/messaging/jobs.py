"""The actor that sends what is due. Notified by the engine after it queued messages, and polled by every worker."""

from __future__ import annotations

import asyncio
import threading
import time
from datetime import timedelta

import dramatiq
import psycopg
import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from app.connectors.release_repository import JOB
from app.lib import clock, database, jobs
from app.lib.database_roles import DatabaseRole
from app.lib.due_work import look_and_work
from app.lib.wakeups import Wakeup
from app.messaging import account_mail, account_mail_repository, bulk, job_repository, queue
from app.messaging.deliver import Delivery, connect

log = structlog.get_logger()
SECONDS = 20.0
"""One call works for at most this long, so that a stopping worker is not held up by a long queue."""
PASS_S = 60.0
"""One pass begins mails for at most this long: an actor should not run without end. A worker that stops ends it at once."""
_alone = threading.Lock()
"""One pass at a time in a process: it looks by itself for what came meanwhile, and servers get no more connections than their share."""

KEPT = timedelta(days=30)

jobs.broker()


@dramatiq.actor(queue_name=jobs.BULK, max_retries=0)
def deliver() -> None:
    """Send what is due until nothing is."""
    jobs.acknowledge("deliver")
    if not _alone.acquire(blocking=False):
        return
    try:
        with connect() as connection:
            more = asyncio.run(Delivery(connection).run(PASS_S))
    except psycopg.OperationalError as error:
        # The database is away. What was claimed goes back by itself; what was being handed over is uncertain when its lease ends.
        log.warning("deliver.database_away", error=type(error).__name__)
        return
    finally:
        _alone.release()
    if more:
        jobs.notify("deliver")


@dramatiq.actor(queue_name=jobs.BULK, max_retries=0, actor_name=JOB)
def move_messages() -> None:
    """Do what was asked for many messages, batch after batch."""
    jobs.acknowledge(JOB)
    asyncio.run(_move())


async def _move() -> None:
    until = time.monotonic() + SECONDS
    async with database.job_engine() as engine:
        while time.monotonic() < until:
            async with database.committed(AsyncSession(engine, expire_on_commit=False)) as session:
                if not await bulk.step_of_any(session):
                    return
    jobs.notify(JOB)


def poll_message_jobs() -> None:
    """Is there a job that was left? A look costs one small query."""
    look_and_work(job_repository.ANY_UNFINISHED, _move)


@dramatiq.actor(queue_name=jobs.BULK, max_retries=0, actor_name=queue.FOLLOW)
def follow_priorities() -> None:
    """What is queued follows the priority of its workflow, which somebody has changed."""
    jobs.acknowledge(queue.FOLLOW)
    _follow_priorities()


def _follow_priorities() -> None:
    until = time.monotonic() + SECONDS
    with database.connect("priorities") as connection:
        while queue.follow_priorities(connection):
            if time.monotonic() > until:
                jobs.notify(queue.FOLLOW)
                return


async def keep_priorities() -> None:
    """The same without a notification, which may be lost."""
    await asyncio.to_thread(_follow_priorities)


async def forget_jobs() -> None:
    """What was done for many messages is listed for a month."""
    async with database.transaction(DatabaseRole.ENGINE) as session:
        await job_repository.forget_finished(session, clock.now() - KEPT)


@dramatiq.actor(queue_name=jobs.BULK, max_retries=0)
def send_account_mail() -> None:
    """Send invitations and sign-in links that wait."""
    jobs.acknowledge("send_account_mail")
    if asyncio.run(_send_account_mail()):
        jobs.notify("send_account_mail")


async def _send_account_mail() -> bool:
    async with database.job_engine() as engine:
        return await account_mail.send_waiting(engine, SECONDS)


def poll_account_mail() -> None:
    """Does one wait? Asked each second; a look costs one small index."""
    look_and_work(account_mail_repository.ANY_DUE, _send_account_mail)


ACTORS = [deliver, move_messages, follow_priorities, send_account_mail]
WAKEUPS = [
    Wakeup(
        deliver.actor_name,
        due=queue.IS_DUE,
        next_due=f"least(({queue.NEXT_DECISION_DUE}), ({queue.NEXT_DUE}))",
        parameters=queue.installed_channels,
    )
]
POLLS = [deliver, poll_message_jobs, poll_account_mail]
"""What the workers do by themselves each second."""
HOUSEKEEPING = [forget_jobs, keep_priorities]
