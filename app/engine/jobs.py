"""The actor that moves runs. Notified by whoever put work into the inbox, by the scheduler of what is due, and polled."""

from __future__ import annotations

import threading

import dramatiq
import psycopg
import structlog

from app.engine import claim
from app.engine.advance import Engine
from app.engine.calls import Calls
from app.engine.progress import progress
from app.flow import performers
from app.lib import heartbeat, jobs
from app.lib.wakeups import Wakeup

log = structlog.get_logger()
_lock, _performing = threading.Lock(), threading.Lock()
_asked = threading.Event()
"""The actor was notified: whoever has the lock looks (once more)."""
_engine: Engine | None = None

jobs.broker()
heartbeat.report_detail("engine", progress.told)


@dramatiq.actor(queue_name=jobs.URGENT, max_retries=0)
def advance() -> None:
    """Take events and due runs until there are none. One at a time in a process; a second asks the first to look again."""
    jobs.acknowledge("advance")
    _asked.set()
    while _asked.is_set() and _lock.acquire(blocking=False):
        try:
            _asked.clear()
            queued = _advance()
        finally:
            _lock.release()
        if queued:
            jobs.notify("deliver")


def _advance() -> bool:
    """Answers whether messages were queued. Without the database nothing happens: the next round looks again."""
    global _engine
    try:
        _engine = _engine or Engine()
        _engine.advance()
    except psycopg.Error as error:
        # The database went away, or took a session back that had been silent for too long: nothing of the batch was committed.
        lost = _engine is None or _engine.connection.closed
        if not lost and not isinstance(error, psycopg.OperationalError):
            raise
        log.warning("engine.database_away", error=type(error).__name__)
        if _engine is not None:
            _engine.close()
        _engine = None
        return False
    queued, _engine.queued_messages = _engine.queued_messages, False
    return queued


@dramatiq.actor(queue_name=jobs.BULK, max_retries=0)
def perform() -> None:
    """Make the calls that steps asked for until there are none. One at a time in a process."""
    if not performers.performed_kinds() or not _performing.acquire(blocking=False):
        return
    try:
        calls = Calls()
        try:
            while answered := calls.perform():
                log.info("calls.answered", count=answered)
                jobs.notify("advance")
        finally:
            calls.close()
    except psycopg.OperationalError as error:
        log.warning("calls.database_away", error=type(error).__name__)
    finally:
        _performing.release()


ACTORS = [advance, perform]
WAKEUPS = [Wakeup(advance.actor_name, due=claim.IS_DUE, next_due=claim.NEXT_DUE)]
POLLS = [advance, perform]
"""What each worker calls every second, so that runs move without Redis."""
