"""The pass of a worker that carries waiting events to one bus. One process does it at a time, by an advisory lock; an event leaves the
database when the bus has said that it has it."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import NoReturn

import psycopg
import structlog

from app.domain_events import sink_repository
from app.domain_events.sink_repository import Connection, TakenEvent
from app.event_sinks.nats_connection import reason_of
from app.event_sinks.sinks import BusTransport, SinkPlan
from app.lib import database, polling, wakeups
from app.lib.connection_thread import ConnectionThread

log = structlog.get_logger()
LOOK_S, LONGEST_PAUSE_S = 0.5, 30.0
OPEN_S = 15.0
SEEN_S = 5.0
"""How often it says that it is there, also while the bus is away: PostgreSQL ends sessions that are silent for LIMITS, so a frozen
process does not keep the lock."""
LIMITS = {"lock_timeout": 3_000, "statement_timeout": 20_000, "idle_session_timeout": 30_000}


class SinkPass:
    """One process's work for one bus, on one event loop and one database connection, which holds the lock."""

    def __init__(self, plan: SinkPlan, connection: Connection, stop: threading.Event = polling.stopping) -> None:
        self._plan, self._connection, self._stop = plan, connection, stop
        self._transport: BusTransport | None = None
        self._tokens: dict[int, str] = {}
        self._failures, self._not_before, self._seen = 0, 0.0, 0.0
        self._after = 0
        self._misnamed = False
        self.count = 0
        """Events that the bus took."""

    async def run(self, *, until_idle: bool = False) -> int:
        """Carry until told to stop, or until nothing waits or the bus takes nothing; how many left. Raises OperationalError."""
        thread = ConnectionThread(self._connection, _lost, f"events-{self._plan.name}")
        try:
            if not await thread.transaction(partial(wakeups.lead, lock=self._plan.lock)):
                return 0
            while not self._stop.is_set():
                await self._say_seen(thread)
                carried = await self._carry(thread) if time.monotonic() >= self._not_before else 0
                if until_idle and not carried:
                    break
                await asyncio.sleep(0 if carried else LOOK_S)
        finally:
            await self._disconnect()
            thread.close()
        return self.count

    async def _say_seen(self, thread: ConnectionThread) -> None:
        if self._seen and time.monotonic() - self._seen < SEEN_S:
            return
        plan, slugs = self._plan, list(self._plan.workspaces.values())

        def say(connection: Connection) -> dict[int, str]:
            numbers = sink_repository.tenants_of(connection, slugs) if slugs else {}
            sink_repository.sink_seen(connection, plan.name, plan.types, list(numbers.values()) if slugs else None)
            unknown = [*plan.unknown_types, *(slug for slug in slugs if slug not in numbers)]
            self._misnamed = bool(unknown)
            if unknown:
                sink_repository.sink_fails(connection, plan.name, f"The settings name what there is not: {unknown}.")
            return {numbers[slug]: token for token, slug in plan.workspaces.items() if slug in numbers}

        tokens = await thread.transaction(say)
        if tokens != self._tokens:
            self._tokens = tokens
            await self._disconnect()
        self._seen = time.monotonic()

    async def _carry(self, thread: ConnectionThread) -> int:
        """Hand over what waits first; how many the bus took."""
        events = await thread.transaction(partial(sink_repository.take_events, sink=self._plan.name, after=self._after))
        if not events and self._after:
            self._after = 0
            return await self._carry(thread)
        self._after = events[-1].tenant_id if events else 0  # each workspace has its turn
        taken, failure = await self._hand_over(events) if events else ([], None)
        if taken:
            await thread.transaction(partial(self._settle, taken=taken, failure=failure))
            self.count += len(taken)
        if failure is not None:
            await self._fails(thread, failure)
        elif taken:
            self._failures = 0
        return len(taken)

    async def _hand_over(self, events: list[TakenEvent]) -> tuple[list[TakenEvent], Exception | None]:
        try:
            if self._transport is None:
                opening = self._plan.transport(self._tokens)
                self._transport = opening
                await asyncio.wait_for(opening.open(), OPEN_S)
            with database.outside_call("a bus"):
                return await self._transport.publish(events)
        except Exception as error:
            return [], error

    def _settle(self, connection: Connection, taken: list[TakenEvent], failure: Exception | None) -> None:
        sink_repository.events_left(connection, self._plan.name, taken)
        if failure is None and not self._misnamed:
            sink_repository.sink_works(connection, self._plan.name)

    async def _fails(self, thread: ConnectionThread, failure: Exception) -> None:
        """Hang up and pause, the longer the oftener it failed."""
        await self._disconnect()
        self._failures += 1
        self._not_before = time.monotonic() + min(0.25 * 2.0**self._failures, LONGEST_PAUSE_S)
        log.warning("events.bus_away", sink=self._plan.name, error=reason_of(failure), failures=self._failures)
        await thread.transaction(partial(sink_repository.sink_fails, sink=self._plan.name, error=reason_of(failure)))

    async def _disconnect(self) -> None:
        if self._transport is not None:
            transport, self._transport = self._transport, None
            await transport.close()


def _lost() -> NoReturn:
    """The lock went with the connection: somebody else may have it by now."""
    raise psycopg.OperationalError("the connection that held the lock is lost")


def carry_events(plan: SinkPlan, connect: Callable[[], Connection] | None = None) -> None:
    """Carry events to a bus until the process ends or the database is away; return when another process does it."""
    make = connect or (lambda: database.connect(f"events-{plan.name}", limits=LIMITS))
    try:
        with make() as connection:
            asyncio.run(SinkPass(plan, connection).run())
    except psycopg.OperationalError as error:
        log.warning("events.database_away", sink=plan.name, error=type(error).__name__)
