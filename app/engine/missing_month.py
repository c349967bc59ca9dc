"""Rows for whose month there is no table: somebody will make that of now; any other is the fault of one id."""

from __future__ import annotations

import re
from uuid import UUID

import psycopg

from app.lib import ids
from app.lib.months import month_of, needed
from app.lib.translation import translatable

NO_MONTH = translatable(
    "The id of this run tells a time for which there is no table, so it cannot continue. The product makes no such ids."
)


def lacks_month(error: Exception) -> bool:
    """Is there no table for the month that a row belongs to? PostgreSQL names the constraint when it is one of the product's."""
    return isinstance(error, psycopg.errors.CheckViolation) and error.diag.constraint_name is None


def lacks_month_of_now(error: Exception) -> bool:
    """Is it the month of ids that are made now? Somebody will make it. Any other is the fault of that one id."""
    if not lacks_month(error) or not isinstance(error, psycopg.Error):
        return False
    id_ = re.search(r"= \(([0-9a-f-]{36})\)", error.diag.message_detail or "")
    months = needed(month_of(ids.uuid7()))
    return id_ is None or months[0].first_id <= UUID(id_.group(1)) < months[-1].later(1).first_id
