"""A date of the contact starts a run: on its birthday each year, three days before a renewal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from app.flow import paths, trigger_registry
from app.flow.conditions import Match
from app.flow.contact_date import ContactDate, ExistingDates, MissedDate, names_of_contact
from app.flow.diagnostic import Diagnostic, incomplete
from app.flow.document import Conditions
from app.flow.field_names import field_name
from app.flow.local_time import CONTACT, NO_OFFSET, Offset, TimeOfDay, Zone, time_of, zone_diagnostics, zone_words
from app.flow.trigger_type import Admission, TriggerPreview, TriggerType
from app.flow.verbatim import Verbatim
from app.lib.formats import counted
from app.lib.translation import gettext, translatable

MOST_EXISTING_DAYS = 36_500
LONGEST_YEARLY_DAYS = 365
"""An offset of a date that comes back: further away it would be another one's."""


class DateConfig(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True, frozen=True):
    """A date of the contact, moved by an offset, at a time of day in a zone, once or each time that it comes back."""

    field: Annotated[
        str,
        Verbatim("a path"),
        Meta(max_length=paths.MAX_PATH, title="Date", description="Such as `contact.attributes.birthday`."),
    ] = ""
    offset: Annotated[Offset | None, Meta(title="Offset")] = None
    at: Annotated[
        TimeOfDay | None,
        Meta(
            title="At", description="Without one, the time of day that the date has; a plain date begins at midnight."
        ),
    ] = None
    zone: Annotated[Zone, Meta(title="Time zone")] = CONTACT
    every: Annotated[
        Literal["once", "year", "month"],
        Meta(title="How often", description="A day that a year or a month lacks, such as 29 February, is its last."),
    ] = "once"
    missed: Annotated[MissedDate, Meta(title="After an outage")] = "once"
    existing: Annotated[
        ExistingDates,
        Meta(
            title="Whose date has come already",
            description="`enter`: they enter when the workflow goes live; `only`: they do, and nobody whose date comes later. The last date"
            " of a contact counts.",
        ),
    ] = "ignore"
    existing_days: Annotated[
        Annotated[int, Meta(ge=1, le=MOST_EXISTING_DAYS)] | None,
        Meta(title="Within", description="How many days ago it may have come; without one, any number."),
    ] = None
    max_per_firing: Annotated[
        Annotated[int, Meta(ge=1, le=100_000_000)] | None,
        Meta(
            title="At most",
            description="Contacts who enter for one day of the date; those whose date had come already are one firing.",
        ),
    ] = None
    conditions: Conditions = []
    match: Match = "all"


