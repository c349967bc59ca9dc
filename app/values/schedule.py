"""When a local time comes: the one place that knows about zones, summer time, the end of months and leap days.

Two rules, decided here for every wait, window, schedule and date:

- A local time that the clocks jump over comes at the instant of the jump, so that the order of times of a day is kept.
- A local time that the clocks show twice comes the first time.

Instants are aware; those that come out are in UTC. Days and times of day are local, and mean nothing without a zone.
"""

from __future__ import annotations

import calendar
from collections import deque
from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Literal, NamedTuple

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""As documents name them, in the order of `date.weekday`."""
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Every = Literal["once", "year", "month"]
UNIT_SECONDS = {"seconds": 1, "minutes": 60, "hours": 3_600}
UNIT_DAYS = {"days": 1, "weeks": 7}
LONGEST_SEARCH = 3_700
"""Days that are looked through for one that is neither a holiday nor another weekday: ten years, a closed business finds none."""
_MIDNIGHT = time()
_DAY = timedelta(days=1)


def instant_of(local: datetime, zone: tzinfo) -> datetime:
    """The instant at which clocks of `zone` show the naive time `local`; that of the jump when they never do."""
    instant = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if _local(instant, zone) == local:
        return instant
    # It was read by the offset before the jump, so it lies behind it; read by that after the jump it lies before.
    before, after = local.replace(tzinfo=zone, fold=1).astimezone(UTC), instant
    offset = before.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) // 2
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after.replace(microsecond=0)


def shown_at(local: datetime, zone: tzinfo) -> list[datetime]:
    """The instants at which clocks of `zone` show the naive time `local`: none when they jump over it, two when they show it twice."""
    instants = (local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    return sorted({instant for instant in instants if _local(instant, zone) == local})


def put_back_around(at: datetime, zone: tzinfo) -> timedelta:
    """By how much clocks are put back within a day of this instant; nothing when they are not."""
    before, later = ((at + timedelta(days=days)).astimezone(zone).utcoffset() for days in (-1, 1))
    return max((before or timedelta()) - (later or timedelta()), timedelta())


def whenever_shown(minutes: Iterable[datetime], after: datetime, zone: tzinfo) -> Iterator[datetime]:
    """The instants after `after`, in order, at which clocks show one of these naive times, which are in order too."""
    second = deque[datetime]()  # those that come twice wait here until all that come the first time are through
    for minute in minutes:
        instants = shown_at(minute, zone)
        if not instants:
            continue
        while second and second[0] < instants[0]:
            if (again := second.popleft()) > after:
                yield again
        if instants[0] > after:
            yield instants[0]
        second.extend(instants[1:])
    yield from (instant for instant in second if instant > after)


def local_instant(day: date, at: time, zone: tzinfo) -> datetime:
    """The instant of a time of day on a day."""
    return instant_of(datetime.combine(day, at), zone)


def exists(day: date, zone: tzinfo) -> bool:
    """Is there such a day? Samoa had no 30 December 2011."""
    return _local(local_instant(day, _MIDNIGHT, zone), zone).date() == day


def next_at(
    after: datetime, at: time, zone: tzinfo, weekdays: Collection[str] = (), without: Collection[date] = ()
) -> datetime | None:
    """The first instant from `after` on (`after` itself too) at which it is `at` on one of `weekdays`, and on none of `without`.

    No weekdays: any. None when there is no such day within ten years.
    """
    for day in _days_around(after, zone, weekdays, without):
        instant = local_instant(day, at, zone)
        if instant >= after and exists(day, zone):
            return instant
    return None


def next_open(
    after: datetime,
    opens: time,
    closes: time,
    zone: tzinfo,
    weekdays: Collection[str] = (),
    without: Collection[date] = (),
) -> datetime | None:
    """`after` itself while a daily window is open, else the instant of its next opening. None when it never opens within ten years.

    It is open until just before `closes`. One that closes before it opens lasts over midnight, and belongs to the day on which it opens;
    one that closes when it opens lasts the whole day round.
    """
    for day in _days_around(after, zone, weekdays, without):
        opening = local_instant(day, opens, zone)
        closing = local_instant(day if closes > opens else day + _DAY, closes, zone)
        if opening < closing and after < closing and exists(day, zone):
            return max(after, opening)
    return None


def _days_around(
    moment: datetime, zone: tzinfo, weekdays: Collection[str], without: Collection[date]
) -> Iterator[date]:
    """Wanted days from the one before `moment` on, whose late hours may lie behind midnight."""
    numbers = {WEEKDAYS.index(weekday) for weekday in weekdays} or range(7)
    first = _local(moment, zone).date() - _DAY
    for number in range(min(LONGEST_SEARCH, (date.max - first).days)):
        day = first + number * _DAY
        if day.weekday() in numbers and day not in without:
            yield day


def offset_instant(local: datetime, by: float, unit: str, at: time | None, zone: tzinfo) -> datetime:
    """When a local date-time has come, moved by an offset, at a time of day: `3 days before the renewal, at 9:00`.

    `local` is naive. Days and weeks are counted in the calendar, shorter units on the clock. Without `at` the time of day stays.
    Raises OverflowError beyond the calendar.
    """
    if unit in UNIT_DAYS:
        target = local + timedelta(days=by * UNIT_DAYS[unit])
    else:
        target = _local(instant_of(local, zone) + timedelta(seconds=by * UNIT_SECONDS[unit]), zone)
    return instant_of(target if at is None else datetime.combine(target.date(), at), zone)


def in_month(year: int, month: int, day: int) -> date:
    """A day of a month, the last one where the month is shorter: 29 February is the 28th in most years, the 31st the 30th."""
    return date(year, month, min(day, calendar.monthrange(year, month)[1]))


def recurrences(day: date, every: Every, first: date) -> Iterator[date]:
    """The days on which a date comes back, from `first` on and never before `day` itself, until the calendar ends.

    `once`: `day` alone, whenever it is.
    """
    if every == "once":
        yield day
        return
    start = max(day, first)
    year, month = start.year, day.month if every == "year" else start.month
    while year <= date.max.year:
        again = in_month(year, month, day.day)
        if again >= start:
            yield again
        year, month = (year + 1, month) if every == "year" else (year + month // 12, month % 12 + 1)


class Occurrence(NamedTuple):
    """`local`: the date that has come back, as clocks show it (naive). `at`: the instant to act, moved from it by an offset."""

    local: datetime
    at: datetime


def occurrences(
    local: datetime, every: Every, by: float, unit: str, at: time | None, zone: tzinfo, after: datetime
) -> Iterator[Occurrence]:
    """How often a recurring local date-time, moved by an offset, comes after `after` (not at `after` itself), in order.

    Ends when it was once, or the calendar ends.
    """
    # What an earlier day comes to lies before `after` in every zone.
    offset_days = by * UNIT_DAYS[unit] if unit in UNIT_DAYS else by * UNIT_SECONDS[unit] / 86_400
    try:
        first = after.date() - timedelta(days=offset_days + 3)
    except OverflowError:
        first = date.min if offset_days > 0 else date.max
    for day in recurrences(local.date(), every, first):
        again = datetime.combine(day, local.time())
        try:
            instant = offset_instant(again, by, unit, at, zone)
        except (OverflowError, ValueError):
            return
        if instant > after:
            yield Occurrence(again, instant)


def next_recurrence(
    local: datetime, every: Every, by: float, unit: str, at: time | None, zone: tzinfo, after: datetime
) -> datetime | None:
    """The instant of the first of `occurrences`; None when there is none."""
    first = next(occurrences(local, every, by, unit, at, zone, after), None)
    return None if first is None else first.at


def _local(moment: datetime, zone: tzinfo) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None, fold=0)
