"""The actor that sends what is due. Rung by the engine after it queued messages, and polled by every worker."""

from __future__ import annotations

import asyncio

import dramatiq
import psycopg
import structlog

from app.lib import database, jobs
from app.messaging.deliver import Delivery

log = structlog.get_logger()
SECONDS = 20.0
"""One call sends for at most this long, so that a stopping worker is not held up by a long queue."""

jobs.broker()


@dramatiq.actor(queue_name=jobs.queue_of("deliver"), max_retries=0)
def deliver() -> None:
    """Send what is due until nothing is."""
    jobs.answer("deliver")
    try:
        with database.connect() as connection:
            more = asyncio.run(Delivery(connection).run(SECONDS))
    except psycopg.OperationalError as error:
        # The database is away. What was claimed and not settled is uncertain when its lease ends; the rest is still queued.
        log.warning("deliver.database_away", error=type(error).__name__)
        return
    if more:
        jobs.ring("deliver")


POLLS = [deliver]
"""Actors whose work the workers look for by themselves each second."""
