"""Days that come back each year in conditions: with a year and without one, coming and past."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.flow.anniversaries import last_anniversary, next_anniversary
from app.lib.conversions import yearless_day
from tests.flow.test_conditions import DAYS, holds, is_
from tests.nodes.person import person


@pytest.mark.parametrize(
    ("operator", "value", "actual", "expected"),
    [
        ("anniversary_today", None, "--06-01", True),
        ("anniversary_within_next", DAYS, "--0608", True),
        ("anniversary_within_next", DAYS, "06-09", False),
        ("anniversary_within_last", DAYS, "--05-24", False),
        ("anniversary_within_last", DAYS, "--06-02", False),
        ("anniversary_within_last", {"duration": 92, "unit": "days"}, "--02-29", False),
        ("within_next", DAYS, "--06-05", True),
        ("within_last", DAYS, "--06-05", False),
        ("within_last", DAYS, "--05-30", True),
        ("not_within_last", DAYS, "--05-30", False),
        ("anniversary_within_last", DAYS, "2000-06-01", True),
        ("anniversary_within_last", DAYS, "2025-05-30", True),
        ("anniversary_within_last", DAYS, "2026-05-30", False),
        ("anniversary_within_last", {"duration": 93, "unit": "days"}, "2004-02-29", True),
    ],
)
def test_days_of_each_year_are_read_where_they_make_sense(
    operator: str, value: Any, actual: Any, expected: bool
) -> None:
    assert holds(person(attributes={"x": actual}), is_("contact.attributes.x", value, operator)) is expected


ANY_DAY = st.dates(date(1900, 1, 1), date(2100, 12, 31))


@given(ANY_DAY, ANY_DAY)
def test_the_last_and_the_next_one_enclose_today(day: date, today: date) -> None:
    last, coming = last_anniversary(day, today), next_anniversary(day, today + timedelta(days=1))
    assert coming is not None and coming > today and coming.year > day.year
    if last is None:
        assert coming.year == day.year + 1, "there was none before"
    else:
        assert last <= today < coming and coming.year == last.year + 1 and last.year > day.year
        assert (last.month, last.day) in ((day.month, day.day), (2, 28))


@given(ANY_DAY)
def test_a_day_without_a_year_is_read_as_address_books_write_it(day: date) -> None:
    for written in (f"--{day:%m-%d}", f"--{day:%m%d}", f" {day:%m-%d} "):
        read = yearless_day(written)
        assert read is not None and (read.month, read.day) == (day.month, day.day)
    assert yearless_day(day.isoformat()) is None and yearless_day(f"{day:%m%d}") is None
