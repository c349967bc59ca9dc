"""Branch on what is known of the contact, the event or earlier steps."""

from __future__ import annotations

from typing import Any

import msgspec

from app.flow import registry
from app.flow.conditions import Condition as Rule
from app.flow.conditions import Match, diagnostics_of, fields, operators_of
from app.flow.diagnostic import Diagnostic, incomplete
from app.flow.node_type import NodeType, Port
from app.flow.operators import TIMED, ZONED, ConditionError
from app.flow.outcomes import Done, Fail, Outcome, Run
from app.flow.phrases import sentence
from app.flow.scope import CompileScope

REMEMBERED = 256


class ConditionConfig(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    conditions: list[Rule] = []
    match: Match = "all"


@registry.node
class ConditionStep(NodeType):
    type, label, category = "condition", "Condition", "logic"
    description = (
        "Sends each contact one of two ways, Yes or No, by rules over the contact, the event and earlier steps."
    )
    outputs = (Port("true", "Yes", "yes"), Port("false", "No", "no"))
    Config = ConditionConfig

    @staticmethod
    def compile(config: ConditionConfig, scope: CompileScope) -> Run:
        judge = scope.conditions(config.conditions, config.match)
        reads = [scope.field(path) for path in fields(config.conditions)]
        operators = set(operators_of(config.conditions))
        zoned = not operators.isdisjoint(ZONED)
        # The answer follows from the values that were found, so each set of them is judged, made and encoded once.
        outcomes: dict[Any, Outcome] = {}

        def decide(step: Any) -> Outcome:
            try:
                verdict = judge(step)
            except ConditionError as error:
                return Fail(str(error), permanent=True)
            port = "true" if verdict.held else "false"
            return Done(port, {"branch": port, "rules": verdict.rules})

        if operators & TIMED:  # the answer changes with the time of day
            return decide

        def run(step: Any) -> Outcome:
            values = [read(step) for read in reads]
            # Classes belong to the key: 1, 1.0 and true are the same key otherwise, but not the same value.
            key = (*values, *[value.__class__ for value in values])
            if zoned:
                key = (*key, step.zone)
            try:
                outcome = outcomes.get(key)
            except TypeError:  # a list or an object cannot be a key
                return decide(step)
            if outcome is None:
                outcome = decide(step)
                if len(outcomes) < REMEMBERED:
                    outcomes[key] = outcome
            return outcome

        return run

    @classmethod
    def diagnostics(cls, config: ConditionConfig) -> list[Diagnostic]:
        if not config.conditions:
            return [incomplete("conditions", "Add at least one condition.")]
        return diagnostics_of(config.conditions)

    @classmethod
    def summary(cls, config: ConditionConfig) -> str:
        words = sentence(msgspec.to_builtins(config.conditions), config.match)
        return f"If {words}" if words else ""
