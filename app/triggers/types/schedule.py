"""The clock starts runs: at the times of a schedule, without a contact, for a segment, or for each contact that meets conditions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from app.flow import trigger_registry
from app.flow.conditions import Match
from app.flow.diagnostic import Diagnostic, incomplete
from app.flow.document import Conditions
from app.flow.local_time import WORKSPACE, zone_diagnostics, zone_words
from app.flow.references import Ref
from app.flow.timetable import Missed, Timetable
from app.flow.trigger_type import Admission, ContactRule, TriggerPreview, TriggerType
from app.lib.formats import counted
from app.lib.translation import gettext, translatable
from app.values.cron import MAX_LENGTH, BadCron, cron_of
from app.values.cron_words import cron_words

NOBODY: Literal["none"] = "none"


class ScheduleAudience(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True, frozen=True):
    """The members of a segment; without one, each contact that meets the conditions."""

    segment_id: Annotated[UUID | None, Ref("segment")] = None
    conditions: Conditions = []
    match: Match = "all"


class ScheduleConfig(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True, frozen=True):
    """Times in the five fields of cron, in a zone, and for whom runs start then."""

    cron: Annotated[str, Meta(max_length=MAX_LENGTH, title="Schedule")] = ""
    timezone: Annotated[
        str, Meta(max_length=100, title="Time zone", description="`workspace`, or a name like Europe/Berlin.")
    ] = WORKSPACE
    audience: Annotated[Literal["none"] | ScheduleAudience, Meta(title="For whom")] = NOBODY
    missed: Annotated[Missed, Meta(title="After an outage")] = "once"
    max_per_firing: Annotated[Annotated[int, Meta(ge=1, le=100_000_000)] | None, Meta(title="At most")] = None


@trigger_registry.trigger
class ScheduleTrigger(TriggerType):
    type, label = "schedule", translatable("On a schedule")
    description = translatable("Starts by the clock: every weekday at nine, on the first of each month.")
    Config = ScheduleConfig

    @classmethod
    def event_name(cls, config: ScheduleConfig) -> str:
        return "schedule.fired"

    @classmethod
    def brings(cls, config: ScheduleConfig) -> Mapping[str, str]:
        return {"scheduledAt": "date"}

    @classmethod
    def timetable(cls, config: ScheduleConfig) -> Timetable | None:
        try:
            cron = cron_of(config.cron)
        except BadCron:
            return None
        audience = config.audience if isinstance(config.audience, ScheduleAudience) else None
        return Timetable(
            fires=cron.fires,
            zone=config.timezone or WORKSPACE,
            missed=config.missed,
            of_contacts=audience is not None,
            segment_id=audience.segment_id if audience else None,
            most=config.max_per_firing,
        )

    @classmethod
    def admission(cls, config: ScheduleConfig) -> Admission:
        if isinstance(config.audience, ScheduleAudience):
            return Admission(config.audience.conditions, config.audience.match, define_audience=True)
        return Admission()

    @classmethod
    def contact_rule(cls, config: ScheduleConfig) -> ContactRule:
        return ContactRule.NONE if config.audience == NOBODY else ContactRule.REQUIRED

    @classmethod
    def title(cls, config: ScheduleConfig) -> str:
        return cron_words(config.cron) or gettext("No time chosen")

    @classmethod
    def summary(cls, config: ScheduleConfig) -> str:
        when = cron_words(config.cron)
        return (
            gettext("%(when)s %(where)s", when=when, where=zone_words(config.timezone))
            if when
            else gettext("No time chosen yet")
        )

    @classmethod
    def explain(cls, config: ScheduleConfig, event: Mapping[str, Any]) -> str:
        return gettext("%(value)s: the clock started it.", value=cron_words(config.cron) or gettext("A schedule"))

    @classmethod
    def preview(cls, config: ScheduleConfig) -> TriggerPreview:
        title = cls.summary(config) if cron_words(config.cron) else gettext("It starts by the clock")
        return TriggerPreview(title, f"{_whom(config)}. {gettext(_MISSED[config.missed])}")

    @classmethod
    def diagnostics(cls, config: ScheduleConfig) -> list[Diagnostic]:
        conditions = [msgspec.structs.replace(one, path=f"audience.{one.path}") for one in super().diagnostics(config)]
        wrong = [*conditions, *zone_diagnostics(config.timezone or WORKSPACE, "timezone")]
        if config.timezone == "contact":
            wrong.append(
                Diagnostic("timezone", gettext("A schedule has one time zone: the workspace’s, or one by its name."))
            )
        if not config.cron.strip():
            return [*wrong, incomplete("cron", gettext("Say when it starts, such as 0 9 * * mon-fri."))]
        try:
            cron_of(config.cron)
        except BadCron as error:
            wrong.append(Diagnostic("cron", str(error), blocks_save=False))
        return wrong


_MISSED = {
    "skip": translatable("Times that pass while the workflow is paused, or the product does not run, are left out."),
    "once": translatable(
        "When times have passed while it was paused, or the product did not run, it starts once for all of them."
    ),
    "all": translatable(
        "Times that pass while it is paused, or the product does not run, are made up for: the last hundred at most."
    ),
}


def _whom(config: ScheduleConfig) -> str:
    """Who gets a run each time, to end a sentence."""
    audience = config.audience
    if not isinstance(audience, ScheduleAudience):
        return gettext("one run each time, without a contact")
    who = _of_audience(audience)
    most = config.max_per_firing
    return (
        gettext("%(who)s, at most %(contacts)s each time", who=who, contacts=counted(most, "contact")) if most else who
    )


def _of_audience(audience: ScheduleAudience) -> str:
    words = Admission(audience.conditions, audience.match).words
    if audience.segment_id is not None:
        if words:
            return gettext("for each contact who is in the segment then and for whom %(conditions)s", conditions=words)
        return gettext("for each contact who is in the segment then")
    if words:
        return gettext("for each contact when %(conditions)s", conditions=words)
    return gettext("for each contact of the workspace")
