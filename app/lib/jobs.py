"""Doorbells: Dramatiq messages that say "there is work of this kind", sent only after the work is durable.

PostgreSQL holds the work; losing every message costs seconds, not work. So Redis errors are logged and swallowed here.
An actor answers a bell by taking its mark off first (`answer`) and then claiming rows until none are left: a bell rung
before that is covered by this pass, one rung after it sends the next message.
"""

from __future__ import annotations

import functools
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
_URGENT_ACTORS = {"advance"}
_PENDING = "jobs"
_MARK_MS = 5_000
_PAUSE_AFTER_FAILURE_S = 1.0
_silent_until = 0.0


@functools.cache
def client() -> redis.Redis | None:
    """The process's Redis client, with time-outs short enough that a dead Redis never holds up a request."""
    url = settings().redis.url
    return redis.Redis.from_url(url, socket_connect_timeout=0.3, socket_timeout=1.0) if url else None


@functools.cache
def broker() -> dramatiq.Broker:
    """The broker of this process; without Redis a stub that only knows the actors."""
    url = settings().redis.url
    made: dramatiq.Broker = (
        RedisBroker(  # type: ignore[no-untyped-call]
            url=url, heartbeat_timeout=15_000, maintenance_chance=1_000_000, namespace="throughline"
        )
        if url
        else StubBroker()
    )
    dramatiq.set_broker(made)
    return made


def queue_of(name: str) -> str:
    """The queue of an actor. Said here and not by the actor, because those who ring do not import it."""
    return URGENT if name in _URGENT_ACTORS else BULK


def ring(name: str, **kwargs: Any) -> None:
    """Send a message to actor `name` now. Without arguments at most one waits in the queue at a time."""
    global _silent_until
    connection = client()
    if connection is None or time.monotonic() < _silent_until:
        return
    try:
        if kwargs or connection.set(f"throughline:bell:{name}", 1, nx=True, px=_MARK_MS):
            broker().enqueue(
                dramatiq.Message(queue_name=queue_of(name), actor_name=name, args=(), kwargs=kwargs, options={})
            )
    except (redis.RedisError, dramatiq.errors.BrokerConnectionError, OSError) as error:
        _silent_until = time.monotonic() + _PAUSE_AFTER_FAILURE_S
        log.warning("doorbell.failed", actor=name, error=type(error).__name__)


def answer(name: str) -> None:
    """Take the mark off the bell; the first thing that an actor without arguments does."""
    connection = client()
    if connection is not None:
        try:
            connection.delete(f"throughline:bell:{name}")
        except (redis.RedisError, OSError):
            log.warning("doorbell.unanswered", actor=name)


def enqueue(session: AsyncSession | Session, name: str, /, **kwargs: Any) -> None:
    """Ring `name` when the outermost transaction of `session` has committed; forgotten on rollback."""
    sync = session.sync_session if isinstance(session, AsyncSession) else session
    if not sync.in_transaction():
        sync.begin()
    asked_in = sync.get_nested_transaction() or sync.get_transaction()
    pending = sync.info.setdefault(_PENDING, [])
    if not any(job[1:] == (name, kwargs) for job in pending):
        pending.append((asked_in, name, kwargs))


@event.listens_for(Session, "after_commit")
def _send(session: Session) -> None:
    if session.in_nested_transaction():  # a SAVEPOINT was released: nothing is durable yet
        return
    for _, name, kwargs in session.info.pop(_PENDING, ()):
        ring(name, **kwargs)


@event.listens_for(Session, "after_soft_rollback")
def _forget(session: Session, rolled_back: SessionTransaction) -> None:
    session.info[_PENDING] = [job for job in session.info.get(_PENDING, ()) if not _within(job[0], rolled_back)]


def _within(transaction: SessionTransaction | None, ancestor: SessionTransaction) -> bool:
    while transaction is not None:
        if transaction is ancestor:
            return True
        transaction = transaction.parent
    return False
