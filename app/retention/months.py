"""Keeps months of the tables that grow ready before anybody writes into them. A row of a month that is not there is refused.

The month is that of ids, which follow the clock of the machine, so it is read off an id that is made now.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import psycopg

from app.lib.ids import uuid7
from app.lib.months import Month, ahead, month_of, needed
from app.retention import month_repository


def this_month() -> Month:
    """The month of an id that is made now."""
    return month_of(uuid7())


def ensure_months(connection: psycopg.Connection[Any]) -> list[str]:
    """Make what is needed and missing; the names of the new tables. Also after a sleep of months."""
    month = this_month()
    until = needed(month)[-1]
    if all(end > until for end in month_repository.ends(connection).values()):
        return []
    return month_repository.make(connection, until)


def months_ahead(ends: Iterable[Month]) -> int:
    """How many whole months after this one every table has, of which `ends` are the first that are not there."""
    return min(ahead(this_month(), end) for end in ends)


def are_ready(connection: psycopg.Connection[Any]) -> bool:
    """Has every table the month of now?"""
    month = this_month()
    return all(end > month for end in month_repository.ends(connection).values())
