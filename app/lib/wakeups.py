"""Declaration of work that becomes due by time: its actor, and the SQL that says whether there is some."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg


@dataclass(frozen=True)
class Wakeup:
    """Declared in a list `WAKEUPS` of a feature's `jobs` module. The scheduler asks all of them about once a second, so each question
    is to be answered by a small partial index."""

    actor: str
    """The name of the actor to notify. Several wake-ups of one actor are one: give them one `due`."""
    due: str
    """A boolean expression in SQL: is there work now? `clock_now()` is the time."""
    next_due: str | None = None
    """An expression in SQL for the instant at which the next work is due after now, null when none is known. The scheduler looks again
    at that instant; without it, up to a second later."""
    parameters: Callable[[], Mapping[str, Any]] | None = None
    """What `due` and `next_due` are asked with (`%(name)s`), looked up each time."""


def is_due(connection: psycopg.Connection[Any], wakeup: Wakeup) -> bool:
    """Is there work for its actor now? Raises LockNotAvailable when the table is locked."""
    return bool(_ask(connection, wakeup.due, wakeup))


def seconds_ahead(connection: psycopg.Connection[Any], wakeups: Sequence[Wakeup]) -> float | None:
    """Seconds until the next work of any of them is due, below zero when that has passed; None when none is known."""
    spans = (_ask(connection, f"({wakeup.next_due}) - clock_now()", wakeup) for wakeup in wakeups if wakeup.next_due)
    ahead = [span.total_seconds() for span in spans if span is not None]
    return min(ahead, default=None)


def lead(connection: psycopg.Connection[Any], lock: int) -> bool:
    """Be the one process that asks: takes the advisory lock for as long as the connection lives. False when another one has it."""
    return bool(_value(connection, "select pg_try_advisory_lock(%(lock)s)", {"lock": lock}))


def _ask(connection: psycopg.Connection[Any], expression: str, wakeup: Wakeup) -> Any:
    return _value(connection, f"select {expression}", wakeup.parameters() if wakeup.parameters else None)


def _value(connection: psycopg.Connection[Any], sql: str, parameters: Mapping[str, Any] | None = None) -> Any:
    row = connection.execute(sql, parameters).fetchone()
    return row[0] if row else None
