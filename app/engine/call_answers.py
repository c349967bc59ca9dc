"""Answers of many calls, written together: one short transaction for all that came while the last one was written.

The look for the next calls writes them in its own transaction, so the places that they give back are dealt again by the same commit
(decision 0124). What it could not write is written by `serve`. An answer is kept until it is written or its lease is over. One whose
run somebody holds just now waits for the next transaction.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal, TypeVar

import psycopg
import structlog

from app import inbox
from app.connectors import breaker_repository, host_repository
from app.connectors.call_signs import CallSign, HostSign, ServiceKey
from app.connectors.host_repository import HostChange
from app.connectors.state import StateChange
from app.engine import calls
from app.engine.call_gates import key_of
from app.engine.calls import Claim
from app.flow.performers import MAX_ANSWER_BYTES, MAX_ANSWER_DEPTH, PlacedCall, Record, ServiceSign
from app.lib import jsonlimits
from app.lib.connection_thread import Connection, ConnectionThread
from app.lib.translation import gettext

log = structlog.get_logger()
T = TypeVar("T")
Changes = list[StateChange | HostChange]
BACK_OFF_S, LONGEST_BACK_OFF_S = 0.05, 5.0
MAX_RECORD_BYTES = 65_536
MAX_ERROR = 2_000
"""Characters of an error that are kept."""
MOST_AT_ONCE = 200
"""Rows of one transaction. Each may carry 256 kB."""
UNSTORABLE = '{"ok":false,"permanent":true,"error":"The answer to this call cannot be stored."}'


@dataclass(frozen=True, slots=True)
class CallEnd:
    """How a call ended: with an answer (`text`: JSON), held for a reason (`text`), or put back into the queue."""

    claim: Claim
    until: float
    """When its lease is over, by the clock of this process."""
    what: Literal["answered", "held", "requeued"]
    text: str = ""
    record: str | None = None
    """What is kept of it besides, as JSON."""
    sign: ServiceSign | None = None
    """What it says about the service that it was made to."""

    @property
    def call_sign(self) -> CallSign | HostSign | None:
        """The same with whose it is: the connector's, or the host's that is called by none. None when it says nothing."""
        if self.sign is None:
            return None
        call = self.claim.call
        key = key_of(call.tenant_id, call.target)
        if key is None:
            return HostSign((call.tenant_id, call.target), self.claim.began, self.sign)
        return CallSign(key, self.claim.began, self.sign)


class CallAnswers:
    """The one writer of a pass. `along` writes with a look, `serve` beside the calls; `written` waits until nothing is left to write."""

    def __init__(self, thread: ConnectionThread, notify: Callable[[str], None]) -> None:
        self._thread, self._notify = thread, notify
        self._ends: list[CallEnd] = []
        """For the next look."""
        self._left: list[CallEnd] = []
        """For `serve`: what a look could not write."""
        self._unwritten, self._alone = 0, False
        self._wake, self._empty = asyncio.Event(), asyncio.Event()
        self._empty.set()
        self.count = 0
        """Answers that runs were handed."""

    def put(self, end: CallEnd) -> None:
        """Have it written: by the look that follows each end, or by `serve` when no looks come any more."""
        self._ends.append(end)
        self._unwritten += 1
        self._empty.clear()
        if self._alone:
            self._wake.set()

    def serve_alone(self) -> None:
        """No looks come any more: `serve` writes all there is."""
        self._alone = True
        self._wake.set()

    @property
    def waiting(self) -> bool:
        """Are there answers that the next look can write?"""
        return bool(self._ends)

    @property
    def pending(self) -> bool:
        """Is there anything that is not written yet?"""
        return not self._empty.is_set()

    async def written(self) -> None:
        """Wait until everything is written, or what is left has lost its lease."""
        await self._empty.wait()

    async def along(self, work: Callable[[Connection], T]) -> T:
        """Do `work` in a transaction that writes first what there is to write. Raises what `work` raises.

        Answers that cannot be written that way are left to `serve`, and `work` is done without them.
        """
        ends, self._ends = self._ends[:MOST_AT_ONCE], self._ends[MOST_AT_ONCE:]
        if not ends:
            return await self._thread.transaction(work)
        try:
            outcome, result = await self._thread.transaction(
                lambda connection: (_write(connection, ends), work(connection))
            )
        except BaseException as error:
            self._leave(ends)
            if not isinstance(error, Exception) or isinstance(error, psycopg.OperationalError):
                raise
            return await self._thread.transaction(work)
        busy = self._note(*outcome)
        self._settle(len(ends) - len(busy))
        self._leave(busy)
        return result

    async def serve(self) -> None:
        """Write what is left, until cancelled: one by one where many cannot be written together, again after a pause."""
        pause = BACK_OFF_S
        while True:
            await self._wake.wait()
            self._wake.clear()
            while ends := self._next():
                unwritten = await self._write(ends)
                now = time.monotonic()
                in_time = [end for end in unwritten if now < end.until]
                if len(in_time) < len(unwritten):
                    log.error("calls.answers_lost", count=len(unwritten) - len(in_time))
                self._settle(len(ends) - len(in_time))
                if not unwritten:
                    pause = BACK_OFF_S
                    continue
                self._left = in_time + self._left
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_BACK_OFF_S)

    def _next(self) -> list[CallEnd]:
        if self._alone:
            self._left, self._ends = self._left + self._ends, []
        ends, self._left = self._left[:MOST_AT_ONCE], self._left[MOST_AT_ONCE:]
        return ends

    def _leave(self, ends: list[CallEnd]) -> None:
        if ends:
            self._left += ends
            self._wake.set()

    def _settle(self, count: int) -> None:
        """So many are written, or lost."""
        self._unwritten -= count
        if not self._unwritten:
            self._empty.set()

    async def _write(self, ends: list[CallEnd]) -> list[CallEnd]:
        """Write them in one transaction; answers what has to wait."""
        try:
            written, busy, changes = await self._thread.transaction(lambda connection: _write(connection, ends))
        except psycopg.OperationalError as error:
            log.warning("calls.unwritten", error=type(error).__name__, count=len(ends))
            return ends
        except Exception as error:  # one of them cannot be stored: the others must not pay for it
            if len(ends) > 1:
                return [end for end_alone in ends for end in await self._write([end_alone])]
            log.error("calls.unstorable", run_id=str(ends[0].claim.call.run_id), error=type(error).__name__)
            if ends[0].text == UNSTORABLE:
                return []
            return await self._write([CallEnd(ends[0].claim, ends[0].until, "answered", UNSTORABLE)])
        return self._note(written, busy, changes)

    def _note(self, written: int, busy: list[CallEnd], changes: Changes) -> list[CallEnd]:
        """After the commit; answers what has to wait."""
        for change in changes:
            change.log()
        if written:
            self.count += written
            self._notify(inbox.ENGINE)
        return busy


def failed_answer(error: str, *, permanent: bool = False) -> dict[str, Any]:
    """An answer that says that the call came to nothing."""
    text = error.replace("\0", "")[:MAX_ERROR]
    return {"ok": False, "error": text, **({"permanent": True} if permanent else {})}


def answer_text(answer: dict[str, Any]) -> str:
    """The answer as JSON text. What cannot be stored, or is too large, is a failure for good."""
    try:
        return jsonlimits.storable(answer, max_bytes=MAX_ANSWER_BYTES, max_depth=MAX_ANSWER_DEPTH)
    except (jsonlimits.Unstorable, TypeError) as error:
        why = f" {error}" if isinstance(error, jsonlimits.Unstorable) else ""
        return jsonlimits.storable(
            failed_answer(gettext("The answer to this call cannot be kept.%(why)s", why=why), permanent=True)
        )


def record_text(record: Record | None) -> str | None:
    """What is kept of a call as JSON text; None when there is nothing, or it cannot be stored."""
    try:
        return jsonlimits.storable(record, max_bytes=MAX_RECORD_BYTES, max_depth=8) if record is not None else None
    except (jsonlimits.Unstorable, TypeError) as error:
        log.error("call.unrecorded", error=type(error).__name__)
        return None


def _write(connection: Connection, ends: list[CallEnd]) -> tuple[int, list[CallEnd], Changes]:
    """In a transaction, in the thread of the connection: how many runs were answered, what has to wait, what services became."""
    away, changes = _note(connection, [sign for end in ends if (sign := end.call_sign)])
    delayed = {id(end) for end in ends if _waits(end, away)}
    answered = [end for end in ends if end.what == "answered" and id(end) not in delayed]
    held_ends = [end for end in ends if end.what == "held"]
    calls.requeue(connection, [end.claim.row for end in ends if end.what == "requeued" or id(end) in delayed])
    results = calls.answer(connection, [(end.claim.row, end.text, end.record) for end in answered])
    results += calls.hold(connection, [(end.claim.row, end.text, end.record) for end in held_ends])
    if late := sum(1 for result in results if not result.written and not result.busy):
        log.info("calls.unasked", count=late)
    # What they said of their services is written by now, whatever becomes of them.
    pairs = zip([*answered, *held_ends], results, strict=True)
    busy = [replace(end, sign=None) for end, result in pairs if result.busy]
    return sum(result.written for result in results[: len(answered)]), busy, changes


def _note(connection: Connection, signs: list[CallSign | HostSign]) -> tuple[set[ServiceKey], Changes]:
    """Write what calls said of connectors and of hosts: which are away now, and what has changed."""
    by_connectors, connectors = breaker_repository.note(connection, [one for one in signs if isinstance(one, CallSign)])
    by_urls, hosts = host_repository.note(connection, [one for one in signs if isinstance(one, HostSign)])
    return {*by_connectors, *by_urls}, [*connectors, *hosts]


def noted_signs(connection: Connection, call: PlacedCall, began: datetime, signs: Sequence[ServiceSign]) -> Changes:
    """Write what a call outside a run said of its service, as what calls of runs say is written. Answers what has changed."""
    key = key_of(call.tenant_id, call.target)
    if key is None:
        return _note(connection, [HostSign((call.tenant_id, call.target), began, sign) for sign in signs])[1]
    return _note(connection, [CallSign(key, began, sign) for sign in signs])[1]


def _waits(end: CallEnd, away: set[ServiceKey]) -> bool:
    """Was the service at fault, is it away now, and may the call be made again? Then it waits, and costs its step no try."""
    sign = end.call_sign
    return end.what == "answered" and sign is not None and sign.key in away and not sign.sign.works and sign.sign.again
