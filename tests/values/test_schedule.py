"""Local times in every zone: they come once, in order, on the day that was asked for, and two rules say what clocks that jump mean."""

from __future__ import annotations

import calendar
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.values.schedule import (
    WEEKDAYS,
    exists,
    in_month,
    instant_of,
    local_instant,
    next_at,
    next_open,
    next_recurrence,
    offset_instant,
    recurrences,
)
from app.values.zone_names import timezones

BERLIN, NEW_YORK, APIA = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York"), ZoneInfo("Pacific/Apia")
ODD_ZONES = [
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "America/Nuuk",
    "Pacific/Apia",
    "Asia/Beirut",
    "America/Havana",
]
ZONES = st.one_of(
    st.sampled_from(["Europe/Berlin", "America/New_York", *ODD_ZONES]), st.sampled_from(sorted(timezones()))
).map(ZoneInfo)
NAIVE = st.datetimes(datetime(1990, 1, 1), datetime(2037, 12, 31))
MOMENTS = NAIVE.map(lambda naive: naive.replace(tzinfo=UTC))
DAYS = st.dates(date(1990, 1, 1), date(2037, 12, 31))
TIMES = st.times().map(lambda at: at.replace(second=0, microsecond=0))
SOME_WEEKDAYS = st.sets(st.sampled_from(WEEKDAYS))


def local(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None, fold=0)


def test_clocks_that_jump_forward_skip_to_the_jump() -> None:
    jump = datetime(2026, 3, 29, 1, tzinfo=UTC)
    for minute in (0, 15, 59):
        assert local_instant(date(2026, 3, 29), time(2, minute), BERLIN) == jump
    assert local_instant(date(2026, 3, 29), time(1, 59), BERLIN) == jump - timedelta(minutes=1)
    assert local_instant(date(2026, 3, 29), time(3), BERLIN) == jump


def test_clocks_that_go_back_count_the_first_time() -> None:
    assert local_instant(date(2026, 10, 25), time(2, 30), BERLIN) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    after = datetime(2026, 10, 25, 0, 45, tzinfo=UTC)  # between the two 2:30
    assert next_at(after, time(2, 30), BERLIN) == datetime(2026, 10, 26, 1, 30, tzinfo=UTC)


def test_a_day_that_is_skipped_is_not_one_of_its_weekday() -> None:
    assert not exists(date(2011, 12, 30), APIA)
    friday = next_at(datetime(2011, 12, 28, tzinfo=UTC), time(9), APIA, ["fri"])
    assert friday is not None and local(friday, APIA) == datetime(2012, 1, 6, 9)


@given(NAIVE, ZONES)
@example(datetime(2024, 3, 30, 23, 30), ZoneInfo("America/Nuuk"))
@example(datetime(2026, 10, 4, 2, 15), ZoneInfo("Australia/Lord_Howe"))
def test_a_local_time_is_the_first_instant_that_shows_it_or_a_later_one(naive: datetime, zone: ZoneInfo) -> None:
    instant = instant_of(naive, zone)
    assert instant.tzinfo is UTC
    shown = local(instant, zone)
    assert shown >= naive
    if shown != naive:  # a jump: a moment before it, clocks showed less
        assert local(instant - timedelta(microseconds=1), zone) < naive
    else:
        assert all(local(instant - timedelta(minutes=step), zone) != naive for step in range(30, 24 * 60, 30))


@given(NAIVE, st.timedeltas(timedelta(0), timedelta(days=1)), ZONES)
def test_later_local_times_never_come_earlier(naive: datetime, more: timedelta, zone: ZoneInfo) -> None:
    earlier, later = instant_of(naive, zone), instant_of(naive + more, zone)
    # The second pass of an hour that comes twice is not reached by local times of the hour.
    assert later >= earlier


@given(MOMENTS, TIMES, ZONES, SOME_WEEKDAYS)
def test_the_next_time_of_day_is_the_first(moment: datetime, at: time, zone: ZoneInfo, weekdays: set[str]) -> None:
    instant = next_at(moment, at, zone, weekdays)
    assert instant is not None and moment <= instant <= moment + timedelta(days=16)
    shown = local(instant, zone)
    assert shown.time() == at or shown.time() != local(instant - timedelta(microseconds=1), zone).time()
    wanted = weekdays or set(WEEKDAYS)
    day = local(moment, zone).date() - timedelta(days=2)
    candidates = [
        local_instant(day + timedelta(days=number), at, zone)
        for number in range(18)
        if WEEKDAYS[(day + timedelta(days=number)).weekday()] in wanted and exists(day + timedelta(days=number), zone)
    ]
    assert instant == min(candidate for candidate in candidates if candidate >= moment)
    assert next_at(instant, at, zone, weekdays) == instant, "inclusive, so asking again changes nothing"


@given(MOMENTS, TIMES, TIMES, ZONES, SOME_WEEKDAYS, st.sets(DAYS, max_size=3))
def test_a_window_is_open_when_it_says_so(
    moment: datetime, opens: time, closes: time, zone: ZoneInfo, weekdays: set[str], holidays: set[date]
) -> None:
    opening = next_open(moment, opens, closes, zone, weekdays, holidays)
    assert opening is not None and opening >= moment
    assert next_open(opening, opens, closes, zone, weekdays, holidays) == opening, "it is open when it opens"
    if opening > moment:  # it was closed all the time until then
        assert next_open(moment + (opening - moment) / 2, opens, closes, zone, weekdays, holidays) == opening
    day = local(opening, zone).date()
    days = {day} if closes > opens else {day, day - timedelta(days=1)}
    assert any(one not in holidays and (not weekdays or WEEKDAYS[one.weekday()] in weekdays) for one in days)


