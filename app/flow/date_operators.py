"""The operators about dates: before and after, within a length of time, and anniversaries. See `app.flow.operators`."""

from __future__ import annotations

import operator
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any

from app.flow.anniversaries import next_anniversary
from app.flow.comparing import NotComparable, Test, Turns
from app.flow.durations import span_of
from app.lib.conversions import as_date, as_instant, is_blank

MOMENT = timedelta(microseconds=1)


def _instant(actual: Any, zone: tzinfo) -> datetime | None:
    instant = as_instant(actual, zone)
    if instant is None and not is_blank(actual):
        raise NotComparable("not a date")
    return instant


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
    """Between now and the duration before (-1) or after (1) it. Values that are days are counted in days."""

    def make(wanted: Any) -> Test:
        span, days = span_of(wanted)

        def test(actual: Any, step: Any) -> bool:
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

        def turn(actual: Any, step: Any) -> datetime | None:
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


def _ahead(wanted: Any) -> int:
    """How many days ahead an anniversary may be; none without a length."""
    return 0 if wanted is None else span_of(wanted)[0] // timedelta(days=1)


def anniversary(wanted: Any) -> Test:
    """Is an anniversary of the day today, or so many days ahead, where the contact is?"""
    days = _ahead(wanted)

    def test(actual: Any, step: Any) -> bool:
        zone = step.zone
        instant = _instant(actual, zone)
        if instant is None:
            return False
        today = _day(step.now, zone)
        at = next_anniversary(_day(instant, zone), today)
        return at is not None and (at - today).days <= days

    return test


def anniversary_turns(wanted: Any) -> Turns:
    days = _ahead(wanted)

    def turn(actual: Any, step: Any) -> datetime | None:
        zone = step.zone
        instant, today = as_instant(actual, zone), _day(step.now, zone)
        at = next_anniversary(_day(instant, zone), today) if instant is not None else None
        if at is None:
            return None
        begins = at - timedelta(days=days)
        return _midnight(begins if begins > today else at + timedelta(days=1), zone)

    return turn


def anniversary_today(_wanted: Any) -> Test:
    return anniversary(None)


def anniversary_today_turns(_wanted: Any) -> Turns:
    return anniversary_turns(None)


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
