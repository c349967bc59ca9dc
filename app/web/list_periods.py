"""The choice of a period above a list: the last hour, day, week or month."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from app.errors import FieldError, Invalid
from app.lib import clock
from app.lib.translation import gettext, translatable

PERIODS = {"1h": timedelta(hours=1), "24h": timedelta(days=1), "7d": timedelta(days=7), "30d": timedelta(days=30)}
PERIOD_WORDS = [
    ("", translatable("Any time")),
    ("1h", translatable("In the last hour")),
    ("24h", translatable("In the last 24 hours")),
    ("7d", translatable("In the last 7 days")),
    ("30d", translatable("In the last 30 days")),
]


def not_listed(name: str) -> Invalid:
    """The refusal of a filter whose value is none of those that the page offers."""
    return Invalid(errors=[FieldError(path=name, message=gettext("Choose one from the list."))])


def period_start(period: str) -> datetime | None:
    """When a period began that ends now; None for any time. Raises Invalid."""
    if period and period not in PERIODS:
        raise not_listed("period")
    return clock.now() - PERIODS[period] if period else None


def listed_number(name: str, value: str) -> int | None:
    """The number of a version in a filter; None for all. Raises Invalid."""
    if value and not (value.isascii() and value.isdigit() and len(value) < 10 and int(value)):
        raise not_listed(name)
    return int(value) if value else None


def listed_id(name: str, value: str) -> UUID | None:
    """The id in a filter; None for all. Raises Invalid."""
    try:
        return UUID(value) if value else None
    except ValueError as error:
        raise not_listed(name) from error
