"""The actor that moves runs. Notified by whoever put work into the inbox, by the scheduler of what is due, and polled."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import dramatiq
import psycopg
import structlog

from app import wakes
from app.engine import claim, date_builder, segment_builder, segment_turns, stale_runs, waiting_starts
from app.engine.call_pass import CallPass
from app.engine.progress import progress
from app.engine.threads import EngineThread, EngineThreads
from app.flow import performers, registry
from app.lib import database, heartbeat, jobs, polling
from app.lib.wakeups import Wakeup
from app.settings import settings

log = structlog.get_logger()
_performing, _building, _reading = threading.Lock(), threading.Lock(), threading.Lock()
_asked = threading.Event()
"""The actor was notified: whoever works looks (once more)."""
_threads = EngineThreads(settings().engine.threads)
_calls: CallPass | None = None
"""The pass that makes this process's calls."""

jobs.broker()
heartbeat.report_detail("engine", progress.report)


@dramatiq.actor(queue_name=jobs.URGENT, max_retries=0)
def advance() -> None:
    """Take events and due runs until there are none, with the first engine that is free; when all work, one of them looks again."""
    jobs.acknowledge("advance")
    _asked.set()
    for thread in _threads:
        while _asked.is_set() and thread.free.acquire(blocking=False):
            _asked.clear()
            _work(thread)


def _work(thread: EngineThread) -> None:
    """Work with this engine, which the caller has taken, and free it."""
    try:
        actors = thread.advance()
    finally:
        thread.free.release()
    for actor in actors:
        jobs.notify(actor)


def _helper(thread: EngineThread) -> Callable[[], None]:
    """The poll of a further engine: it joins when there is more than one batch of work, and looks by itself every second, since the
    first may hang. Comes back when the process ends."""

    def help_out() -> None:
        while not polling.stopping.is_set():
            thread.wanted.wait(settings().engine.poll_seconds)
            thread.wanted.clear()
            if not polling.stopping.is_set() and thread.free.acquire(blocking=False):
                _work(thread)

    help_out.__name__ = f"advance-{thread.number}"
    return help_out


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


@dramatiq.actor(queue_name=jobs.BULK, max_retries=0)
def build_segments() -> None:
    """Build versions of rules that are new, piece by piece, and clear away what nobody asks for. One pass at a time in a process."""
    jobs.acknowledge("build_segments")
    if not _building.acquire(blocking=False):
        return
    try:
        with database.connect("segments") as connection:
            segment_builder.SegmentBuilder(connection).run()
    except psycopg.OperationalError as error:
        log.warning("segments.database_away", error=type(error).__name__)
    finally:
        _building.release()


@dramatiq.actor(queue_name=jobs.BULK, max_retries=0)
def read_dates() -> None:
    """Read the dates of contacts for triggers that are new, and clear away what nobody asks for. One pass at a time in a process."""
    jobs.acknowledge("read_dates")
    if not _reading.acquire(blocking=False):
        return
    try:
        with database.connect("dates") as connection:
            date_builder.DateBuilder(connection).run()
    except psycopg.OperationalError as error:
        log.warning("dates.database_away", error=type(error).__name__)
    finally:
        _reading.release()


async def sweep_wakes() -> None:
    """Let workflows be looked at whose runs no wake stands for: only rows that were written past the product have none."""

    def sweep() -> None:
        with database.connect("wakes") as connection:
            if count := wakes.sweep(connection):
                log.warning("wakes.missing", workflows=count)

    await asyncio.to_thread(sweep)


_stale_runs: stale_runs.StaleRuns | None = None


async def look_for_stale_runs() -> None:
    """Let runs go on that nobody would have taken further, and write down what only people can mend."""

    def look() -> None:
        global _stale_runs
        with database.connect("stale runs") as connection:
            if _stale_runs is None:
                _stale_runs = stale_runs.StaleRuns()
            for tenant_id, mended in _stale_runs.look_everywhere(connection).items():
                log.warning("runs.stale", tenant_id=tenant_id, **mended._asdict())
                jobs.notify(advance.actor_name)

    await asyncio.to_thread(look)


ACTORS = [advance, perform, build_segments, read_dates]
WAKEUPS = [
    Wakeup(
        advance.actor_name,
        due=f"{claim.IS_DUE} or {segment_turns.IS_DUE} or {waiting_starts.IS_DUE}",
        next_due=f"least(({wakes.NEXT_DUE}), ({segment_turns.NEXT_DUE}), ({waiting_starts.NEXT_DUE}))",
    ),
    Wakeup(build_segments.actor_name, due=segment_builder.IS_DUE),
    Wakeup(read_dates.actor_name, due=date_builder.IS_DUE),
]
POLLS = [advance, *(_helper(thread) for thread in _threads if thread.number), make_calls]
"""What each worker calls every second, so that runs move without Redis."""
EACH_MINUTE = [sweep_wakes]
"""What the scheduler calls every minute."""
HOUSEKEEPING = [look_for_stale_runs]
"""What it calls every five minutes."""
