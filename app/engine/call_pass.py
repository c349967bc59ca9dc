"""The loop that makes calls: write the answers that came, look what waits, claim what there is room for, make it.

Each call has an end of its own: it is answered, and another takes its place, while slower ones go on. Nothing of the database is held
while the network waits. Told to stop, it claims nothing more, lets calls end for a moment, and gives back what is still under way.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from uuid import UUID

import psycopg
import structlog

from app import inbox
from app.engine import call_gates, calls, failpoints
from app.engine.call_answers import CallAnswers, CallEnd, answer_text, failed_answer, record_text
from app.engine.call_shares import CallShares
from app.engine.calls import GRACE_S, HELD_WHY, Claim
from app.flow import performers
from app.flow.performers import (
    CallFailed,
    CallUncertain,
    CallWithheld,
    Performer,
    RecordedAnswer,
    ServiceSign,
)
from app.lib import database, jobs, polling
from app.lib.connection_thread import Connection, ConnectionThread
from app.lib.formats import counted
from app.lib.translation import gettext, translatable

log = structlog.get_logger()
LOOK_S = 1.0
"""How often a pass looks by itself; it looks at once when a call has ended, or when it is notified."""
SOON_S = 0.05
"""The same while there is room, and more targets wait than one look sees."""
STOP_LOOK_S = 0.2
"""How often it looks whether it was told to stop."""
TEND_S = 5.0
"""How often it looks for what lost workers left."""
STOP_S = 3.5
"""How long calls may go on once the process was told to stop. It has `polling.STOP_S` in all."""
UNKNOWN = translatable(
    "So nobody knows whether it arrived, and it is not repeated by itself. Release the run to make it again."
)
FAULT = translatable("This call stopped on a fault in the program. The log of the worker says more.")


class CallPass:
    """One worker's calls, on one event loop and one database connection."""

    def __init__(
        self,
        connection: Connection,
        reconnect: Callable[[], Connection] = lambda: database.connect("calls"),
        stop: threading.Event = polling.stopping,
        notify: Callable[[str], None] = jobs.notify,
    ) -> None:
        """`notify`: has an actor look for work, here the engine, whose runs were answered."""
        self._connection, self._reconnect, self._stop, self._notify = connection, reconnect, stop, notify
        self._kinds = performers.performed_kinds()
        self._shares = CallShares({kind: one.at_once for kind, one in self._kinds.items()})
        self._performers: dict[str, Performer] = {}
        self._working: dict[asyncio.Task[None], tuple[Claim, float]] = {}
        """What is under way, and when its lease is over."""
        self._performing: set[asyncio.Future[Any]] = set()
        self._after: dict[tuple[UUID, str], str] = {}
        """Behind which target the next look goes on, where a workflow calls many."""
        self._next_look = self._next_tend = 0.0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._event = asyncio.Event()

    def look_soon(self) -> None:
        """There are new calls. For any thread."""
        loop = self._loop
        if loop is not None:
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(self._look_now)

    def _look_now(self) -> None:
        self._next_look = 0.0
        self._event.set()

    async def run(self, *, until_idle: bool = False) -> int:
        """Make calls until told to stop, or until none waits and none is under way; how many were answered."""
        self._loop, self._event = asyncio.get_running_loop(), asyncio.Event()
        thread = ConnectionThread(self._connection, self._reconnect, "calls")
        answers = CallAnswers(thread, self._notify)
        writer = asyncio.create_task(answers.serve())
        try:
            while not self._stop.is_set():
                if await self._look(thread, answers):
                    continue
                if until_idle and not self._working and time.monotonic() < self._next_look:
                    break  # else calls ended while the look was under way, and made room for others
                await self._wait()
            await self._end(answers)
        finally:
            self._loop = None
            for task in self._working:
                task.cancel()
            writer.cancel()
            await asyncio.gather(writer, *self._working, return_exceptions=True)
            await self._close_performers()
            thread.close()
        return answers.count

    async def _wait(self) -> None:
        """Until a call ended, somebody notified, or it is time to look."""
        with suppress(TimeoutError):
            pause = self._next_look - time.monotonic()
            await asyncio.wait_for(self._event.wait(), min(STOP_LOOK_S, max(0.001, pause)))
        self._event.clear()

    async def _look(self, thread: ConnectionThread, answers: CallAnswers) -> bool:
        """Claim what there is room for and begin it, if it is time. True when there may be more."""
        if time.monotonic() < self._next_look:
            return False
        self._next_look = time.monotonic() + LOOK_S
        at, resumed = time.monotonic(), bool(self._after)
        try:
            if at >= self._next_tend:
                self._next_tend = at + TEND_S
                if held_count := await thread.transaction(calls.take_over):
                    log.warning("calls.held", count=held_count)
                if await thread.transaction(call_gates.give_up):
                    self._notify(inbox.ENGINE)
            claims, void, wait_s = await answers.along(self._claim)
        except psycopg.OperationalError as error:
            if not (self._working or answers.pending):
                raise
            log.warning("calls.database_away", error=type(error).__name__)
            return False
        failpoints.reach("call_claimed")
        for claim in claims:
            self._begin(claim, at, answers)
        more = bool(claims or void or (resumed and not self._working))
        if more:
            self._next_look = 0.0
        elif self._after and self._shares.free:
            self._next_look = time.monotonic() + SOON_S
        if answers.waiting:
            self._next_look = 0.0
        if wait_s is not None and wait_s < LOOK_S:  # more may begin by a connector then, by itself
            self._next_look = min(self._next_look or float("inf"), time.monotonic() + max(SOON_S, wait_s))
        return more

    def _claim(self, connection: Connection) -> tuple[list[Claim], int, float | None]:
        """The transaction of a look, in the thread of the connection. The last is when a look finds more by itself."""
        lanes, self._after = calls.lanes(connection, list(self._kinds), self._after)
        opened = call_gates.open_for(connection, lanes)
        quotas = self._shares.quotas(lanes, opened.rooms, opened.at_a_time)
        claims, void = calls.claim(connection, quotas) if quotas else ([], 0)
        call_gates.spend(connection, opened, claims)
        return claims, void, opened.wait_s

    def _begin(self, claim: Claim, at: float, answers: CallAnswers) -> None:
        until = at + claim.call.timeout_s + GRACE_S
        self._shares.began(claim.lane)
        task = asyncio.create_task(self._make(claim, until, answers))
        self._working[task] = claim, until
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        claim, _ = self._working.pop(task)
        self._shares.began(claim.lane, -1)
        self._look_now()

    async def _make(self, claim: Claim, until: float, answers: CallAnswers) -> None:
        end = await self._end_of(claim, until)
        failpoints.reach("call_made")
        answers.put(end)

    async def _end_of(self, claim: Claim, until: float) -> CallEnd:
        """Make a call; what came of it, as `Asks` hands it to the step, or why its run is held."""
        call, record, sign = claim.call, None, None
        try:
            with database.outside_call(f"a call of the kind {call.kind}"):
                value = await self._bounded(claim)
            if isinstance(value, RecordedAnswer):
                value, record, sign = value
            answer = {"ok": True, "value": value}
        except TimeoutError:
            text = gettext("There was no answer within %(seconds)s.", seconds=counted(call.timeout_s, "second"))
            if self._performer(call.kind).reaches_services:
                sign = ServiceSign(False, text, again=claim.policy != "hold")
            if claim.policy == "hold":
                return CallEnd(claim, until, "held", f"{text} {UNKNOWN}", None, sign)
            answer = failed_answer(text)
        except CallUncertain as error:
            return CallEnd(claim, until, "held", f"{error} {UNKNOWN}", record_text(error.record), error.sign)
        except CallWithheld as error:
            return CallEnd(claim, until, "held", str(error))
        except CallFailed as error:
            answer, record, sign = failed_answer(str(error), permanent=error.permanent), error.record, error.sign
        except Exception as error:  # of this call alone
            log.error("call.broke", kind=call.kind, run_id=str(call.run_id), exc_info=error)
            answer = failed_answer(FAULT)
        return CallEnd(claim, until, "answered", answer_text(answer), record_text(record), sign)

    async def _bounded(self, claim: Claim) -> Any:
        """The answer of the performer. Raises TimeoutError when its time is over, also when it does not let itself be cancelled."""
        work = asyncio.ensure_future(self._performer(claim.call.kind).perform(claim.call))
        self._performing.add(work)
        work.add_done_callback(self._performing.discard)
        try:
            finished, _ = await asyncio.wait({work}, timeout=claim.call.timeout_s)
        except asyncio.CancelledError:
            work.cancel()
            raise
        if not finished:
            work.cancel()
            raise TimeoutError
        return work.result()

    def _performer(self, kind: str) -> Performer:
        """Made when the first call of its kind comes."""
        if kind not in self._performers:
            self._performers[kind] = self._kinds[kind].performer()
        return self._performers[kind]

    async def _close_performers(self) -> None:
        for kind, performer in self._performers.items():
            try:
                await performer.close()
            except Exception as error:
                log.error("performer.unclosed", kind=kind, exc_info=error)

    async def _end(self, answers: CallAnswers) -> None:
        """Let what is under way end for a moment; what does not is given back, or held where it may not be made twice."""
        answers.serve_alone()
        if self._working:
            await asyncio.wait(self._working, timeout=STOP_S)
        for task, (claim, until) in list(self._working.items()):
            if not task.cancel():
                continue
            if claim.policy == "hold":
                answers.put(CallEnd(claim, until, "held", HELD_WHY))
            else:
                answers.put(CallEnd(claim, until, "requeued"))
        with suppress(TimeoutError):
            await asyncio.wait_for(answers.written(), polling.STOP_S - STOP_S - 1)