@pytest.mark.parametrize(
    ("moment", "opens", "closes", "weekdays", "expected"),
    [
        ("2026-11-26 10:00", "09:00", "17:00", (), "2026-11-26 10:00"),
        ("2026-11-26 17:00", "09:00", "17:00", (), "2026-11-27 09:00"),  # it closes at five sharp
        ("2026-11-27 18:00", "09:00", "17:00", ("mon", "fri"), "2026-11-30 09:00"),
        ("2026-11-28 01:00", "22:00", "02:00", ("fri",), "2026-11-28 01:00"),  # Friday's night lasts into Saturday
        ("2026-11-27 01:00", "22:00", "02:00", ("fri",), "2026-11-27 22:00"),
        ("2026-11-27 08:00", "09:00", "09:00", ("fri",), "2026-11-27 09:00"),
        (
            "2026-12-25 10:00",
            "09:00",
            "17:00",
            (),
            "2026-12-28 09:00",
        ),  # the holidays below, then a Saturday that is one
    ],
)
def test_windows(moment: str, opens: str, closes: str, weekdays: tuple[str, ...], expected: str) -> None:
    holidays = {date(2026, 12, 25), date(2026, 12, 26), date(2026, 12, 27)}
    asked = instant_of(datetime.fromisoformat(moment), NEW_YORK)
    opening = next_open(asked, time.fromisoformat(opens), time.fromisoformat(closes), NEW_YORK, weekdays, holidays)
    assert opening is not None and local(opening, NEW_YORK) == datetime.fromisoformat(expected)


def test_a_window_inside_the_hour_that_is_skipped_is_not_open_that_day() -> None:
    opening = next_open(datetime(2026, 3, 28, 12, tzinfo=UTC), time(2, 15), time(2, 45), BERLIN)
    assert opening is not None and local(opening, BERLIN) == datetime(2026, 3, 30, 2, 15)


def test_what_never_opens_is_none() -> None:
    new_year = date(2026, 1, 1)
    holidays = {new_year + timedelta(days=number) for number in range(4_000)}
    assert next_open(datetime(2026, 1, 2, tzinfo=UTC), time(9), time(17), BERLIN, (), holidays) is None
    assert next_at(datetime(2026, 1, 2, tzinfo=UTC), time(9), BERLIN, (), holidays) is None


# Offsets and dates that come back -----------------------------------------------------------------------------------


def test_days_are_counted_in_the_calendar_and_hours_on_the_clock() -> None:
    renewal = datetime(2026, 3, 30, 9)  # the day after clocks have jumped
    assert local(offset_instant(renewal, -1, "days", None, BERLIN), BERLIN) == datetime(2026, 3, 29, 9)
    assert local(offset_instant(renewal, -2, "weeks", time(8), BERLIN), BERLIN) == datetime(2026, 3, 16, 8)
    assert local(offset_instant(renewal, -48, "hours", None, BERLIN), BERLIN) == datetime(2026, 3, 28, 8)


@given(NAIVE, st.integers(-400, 400), st.sampled_from(["days", "weeks"]), ZONES)
def test_an_offset_of_days_keeps_the_time_of_day(naive: datetime, by: int, unit: str, zone: ZoneInfo) -> None:
    target = naive + timedelta(**{unit: by})
    assert offset_instant(naive, by, unit, None, zone) == instant_of(target, zone)


@given(NAIVE, st.integers(-400, 400), st.sampled_from(["seconds", "minutes", "hours"]), ZONES)
def test_an_offset_of_hours_is_a_length_on_the_clock(naive: datetime, by: int, unit: str, zone: ZoneInfo) -> None:
    naive = naive.replace(microsecond=0)
    expected = instant_of(naive, zone) + timedelta(**{unit: by})
    instant = offset_instant(naive, by, unit, None, zone)
    assert local(instant, zone) == local(expected, zone), (
        "to the minute that clocks show; the first when they show it twice"
    )
    assert instant <= expected


@given(DAYS, st.sampled_from(["year", "month"]), DAYS)
def test_a_date_comes_back_once_in_every_year_or_month(day: date, every: str, first: date) -> None:
    comes = recurrences(day, every, first)  # type: ignore[arg-type]
    some = [next(comes) for _ in range(30)]
    assert some[0] >= max(day, first)
    places = [one.year if every == "year" else one.year * 12 + one.month for one in some]
    assert places == list(range(places[0], places[0] + 30))
    for one in some:
        assert one.day == min(day.day, calendar.monthrange(one.year, one.month)[1])
        assert every == "month" or one.month == day.month


def test_29_february_is_the_28th_in_most_years() -> None:
    comes = recurrences(date(2024, 2, 29), "year", date(2025, 1, 1))
    assert [next(comes).isoformat() for _ in range(4)] == ["2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29"]
    assert in_month(2026, 2, 31) == date(2026, 2, 28)


@given(NAIVE, st.sampled_from(["once", "year", "month"]), st.integers(-60, 60), TIMES, ZONES, MOMENTS)
def test_the_next_recurrence_is_the_first_after(
    naive: datetime, every: str, by: int, at: time, zone: ZoneInfo, after: datetime
) -> None:
    instant = next_recurrence(naive, every, by, "days", at, zone, after)  # type: ignore[arg-type]
    days = recurrences(naive.date(), every, date(after.year - 2, 1, 1))  # type: ignore[arg-type]
    candidates = []
    for day in days:
        candidates.append(offset_instant(datetime.combine(day, naive.time()), by, "days", at, zone))
        if candidates[-1] > after:
            break
    assert instant == next((one for one in candidates if one > after), None)


def test_what_the_calendar_does_not_reach_never_comes() -> None:
    assert (
        next_recurrence(datetime(9999, 12, 31), "year", 5, "days", None, BERLIN, datetime(2026, 1, 1, tzinfo=UTC))
        is None
    )
