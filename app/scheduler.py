"""Composition root of the scheduler: `python -m app.scheduler`. A tick each second that asks the features' WAKEUPS what is due and
notifies their actors.

It holds no work and no rule: losing it costs punctuality, and any number of copies may run: one ticks, by an advisory lock, and the others
wait for it to go away. PostgreSQL ends the session of a copy that is silent for 15 s, so a frozen copy loses the lead. A
clock that tests move is told on the channel `clock_moved` and answered at once.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import Any

import psycopg
import structlog

from app import features, installed_types
from app.features import Housekeeping
from app.lib import database, jobs, logs, virtual_clock, wakeups
from app.lib.heartbeat import Beat
from app.lib.wakeups import Wakeup
from app.system import secret_keys

log = structlog.get_logger()
TICK_S = 1.0
HOUSEKEEPING_S, MINUTE_S = 300.0, 60.0
LIMITS = {"lock_timeout": 1_000, "statement_timeout": 10_000, "idle_session_timeout": 15_000}
LOCK = 7_401_001
"""The advisory lock of the copy that ticks."""


@dataclass
class HousekeepingRound:
    """What is done every `seconds`; the last time began at `at`."""

    seconds: float
    jobs: Sequence[Housekeeping]
    at: float

    def begin(self) -> Sequence[Housekeeping]:
        """Its jobs when it is time for them, else none."""
        if time.monotonic() - self.at <= self.seconds:
            return ()
        self.at = time.monotonic()
        return self.jobs


class Scheduler:
    """One copy. `run` ticks until `stop`."""

    def __init__(self, notify: Callable[[str], None] = jobs.notify) -> None:
        installed_types.install()
        self._wakeups = features.wakeups()
        began = time.monotonic()
        self._rounds = [
            HousekeepingRound(MINUTE_S, features.each_minute(), began),
            HousekeepingRound(HOUSEKEEPING_S, features.housekeeping(), began),
        ]
        self._stopping = threading.Event()
        self._notify = notify
        self._leading = False
        self._loop = asyncio.Runner()
        """One loop for all housekeeping: connections of the async engine do not travel between loops."""
        self._sweeper: threading.Thread | None = None

    def stop(self, _signal: int = 0, _frame: FrameType | None = None) -> None:
        """End after the tick that is under way, within about a second."""
        self._stopping.set()

    def pause(self, seconds: float) -> bool:
        """Wait; True at once when it is to end."""
        return self._stopping.wait(seconds)

    def run(self) -> None:
        """Tick, through losses of the database."""
        while not self._stopping.is_set():
            try:
                with database.connect("scheduler", limits=LIMITS) as connection:
                    virtual_clock.listen(connection)
                    self._leading = False
                    while not self._stopping.is_set():
                        self._wait(connection, self.tick(connection))
            except psycopg.OperationalError as error:
                log.warning("scheduler.database_away", error=type(error).__name__)
                self._stopping.wait(1.0)

    def tick(self, connection: psycopg.Connection[Any]) -> float:
        """Notify the actors of what is due. Answers the seconds until the next tick."""
        if not self._leading:
            self._leading = wakeups.lead(connection, LOCK)
            if not self._leading:
                return TICK_S
            log.info("scheduler.leads")
        for wakeup in self._wakeups:
            if self._due(connection, wakeup):
                self._notify(wakeup.actor)
        if not self._sweeping() and (jobs_due := [job for one in self._rounds for job in one.begin()]):
            self._sweeper = threading.Thread(target=self.sweep, args=(jobs_due,), name="housekeeping", daemon=True)
            self._sweeper.start()
        try:
            ahead = wakeups.seconds_ahead(connection, self._wakeups)
        except psycopg.errors.LockNotAvailable:
            return TICK_S
        return TICK_S if ahead is None else min(TICK_S, max(0.01, ahead))

    def _due(self, connection: psycopg.Connection[Any], wakeup: Wakeup) -> bool:
        """Unknown while a table is locked: then the actor is notified anyway, and checks itself."""
        try:
            return wakeups.is_due(connection, wakeup)
        except psycopg.errors.LockNotAvailable:
            log.warning("scheduler.held_up")
            return True

    def _sweeping(self) -> bool:
        return self._sweeper is not None and self._sweeper.is_alive()

    def sweep(self, housekeeping: Sequence[Housekeeping] | None = None) -> None:
        """Clean up, beside the ticks: what takes long holds no timer up. One job that fails keeps no other from running.

        None: all that there is to do.
        """
        for job in [job for one in self._rounds for job in one.jobs] if housekeeping is None else housekeeping:
            try:
                self._loop.run(job())
            except Exception as error:
                log.warning("housekeeping.failed", job=getattr(job, "__qualname__", str(job)), error=repr(error)[:200])

    def _wait(self, connection: psycopg.Connection[Any], seconds: float) -> None:
        """Until the time is over, or the clock was moved."""
        for _ in connection.notifies(timeout=seconds, stop_after=1):
            pass


def main() -> None:
    """Run until SIGTERM or SIGINT."""
    logs.configure()
    scheduler = Scheduler()
    signal.signal(signal.SIGTERM, scheduler.stop)
    signal.signal(signal.SIGINT, scheduler.stop)
    virtual_clock.install()
    beat = Beat("scheduler")
    beat.start()
    try:
        secret_keys.verify_when_possible(scheduler.pause)
        scheduler.run()
    except secret_keys.WrongSecretKey as error:
        sys.exit(f"The scheduler does not start. {error}")
    finally:
        beat.stop()


if __name__ == "__main__":
    main()
