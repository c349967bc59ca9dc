"""Intents and outcomes of many sends, written together: one short transaction for all that came while the last one was written.

One thread has the connection, so that neither a slow commit nor a database that is away stops the talk with the mail servers. An
outcome is kept until it is written or its lease is over; a mail whose intent cannot be written now does not leave.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeVar
from uuid import UUID

import psycopg
import structlog

from app import inbox
from app.connectors import state
from app.connectors.repository import ROOM
from app.connectors.state import StateChange
from app.lib import jobs
from app.lib.connection_thread import ConnectionThread
from app.messaging import deliveries, device_repository, intents, ledger, queue
from app.messaging.channels.result import DEADLINE_S, Result, running_time
from app.messaging.ledger import Connection, DueMessage, Transition
from app.messaging.outcomes import SendOutcome, sort
from app.messaging.outgoing import Ready
from app.models.status import MessageStatus
from app.subscriptions import suppression_repository

log = structlog.get_logger()
T = TypeVar("T")
GATHER_S = 0.02
"""How long a transaction waits for more mails, at most."""
BACK_OFF_S, LONGEST_BACK_OFF_S = 0.25, 5.0
LISTED_AS = {"bad_address": "bounced", "opted_out": "unsubscribed"}
"""Reasons of results that put the recipient on the suppression list, and as what."""
HAND_OVER_S = DEADLINE_S + 30
"""Up to how long after its intent the last line of a mail may leave: early enough that its outcome is written within the lease."""


@dataclass(eq=False, slots=True)
class _BeginRequest:
    ready: Ready
    answer: asyncio.Future[float]
    until: float = 0.0


@dataclass(slots=True)
class _WriteResult:
    state_changes: list[StateChange] = field(default_factory=list)
    runs_notified: int = 0
    messages_released: int = 0
    """Messages that are due now because the one before them is over."""
    fenced: int = 0
    may_leave: set[ledger.LedgerKey] = field(default_factory=set)


class Commits(ConnectionThread):
    """The one writer of a pass. `serve` runs beside the sends; `written` waits until nothing is left to write."""

    def __init__(
        self,
        connection: Connection,
        reconnect: Callable[[], Connection],
        stop: threading.Event,
        on_release: Callable[[], None],
        under_way: Callable[[], int],
    ) -> None:
        """`on_release` is called when what was written lets other messages leave; `under_way` says how many mails may ask soon."""
        super().__init__(connection, reconnect, "deliver")
        self._stop, self._on_release, self._under_way = stop, on_release, under_way
        self._last_s = 0.0
        """How long the last transaction took."""
        self._requests: list[_BeginRequest] = []
        self._done: list[SendOutcome] = []
        self._rooms: dict[object, tuple[state.ConnectorState, int | None]] = {}
        self._wake, self._empty, self._all_ask = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._empty.set()

    async def begin(self, ready: Ready) -> float:
        """Write the intent, if the mail may still leave. The moment up to which it may, 0 for not at all."""
        request = _BeginRequest(ready, asyncio.get_running_loop().create_future())
        self._requests.append(request)
        if len(self._requests) >= self._under_way():
            self._all_ask.set()
        self._rouse()
        return await request.answer

    def finish(self, ready: Ready, result: Result, change: StateChange | None, *, until: float, intended: bool) -> None:
        """Queue the outcome of a mail to be written. `until`: the end of its lease."""
        self._done.append(SendOutcome(ready.due, until, ready, result, change=change, intended=intended))
        self._rouse()

    def end(self, move: Transition, until: float) -> None:
        """Write the end of a message that was claimed and is not sent."""
        self._done.append(SendOutcome(move.due, until, move=move))
        self._rouse()

    def requeue(self, due: Sequence[DueMessage], until: float) -> None:
        """Put claimed messages back into the queue, of which nothing was begun."""
        self._done += [SendOutcome(one, until) for one in due]
        self._rouse()

    def grant(self, of: state.ConnectorState, room: int | None) -> None:
        """Tell the other workers how many connections the server of a connector takes."""
        self._rooms[of.id] = of, room
        self._rouse()

    def _rouse(self) -> None:
        self._empty.clear()
        self._wake.set()

    @property
    def pending(self) -> bool:
        """Is there anything that is not written yet?"""
        return not self._empty.is_set()

    async def written(self) -> None:
        """Wait until everything is written, or what is left has lost its lease."""
        await self._empty.wait()

    async def serve(self) -> None:
        """Write what comes, until cancelled."""
        pause = BACK_OFF_S
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._requests or self._done or self._rooms:
                await self._gather()
                requests, done, rooms = self._requests, self._done, self._rooms
                self._requests, self._done, self._rooms = [], [], {}
                try:
                    await self._write_all(requests, done, rooms)
                    pause = BACK_OFF_S
                except psycopg.OperationalError as error:
                    if pause == BACK_OFF_S:
                        log.warning("deliver.database_away", error=type(error).__name__, outcomes=len(done))
                    self._refuse(requests)
                    self._keep(done)
                    await self._pause(pause)
                    pause = min(pause * 2, LONGEST_BACK_OFF_S)
            self._empty.set()

    async def _gather(self) -> None:
        """Let those mails come that the last transaction let go: without this, half of them wait for the other half, and for twice as many.

        For half as long as that took, at most: a transaction costs the same for one mail as for ten.
        """
        wait_s = min(GATHER_S, self._last_s / 2)
        if len(self._requests) >= self._under_way() or not wait_s:
            return
        self._all_ask.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._all_ask.wait(), wait_s)

    async def _pause(self, seconds: float) -> None:
        """Wait, and answer those who ask meanwhile that nothing can be begun."""
        end = running_time() + seconds
        while running_time() < end:
            await asyncio.sleep(min(0.1, seconds))
            requests, self._requests = self._requests, []
            self._refuse(requests)

    def _refuse(self, requests: Sequence[_BeginRequest]) -> None:
        for one in requests:
            if not one.answer.done():
                one.answer.set_result(0.0)

    def _keep(self, done: Sequence[SendOutcome]) -> None:
        in_time = [outcome for outcome in done if running_time() < outcome.until]
        if lost_count := sum(1 for outcome in done if outcome.intended) - sum(
            1 for outcome in in_time if outcome.intended
        ):
            log.error("message.outcome_lost", count=lost_count)
        self._done = in_time + self._done

    async def _write_all(
        self,
        requests: list[_BeginRequest],
        done: list[SendOutcome],
        rooms: dict[object, tuple[state.ConnectorState, int | None]],
    ) -> None:
        began = running_time()
        try:
            written = await self.transaction(lambda connection: self._write(connection, requests, done, rooms))
            self._last_s = running_time() - began
        except psycopg.OperationalError:
            raise
        except Exception:
            # One of them cannot be written: the others must not pay for it.
            log.exception("deliver.unwritten", count=len(requests) + len(done))
            if len(requests) + len(done) + len(rooms) <= 1:
                return self._refuse(requests)
            for one in done:
                await self._write_all([], [one], {})
            for each in requests:
                await self._write_all([each], [], {})
            return None
        for change in written.state_changes:
            change.log()
        if written.fenced:
            log.warning("message.fenced", count=written.fenced)
        if written.runs_notified:
            jobs.notify(inbox.ENGINE)
        if written.messages_released or written.state_changes:
            self._on_release()
        for each in requests:
            if not each.answer.done():
                each.answer.set_result(each.until if each.ready.due.key in written.may_leave else 0.0)
        return None

    def _write(
        self,
        connection: Connection,
        requests: Sequence[_BeginRequest],
        done: Sequence[SendOutcome],
        rooms: dict[object, tuple[state.ConnectorState, int | None]],
    ) -> _WriteResult:
        """In a transaction, and in the thread of the connection."""
        written = _WriteResult()
        changes = {outcome.change.of.id: outcome.change for outcome in done if outcome.change}
        written.state_changes = ledger.change_connectors(connection, list(changes.values()))
        for of, room in rooms.values():
            connection.execute(ROOM, {"id": of.id, "tenant": of.tenant_id, "room": room})
        moves, to_requeue = sort(done)
        until = running_time() + HAND_OVER_S
        for each in requests:
            each.until = until
        go, ends, refused = intents.judge(connection, [each.ready for each in requests]) if requests else ([], [], [])
        if self._stop.is_set():
            refused, go = [*refused, *(move.due for move in go)], []
        written_keys = ledger.settle(connection, [*moves, *ends]) if moves or ends else set()
        written_moves = [move for move in (*moves, *ends) if move.due.key in written_keys]
        written.fenced = len(moves) + len(ends) - len(written_moves)
        ledger.requeue(connection, [*to_requeue, *refused])
        finished_moves = [move for move in written_moves if move.is_final]
        written.messages_released, written.runs_notified = release_followers(connection, finished_moves)
        for outcome in done:
            if outcome.result and outcome.ready and (listed_as := LISTED_AS.get(outcome.result.reason)):
                to = outcome.ready.packet.recipient
                _suppress(connection, outcome.due.tenant_id, outcome.due.channel, to, listed_as, outcome.result.text)
        dead_devices = [
            (outcome.due.tenant_id, outcome.due.contact_id, UUID(device.device_id))
            for outcome in done
            for device in (outcome.result.devices if outcome.result else ())
            if device.result == "gone"
        ]
        if dead_devices:
            device_repository.remove_dead(connection, dead_devices)
        written.may_leave = ledger.mark_sending(connection, go) if go else set()
        return written


def release_followers(connection: Connection, finished_moves: Sequence[Transition]) -> tuple[int, int]:
    """Let go on what waits for messages that are over: the next message of the same contact, and runs. Returns how many of each."""
    released = queue.next_turn(connection, [move.due.place for move in finished_moves])
    certain = [move for move in finished_moves if move.status is not MessageStatus.UNCERTAIN]
    return released, deliveries.notify_runs(connection, certain)


def _suppress(
    connection: Connection, tenant_id: int, channel: int, address: str, reason: str, detail: str | None = None
) -> None:
    """Never write to this address again by this channel; `detail` is what the provider said."""
    entry = suppression_repository.Put(address=address, reason=reason, detail=detail)
    connection.execute(suppression_repository.PUT, suppression_repository.put_parameters(tenant_id, channel, [entry]))
