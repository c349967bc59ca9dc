"""Group commit of plain requests: those that wait together are stored by one statement, on a connection that does nothing else.

As in `ingest` a request waits in a queue in memory, and at most FLUSHERS tasks empty it. One that only lacks contacts waits a second
time, for one task whose statement makes them: two of them in a process could want to make the same person. What neither statement
stores, and what cannot be told to be plain, is `NOT_TAKEN`: nothing of it was stored, and the careful store (`ingest`, `storing`)
decides about it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import datetime
from typing import Any

import psycopg
import structlog

from app import inbox
from app.accounts.principal import Principal
from app.events import fast_statement
from app.events.fast_answers import Stored
from app.events.fast_reading import PlainRequest
from app.events.fast_statement import LACKS_CONTACTS, NOT_TAKEN, NotTaken, Outcome, PlainPending
from app.events.ingest import FLUSHERS, MAX_BATCH, QueueSpace
from app.events.schemas import MAX_AHEAD
from app.lib import clock, database
from app.lib.deadline import ends_in
from app.lib.prepared_statements import PreparedStatements
from app.web.request_deadline import DEFAULT_S

log = structlog.get_logger()
LOOK_AFTER_S = 1.0
"""A connection that was silent for so long is asked whether it still is one, before events are trusted to it."""
PLAN_AGAIN_S = 2.0
"""The statement is planned anew so often: one that was planned for empty tables looks through full ones, and statistics come late."""
SECOND_AFTER = 16
"""While one statement runs, so many events must wait before the next begins beside it: each costs PostgreSQL what eighteen events do."""
Statement = Callable[[PreparedStatements, Sequence[PlainPending]], Awaitable[list[Outcome]]]


class _Link:
    """A connection of the store, and since when it is silent and its statements are planned, by the loop's clock."""

    __slots__ = ("planned", "silent", "statements")

    def __init__(self, statements: PreparedStatements, now: float) -> None:
        self.statements, self.silent, self.planned = statements, now, now

    async def fit(self, now: float) -> bool:
        """Does it answer? Asked before events are trusted to it, when it was silent for a while; its plans are renewed with that."""
        if self.statements.closed:
            return False
        if now - self.silent >= LOOK_AFTER_S or now - self.planned >= PLAN_AGAIN_S:
            try:
                await self.statements.forget_plans()
            except psycopg.Error:
                await self.statements.close()
                return False
            self.planned = now
        return True


