"""The loop that sends: look what is due, claim it, hand it over, settle. The number at a time adapts to each mail server.

A look claims mails of each lane of the queue up to the share of its server (`claims`, `shares`). A mail is made when a connection is
free for it, and its intent is written when the server would take it (`commits`), so that a worker that stops or dies leaves only those
uncertain that were being handed over. Told to stop, it claims and begins nothing more, requeues what it had claimed, and waits for those.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import psycopg
import structlog

from app import inbox
from app.connectors.state import change_of
from app.lib import database, jobs, polling
from app.messaging import deliveries, ledger, queue
from app.messaging.channels.connector import ConnectorType
from app.messaging.channels.result import Result, Transport, running_time
from app.messaging.claims import Claims, ShareKey, claim
from app.messaging.commits import Commits
from app.messaging.ledger import Connection, Transition
from app.messaging.outgoing import Claimed, Ready, make
from app.messaging.queue import LaneTurns
from app.messaging.shares import CONNECTIONS, Share, connections

log = structlog.get_logger()
LOOK_S = 0.5
"""How often a pass looks for new messages, and whether it has to stop, while slow servers keep it waiting."""
SOON_S = 0.05
"""The same when something was settled meanwhile that others have waited for."""
TEND_S = 5.0
"""How often a pass looks for what lost workers left and for what has waited long enough."""
STALE_S = ledger.CLAIM_S / 2
"""What was claimed so long ago and not begun goes back: the server is slower than was thought, and others may take it."""


def connect() -> Connection:
    """A connection for passes. Its statements are planned once: over the parts of many months, a plan costs a third of the work."""
    return database.connect("delivery", limits={"plan_cache_mode": "force_generic_plan"})


class Delivery:
    """One pass over the queue, on one event loop and one database connection."""

    def __init__(
        self,
        connection: Connection,
        reconnect: Callable[[], Connection] = connect,
        stop: threading.Event = polling.stopping,
    ) -> None:
        self._connection, self._reconnect, self._stop = connection, reconnect, stop
        self._transports: dict[type[ConnectorType], Transport] = {}
        self._shares: dict[ShareKey, Share] = defaultdict(Share)
        self._turns = LaneTurns()
        self._working: dict[asyncio.Task[None], bool] = {}
        """The connections at work, and whether the intent of their mail was asked for."""
        self._ending = self._settled = False
        self._next_look = self._next_tend = 0.0

    async def run(self, seconds: float) -> bool:
        """Send until nothing is due or the time is up; True when there may be more."""
        end = time.monotonic() + seconds
        self._event = asyncio.Event()
        self._commits = Commits(
            self._connection, self._reconnect, self._stop, self._look_soon, lambda: len(self._working)
        )
        writer = asyncio.create_task(self._commits.serve())
        try:
            while True:
                self._ending = self._stop.is_set() or time.monotonic() >= end
                may_be_more = self._end_claims() if self._ending else await self._look()
                self._start()
                if not (self._working or may_be_more):
                    await self._commits.written()
                    if self._ending or not (self._settled or self._commits.away):
                        return self._ending
                    self._next_look = 0.0
                    if not self._commits.away:
                        continue
                await self._wait()
        finally:
            for task in self._working:
                task.cancel()
            await asyncio.gather(*self._working, return_exceptions=True)
            writer.cancel()
            await asyncio.gather(*(transport.close() for transport in self._transports.values()))
            self._commits.close()

    async def _wait(self) -> None:
        """Until a mail is over, or it is time to look."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._event.wait(), min(LOOK_S, max(0.001, self._next_look - time.monotonic())))
        self._event.clear()

    def _look_soon(self) -> None:
        """What was written lets others leave."""
        self._next_look = min(self._next_look, time.monotonic() + SOON_S)
        self._event.set()

    # -- claiming

    async def _look(self) -> bool:
        """Claim what the servers have room for, if it is time. True unless there was nothing."""
        if time.monotonic() < self._next_look and not self._runs_low():
            return True
        self._settled = self._commits.pending
        self._drop(running_time() - STALE_S)
        if any(share.shut for share in self._shares.values()):
            await self._commits.written()  # so that the look reads what was found out about their servers
        shut = {key for key, share in self._shares.items() if share.shut}
        share_quotas = {key: share.wanted() for key, share in self._shares.items() if not share.shut}
        at = running_time()
        try:
            claims = await self._commits.transaction(partial(self._take_on, share_quotas))
        except psycopg.OperationalError:
            if not (self._working or self._commits.pending):
                raise
            self._next_look = time.monotonic() + LOOK_S
            return True
        self._accept(claims, shut, at)
        self._next_look = time.monotonic() + (0.0 if claims.moved else LOOK_S)
        return bool(claims.claimed or claims.moved)

    def _runs_low(self) -> bool:
        """Has a server that had more mail than was claimed at a time few left?"""
        return any(share.more and share.wanted() for share in self._shares.values())

    def _take_on(self, share_quotas: dict[ShareKey, int], connection: Connection) -> Claims:
        """The transaction of a look, in the thread of the connection."""
        notified = 0
        if time.monotonic() >= self._next_tend:
            self._next_tend = time.monotonic() + TEND_S
            given_up, notified = ledger.give_up(connection)
            queue.next_turn(connection, [*ledger.expire(connection), *given_up])
            notified += ledger.settle_undecided(connection) + deliveries.end_waits(connection)
        claims = claim(connection, share_quotas, self._turns)
        claims.runs_notified += notified
        return claims

    def _accept(self, claims: Claims, shut: set[ShareKey], at: float) -> None:
        """Take over what a look claimed at `at`, but for servers that were shut while it looked: `shut` were so before."""
        for key, room in claims.open.items():
            if not self._shares[key].shut or key in shut:
                self._shares[key].allow(room)
        for key, claimed in claims.claimed:
            if self._shares[key].shut:
                self._commits.requeue([claimed.due], at + ledger.CLAIM_S)
            else:
                self._shares[key].claimed.append((at, claimed))
        for key, share in self._shares.items():
            share.more = key in claims.more
        for change in claims.state_changes:
            change.log()
        if claims.runs_notified:
            jobs.notify(inbox.ENGINE)

    def _end_claims(self) -> bool:
        """Give back what was not begun; told to stop, also what is under way and was not handed over yet."""
        self._drop(float("inf"))
        if self._stop.is_set():
            for task, handed_over in self._working.items():
                if not handed_over:
                    task.cancel()
        return False

    def _drop(self, older_than: float) -> None:
        for share in self._shares.values():
            self._commits.requeue([one.due for one in share.drop(older_than)], running_time() + ledger.CLAIM_S)

    # -- sending

    def _start(self) -> None:
        """Give connections to those servers that have mail and room."""
        if self._ending or self._commits.away:
            return
        for share in self._shares.values():
            room = connections(share, self._shares.values()) - share.sending
            for _ in range(min(room, len(share.claimed)) if not share.shut else 0):
                share.sending += 1
                task = asyncio.create_task(self._work(share))
                self._working[task] = False
                task.add_done_callback(self._free)

    def _free(self, task: asyncio.Task[None]) -> None:
        self._working.pop(task, None)
        self._event.set()
        if not task.cancelled() and (error := task.exception()):
            log.error("deliver.failed", error=repr(error))

    async def _work(self, share: Share) -> None:
        """One connection: mail after mail, as long as there is one and the server may have it."""
        try:
            while share.claimed and not (share.shut or self._ending or self._commits.away):
                at, claimed = share.claimed.popleft()
                await self._send(share, at + ledger.CLAIM_S, claimed)
                self._settled = True
                self._event.set()
                if share.sending > connections(share, self._shares.values()):
                    return
        finally:
            share.sending -= 1

    async def _send(self, share: Share, until: float, claimed: Claimed) -> None:
        ready = make(claimed)
        if isinstance(ready, Transition):
            return self._commits.end(ready, until)
        began, intended, task = running_time(), False, asyncio.current_task()

        async def begin() -> float:
            nonlocal intended, until
            if share.shut or self._stop.is_set() or self._commits.away:
                return 0.0
            self._mark(task, True)
            latest = await self._commits.begin(ready)
            if latest:
                intended, until = True, running_time() + ledger.LEASE_S
            return latest

        try:
            result = await self._transport(ready.kind).send(ready.sender.server, ready.packet, begin)
        except asyncio.CancelledError:
            if not intended:
                self._commits.requeue([ready.due], until)
            raise
        finally:
            self._mark(task, False)
        self._learn(share, ready, result, began, until, intended)
        return None

    def _transport(self, kind: type[ConnectorType]) -> Transport:
        """The connections of one kind of provider, made when the first message leaves by them."""
        if kind not in self._transports:
            self._transports[kind] = kind.transport()
        return self._transports[kind]

    def _mark(self, task: asyncio.Task[None] | None, handed_over: bool) -> None:
        if task in self._working:
            self._working[task] = handed_over

    def _learn(self, share: Share, ready: Ready, result: Result, began: float, until: float, intended: bool) -> None:
        """Settle the mail, and keep what its end says about the server."""
        if result.kind not in ("sent", "unavailable", "withheld"):
            log.warning("message.unsent", run_id=str(ready.due.run_id), seq=ready.due.seq, result=result.kind)
        shut = result.kind == "misconfigured" or share.note(result, began, running_time())
        change = change_of(ready.condition, result, shut=shut)
        if shut or (change and change.state != "ok") or (ready.condition.state == "away" and change):
            self._commits.requeue([one.due for one in share.shut_down()], running_time() + ledger.CLAIM_S)
        elif share.changed:
            share.changed = False
            self._commits.grant(ready.condition, share.limit if share.limit < CONNECTIONS else None)
        self._commits.finish(ready, result, change, until=until, intended=intended)
