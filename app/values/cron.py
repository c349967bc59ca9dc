"""Schedules in the five fields of cron: minute, hour, day of month, month, day of week. The only module that knows a cron library.

What is understood is what every cron understands, `L` for the last day of a month and `mon#2` for the second Monday; seconds,
nicknames (`@daily`) and random or hashed values are refused. When both the day of month and the day of week are restricted, either is
enough; a field that begins with `*` restricts nothing, as in Debian's cron.

Over summer time it does as Debian's cron. Times of a day (`30 2 * * *`) come once a day: `app.values.schedule` says when. What goes on all
the time (the minute or the hour begins with `*`) fires whenever clocks show such a minute: twice in an hour that comes twice, never in one
that is skipped.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Iterator, Mapping
from datetime import datetime, tzinfo

from croniter import CroniterError, croniter

from app.lib.conversions import quoted
from app.lib.translation import gettext, translatable
from app.values.schedule import instant_of, put_back_around, whenever_shown

FIELDS = (
    translatable("Minute"),
    translatable("Hour"),
    translatable("Day of the month"),
    translatable("Month"),
    translatable("Day of the week"),
)
LIMITS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
MAX_LENGTH = 200
YEARS_BETWEEN = 9
"""29 February comes within eight years, always."""
_PART = re.compile(r"(?P<first>\*|[0-9]{1,2}|[a-z]{3})(?:-(?P<last>[0-9]{1,2}|[a-z]{3}))?(?:/(?P<step>[0-9]{1,2}))?")
_NTH = re.compile(r"(?P<day>[0-7]|[a-z]{3})#(?P<nth>[1-5])")


class BadCron(ValueError):
    """This is no schedule; the message says what to write."""


class Cron:
    """A schedule. `text` is it as it was written, in lower case and with single blanks. Raises BadCron."""

    def __init__(self, text: str) -> None:
        self.text = _checked(text)
        try:
            first = next(self._local_minutes(datetime(2024, 1, 1)), None)
        except CroniterError as error:
            raise BadCron(
                gettext("This schedule cannot be understood. Write its parts as schedules of their own.")
            ) from error
        if first is None:
            raise BadCron(gettext("There is no such day in any year. Change the day or the month."))

    @property
    def goes_on(self) -> bool:
        """Does it fire by the time that passes, and not at times of a day?"""
        minute, hour, *_ = self.text.split()
        return minute.startswith("*") or hour.startswith("*")

    def fires(self, after: datetime, zone: tzinfo) -> Iterator[datetime]:
        """The instants (UTC) at which it fires after `after`, one after the other, for as long as the calendar lasts."""
        if self.goes_on:
            begin = after.astimezone(zone).replace(tzinfo=None, fold=0) - put_back_around(after, zone)
            yield from whenever_shown(self._local_minutes(begin), after, zone)
            return
        last = after
        for minute in self._local_minutes(after.astimezone(zone).replace(tzinfo=None, fold=0)):
            instant = instant_of(minute, zone)
            if instant > last:
                last = instant
                yield instant

    def next_after(self, after: datetime, zone: tzinfo) -> datetime | None:
        """The first of `fires`; None when the calendar ends before."""
        return next(self.fires(after, zone), None)

    def _local_minutes(self, after: datetime) -> Iterator[datetime]:
        # The "bug" is what every cron does: a field that begins with a star restricts no day, so `*/2` beside a weekday is no "or".
        minutes = croniter(
            self.text, after, ret_type=datetime, max_years_between_matches=YEARS_BETWEEN, implement_cron_bug=True
        )
        while True:
            try:
                minute: datetime = minutes.get_next()
            except (CroniterError, OverflowError, ValueError):
                return
            yield minute


@functools.lru_cache(maxsize=1_000)
def cron_of(text: str) -> Cron:
    """A schedule, checked once. Raises BadCron."""
    return Cron(text)


def _checked(text: str) -> str:
    if len(text) > MAX_LENGTH:
        raise BadCron(gettext("A schedule has at most %(max_length)s characters.", max_length=MAX_LENGTH))
    fields = text.lower().split()
    if text.strip().startswith("@"):
        raise BadCron(
            gettext(
                "Nicknames such as @daily are not understood. Write five fields: minute, hour, day of the month, month and"
                " day of the week, such as 0 9 * * mon-fri."
            )
        )
    if len(fields) > len(FIELDS):
        raise BadCron(
            gettext(
                "Write five fields with blanks between: minute, hour, day of the month, month and day of the week, such as"
                " 0 9 * * mon-fri. There are no seconds and no years."
            )
        )
    if len(fields) < len(FIELDS):
        raise BadCron(
            gettext(
                "Write five fields with blanks between: minute, hour, day of the month, month and day of the week, such as"
                " 0 9 * * mon-fri."
            )
        )
    for number, field in enumerate(fields):
        fields[number] = ",".join(_checked_part(part, number) for part in field.split(","))
    days = [(number, fields[number]) for number in (2, 4)]
    if not any(field.startswith("*") for _, field in days) and any(_is_all(field, number) for number, field in days):
        # Either is enough, and one is every day; the library takes that one for a star, with which both would be needed.
        fields[2] = fields[4] = "*"
    return " ".join(fields)


def _is_all(field: str, number: int) -> bool:
    """Does a list of days of the month or the week, checked before, hold every one?"""
    low, high = LIMITS[number]
    values: set[int] = set()
    for part in field.split(","):
        if (match := _PART.fullmatch(part)) is not None and part != "l":
            first, last, step = match["first"], match["last"], int(match["step"] or 1)
            begin = low if first == "*" else _number(first, number)
            to_end = first == "*" or (last is None and match["step"] is not None)
            end = high if to_end else begin if last is None else _number(last, number)
            values.update(range(begin, end + 1, step))
    return len({value % 7 for value in values}) == 7 if number == 4 else len(values) == high - low + 1


def _checked_part(part: str, number: int) -> str:
    """A part of a field; a range of one number as that number, which the library takes for the whole week."""
    name, (low, high) = gettext(FIELDS[number]), LIMITS[number]
    if number == 2 and part == "l":
        return part
    if number == 4 and (nth := _NTH.fullmatch(part)):
        _number(nth["day"], number)
        return part
    match = _PART.fullmatch(part)
    if match is None:
        raise BadCron(
            gettext(
                "%(name)s: %(part)s is not understood. Use numbers from %(low)s to %(high)s, *, lists, ranges and steps such as */5.",
                part=quoted(part, 30),
                name=name,
                low=low,
                high=high,
            )
        )
    first, last, step = match["first"], match["last"], match["step"]
    if step is not None and not 1 <= int(step) <= high:
        raise BadCron(
            gettext(
                "%(name)s: a step is a number from 1 to %(high)s, not %(step)s.",
                name=name,
                high=high,
                step=step,
            )
        )
    if first == "*":
        if last is not None:
            raise BadCron(
                gettext(
                    "%(name)s: %(part)s is not understood. Write * or a range such as %(low)s-%(high)s.",
                    part=quoted(part, 30),
                    name=name,
                    low=low,
                    high=high,
                )
            )
        return part
    begin = _number(first, number)
    end = begin if last is None else _number(last, number)
    if end < begin:
        raise BadCron(
            gettext("The range %(part)s runs backwards. Write two ranges with a comma between.", part=quoted(part, 30))
        )
    return first if last is not None and end == begin else part


def _number(text: str, number: int) -> int:
    """A number or a name of a field. Raises BadCron."""
    names: Mapping[str, int] = {}
    if number == 3:
        names = {name: place for place, name in enumerate(MONTHS, start=1)}
    elif number == 4:
        names = {name: place for place, name in enumerate(DAYS)}
    low, high = LIMITS[number]
    value = names.get(text, int(text) if text.isdecimal() else -1)
    if not low <= value <= high:
        values = {"field": gettext(FIELDS[number]), "text": quoted(text, 30), "low": low, "high": high}
        if names:
            raise BadCron(
                gettext(
                    "%(field)s: %(text)s is not understood. Use a number from %(low)s to %(high)s, or a name such as %(example)s.",
                    example=next(iter(names)),
                    **values,
                )
            )
        raise BadCron(
            gettext("%(field)s: %(text)s is not understood. Use a number from %(low)s to %(high)s.", **values)
        )
    return value


def next_fires(cron: Cron, after: datetime, zone: tzinfo, count: int) -> list[datetime]:
    """The next few instants."""
    return list(itertools.islice(cron.fires(after, zone), count))
