"""Group commit of plain requests: those that wait together are stored by one statement, on a connection that does nothing else.

As in `ingest` a request waits in a queue in memory, and at most FLUSHERS tasks empty it. What the statement leaves out, and what
cannot be told to be plain, is `NOT_TAKEN`: nothing of it was stored, and the careful store (`ingest`, `storing`) decides about it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
import structlog

from app import inbox
from app.accounts.principal import Principal
from app.events.fast_reading import BY, PlainEvent
from app.events.fast_repository import STORE
from app.events.ingest import FLUSHERS, MAX_BATCH, QueueSpace
from app.lib import binary_fields, clock, database, ids
from app.lib.binary_fields import Int2s, Int4s, Jsons, Stamps, Texts, Uuids, int2, int4
from app.lib.deadline import ends_in
from app.web.request_deadline import DEFAULT_S

log = structlog.get_logger()
LOOK_AFTER_S = 1.0
"""A connection that was silent for so long is asked whether it still is one, before events are trusted to it."""
PLAN_AGAIN_S = 2.0
"""The statement is planned anew so often: one that was planned for empty tables looks through full ones, and statistics come late."""
_KINDS = [int2(kind) for kind in range(len(BY))]


class Stored(NamedTuple):
    """The events of a request as they were stored, in its order; `now` is when they arrived."""

    ids: list[bytes]
    contact_ids: list[UUID]
    now: datetime


class NotTaken(NamedTuple):
    """Nothing of the request was stored. `key_changed`: its key does not stand as it did."""

    key_changed: bool = False


NOT_TAKEN = NotTaken()
Outcome = Stored | NotTaken


class PlainPending:
    """One request in the queue and the future that its route waits for."""

    __slots__ = ("begun", "events", "outcome", "principal", "size")

    def __init__(self, principal: Principal, events: list[PlainEvent], size: int) -> None:
        loop = asyncio.get_running_loop()
        self.principal, self.events, self.size, self.begun = principal, events, size, loop.time()
        self.outcome: asyncio.Future[Outcome] = loop.create_future()

    def answer(self, outcome: Outcome | Exception) -> None:
        """Nobody may wait any more: the client went away."""
        if self.outcome.done():
            return
        if isinstance(outcome, Exception):
            self.outcome.set_exception(outcome)
        else:
            self.outcome.set_result(outcome)


class _Link:
    """A connection of the store, and since when it is silent and its statements are planned, by the loop's clock."""

    __slots__ = ("connection", "planned", "silent")

    def __init__(self, connection: Any, now: float) -> None:
        self.connection, self.silent, self.planned = connection, now, now

    async def fit(self, now: float) -> bool:
        """Does it answer? Asked before events are trusted to it, when it was silent for a while; its plans are renewed with that."""
        if self.connection.closed:
            return False
        if now - self.silent >= LOOK_AFTER_S or now - self.planned >= PLAN_AGAIN_S:
            try:
                await self.connection.execute("discard plans")
            except psycopg.Error:
                await self.connection.close()
                return False
            self.planned = now
        return True


