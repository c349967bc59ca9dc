"""Detect database connections held during a network wait: for the body of a request, a mail server, a web page.

The pool has twelve connections. A task that keeps one while it waits for a peer leaves its length to the peer: twelve slow
peers block every other request. So each such wait is wrapped in `outside_call("…")`, and a session that still holds a connection
then is reported: in the log of a running product, and as a failure of the running test.
"""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import structlog
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session, SessionTransaction

log = structlog.get_logger()
Owner = tuple[object, object]
_held: weakref.WeakKeyDictionary[Session, Owner] = weakref.WeakKeyDictionary()
_piece: ContextVar[object] = ContextVar("piece_of_work", default=None)
"""Identifies the request. A test calls the app in its own task; connections held by the test are not the request's."""


def _say(what: str) -> None:
    log.error("database.held_while_waiting", during=what)


report: Callable[[str], None] = _say
"""Called for each wait during which a connection was held. Tests replace it by one that makes them fail."""


def begin_work() -> None:
    """Begin a new request in this task: connections held before do not count as held by it."""
    _piece.set(object())


@contextmanager
def outside_call(what: str) -> Iterator[None]:
    """Wraps a wait for the network; `what` names it in the report. No session of this task may hold a connection meanwhile."""
    nothing_held = check_nothing_held(what)
    yield
    if nothing_held:  # otherwise it was reported at the beginning
        check_nothing_held(what)


def check_nothing_held(what: str) -> bool:
    """False, and a report, when a session of this task holds a connection now."""
    if not _held:
        return True
    owner = _owner()
    if any(other == owner for other in list(_held.values())):
        report(what)
        return False
    return True


def _owner() -> Owner:
    try:
        task: object = asyncio.current_task()
    except RuntimeError:
        task = threading.get_ident()
    return task, _piece.get()


@event.listens_for(Session, "after_begin")
def _begun(session: Session, _transaction: SessionTransaction, _connection: object) -> None:
    _held.setdefault(session, _owner())


@event.listens_for(Session, "after_transaction_end")
def _ended(session: Session, transaction: SessionTransaction) -> None:
    if transaction.parent is None:
        _held.pop(session, None)


KEY_TAKEN = "idempotency_key_taken"
"""In `Session.info` while the row of an Idempotency-Key stands in the transaction, without its answer."""


async def release_connection(session: AsyncSession) -> None:
    """Commit, and return the connection to the pool before a network wait. The session may be used again.

    Only before a request has changed anything: the row of its Idempotency-Key is rolled back, because it must not become
    durable before the work, and is written with the answer. What was read stays readable, as after a commit.
    """
    plain = session.sync_session
    if plain.info.pop(KEY_TAKEN, False):
        loaded = list(plain.identity_map.values())
        plain.expunge_all()
        await session.rollback()
        plain.add_all(loaded)
    else:
        await session.commit()
