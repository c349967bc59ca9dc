"""A date of contacts at which a trigger starts runs: which one, how far from it, and how often. `app.dates` keeps and fires it."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Any, Literal

from app.flow import paths
from app.flow.local_time import CONTACT, NO_OFFSET, WORKSPACE, Offset, date_in
from app.lib.conversions import as_date, follow, is_blank, yearless_day
from app.lib.zones import zone_of
from app.values.contact_view import FIELD_COLUMNS
from app.values.schedule import Every, Occurrence, occurrences

MissedDate = Literal["skip", "once"]
"""What becomes of a date that has come while nobody could act: nothing, or one run, for the last one of a contact."""
ExistingDates = Literal["ignore", "enter", "only"]
"""What becomes of dates that have come already when a trigger goes live: nothing, a run beside those that follow, or the only runs."""
_PERIOD = {"once": None, "year": timedelta(days=400), "month": timedelta(days=40)}
"""Within which the last one of a date that comes back lies, with clocks of all zones."""
ZONES_APART = timedelta(hours=26)
"""Between the clocks of the first zone that has a day, and of the last."""
CREATED_AT = "created_at"
"""The one date that every contact has."""
_NOT_OF_CONTACTS = ("event", "steps", "vars", "consent", "segment")


class NoDate(ValueError):
    """A contact has something that is no date, or one that no calendar has."""


@dataclass(frozen=True)
class ContactDate:
    """`field`: a path to the date, of the contact. `at` None: the time of day that the date has, midnight without one.
    `existing_days`: how many days ago a date may have come that counts as existing; None: any number."""

    field: str
    offset: Offset = NO_OFFSET
    at: time | None = None
    zone: str = CONTACT
    every: Every = "once"
    missed: MissedDate = "once"
    existing: ExistingDates = "ignore"
    existing_days: int | None = None

    @functools.cached_property
    def names(self) -> tuple[str, ...]:
        """Where it is: an attribute and names below it; nothing when it is the time at which the contact was made.

        Raises ValueError when `field` is of no contact.
        """
        names = names_of_contact(self.field)
        if names is None:
            raise ValueError(f"{self.field} is not of a contact")
        return names

    @property
    def attribute(self) -> str | None:
        """The attribute that has it; None: it is the time at which the contact was made."""
        return self.names[0] if self.names else None

    @functools.cached_property
    def watched(self) -> frozenset[str]:
        """What of a contact moves it, as changes of contacts name it, and as effects of steps do."""
        attribute = (self.attribute, f"attributes.{self.attribute}") if self.attribute is not None else ()
        return frozenset((*attribute, *(("timezone",) if self.zone == CONTACT else ())))

    def value_of(self, created_at: datetime, attributes: Mapping[str, Any]) -> Any:
        """What a contact has there; None without anything."""
        if self.attribute is None:
            return created_at
        return follow(attributes, list(self.names))

    def zone_in(self, contact_zone: str | None, workspace_zone: str | None) -> tzinfo:
        """Whose clocks count."""
        if self.zone == CONTACT:
            return zone_of(contact_zone, workspace_zone)
        return zone_of(workspace_zone if self.zone == WORKSPACE else self.zone, workspace_zone)

    def occurrences(self, value: Any, zone: tzinfo, after: datetime) -> Iterator[Occurrence]:
        """When it comes after an instant, in order; nothing for a contact without one. Raises NoDate."""
        if is_blank(value):
            return iter(())
        try:
            local = date_in(value, zone) or (yearless(value) if self.every == "year" else None)
        except (OverflowError, ValueError):
            local = None
        if local is None:
            raise NoDate
        moment = as_date(value)
        if (
            self.every == "once"
            and self.at is None
            and not self.offset.duration
            and isinstance(moment, datetime)
            and moment.tzinfo is not None
        ):
            # It says itself which instant it is, also of an hour that comes twice.
            return iter([Occurrence(local, moment)] if moment > after else [])
        return occurrences(local, self.every, self.offset.by, self.offset.unit, self.at, zone, after)

    def following(self, value: Any, zone: tzinfo, after: datetime, fired_for: datetime | None) -> Occurrence | None:
        """The first of `occurrences` that is not the one that runs have started for already; None for a trigger that wants none of those
        to come. Raises NoDate."""
        dates = self.occurrences(value, zone, after)
        return None if self.existing == "only" else next((one for one in dates if one.local != fired_for), None)

    def come_already(self, value: Any, zone: tzinfo, until: datetime) -> Occurrence | None:
        """The last of `occurrences` up to an instant, when the trigger goes live; None for one that wants none of them. Raises NoDate."""
        if self.existing == "ignore":
            return None
        spans = [span for span in (_PERIOD[self.every], self._existing_span) if span is not None]
        after = until - min(spans) if spans else datetime.min.replace(tzinfo=UTC)
        last = None
        for one in self.occurrences(value, zone, after):
            if one.at > until:
                break
            last = one
        return last

    def moved_by_zone(self, value: Any, zone: tzinfo, at: datetime) -> Occurrence | None:
        """The one of `occurrences` that came at an instant by clocks of some zone, as those of this one have it, if it comes still; for a
        contact who moved before its turn. Raises NoDate."""
        first = next(self.occurrences(value, zone, at - ZONES_APART - timedelta(microseconds=1)), None)
        return first if first is not None and first.at <= at + ZONES_APART else None

    @property
    def _existing_span(self) -> timedelta | None:
        return None if self.existing_days is None else timedelta(days=self.existing_days)


def yearless(value: Any) -> datetime | None:
    """The midnight of a day without a year, in the year that such days are counted from; None for anything else."""
    day = yearless_day(value)
    return None if day is None else datetime.combine(day, time())


def names_of_contact(field: str) -> tuple[str, ...] | None:
    """The names of a path below the attributes of a contact, none for when it was made; None when it leads elsewhere or to what is no
    date."""
    if paths.problem(field) is not None:
        return None
    root, *names = paths.names_of(field)
    if root in _NOT_OF_CONTACTS:
        return None
    names = names if root == "contact" else [root, *names]
    if names[0] == "attributes":
        return tuple(names[1:]) or None
    if names[0] in FIELD_COLUMNS and len(names) == 1:
        return () if FIELD_COLUMNS[names[0]] == CREATED_AT else None
    return None if names[0] in ("tags", "id") else tuple(names)


def date_word(local: datetime) -> str:
    """A local date-time as runs read it: `2026-06-10`, and `2026-06-10T14:30:00` when it has a time of day."""
    return local.isoformat() if local.time() != time() else local.date().isoformat()
