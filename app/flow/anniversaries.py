"""Days that come back each year: birthdays, the day of the first order."""

from __future__ import annotations

from calendar import isleap
from datetime import date

LONGEST_DAYS = 364
"""As far ahead as an anniversary is looked for: further on it is always near."""


def last_anniversary(day: date, today: date) -> date | None:
    """The last one of `day` up to today, at least a year after it; None before the first. `rule_last_anniversary` says the same."""
    for year in (today.year, today.year - 1):
        if year > day.year and (at := _in_year(day, year)) <= today:
            return at
    return None


def next_anniversary(day: date, today: date) -> date | None:
    """The next one of `day`, today's too: at least a year after it. In years without a February 29 that is the 28th.

    None after the last year that there is. `rule_anniversary` of the database says the same.
    """
    year = max(today.year, day.year + 1)
    try:
        at = _in_year(day, year)
        return at if at >= today else _in_year(day, year + 1)
    except ValueError:
        return None


def _in_year(day: date, year: int) -> date:
    return day.replace(year=year, day=28 if (day.month, day.day) == (2, 29) and not isleap(year) else day.day)
