"""Hold the contact for a fixed time, and then until a time of day if wanted."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from app.flow import registry
from app.flow.diagnostic import Diagnostic
from app.flow.local_time import (
    MAX_DAYS,
    LocalTime,
    amount_in_words,
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
from app.flow.operators import UNITS
from app.flow.outcomes import Outcome, Run, Wait, refused
from app.flow.scope import CompileScope
from app.flow.step_view import StepRecord
from app.lib.formats import duration
from app.lib.translation import gettext, translatable
from app.values.schedule import next_at

SECONDS = UNITS
Until = Annotated[LocalTime | UnsetType | None, Meta(title="Until")]


class DelayConfig(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    duration: float = 1
    unit: Literal["seconds", "minutes", "hours", "days", "weeks"] = "days"
    until: Until = UNSET


@registry.node
class Delay(NodeType):
    type, label, category = "delay", translatable("Wait"), "timing"
    description = translatable(
        "Holds each contact here for a time, up to a year, and then until a time of day if you like."
    )
    Config = DelayConfig

    @staticmethod
    def compile(config: DelayConfig, scope: CompileScope) -> Wait | Run:
        seconds, until = config.duration * SECONDS[config.unit], config.until
        if not isinstance(until, LocalTime):
            return Wait(seconds=seconds)
        at, weekdays, zone_of = time_of(until.at), frozenset(until.weekdays), zone_reader(until.zone, scope)

        def run(step: Any) -> Outcome:
            zone = zone_of(step)
            end = next_at(step.now + timedelta(seconds=seconds), at, zone, weekdays)
            return (
                refused(gettext("This wait would never end."))
                if end is None
                else Wait(until=end, output=ends_at(end, zone))
            )

        return run

    @classmethod
    def diagnostics(cls, config: DelayConfig) -> list[Diagnostic]:
        until = config.until if isinstance(config.until, LocalTime) else None
        wrong = zone_diagnostics(until.zone, "until.zone") if until else []
        if not (config.duration > 0 or (until and config.duration == 0)):
            return [*wrong, Diagnostic("duration", gettext("Wait for more than nothing: give a number above 0."))]
        if config.duration * SECONDS[config.unit] > MAX_DAYS * SECONDS["days"]:
            message = gettext(
                "A wait may last %(max_days)s days at most. Use a shorter one, or two after each other.",
                max_days=MAX_DAYS,
            )
            return [*wrong, Diagnostic("duration", message)]
        return wrong

    @classmethod
    def summary(cls, config: DelayConfig) -> str:
        """In the largest unit that gives a whole number: 86,400 seconds are 1 day."""
        length, until = _length(config), config.until
        if not isinstance(until, LocalTime):
            return gettext("Wait %(time)s", time=length) if length else ""
        when = until.at
        if until.weekdays:
            when = gettext("%(time)s on %(days)s", time=when, days=weekdays_in_words(until.weekdays))
        if not length:
            return gettext("Wait until %(time)s", time=when)
        return gettext("Wait %(length)s, then until %(time)s", length=length, time=when)

    @classmethod
    def due_at(cls, config: DelayConfig, step: StepRecord) -> datetime | None:
        if (end := end_of(step.output)) is not None:
            return end
        wait = timedelta(seconds=config.duration * SECONDS[config.unit])
        return step.started_at + wait if step.started_at else None

    @classmethod
    def explain(cls, config: DelayConfig | None, step: StepRecord) -> str:
        until = end_in_words(step.output)
        if step.completed_at is None:
            if not until:
                return gettext("The run waits here.")
            if config and isinstance(config.until, LocalTime):
                return gettext(
                    "The run waits here until %(time)s, %(where)s.", time=until, where=zone_words(config.until.zone)
                )
            return gettext("The run waits here until %(time)s.", time=until)
        if step.started_at is None:
            return gettext("Waited until %(time)s.", time=until) if until else gettext("Waited.")
        length = duration(step.completed_at - step.started_at)
        if until:
            return gettext("Waited %(length)s, until %(time)s.", length=length, time=until)
        return gettext("Waited %(length)s.", length=length)


def _length(config: DelayConfig) -> str:
    if not config.duration > 0:
        return ""
    amount, unit = config.duration, str(config.unit)
    total = amount * SECONDS[unit]
    for name, size in SECONDS.items():
        if total % size == 0:
            amount, unit = total / size, name
    return amount_in_words(amount, unit)
