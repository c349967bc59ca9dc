"""Notifications: Dramatiq messages that say "there is work for this actor", sent only after the work is durable.

PostgreSQL holds the work; losing every message costs seconds, not work. So messages are sent from a thread of its own: whoever
commits, on the event loop of the web process or in a worker, never waits for Redis, and Redis errors are logged and swallowed.
At most one message for an actor waits in Redis, kept by a mark there. The actor takes the mark off first (`acknowledge`) and then
claims rows until none are left: what was notified before that is covered by this pass, and what comes later sends the next message.
"""

from __future__ import annotations

import functools
import os
import threading
import time
from typing import Any

import dramatiq
import redis
import structlog
from dramatiq.brokers.redis import RedisBroker
from dramatiq.brokers.stub import StubBroker
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session, SessionTransaction

from app.settings import settings

log = structlog.get_logger()
URGENT, BULK = "urgent", "bulk"
"""Queues: `urgent` work that a person or client waits for, and the rest. An actor names its own."""
_PENDING = "jobs"
_MARK_MS = 5_000


@functools.cache
def client() -> redis.Redis | None:
    """The process's Redis client, with time-outs short enough that a dead Redis never holds up a request."""
    url = settings().redis.url
    return redis.Redis.from_url(url, socket_connect_timeout=0.3, socket_timeout=1.0) if url else None


@functools.cache
def broker() -> dramatiq.Broker:
    """The broker of this process; without Redis a stub that only knows the actors."""
    url = settings().redis.url
    process_broker: dramatiq.Broker = (
        RedisBroker(  # type: ignore[no-untyped-call]
            url=url,
            heartbeat_timeout=15_000,
            maintenance_chance=1_000_000,
            namespace="throughline",
            socket_connect_timeout=1.0,
            socket_timeout=5.0,  # a Redis that hangs is a Redis that is away: consumers try again by themselves
        )
        if url
        else StubBroker()
    )
    dramatiq.set_broker(process_broker)
    return process_broker


def queue_of(name: str) -> str:
    """The queue that actor `name` declares. A process that has not collected the actors (a command) takes the bulk queue: workers look
    an actor up by its name alone, and whatever queue a message comes by, it is done."""
    actor = broker().actors.get(name)
    return BULK if actor is None else str(actor.queue_name)


class Notifier:
    """Sends the notifications of one process. An actor that waits to be notified is notified once, however often it was asked for."""

    EVERY_S = 0.05
    """Between two rounds: a burst of commits costs one message for each kind of work, and no second message comes sooner."""
    FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 30.0
    """After a failure sending pauses, with exponential back-off; the names are kept until a round succeeds."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: set[str] = set()
        self._busy = False
        self._failures = 0
        self._silent_until = 0.0
        self._started_in: int | None = None

    @property
    def silent(self) -> bool:
        """Redis failed a moment ago: who may do without it does."""
        return time.monotonic() < self._silent_until

    def notify(self, name: str) -> None:
        """Ask for a message to actor `name`. Answers at once."""
        with self._changed:
            self._waiting.add(name)
            if self._started_in != os.getpid():  # a thread does not live on in a forked process
                self._started_in = os.getpid()
                threading.Thread(target=self._run, name="notifier", daemon=True).start()
            self._changed.notify_all()

    def wait(self, seconds: float) -> bool:
        """Until all that was asked for was sent. False when that took longer."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting and not self._busy, seconds)

    def failed(self, what: str, error: Exception) -> None:
        """Redis did not answer: leave it alone for a while."""
        self._failures += 1
        pause = min(self.FIRST_PAUSE_S * 2 ** (self._failures - 1), self.LONGEST_PAUSE_S)
        self._silent_until = time.monotonic() + pause
        log.warning("notify.failed", doing=what, error=type(error).__name__, silent_s=pause)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._waiting))
            time.sleep(max(0.0, self._silent_until - time.monotonic()))
            with self._changed:
                names, self._waiting, self._busy = self._waiting, set(), True
            unsent = self._send(names)
            with self._changed:
                self._waiting |= unsent
                self._busy = False
                self._changed.notify_all()
            time.sleep(self.EVERY_S)

    def _send(self, names: set[str]) -> set[str]:
        """Send what waits; answers what could not be sent. Nothing that Redis does ends the thread."""
        connection = client()
        unsent = set(names) if connection is not None else set()
        try:
            for name in sorted(unsent):
                if connection is not None and connection.set(f"throughline:wakeup:{name}", 1, nx=True, px=_MARK_MS):
                    queue = queue_of(name)
                    message = dramatiq.Message[Any](queue_name=queue, actor_name=name, args=(), kwargs={}, options={})
                    broker().enqueue(message)
                unsent.discard(name)
            self._failures = 0
        except Exception as error:
            self.failed("notify", error)
        return unsent


notifier = Notifier()


def notify(name: str) -> None:
    """Send a message to actor `name` soon, from the notifier's thread. At most one waits in the queue at a time."""
    notifier.notify(name)


def acknowledge(name: str) -> None:
    """Take the actor's mark off; the first thing that an actor does. Left out while Redis is away: the mark ends by itself."""
    connection = client()
    if connection is not None and not notifier.silent:
        try:
            connection.delete(f"throughline:wakeup:{name}")
        except (redis.RedisError, OSError) as error:
            notifier.failed("acknowledge", error)


def enqueue(session: AsyncSession | Session, name: str, /) -> None:
    """Notify actor `name` when the outermost transaction of `session` has committed; forgotten on rollback."""
    sync = session.sync_session if isinstance(session, AsyncSession) else session
    if not sync.in_transaction():
        sync.begin()
    asked_in = sync.get_nested_transaction() or sync.get_transaction()
    pending = sync.info.setdefault(_PENDING, [])
    if not any(job[1] == name for job in pending):
        pending.append((asked_in, name))


@event.listens_for(Session, "after_commit")
def _send(session: Session) -> None:
    if session.in_nested_transaction():  # a SAVEPOINT was released: nothing is durable yet
        return
    for _, name in session.info.pop(_PENDING, ()):
        notify(name)


@event.listens_for(Session, "after_soft_rollback")
def _forget(session: Session, rolled_back: SessionTransaction) -> None:
    session.info[_PENDING] = [job for job in session.info.get(_PENDING, ()) if not _within(job[0], rolled_back)]


def _within(transaction: SessionTransaction | None, ancestor: SessionTransaction) -> bool:
    while transaction is not None:
        if transaction is ancestor:
            return True
        transaction = transaction.parent
    return False
