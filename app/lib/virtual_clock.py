"""The clock that tests move for all processes at once: one row of `virtual_clock`, read by SQL (`clock_now()`) and Python.

Only with THROUGHLINE_CLOCK=database does Python look at it; production never does.
"""

from __future__ import annotations

import threading
from datetime import datetime
from typing import Any

import psycopg

from app.lib import clock, database
from app.settings import settings

CHANNEL = "clock_moved"
_local = threading.local()
_MOVE = "insert into virtual_clock (one, at) values (1, %s) on conflict (one) do update set at = excluded.at"


def install() -> None:
    """Let `app.lib.clock` follow the database when the settings ask for it. Every process calls it at its start."""
    if settings().clock == "database":
        clock.use(_stored)


def move(connection: psycopg.Connection[Any], at: datetime) -> None:
    """Set the virtual time and tell the scheduler, which then looks for what is due."""
    connection.execute(_MOVE, (at,))
    connection.execute(f"notify {CHANNEL}")


def listen(connection: psycopg.Connection[Any]) -> None:
    """From now on the connection is notified when the time is moved (`connection.notifies()`)."""
    connection.execute(f"listen {CHANNEL}")


def _stored() -> datetime:
    """One short query a call, on a connection of the calling thread."""
    connection: psycopg.Connection[Any] | None = getattr(_local, "connection", None)
    if connection is None or connection.closed:
        connection = _local.connection = database.connect()
    row = connection.execute("select clock_now()").fetchone()
    at: datetime = row[0] if row else datetime.now().astimezone()
    return at
