"""The actor that moves runs. Notified by whoever put work into the inbox, by the scheduler of what is due, and polled."""

from __future__ import annotations

import asyncio
import threading

import dramatiq
import psycopg
import structlog

from app.engine import claim
from app.engine.advance import Engine
from app.engine.call_pass import CallPass
from app.engine.progress import progress
from app.flow import performers, registry
from app.lib import database, heartbeat, jobs
from app.lib.wakeups import Wakeup

log = structlog.get_logger()
_lock, _performing = threading.Lock(), threading.Lock()
_asked = threading.Event()
"""The actor was notified: whoever has the lock looks (once more)."""
_engine: Engine | None = None
_calls: CallPass | None = None
"""The pass that makes this process's calls."""

jobs.broker()
heartbeat.report_detail("engine", progress.report)


@dramatiq.actor(queue_name=jobs.URGENT, max_retries=0)
def advance() -> None:
    """Take events and due runs until there are none. One at a time in a process; a second asks the first to look again."""
    jobs.acknowledge("advance")
    _asked.set()
    while _asked.is_set() and _lock.acquire(blocking=False):
        try:
            _asked.clear()
            actors = _advance()
        finally:
            _lock.release()
        for actor in actors:
            jobs.notify(actor)


def _advance() -> set[str]:
    """The actors that have work now. Without the database nothing happens: the next round looks again."""
    global _engine
    try:
        _engine = _engine or Engine()
        _engine.advance()
    except psycopg.Error as error:
        # The database went away, or took a session back that had been silent for too long: nothing of the batch was committed.
        connection_lost = _engine is None or _engine.connection.closed
        if not connection_lost and not isinstance(error, psycopg.OperationalError):
            raise
        log.warning("engine.database_away", error=type(error).__name__)
        if _engine is not None:
            _engine.close()
        _engine = None
        return set()
    actors, _engine.actors = _engine.actors, set()
    return actors


@dramatiq.actor(queue_name=jobs.URGENT, max_retries=0)
def perform() -> None:
    """Steps have asked for calls: the pass that makes them looks at once."""
    jobs.acknowledge("perform")
    if _calls is not None:
        _calls.look_soon()


def make_calls() -> None:
    """Make the calls that steps ask for, until the process ends or the database is away. One pass at a time in a process."""
    global _calls
    registry.types()  # whose modules bring the performers
    if not performers.performed_kinds() or not _performing.acquire(blocking=False):
        return
    try:
        with database.connect("calls") as connection:
            _calls = CallPass(connection)
            answered = asyncio.run(_calls.run())
            log.info("calls.ended", answered=answered)
    except psycopg.OperationalError as error:
        log.warning("calls.database_away", error=type(error).__name__)
    finally:
        _calls = None
        _performing.release()


ACTORS = [advance, perform]
WAKEUPS = [Wakeup(advance.actor_name, due=claim.IS_DUE, next_due=claim.NEXT_DUE)]
POLLS = [advance, make_calls]
"""What each worker calls every second, so that runs move without Redis."""
