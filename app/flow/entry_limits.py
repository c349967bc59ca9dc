"""How many a workflow lets in, how fast, and between which dates: what its settings mean. Pure."""

from __future__ import annotations

import functools
from datetime import date, datetime, timedelta, tzinfo
from typing import Any, NamedTuple

from app.flow.outcomes import Read
from app.flow.scope import CompileScope, is_constant
from app.flow.settings import FlowSettings
from app.lib.conversions import as_date
from app.lib.zones import zone_of, zone_word
from app.liquid.templates import LiquidError
from app.values.schedule import instant_of

Reason = tuple[str, dict[str, Any] | None]
"""Why somebody may not enter, as a stable word, and what to know about it."""


class EntryLimits(NamedTuple):
    """None: without a limit."""

    per_minute: int | None = None
    """Runs that begin within a minute."""
    at_once: int | None = None
    """Runs under way at the same time."""
    most: int | None = None
    """Runs that ever begin."""

    @classmethod
    def of(cls, settings: FlowSettings) -> EntryLimits:
        """Those of a workflow's settings."""
        numbers = settings.rate_limit_per_minute, settings.rate_limit_max_concurrent, settings.max_entries
        return cls(*(number if isinstance(number, int) else None for number in numbers))

    @property
    def limited(self) -> bool:
        """Is there one? Then starts wait for their turn, which is given to one after the other."""
        return self != NO_LIMITS


NO_LIMITS = EntryLimits()


class Opening(NamedTuple):
    """Between which instants a workflow lets somebody in. None: without that end."""

    opens: datetime | None = None
    closes: datetime | None = None
    """The first instant at which nobody enters any more."""

    @classmethod
    def of(cls, settings: FlowSettings, workspace_zone: str) -> Opening:
        """Of a workflow's settings; their dates are those of its own zone, else of the workspace's.

        A date alone begins and ends with its day. What cannot be understood counts as not said: validation refuses it.
        """
        return _opening(
            settings.active_from or None, settings.active_until or None, settings.timezone or None, workspace_zone
        )

    def refusal(self, arrived: datetime, now: datetime) -> Reason | None:
        """Why whoever `arrived` may not enter `now`; None when they may."""
        if self.opens is not None and arrived < self.opens:
            return "not_open_yet", {"from": self.opens.isoformat(), "zone": zone_word(self.opens)}
        return self.closed(now)

    def closed(self, now: datetime) -> Reason | None:
        """Is it over? Then it is for whoever waits, too."""
        if self.closes is not None and now >= self.closes:
            return "closed", {"until": self.closes.isoformat(), "zone": zone_word(self.closes)}
        return None


ALWAYS_OPEN = Opening()


@functools.lru_cache(maxsize=1024)
def _opening(active_from: str | None, active_until: str | None, timezone: str | None, workspace_zone: str) -> Opening:
    zone = zone_of(timezone, workspace_zone)
    return Opening(moment_of(active_from, zone), moment_of(active_until, zone, whole_day=True))


def moment_of(value: object, zone: tzinfo, *, whole_day: bool = False) -> datetime | None:
    """The instant that a date or a date-time means in `zone`, shown by its clocks; None when it is neither.

    `whole_day`: a date alone means the end of that day.
    """
    moment = as_date(value) if isinstance(value, str) else None
    try:
        if isinstance(moment, datetime):
            return (moment if moment.tzinfo is not None else instant_of(moment, zone)).astimezone(zone)
        if isinstance(moment, date):
            day = moment + timedelta(days=1) if whole_day else moment
            return instant_of(datetime(day.year, day.month, day.day), zone).astimezone(zone)
    except (OverflowError, ValueError):
        return None
    return None


def entry_key_reader(source: Any, scope: CompileScope) -> Read:
    """What tells the runs of a contact apart: a path such as `event.order_id`, or Liquid. Raises LiquidError.

    The reader raises ConditionError or LiquidError where there is no saying.
    """
    return scope.value(source) if is_liquid(source) else scope.field(source)


def entry_key_reads(settings: FlowSettings) -> list[str]:
    """Paths of the event that the entry key is made of; none where it cannot be understood."""
    key = settings.entry_key
    if not isinstance(key, str) or not key:
        return []
    if not is_liquid(key):
        return [key] if key.startswith("event.") else []
    scope = CompileScope()
    try:
        entry_key_reader(key, scope)
    except LiquidError:
        return []
    return sorted(path for path in scope.reads if path.startswith("event.") and not path.endswith("*"))


def is_liquid(source: str) -> bool:
    """Is an entry key a text with placeholders, and not a path?"""
    return not is_constant(source)
