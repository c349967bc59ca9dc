"""The loop that sends: look what is due, write the intent, send, settle. As many at a time as the mail servers like.

One transaction checks and writes the intent, one writes a batch of results behind the fence. A worker killed in between leaves
SENDING rows that become ``uncertain`` when their lease ends; they are never sent again by machine. A slow server holds up only
its own workspace: each may have `PER_TENANT` mails under way, and the others go on.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence

import psycopg
import structlog

from app.connectors.smtp import DEADLINE_S, Links
from app.connectors.smtp_answers import Result
from app.connectors.state import Change, change_of
from app.lib import database, jobs
from app.messaging import ledger, queue
from app.messaging.desk import Desk
from app.messaging.ledger import Connection, Due, Move
from app.messaging.outgoing import UNREADABLE, Ready, Unreadable, later, prepare
from app.messaging.queue import Cause
from app.models.status import MessageStatus
from app.nodes.retries import MAIL, Retry

log = structlog.get_logger()
AT_ONCE = 20
PER_TENANT = 10
GATHER_S = 0.01
"""How long results wait for company, so that they share a transaction."""
LOOK_S = 0.5
"""How often a pass looks for new messages while slow servers keep it waiting."""
RECONNECT_S = 40.0


def deferred(ready: Ready, result: Result) -> Move:
    """The server said "not now" to this mail: when its step wants it tried again, or the end."""
    due = ready.due
    retry = Retry(*due.asked["retry"]) if due.asked.get("retry") else MAIL
    if due.attempt >= retry.attempts:
        tries = "once" if due.attempt == 1 else f"{due.attempt} times"
        return _over(ready, MessageStatus.FAILED, "deferred", f"Tried {tries}. {result.text}")
    wait = retry.delay(due.attempt, random.random())  # noqa: S311
    return Move(due, MessageStatus.QUEUED, ready.mail.recipient, error=result.text, retry_s=wait, reason="deferred")


def _over(ready: Ready, status: MessageStatus, reason: str | None = None, error: str | None = None) -> Move:
    port = "error" if status is MessageStatus.FAILED else "next"
    return Move(ready.due, status, ready.mail.recipient, error=error, port=port, reason=reason)


def outcome(ready: Ready, result: Result) -> Move:
    """What the mail server's answer means for the message."""
    match result.kind:
        case "sent":
            return _over(ready, MessageStatus.SENT)
        case "uncertain":
            return _over(ready, MessageStatus.UNCERTAIN, result.reason, result.text)
        case "rejected":
            return _over(ready, MessageStatus.FAILED, result.reason, result.text)
        case "deferred":
            return deferred(ready, result)
        case "away":
            return later(ready.due, result, ready.condition)
        case (
            "misconfigured"
        ):  # due at once: the next look holds it, or sends it when somebody has mended the settings meanwhile
            return Move(
                ready.due, MessageStatus.QUEUED, error=result.text, retry_s=0.0, forgive=True, reason=result.reason
            )


