"""Months of ids: each id lies in one month, months lie beside each other, and what is needed reaches ahead."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.lib.ids import first_uuid7_of
from app.lib.months import AHEAD, Month, ahead, bounds, month_of, needed

INSTANTS = st.datetimes(datetime(1970, 1, 1), datetime(2900, 1, 1), timezones=st.just(UTC))


@given(INSTANTS, st.integers(0, 2**74 - 1))
def test_an_id_lies_between_the_bounds_of_the_month_of_its_time(at: datetime, random: int) -> None:
    millisecond = int(at.timestamp() * 1000)
    one = UUID(int=millisecond << 80 | 7 << 76 | (random >> 62) << 64 | 2 << 62 | random & (1 << 62) - 1)
    first, end = bounds(month_of(one))
    assert first <= one < end
    assert month_of(one) == Month.of(at)
    assert month_of(first) == month_of(one) and month_of(end) == month_of(one).later(1)


@given(INSTANTS.filter(lambda at: at.year > 1972), st.integers(-30, 30))  # no id is older than 1970
def test_months_follow_each_other_without_a_gap(at: datetime, number: int) -> None:
    month = Month.of(at).later(number)
    assert bounds(month)[1] == bounds(month.later(1))[0]
    assert month.later(-1).later(1) == month < month.later(1)
    assert 1 <= month.month <= 12


@pytest.mark.parametrize(
    ("at", "month"),
    [
        ("2026-12-31T23:59:59.999+00:00", Month(2026, 12)),
        ("2027-01-01T00:00:00.000+00:00", Month(2027, 1)),
        ("2027-01-01T00:30:00.000+01:00", Month(2026, 12)),
        ("2028-02-29T12:00:00.000+00:00", Month(2028, 2)),
    ],
)
def test_the_month_is_that_of_utc(at: str, month: Month) -> None:
    assert Month.of(datetime.fromisoformat(at)) == month
    assert month_of(first_uuid7_of(datetime.fromisoformat(at))) == month


def test_what_is_needed_and_how_far_it_reaches() -> None:
    november = Month.of(datetime(2026, 11, 30, tzinfo=timezone(timedelta(hours=-11))) - timedelta(days=1))
    assert [month.suffix for month in needed(november)] == ["2026_11", "2026_12", "2027_01", "2027_02"]
    end = needed(november)[-1].later(1)
    assert ahead(november, end) == AHEAD
    assert ahead(november.later(3), end) == 0, "this month, and none after it"
    assert ahead(november.later(4), end) == -1
