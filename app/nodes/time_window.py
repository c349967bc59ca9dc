"""Let runs pass during the hours that were chosen, and hold the others until these begin."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from app.flow import registry
from app.flow.diagnostic import Diagnostic
from app.flow.local_time import (
    CONTACT,
    TimeOfDay,
    Zone,
    end_in_words,
    end_of,
    ends_at,
    time_of,
    weekdays_in_words,
    zone_diagnostics,
    zone_reader,
    zone_words,
)
from app.flow.node_type import NodeType
from app.flow.outcomes import DecidesAgain, Done, Outcome, Wait, refused
from app.flow.scope import CompileScope
from app.flow.step_view import StepRecord
from app.lib.formats import counted
from app.lib.translation import gettext, translatable
from app.values.schedule import Weekday, next_open

MAX_HOLIDAYS = 366
NEVER = refused(translatable("The window does not open within ten years: every day of it is a holiday."))
AT_ONCE = Done(output={"waited": False})


class TimeWindowConfig(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    opens: Annotated[TimeOfDay, Meta(title="From")] = msgspec.field(default="09:00", name="from")
    closes: Annotated[TimeOfDay, Meta(title="To")] = msgspec.field(default="17:00", name="to")
    weekdays: Annotated[list[Weekday], Meta(title="Weekdays")] = []
    holidays: Annotated[list[date], Meta(title="Holidays", max_length=MAX_HOLIDAYS)] = []
    zone: Annotated[Zone, Meta(title="Time zone")] = CONTACT


@registry.node
class TimeWindow(NodeType):
    type, label, category = "time_window", translatable("Time window"), "timing"
    description = translatable(
        "Lets each run pass during the hours and on the days that you choose, and holds the others until then."
    )
    Config = TimeWindowConfig

    @staticmethod
    def compile(config: TimeWindowConfig, scope: CompileScope) -> DecidesAgain:
        opens, closes = time_of(config.opens), time_of(config.closes)
        weekdays, holidays = frozenset(config.weekdays), frozenset(config.holidays)
        zone_of = zone_reader(config.zone, scope)

        def decide(step: Any, if_open: Outcome) -> Outcome:
            zone = zone_of(step)
            opening = next_open(step.now, opens, closes, zone, weekdays, holidays)
            if opening is None:
                return NEVER
            if opening <= step.now:
                return if_open
            return Wait(until=opening, output={"waited": True, **ends_at(opening, zone)})

        def woken(step: Any, noted: Any) -> Outcome:
            """It opened; a run that comes late, because its workflow was paused, may find it closed again."""
            return decide(step, Done(output=noted))

        return DecidesAgain(lambda step: decide(step, AT_ONCE), woken)

    @classmethod
    def diagnostics(cls, config: TimeWindowConfig) -> list[Diagnostic]:
        return zone_diagnostics(config.zone)

    @classmethod
    def summary(cls, config: TimeWindowConfig) -> str:
        days = "" if not config.weekdays else f", {weekdays_in_words(config.weekdays)}"
        hours = (
            gettext("any time")
            if config.opens == config.closes
            else gettext("%(opens)s to %(closes)s", opens=config.opens, closes=config.closes)
        )
        holidays = counted(len(config.holidays), "holiday") if config.holidays else ""
        without = gettext(", without %(holidays)s", holidays=holidays) if holidays else ""
        return gettext("Only %(hours)s%(days)s%(without)s", hours=hours, days=days, without=without)

    @classmethod
    def due_at(cls, config: TimeWindowConfig, step: StepRecord) -> datetime | None:
        return end_of(step.output)

    @classmethod
    def explain(cls, config: TimeWindowConfig | None, step: StepRecord) -> str:
        when = end_in_words(step.output)
        where = f", {zone_words(config.zone)}" if config is not None else ""
        if step.completed_at is None:
            return (
                gettext("Waits for the window to open%(where)s: %(when)s.", where=where, when=when)
                if when
                else gettext("Waits for the window to open.")
            )
        if when:
            return gettext("It was outside the window, so the run waited until %(when)s.", when=when)
        return gettext("It was inside the window%(where)s, so the run continued at once.", where=where)