class Delivery:
    """One pass over the queue, on one event loop and one database connection."""

    def __init__(self, connection: Connection, reconnect: Callable[[], Connection] = database.connect) -> None:
        self.connection, self._reconnect = connection, reconnect
        self.links = Links()
        self.under_way: dict[asyncio.Task[Result], Ready] = {}
        self.told = 0

    async def run(self, seconds: float) -> bool:
        """Send until nothing is due or the time is up; True when there may be more."""
        stop = time.monotonic() + seconds
        with self.connection.transaction():
            queue.next_turn(self.connection, ledger.expire(self.connection))
            self.told += ledger.let_go(self.connection)
        try:
            while True:
                while time.monotonic() < stop and self._start():
                    pass
                if not self.under_way:
                    return time.monotonic() >= stop
                done, _ = await asyncio.wait(self.under_way, timeout=LOOK_S, return_when=asyncio.FIRST_COMPLETED)
                if done:
                    await asyncio.sleep(GATHER_S)
                    await self._finish()
        finally:
            for task in self.under_way:
                task.cancel()
            await self.links.close()
            if self.told:
                jobs.ring("advance")

    def _start(self) -> int:
        """Take what there is room for, write the intents, begin to send. Returns how many messages were looked at."""
        tenants = Counter(ready.due.tenant_id for ready in self.under_way.values())
        room = AT_ONCE - len(self.under_way)
        if room <= 0:
            return 0
        claimed_at = time.monotonic()
        with self.connection.transaction():
            found = queue.look(self.connection, room, tenants, PER_TENANT)
            ready, news = self._make_ready(found.due)
        for change in news:
            change.tell()
        latest = claimed_at + ledger.LEASE_S - DEADLINE_S - 5
        for made in ready:
            sending = self.links.send(made.sender.server, made.mail, latest)
            self.under_way[asyncio.create_task(sending)] = made
        return len(found.due) + found.moved

    def _make_ready(self, batch: Sequence[Due]) -> tuple[list[Ready], list[Change]]:
        """What of `batch` may go; the rest is over, waits or is held when this returns. And what is news about connectors."""
        if not batch:
            return [], []
        desk = Desk(self.connection, batch, self.links.away)
        ready, moves, causes, changes = list[Ready](), list[Move](), set[Cause](), dict[object, Change]()
        for due in batch:
            try:
                made = prepare(due, desk)
            except Unreadable as error:
                changes[error.condition.id] = Change(error.condition, "paused", UNREADABLE)
                made = Cause("connector_paused", due.tenant_id, error.condition.id)
            if isinstance(made, Ready):
                ready.append(made)
            elif isinstance(made, Move):
                moves.append(made)
            else:
                causes.add(made)
        news = ledger.change_connectors(self.connection, list(changes.values()))
        for cause in causes:
            queue.hold(self.connection, cause)
        ledger.intend(self.connection, [*(made.intent for made in ready), *moves])
        self._tell([move for move in moves if move.over])
        return ready, news

    def _tell(self, over: Sequence[Move]) -> None:
        """Messages are over: runs that wait for them go on, and the next message of the same contact has its turn."""
        queue.next_turn(self.connection, [move.due.place for move in over])
        known = [move for move in over if move.status is not MessageStatus.UNCERTAIN]
        self.told += ledger.tell_runs(self.connection, known)

    async def _finish(self) -> None:
        """Settle everything that is done, in one transaction; through a restart of the database if need be."""
        results = [(self.under_way.pop(task), task.result()) for task in [t for t in self.under_way if t.done()]]
        for ready, result in results:
            if result.kind not in ("sent", "away"):
                log.warning("message.unsent", run_id=str(ready.due.run_id), seq=ready.due.seq, result=result.kind)
        give_up = time.monotonic() + RECONNECT_S
        while True:
            try:
                return self._settle(results)
            except psycopg.OperationalError:
                if time.monotonic() > give_up:
                    raise
                await asyncio.sleep(0.5)
                if self.connection.closed:
                    self.connection = self._again()

    def _again(self) -> Connection:
        try:
            return self._reconnect()
        except psycopg.OperationalError:
            return self.connection

    def _settle(self, results: Sequence[tuple[Ready, Result]]) -> None:
        moves = [outcome(ready, result) for ready, result in results]
        changes = {change.of.id: change for ready, result in results if (change := change_of(ready.condition, result))}
        with self.connection.transaction():
            news = ledger.change_connectors(self.connection, list(changes.values()))
            written = ledger.settle(self.connection, moves)
            mine = [move for move in moves if (move.due.run_id, move.due.seq) in written]
            self._tell([move for move in mine if move.over])
            for ready, result in results:
                if result.reason == "bad_address":
                    to = ready.mail.recipient
                    ledger.suppress(self.connection, ready.due.tenant_id, to, "bounced", result.text)
        for change in news:
            change.tell()
        if len(mine) < len(moves):
            log.warning("message.fenced", count=len(moves) - len(mine))