class FastStore:
    """The queue of one web process. `space` is shared with the careful one."""

    def __init__(self, space: QueueSpace) -> None:
        self.space = space
        self.stored = self.statements = 0
        """Events, and the statements that stored some, since the process began."""
        self._queue: deque[PlainPending] = deque()
        self._events = 0
        self._lacking: deque[PlainPending] = deque()
        self._keys: set[tuple[int, str]] = set()
        """The ids that senders gave to what is being stored."""
        self._idle: list[_Link] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._flushers = 0
        self._maker_runs = False
        self._tasks: set[asyncio.Task[None]] = set()

    def submit(self, principal: Principal, body: bytes, plain: PlainRequest | None) -> asyncio.Future[bytes | NotTaken]:
        """Queue a request of one event, or one that was read. The answer's content comes after the commit, or the psycopg.Error after
        which nobody knows."""
        loop = self._loop = self._loop or asyncio.get_running_loop()
        pending = PlainPending(principal, body, plain, loop)
        self._queue.append(pending)
        self._events += pending.size
        self.space.take(pending.size, len(body))
        if not self._flushers or (self._flushers < FLUSHERS and self._events >= SECOND_AFTER):
            self._flushers += 1
            self._begin(self._flush())
        return pending.outcome

    async def close(self) -> None:
        """Give the connections back, when the process ends."""
        while self._idle:
            await self._idle.pop().statements.close()

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _flush(self) -> None:
        try:
            while self._queue:
                batch, repeated = self._next_batch()
                await self._settle(batch, fast_statement.store, self._make_contacts)
                for pending in repeated:
                    self._answer(pending, NOT_TAKEN)
        finally:
            self._flushers -= 1

    def _make_contacts(self, pending: PlainPending) -> None:
        self._lacking.append(pending)
        if not self._maker_runs:
            self._maker_runs = True
            self._begin(self._flush_lacking())

    async def _flush_lacking(self) -> None:
        try:
            while self._lacking:
                batch = _first_of(self._lacking)
                await self._settle(batch, fast_statement.store_new, lambda pending: self._answer(pending, NOT_TAKEN))
        finally:
            self._maker_runs = False

    async def _settle(
        self, batch: Sequence[PlainPending], statement: Statement, lacks: Callable[[PlainPending], None]
    ) -> None:
        """Store a batch and answer its requests, but those that lack contacts, which `lacks` gets."""
        outcomes: Sequence[Outcome] | Exception = psycopg.OperationalError("the task was cancelled")
        try:
            outcomes = await self._store(batch, statement)
        finally:
            for number, pending in enumerate(batch):
                outcome = outcomes if isinstance(outcomes, Exception) else outcomes[number]
                if outcome is LACKS_CONTACTS:
                    lacks(pending)
                else:
                    self._keys.difference_update(pending.keys)
                    self._answer(pending, outcome)

    def _answer(self, pending: PlainPending, outcome: Outcome | Exception) -> None:
        self.space.release(pending.size, len(pending.body))
        pending.answer(outcome)

    def _next_batch(self) -> tuple[list[PlainPending], list[PlainPending]]:
        """Requests for one statement, and those with an id that is being stored: the careful store compares them. What turns out
        not to be plain is answered at once."""
        batch: list[PlainPending] = []
        repeated: list[PlainPending] = []
        latest = clock.now() + MAX_AHEAD
        for pending in _first_of(self._queue):
            self._events -= pending.size
            if not _read(pending, latest):
                self._answer(pending, NOT_TAKEN)
            elif self._keys.isdisjoint(pending.keys):
                self._keys.update(pending.keys)
                batch.append(pending)
            else:
                repeated.append(pending)
        return batch, repeated

    async def _store(self, batch: Sequence[PlainPending], statement: Statement) -> Sequence[Outcome] | Exception:
        """What became of each request of a batch; an error when that is not known of any."""
        if not batch:
            return []
        remaining = DEFAULT_S - (asyncio.get_running_loop().time() - batch[0].begun)
        with ends_in(max(0.0, remaining)):
            try:
                link = await self._link()
            except (psycopg.Error, OSError):
                return [NOT_TAKEN] * len(batch)
            try:
                outcomes = await statement(link.statements, batch)
            except psycopg.Error as error:
                if link.statements.closed or error.sqlstate is None:
                    await link.statements.close()
                    return error
                log.info("ingest.not_plain", requests=len(batch), error=type(error).__name__)
                outcomes = [NOT_TAKEN] * len(batch)
            except BaseException:
                await link.statements.close()
                raise
        link.silent = asyncio.get_running_loop().time()
        self._idle.append(link)
        if count := sum([len(outcome.ids) for outcome in outcomes if isinstance(outcome, Stored)]):
            self.stored += count
            self.statements += 1
            inbox.notify_engine_now()
        return outcomes

    async def _link(self) -> _Link:
        """A connection that answers: one that is idle, or a new one."""
        now = asyncio.get_running_loop().time()
        while self._idle:
            link = self._idle.pop()
            if await link.fit(now):
                return link
        return _Link(PreparedStatements(await database.connect_async("events")), now)


def _read(pending: PlainPending, latest: datetime) -> bool:
    """Is it plain? Whatever else goes wrong with one is not to keep those beside it from their answers."""
    try:
        return pending.read(latest)
    except Exception:
        log.exception("ingest.unreadable")
        return False


def _first_of(queue: deque[PlainPending]) -> list[PlainPending]:
    """Take from the queue what one statement may store: MAX_BATCH events, or one request."""
    batch: list[PlainPending] = []
    count = 0
    while queue and (not batch or count + queue[0].size <= MAX_BATCH):
        batch.append(queue.popleft())
        count += batch[-1].size
    return batch
