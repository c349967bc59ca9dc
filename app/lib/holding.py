"""No transaction is open while somebody else is waited for: a client that sends its body, a mail server, a web page.

A pool has twelve connections. Whoever keeps one during a wait that others decide lends it to them: thirteen slow sockets and
nobody is served. So every such wait says `with outside_call("…")`, and a session that still holds a connection then is
reported: in the log of a running product, as a failure of the test that is running.
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
"""The request at work. A test calls the app in its own task, and what the test holds is not the request's."""


def _say(what: str) -> None:
    log.error("database.held_while_waiting", during=what)


report: Callable[[str], None] = _say
"""Told of each wait that began with a connection in hand. Tests put a function here that makes them fail."""


def begin_work() -> None:
    """What this task holds from here on is told apart from what it held before."""
    _piece.set(object())


@contextmanager
def outside_call(what: str) -> Iterator[None]:
    """Around every wait for somebody else; `what` names it in the report. No session of this task may hold a connection."""
    nothing_held = check_nothing_held(what)
    yield
    if nothing_held:  # a second word about the same transaction helps nobody
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


async def give_back(session: AsyncSession) -> None:
    """Give the connection back before a wait for somebody else; what was done so far is committed. The session may be used again.

    Only before the work of a request has begun: the row of its Idempotency-Key is taken back, because it must not become durable
    before the work, and is written with the answer.
    """
    if session.sync_session.info.pop(KEY_TAKEN, False):
        await session.rollback()
    else:
        await session.commit()
