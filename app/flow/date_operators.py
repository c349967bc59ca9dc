"""The operators about dates: before and after, within a length of time, and anniversaries. See `app.flow.operators`."""

from __future__ import annotations

import operator
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any

from app.flow.anniversaries import LONGEST_DAYS, last_anniversary, next_anniversary
from app.flow.comparing import NotComparable, Test, Turns
from app.flow.durations import span_of
from app.lib.conversions import as_date, as_instant, is_blank, yearless_day
from app.lib.translation import gettext

MOMENT = timedelta(microseconds=1)


def _instant(actual: Any, zone: tzinfo) -> datetime | None:
    instant = as_instant(actual, zone)
    if instant is None and not is_blank(actual):
        raise NotComparable(
            gettext("a day without a year") if yearless_day(actual) is not None else gettext("not a date")
        )
    return instant


def _day_of(actual: Any, zone: tzinfo) -> date | None:
    """The day of which anniversaries are looked for; None where there is nothing. Raises NotComparable."""
    if (day := yearless_day(actual)) is not None:
        return day
    instant = _instant(actual, zone)
    return None if instant is None else _day(instant, zone)


def _day(moment: datetime, zone: tzinfo) -> date:
    try:
        return moment.astimezone(zone).date()
    except (OverflowError, ValueError):  # the first and the last day that there are
        return moment.date()


def dated(compare: Callable[[Any, Any], bool]) -> Callable[[Any], Test]:
    """A day without a time is all of that day, where the contact is: nothing is before, on and after it at once."""

    def make(wanted: Any) -> Test:
        limit = as_date(wanted)
        whole_day = compare is operator.eq or not isinstance(limit, datetime)

        def test(actual: Any, step: Any) -> bool:
            zone = step.zone
            instant, bound = _instant(actual, zone), as_instant(limit, zone)
            if instant is None or bound is None:
                return False
            return compare(_day(instant, zone), _day(bound, zone)) if whole_day else compare(instant, bound)

        return test

    return make


def within(sign: int) -> Callable[[Any], Test]:
    """Between now and the duration before (-1) or after (1) it. Values that are days are counted in days, and of one without a year the
    last or the next one counts."""

    def make(wanted: Any) -> Test:
        span, days = span_of(wanted)
        of_each_year = anniversary(sign)(wanted)

        def test(actual: Any, step: Any) -> bool:
            if yearless_day(actual) is not None:
                return of_each_year(actual, step)
            zone, now = step.zone, step.now
            instant = _instant(actual, zone)
            if instant is None:
                return False
            if days and not isinstance(as_date(actual), datetime):
                return bool(0 <= sign * (_day(instant, zone) - _day(now, zone)).days <= days)
            return bool(timedelta() <= (instant - now) * sign <= span)

        return test

    return make


def within_turns(sign: int) -> Callable[[Any], Turns]:
    """When `_within` changes next: both ends belong to it, so it ends one microsecond later."""

    def make(wanted: Any) -> Turns:
        span, days = span_of(wanted)
        of_each_year = anniversary_turns(sign)(wanted)

        def turn(actual: Any, step: Any) -> datetime | None:
            if yearless_day(actual) is not None:
                return of_each_year(actual, step)
            zone, now = step.zone, step.now
            instant = as_instant(actual, zone)
            if instant is None:
                return None
            try:
                if days and not isinstance(as_date(actual), datetime):
                    day = _day(instant, zone)
                    offsets = (-int(days), 1) if sign > 0 else (0, int(days) + 1)
                    ends = [_midnight(day + timedelta(days=offset), zone) for offset in offsets]
                else:  # sums are of the clock on the wall where an instant has a zone
                    plain = instant.astimezone(UTC)
                    ends = [plain - span, plain + MOMENT] if sign > 0 else [plain, plain + span + MOMENT]
            except OverflowError:
                return None
            return next((end for end in ends if end > now), None)

        return turn

    return make


def _days_of(wanted: Any) -> int:
    """How many days away an anniversary may be; none without a length."""
    return 0 if wanted is None else span_of(wanted)[0] // timedelta(days=1)


def anniversary(sign: int) -> Callable[[Any], Test]:
    """Is an anniversary of the day today, or so many days ahead (1) or ago (-1), where the contact is?"""

    def make(wanted: Any) -> Test:
        days = _days_of(wanted)

        def test(actual: Any, step: Any) -> bool:
            zone = step.zone
            day, today = _day_of(actual, zone), _day(step.now, zone)
            at = None if day is None else next_anniversary(day, today) if sign > 0 else last_anniversary(day, today)
            return at is not None and abs((at - today).days) <= days

        return test

    return make


def anniversary_turns(sign: int) -> Callable[[Any], Turns]:
    """When the next one comes near, or the last one is too long ago."""

    def make(wanted: Any) -> Turns:
        days = _days_of(wanted)

        def turn(actual: Any, step: Any) -> datetime | None:
            zone, today = step.zone, _day(step.now, step.zone)
            try:
                day = _day_of(actual, zone)
            except NotComparable:
                return None
            if day is None:
                return None
            turns = [day for day in _turning_days(day, today, days, sign) if day > today]
            return _midnight(min(turns), zone) if turns else None

        return turn

    return make


def _turning_days(day: date, today: date, days: int, sign: int) -> list[date]:
    """Days with which it may begin or cease that an anniversary is so near."""
    if sign > 0:
        at = next_anniversary(day, today)
        return [] if at is None else [at - timedelta(days=min(days, LONGEST_DAYS)), at + timedelta(days=1)]
    last, coming = last_anniversary(day, today), next_anniversary(day, today + timedelta(days=1))
    past = [last + timedelta(days=min(days, LONGEST_DAYS) + 1)] if last is not None else []
    return past + ([coming] if coming is not None else [])


def anniversary_today(_wanted: Any) -> Test:
    return anniversary(1)(None)


def anniversary_today_turns(_wanted: Any) -> Turns:
    return anniversary_turns(1)(None)


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