class FastStore:
    """The queue of one web process. `space` is shared with the careful one."""

    def __init__(self, space: QueueSpace) -> None:
        self.space = space
        self.stored = 0
        """Events, since the process began."""
        self._queue: deque[PlainPending] = deque()
        self._idle: list[_Link] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def submit(self, principal: Principal, events: list[PlainEvent], size: int) -> asyncio.Future[Outcome]:
        """Queue a request; its outcome comes after the commit, or the psycopg.Error after which nobody knows. `size` is the body's."""
        pending = PlainPending(principal, events, size)
        self._queue.append(pending)
        self.space.take(len(events), size)
        if len(self._tasks) < FLUSHERS:
            task = asyncio.create_task(self._flush())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return pending.outcome

    async def close(self) -> None:
        """Give the connections back, when the process ends."""
        while self._idle:
            await self._idle.pop().connection.close()

    async def _flush(self) -> None:
        while self._queue:
            batch, repeated = self._next_batch()
            outcomes: Sequence[Outcome] | Exception = psycopg.OperationalError("the task was cancelled")
            try:
                outcomes = await self._store(batch)
            finally:
                self._answer(batch, outcomes)
                self._answer(repeated, [NOT_TAKEN] * len(repeated))

    def _answer(self, batch: Sequence[PlainPending], outcomes: Sequence[Outcome] | Exception) -> None:
        for number, pending in enumerate(batch):
            self.space.release(len(pending.events), pending.size)
            pending.answer(outcomes if isinstance(outcomes, Exception) else outcomes[number])

    def _next_batch(self) -> tuple[list[PlainPending], list[PlainPending]]:
        """Requests for one statement, and those that send an id which one of them sends: the careful store compares them."""
        batch: list[PlainPending] = []
        repeated: list[PlainPending] = []
        count, seen = 0, set[tuple[int, str]]()
        while self._queue and (not batch or count + len(self._queue[0].events) <= MAX_BATCH):
            pending = self._queue.popleft()
            tenant_id = pending.principal.tenant_id
            keys = [(tenant_id, event.said_key) for event in pending.events if event.said_key is not None]
            if seen.isdisjoint(keys):
                seen.update(keys)
                batch.append(pending)
                count += len(pending.events)
            else:
                repeated.append(pending)
        return batch, repeated

    async def _store(self, batch: Sequence[PlainPending]) -> Sequence[Outcome] | Exception:
        """What became of each request of a batch; an error when that is not known of any."""
        remaining = DEFAULT_S - (asyncio.get_running_loop().time() - batch[0].begun)
        with ends_in(max(0.0, remaining)):
            try:
                link = await self._link()
            except (psycopg.Error, OSError):
                return [NOT_TAKEN] * len(batch)
            try:
                outcomes = await _stored(link.connection, batch)
            except psycopg.Error as error:
                if link.connection.closed or error.sqlstate is None:
                    await link.connection.close()
                    return error
                log.info("ingest.not_plain", requests=len(batch), error=type(error).__name__)
                outcomes = [NOT_TAKEN] * len(batch)
            except BaseException:
                await link.connection.close()
                raise
        link.silent = asyncio.get_running_loop().time()
        self._idle.append(link)
        if taken := sum(len(outcome.ids) for outcome in outcomes if isinstance(outcome, Stored)):
            self.stored += taken
            inbox.notify_engine_now()
        return outcomes

    async def _link(self) -> _Link:
        """A connection that answers: one that is idle, or a new one."""
        now = asyncio.get_running_loop().time()
        while self._idle:
            link = self._idle.pop()
            if await link.fit(now):
                return link
        connection = await database.connect_async("events")
        binary_fields.register(connection)
        return _Link(connection, now)


async def _stored(connection: Any, batch: Sequence[PlainPending]) -> Sequence[Outcome]:
    """Run the statement, which commits by itself."""
    events = [event for pending in batch for event in pending.events]
    new_ids, now = ids.uuid7_many(len(events)), clock.now()
    kinds, values, names, properties, keys, occurred, *_ = zip(*events, strict=True)
    requests: list[bytes] = []
    tenants: list[bytes] = []
    for number, pending in enumerate(batch):
        requests += [int4(number)] * len(pending.events)
        tenants += [int4(pending.principal.tenant_id)] * len(pending.events)
    standings = {(pending.principal.id, pending.principal.standing) for pending in batch}
    which = sum(1 << place for place, kind in enumerate(_KINDS) if kind in kinds)
    parameters = {
        "key_ids": Uuids([key_id.bytes for key_id, _ in standings]),
        "standings": [standing for _, standing in standings],
        "now": now,
        "requests": Int4s(requests),
        "tenants": Int4s(tenants),
        "kinds": Int2s(kinds),
        "values": Texts(values),
        "ids": Uuids(new_ids),
        "names": Texts(names),
        "properties": Jsons(properties),
        "keys": Texts(keys),
        "occurred": Stamps(occurred),
    }
    cursor = await connection.cursor(binary=True).execute(STORE[which], parameters)
    holds, left_out, contact_ids = await cursor.fetchone()
    if not holds:
        return [NotTaken(key_changed=True)] * len(batch)
    outcomes: list[Outcome] = []
    begin = 0
    for number, pending in enumerate(batch):
        end = begin + len(pending.events)
        outcomes.append(NOT_TAKEN if number in left_out else Stored(new_ids[begin:end], contact_ids[begin:end], now))
        begin = end
    return outcomes
