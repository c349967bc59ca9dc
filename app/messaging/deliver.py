"""The loop that sends: claim with intent, send, settle. As many at a time as the mail servers like.

One transaction checks and writes the intent, one writes a batch of results behind the fence. A worker killed in between leaves
SENDING rows that become ``uncertain`` when their lease ends; they are never sent again by machine. A slow server holds up only
its own workspace: each may have `PER_TENANT` mails under way, and the others go on.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable

import psycopg
import structlog

from app.connectors.smtp import DEADLINE_S, Links, Result
from app.lib import database, jobs
from app.messaging import ledger
from app.messaging.ledger import Connection, Due, Move
from app.messaging.outgoing import Desk, Ready, later, prepare
from app.models.status import MessageStatus

log = structlog.get_logger()
AT_ONCE = 20
PER_TENANT = 10
GATHER_S = 0.01
"""How long results wait for company, so that they share a transaction."""
LOOK_S = 0.5
"""How often a pass looks for new messages while slow servers keep it waiting."""
TRIES = 5
BACKOFF_S = 30.0
"""Waits of about 30 s, 2, 8 and 32 minutes between the five tries."""
RECONNECT_S = 40.0


def backoff(attempt: int) -> float:
    """Seconds to wait after try number `attempt`, with jitter so that a backlog does not come back as one wave."""
    return BACKOFF_S * 4.0 ** (attempt - 1) * random.uniform(0.75, 1.25)  # noqa: S311


def outcome(ready: Ready, result: Result) -> Move:
    """What the mail server's answer means for the message."""
    due, recipient = ready.due, ready.recipient
    match result.kind:
        case "sent":
            return Move(due, MessageStatus.SENT, recipient)
        case "uncertain":
            return Move(due, MessageStatus.UNCERTAIN, recipient, error=result.text, reason="unconfirmed")
        case "away":
            return later(due, result.text, "server_away")
        case "deferred" if due.attempt < TRIES:
            wait = backoff(due.attempt)
            return Move(due, MessageStatus.QUEUED, recipient, error=result.text, retry_s=wait, reason="deferred")
    reason = "bad_address" if result.bad_address else "deferred" if result.kind == "deferred" else "message_refused"
    return Move(due, MessageStatus.FAILED, recipient, error=result.text, port="error", reason=reason)


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
            ledger.expire(self.connection)
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
        """Claim what there is room for, write the intents, begin to send. Returns how many messages were looked at."""
        tenants = Counter(ready.due.tenant_id for ready in self.under_way.values())
        room = AT_ONCE - len(self.under_way)
        if room <= 0:
            return 0
        claimed_at = time.monotonic()
        with self.connection.transaction():
            batch: list[Due] = []
            for due in ledger.claim(self.connection, room, [t for t, n in tenants.items() if n >= PER_TENANT]):
                tenants[due.tenant_id] += 1
                if tenants[due.tenant_id] <= PER_TENANT:
                    batch.append(due)  # the others are unlocked again when this transaction ends
            if not batch:
                return 0
            desk = Desk(self.connection, batch)
            prepared = [prepare(due, desk) for due in batch]
            ready = [made for made in prepared if isinstance(made, Ready)]
            over = [made for made in prepared if isinstance(made, Move)]
            ledger.intend(self.connection, [*(made.intent for made in ready), *over])
            self.told += ledger.tell_runs(self.connection, [move for move in over if move.retry_s is None])
        latest = claimed_at + ledger.LEASE_S - DEADLINE_S - 5
        for made in ready:
            sending = self.links.send(made.sender.server, made.from_email, made.recipient, made.mime, latest)
            self.under_way[asyncio.create_task(sending)] = made
        return len(batch)

    async def _finish(self) -> None:
        """Settle everything that is done, in one transaction; through a restart of the database if need be."""
        moves, bad = [], []
        for task in [task for task in self.under_way if task.done()]:
            ready = self.under_way.pop(task)
            result = task.result()
            moves.append(outcome(ready, result))
            if result.bad_address:
                bad.append(ready)
            if result.kind not in ("sent", "away"):
                log.warning("message.unsent", run_id=str(ready.due.run_id), seq=ready.due.seq, result=result.kind)
        give_up = time.monotonic() + RECONNECT_S
        while True:
            try:
                return self._settle(moves, bad)
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

    def _settle(self, moves: list[Move], bad: list[Ready]) -> None:
        with self.connection.transaction():
            written = ledger.settle(self.connection, moves)
            mine = [move for move in moves if (move.due.run_id, move.due.seq) in written]
            over = (MessageStatus.SENT, MessageStatus.FAILED)
            self.told += ledger.tell_runs(self.connection, [move for move in mine if move.status in over])
            for ready in bad:
                ledger.suppress(self.connection, ready.due.tenant_id, ready.recipient, "bounced")
        if len(mine) < len(moves):
            log.warning("message.fenced", count=len(moves) - len(mine))
