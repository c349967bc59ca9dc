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
from app.lib.conversions import printed
from app.lib.formats import duration
from app.values.schedule import next_at

SECONDS = UNITS
Until = Annotated[LocalTime | UnsetType | None, Meta(title="Until")]


class DelayConfig(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    duration: float = 1
    unit: Literal["seconds", "minutes", "hours", "days", "weeks"] = "days"
    until: Until = UNSET


@registry.node
class Delay(NodeType):
    type, label, category = "delay", "Wait", "timing"
    description = "Holds each contact here for a time, up to a year, and then until a time of day if you like."
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
            return refused("This wait would never end.") if end is None else Wait(until=end, output=ends_at(end, zone))

        return run

    @classmethod
    def diagnostics(cls, config: DelayConfig) -> list[Diagnostic]:
        until = config.until if isinstance(config.until, LocalTime) else None
        wrong = zone_diagnostics(until.zone, "until.zone") if until else []
        if not (config.duration > 0 or (until and config.duration == 0)):
            return [*wrong, Diagnostic("duration", "Wait for more than nothing: give a number above 0.")]
        if config.duration * SECONDS[config.unit] > MAX_DAYS * SECONDS["days"]:
            message = f"A wait may last {MAX_DAYS} days at most. Use a shorter one, or two after each other."
            return [*wrong, Diagnostic("duration", message)]
        return wrong

    @classmethod
    def summary(cls, config: DelayConfig) -> str:
        """In the largest unit that gives a whole number: 86,400 seconds are 1 day."""
        length, until = _length(config), config.until
        if not isinstance(until, LocalTime):
            return f"Wait {length}" if length else ""
        day = f" on {weekdays_in_words(until.weekdays)}" if until.weekdays else ""
        return f"Wait {f'{length}, then ' if length else ''}until {until.at}{day}"

    @classmethod
    def due_at(cls, config: DelayConfig, step: StepRecord) -> datetime | None:
        if (end := end_of(step.output)) is not None:
            return end
        wait = timedelta(seconds=config.duration * SECONDS[config.unit])
        return step.started_at + wait if step.started_at else None

    @classmethod
    def explain(cls, config: DelayConfig | None, step: StepRecord) -> str:
        until = f" until {words}" if (words := end_in_words(step.output)) else ""
        if step.completed_at is None:
            where = f", {zone_words(config.until.zone)}" if config and isinstance(config.until, LocalTime) else ""
            return f"The run waits here{until}{where if until else ''}."
        if step.started_at is None:
            return f"Waited{until}."
        return f"Waited {duration(step.completed_at - step.started_at)}{until and ','}{until}."


def _length(config: DelayConfig) -> str:
    if not config.duration > 0:
        return ""
    amount, unit = config.duration, str(config.unit)
    total = amount * SECONDS[unit]
    for name, size in SECONDS.items():
        if total % size == 0:
            amount, unit = total / size, name
    return f"{printed(amount)} {unit.removesuffix('s') if amount == 1 else unit}"
