"""Branch on what is known of the contact, the event or earlier steps."""

from __future__ import annotations

from typing import Any

import msgspec

from app.flow import registry
from app.flow.conditions import Condition as Rule
from app.flow.conditions import Match, diagnostics_of
from app.flow.decisions import decided
from app.flow.diagnostic import Diagnostic, incomplete
from app.flow.node_type import NodeType, Port
from app.flow.outcomes import Done, Outcome, Run
from app.flow.phrases import sentence
from app.flow.scope import CompileScope


class ConditionConfig(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    conditions: list[Rule] = []
    match: Match = "all"


@registry.node
class ConditionStep(NodeType):
    type, label, category = "condition", "Condition", "logic"
    description = (
        "Sends each contact one of two ways, Yes or No, by rules over the contact, the event and earlier steps."
    )
    aliases = ("conditional",)
    outputs = (Port("true", "Yes", "yes"), Port("false", "No", "no"))
    Config = ConditionConfig

    @staticmethod
    def compile(config: ConditionConfig, scope: CompileScope) -> Run:
        judge = scope.conditions(config.conditions, config.match)

        def decide(step: Any) -> Outcome:
            verdict = judge(step)
            port = "true" if verdict.held else "false"
            return Done(port, {"branch": port, "rules": verdict.rules})

        return decided(decide, (), config.conditions, scope)

    @classmethod
    def diagnostics(cls, config: ConditionConfig) -> list[Diagnostic]:
        if not config.conditions:
            return [incomplete("conditions", "Add at least one condition.")]
        return diagnostics_of(config.conditions)

    @classmethod
    def summary(cls, config: ConditionConfig) -> str:
        words = sentence(msgspec.to_builtins(config.conditions), config.match)
        return f"If {words}" if words else ""
