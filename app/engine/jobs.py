"""The actor that moves runs. Rung by whoever put work into the inbox, by the scheduler for what is due, and polled."""

from __future__ import annotations

import threading

import dramatiq
import psycopg
import structlog

from app.engine.advance import Engine
from app.lib import jobs

log = structlog.get_logger()
_lock = threading.Lock()
_engine: Engine | None = None

jobs.broker()


@dramatiq.actor(queue_name=jobs.queue_of("advance"), max_retries=0)
def advance() -> None:
    """Take events and due runs until there are none. One at a time in a process: a second would only wait for the first."""
    global _engine
    jobs.answer("advance")
    with _lock:
        try:
            _engine = _engine or Engine()
            _engine.advance()
        except psycopg.OperationalError as error:
            # The database went away: nothing of the batch was committed. Start over with a new connection.
            log.warning("engine.database_away", error=type(error).__name__)
            if _engine is not None:
                _engine.close()
            _engine = None
            return
        queued, _engine.queued_messages = _engine.queued_messages, False
    if queued:
        jobs.ring("deliver")


POLLS = [advance]
"""What each worker calls every second, so that runs move without Redis."""