@trigger_registry.trigger
class DateTrigger(TriggerType):
    type, label = "date", translatable("A date of the contact")
    description = translatable(
        "Starts at a date of each contact, or some time before or after it: a birthday each year, a renewal once."
    )
    Config = DateConfig

    @classmethod
    def event_name(cls, config: DateConfig) -> str:
        return "date.reached"

    @classmethod
    def brings(cls, config: DateConfig) -> Mapping[str, str]:
        return {"date": "date", "field": "text"}

    @classmethod
    def contact_date(cls, config: DateConfig) -> ContactDate | None:
        if names_of_contact(config.field) is None:
            return None
        return ContactDate(
            field=config.field,
            offset=config.offset or NO_OFFSET,
            at=time_of(config.at) if config.at else None,
            zone=config.zone or CONTACT,
            every=config.every,
            missed=config.missed,
            existing=config.existing,
            existing_days=config.existing_days if config.existing != "ignore" else None,
        )

    @classmethod
    def most_by_firing(cls, config: DateConfig) -> int | None:
        return config.max_per_firing

    @classmethod
    def admission(cls, config: DateConfig) -> Admission:
        return Admission(config.conditions, config.match)

    @classmethod
    def title(cls, config: DateConfig) -> str:
        return _when(config) if config.field.strip() else gettext("No date chosen")

    @classmethod
    def summary(cls, config: DateConfig) -> str:
        return f"{_when(config)}{_at(config)}" if config.field.strip() else gettext("No date chosen yet")

    @classmethod
    def explain(cls, config: DateConfig, event: Mapping[str, Any]) -> str:
        when = _when(config)
        return (
            gettext("The time had come: %(when)s.", when=_lower(when))
            if config.field.strip()
            else gettext("A date had come.")
        )

    @classmethod
    def preview(cls, config: DateConfig) -> TriggerPreview:
        title = (
            gettext("It starts: %(when)s", when=_lower(cls.summary(config)))
            if config.field.strip()
            else gettext("It waits for a date")
        )
        words = cls.admission(config).words
        who = (
            gettext("for each contact who has the date, when %(conditions)s", conditions=words)
            if words
            else gettext("for each contact who has the date")
        )
        if most := config.max_per_firing:
            who = gettext("%(who)s, at most %(contacts)s each time", who=who, contacts=counted(most, "contact"))
        return TriggerPreview(title, f"{who}. {_existing(config)} {gettext(_MISSED[config.missed])}")

    @classmethod
    def diagnostics(cls, config: DateConfig) -> list[Diagnostic]:
        wrong = [*super().diagnostics(config), *zone_diagnostics(config.zone or CONTACT)]
        if config.offset is not None:
            wrong += config.offset.diagnostics()
            if not wrong and config.every != "once" and _days(config.offset) > LONGEST_YEARLY_DAYS:
                message = gettext(
                    "Of a date that comes back, an offset is at most %(longest_yearly_days)s days.",
                    longest_yearly_days=LONGEST_YEARLY_DAYS,
                )
                wrong.append(Diagnostic("offset.duration", message))
        if not config.field.strip():
            return [
                *wrong,
                incomplete("field", gettext("Choose a date of the contact, such as contact.attributes.birthday.")),
            ]
        if (problem := paths.problem(config.field)) is not None:
            return [*wrong, Diagnostic("field", problem)]
        if names_of_contact(config.field) is None:
            message = gettext(
                "Choose a date of the contact: an attribute such as contact.attributes.birthday, or contact.created_at."
            )
            return [*wrong, Diagnostic("field", message)]
        return wrong


_EVERY = {
    "year": translatable("Each year: %(date)s"),
    "month": translatable("Each month: %(date)s"),
}
_EXISTING = {
    "ignore": translatable("Dates that have passed already start nothing."),
    "enter": translatable("Whose date has passed already{within} enters when it goes live."),
    "only": translatable(
        "Only whose date has passed already{within} enters, when it goes live; nobody whose date comes later."
    ),
}
_MISSED = {
    "skip": translatable("A date that comes while the workflow is paused, or the product does not run, is left out."),
    "once": translatable(
        "A date that comes while the workflow is paused, or the product does not run, starts a run afterwards."
    ),
}


def _existing(config: DateConfig) -> str:
    """What becomes of those whose date has passed."""
    days = config.existing_days
    within = gettext(", in the last %(days)s,", days=counted(days, "day")) if days else ""
    return gettext(_EXISTING[config.existing]).format(within=within)


def _when(config: DateConfig) -> str:
    """`Each year: 3 days before birthday`, `On renewal`."""
    date = field_name(config.field)
    offset = config.offset or NO_OFFSET
    when = offset.beside(date) if offset.duration else gettext("On %(date)s", date=date)
    return when if config.every == "once" else gettext(_EVERY[config.every], date=when[:1].lower() + when[1:])


def _at(config: DateConfig) -> str:
    zone = zone_words(config.zone or CONTACT)
    return gettext(" at %(time)s %(zone)s", time=config.at, zone=zone) if config.at else ""


def _days(offset: Offset) -> float:
    per_day = {"seconds": 86_400, "minutes": 1_440, "hours": 24, "days": 1, "weeks": 1 / 7}
    return offset.duration / per_day[offset.unit]


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
