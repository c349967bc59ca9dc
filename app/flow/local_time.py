"""Times of day and zones in the configs of steps and triggers: their fields, their checks, and how the result is shown.

When such a time comes says `app.values.schedule`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime, time, tzinfo
from typing import Annotated, Any, Literal

import msgspec
from babel.dates import format_date
from msgspec import Meta

from app.flow.diagnostic import Diagnostic
from app.flow.operators import UNITS
from app.flow.scope import CompileScope
from app.flow.verbatim import Verbatim
from app.lib import time_of_day, translation
from app.lib.conversions import as_date, printed, quoted
from app.lib.translation import gettext, ngettext, translatable
from app.lib.zones import known_zone, zone_word
from app.values import zone_names
from app.values.schedule import WEEKDAYS, Weekday, offset_instant

CONTACT, WORKSPACE = "contact", "workspace"
TimeOfDay = Annotated[
    str, Verbatim("a time of day"), Meta(pattern=time_of_day.PATTERN, description="A time of day, such as 09:30.")
]
Zone = Annotated[
    str,
    Verbatim("a time zone"),
    Meta(
        max_length=100,
        description="`contact`: the contact’s time zone, the workspace’s where it has none; `workspace`; or a name like Europe/Berlin.",
    ),
]
MAX_DAYS = 365
"""The longest wait."""
MAX_OFFSET_DAYS = 3_650
_DAY_NAMES = (
    translatable("Monday"),
    translatable("Tuesday"),
    translatable("Wednesday"),
    translatable("Thursday"),
    translatable("Friday"),
    translatable("Saturday"),
    translatable("Sunday"),
)
WEEKDAY_WORDS = dict(zip(WEEKDAYS, _DAY_NAMES, strict=True))


class LocalTime(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True, frozen=True):
    """The next time of day, on one of some weekdays."""

    at: TimeOfDay = "09:00"
    weekdays: list[Weekday] = []
    zone: Zone = CONTACT


class Offset(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True, frozen=True):
    """A length of time before a date or after it."""

    duration: Annotated[float, Meta(ge=0)] = 0
    unit: Literal["seconds", "minutes", "hours", "days", "weeks"] = "days"
    direction: Literal["before", "after"] = "after"

    @property
    def by(self) -> float:
        """The length, negative before the date."""
        return self.duration if self.direction == "after" else -self.duration

    def beside(self, date: str) -> str:
        """`3 days before renewal`; the date alone without a length. `date`: what it is called."""
        if not self.duration:
            return date
        length = amount_in_words(self.duration, self.unit)
        if self.direction == "before":
            return gettext("%(time)s before %(date)s", time=length, date=date)
        return gettext("%(time)s after %(date)s", time=length, date=date)

    def diagnostics(self, path: str = "offset") -> list[Diagnostic]:
        """What its types cannot say."""
        if self.duration * UNITS[self.unit] <= MAX_OFFSET_DAYS * UNITS["days"]:
            return []
        return [
            Diagnostic(
                f"{path}.duration",
                gettext(
                    "An offset is at most %(max_offset_days)s days. Use a shorter one.", max_offset_days=MAX_OFFSET_DAYS
                ),
            )
        ]


NO_OFFSET = Offset()


_AMOUNTS: dict[str, Callable[[int, str], str]] = {
    "seconds": lambda n, shown: ngettext("%(number)s second", "%(number)s seconds", n, number=shown),
    "minutes": lambda n, shown: ngettext("%(number)s minute", "%(number)s minutes", n, number=shown),
    "hours": lambda n, shown: ngettext("%(number)s hour", "%(number)s hours", n, number=shown),
    "days": lambda n, shown: ngettext("%(number)s day", "%(number)s days", n, number=shown),
    "weeks": lambda n, shown: ngettext("%(number)s week", "%(number)s weeks", n, number=shown),
}
_UNIT_WORDS = {
    "seconds": translatable("seconds"),
    "minutes": translatable("minutes"),
    "hours": translatable("hours"),
    "days": translatable("days"),
    "weeks": translatable("weeks"),
}


def amount_in_words(amount: float | str, unit: str) -> str:
    """`1 day`, `36 hours`; a text stands for the number that it is written as."""
    shown = amount if isinstance(amount, str) else printed(amount)
    return _AMOUNTS[unit](1 if shown == "1" else 2, shown) if unit in _AMOUNTS else f"{shown} {unit}"


_SINGULARS = {
    "seconds": translatable("second"),
    "minutes": translatable("minute"),
    "hours": translatable("hour"),
    "days": translatable("day"),
    "weeks": translatable("week"),
}


def unit_in_words(unit: str) -> str:
    """`day`, where one of it is meant: within the last day."""
    return gettext(_SINGULARS[unit])


def unit_choices(units: Iterable[str]) -> list[tuple[str, str]]:
    """Units to choose from, as a select takes them."""
    return [(unit, gettext(_UNIT_WORDS.get(unit, unit))) for unit in units]


def date_in(value: Any, zone: tzinfo) -> datetime | None:
    """What clocks of `zone` show at the date, or date-time, that a value means; None when it is no date. A day begins at midnight."""
    moment = as_date(value)
    if moment is None:
        return None
    if not isinstance(moment, datetime):
        return datetime(moment.year, moment.month, moment.day)
    return moment.replace(tzinfo=None) if moment.tzinfo is None else moment.astimezone(zone).replace(tzinfo=None)


def date_instant(value: Any, zone: tzinfo, offset: Offset = NO_OFFSET, at: time | None = None) -> datetime | None:
    """The instant of a date, moved by an offset, at a time of day; None when the value is no date.

    Raises OverflowError beyond the calendar.
    """
    moment = as_date(value)
    if isinstance(moment, datetime) and moment.tzinfo is not None and at is None and not offset.duration:
        return moment  # it says itself which instant it is, also of an hour that comes twice
    try:
        local = date_in(value, zone)
        return None if local is None else offset_instant(local, offset.by, offset.unit, at, zone)
    except ValueError as error:
        raise OverflowError(str(error)) from error


def time_of(text: str) -> time:
    """A `TimeOfDay` as a time."""
    return time.fromisoformat(text)


def zone_reader(name: str, scope: CompileScope) -> Callable[[Any], tzinfo]:
    """The zone that a config means, for each run. One that this machine does not know counts as the workspace's."""
    if name == CONTACT:
        scope.field("contact.timezone")

        def of_contact(step: Any) -> tzinfo:
            zone: tzinfo = step.zone
            return zone

        return of_contact
    fixed = None if name == WORKSPACE else known_zone(name)

    def same(step: Any) -> tzinfo:
        return step.workspace_zone if fixed is None else fixed

    return same


