"""Hold the contact for a fixed time."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

import msgspec

from app.flow import registry
from app.flow.diagnostic import Diagnostic
from app.flow.node_type import NodeType
from app.flow.operators import UNITS
from app.flow.outcomes import Wait
from app.flow.scope import CompileScope
from app.flow.step_view import StepRecord
from app.lib.conversions import printed
from app.lib.formats import duration

SECONDS = UNITS
MAX_DAYS = 365


class DelayConfig(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    duration: float = 1
    unit: Literal["seconds", "minutes", "hours", "days", "weeks"] = "days"


@registry.node
class Delay(NodeType):
    type, label, category = "delay", "Wait", "timing"
    description = "Holds each contact here for a fixed time, from a second to a year, then goes on."
    Config = DelayConfig

    @staticmethod
    def compile(config: DelayConfig, scope: CompileScope) -> Wait:
        return Wait(seconds=config.duration * SECONDS[config.unit])

    @classmethod
    def diagnostics(cls, config: DelayConfig) -> list[Diagnostic]:
        if not config.duration > 0:
            return [Diagnostic("duration", "Wait for more than nothing: give a number above 0.")]
        if config.duration * SECONDS[config.unit] > MAX_DAYS * SECONDS["days"]:
            return [
                Diagnostic(
                    "duration", f"A wait may last {MAX_DAYS} days at most. Use a shorter one, or two after each other."
                )
            ]
        return []

    @classmethod
    def summary(cls, config: DelayConfig) -> str:
        """In the largest unit that gives a whole number: 86,400 seconds are 1 day."""
        if not config.duration > 0:
            return ""
        amount, unit = config.duration, str(config.unit)
        total = amount * SECONDS[unit]
        for name, size in SECONDS.items():
            if total % size == 0:
                amount, unit = total / size, name
        return f"Wait {printed(amount)} {unit.removesuffix('s') if amount == 1 else unit}"

    @classmethod
    def due_at(cls, config: DelayConfig, step: StepRecord) -> datetime | None:
        wait = timedelta(seconds=config.duration * SECONDS[config.unit])
        return step.started_at + wait if step.started_at else None

    @classmethod
    def explain(cls, config: DelayConfig | None, step: StepRecord) -> str:
        if step.completed_at is None:
            return "The run waits here."
        if step.started_at is None:
            return "Waited."
        return f"Waited {duration(step.completed_at - step.started_at)}."
