"""Hold the contact for a fixed time."""

from __future__ import annotations

from typing import Literal

import msgspec

from app.flow import registry
from app.flow.diagnostic import Diagnostic
from app.flow.node_type import NodeType
from app.flow.outcomes import Wait
from app.flow.scope import Scope

SECONDS = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86_400, "weeks": 604_800}
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
    def compile(config: DelayConfig, scope: Scope) -> Wait:
        return Wait(seconds=config.duration * SECONDS[config.unit])

    @classmethod
    def issues(cls, config: DelayConfig) -> list[Diagnostic]:
        if not config.duration > 0:
            return [Diagnostic("duration", "Wait for more than nothing: give a number above 0.")]
        if config.duration * SECONDS[config.unit] > MAX_DAYS * SECONDS["days"]:
            return [
                Diagnostic(
                    "duration", f"A wait may last {MAX_DAYS} days at most. Use a shorter one, or two after each other."
                )
            ]
        return []