def zone_diagnostics(name: str, path: str = "zone") -> list[Diagnostic]:
    """What is wrong with a zone of a config, and which name is meant instead."""
    if name in (CONTACT, WORKSPACE) or name in zone_names.timezones():
        return []
    try:
        text = gettext("%(name)s is not the name of a time zone here. Write %(name_2)s.")
        return [Diagnostic(path, text % {"name": quoted(name), "name_2": zone_names.zone(name)})]
    except zone_names.UnknownZone as error:
        return [Diagnostic(path, str(error))]


def ends_at(instant: datetime, zone: tzinfo) -> dict[str, str]:
    """The output of a wait that ends at an instant: `{resumedAt, zone}`, the instant as clocks of the zone show it."""
    return {"resumedAt": instant.astimezone(zone).isoformat(), "zone": str(zone)}


def end_of(output: Mapping[str, Any] | None) -> datetime | None:
    """The instant of `ends_at`; None when there is none."""
    text = (output or {}).get("resumedAt")
    return datetime.fromisoformat(text) if isinstance(text, str) else None


def end_in_words(output: Mapping[str, Any] | None) -> str:
    """`Tuesday, Dec 1, 2026 at 09:00 CET (Europe/Berlin)`; empty when there is no end."""
    end = end_of(output)
    zone_name = str((output or {}).get("zone", ""))
    if end is None:
        return ""
    zone = known_zone(zone_name)
    local = end if zone is None else end.astimezone(zone)
    place = f" ({zone_name})" if zone_name and zone_name != zone_word(local) else ""
    seconds = f"{local:%H:%M:%S}" if local.second else f"{local:%H:%M}"
    if translation.language() != translation.ENGLISH:
        day = format_date(local, "full", locale=translation.locale())
    else:
        day = f"{local:%A, %b} {local.day}, {local.year}"
    return gettext("%(day)s at %(time)s", day=day, time=f"{seconds} {zone_word(local)}{place}")


def zone_words(name: str) -> str:
    """Where a time of day is meant: `where the contact is`, `where the workspace is`, `in Europe/Berlin`."""
    if name == CONTACT:
        return gettext("where the contact is")
    return gettext("where the workspace is") if name == WORKSPACE else gettext("in %(zone)s", zone=name)


def weekdays_in_words(weekdays: Collection[str]) -> str:
    """`any day`, `Monday`, `Monday to Friday`, `Monday, Wednesday or Sunday`; in the order of the week."""
    days = [day for day in WEEKDAYS if day in weekdays]
    if not days or len(days) == len(WEEKDAYS):
        return gettext("any day")
    words = [gettext(WEEKDAY_WORDS[day]) for day in days]
    if len(days) > 2 and WEEKDAYS.index(days[-1]) - WEEKDAYS.index(days[0]) == len(days) - 1:
        return gettext("%(first)s to %(last)s", first=words[0], last=words[-1])
    return listed(words)


def listed(words: Iterable[str], last: str = "") -> str:
    """`a`, `a or b`, `a, b or c`; `last` stands for the `or`."""
    *most, end = words
    return f"{', '.join(most)} {last or gettext('or')} {end}" if most else end
