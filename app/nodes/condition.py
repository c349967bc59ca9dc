"""Branch on what is known of the contact, the event or earlier steps."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from app.nodes import registry
from app.nodes.base import Done, Fail, Issue, NodeType, Outcome, Run
from app.nodes.conditions import Condition as Rule
from app.nodes.conditions import Verdict, issues
from app.nodes.operators import ConditionError
from app.nodes.scope import Scope

SEEN_LIMIT = 256


class ConditionConfig(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    conditions: list[Rule] = []
    match: Literal["all", "any"] = "all"


@registry.node
class Condition(NodeType):
    type, label, category = "condition", "Condition", "logic"
    description = (
        "Sends each contact one of two ways, Yes or No, by rules over the contact, the event and earlier steps."
    )
    ports = ("true", "false")
    Config = ConditionConfig

    @staticmethod
    def compile(config: ConditionConfig, scope: Scope) -> Run:
        judge = scope.conditions(config.conditions, config.match)
        # One outcome for each set of values met: the engine encodes each once, and most people share few.
        seen: dict[tuple[Any, ...], Outcome] = {}

        def outcome(verdict: Verdict) -> Outcome:
            port = "true" if verdict.held else "false"
            return Done(port, {"branch": port, "rules": verdict.rules})

        def run(step: Any) -> Outcome:
            try:
                verdict = judge(step)
            except ConditionError as error:
                return Fail(str(error), permanent=True)
            try:
                key = tuple([(rule["actual"].__class__, rule["actual"]) for rule in verdict.rules])
                known = seen.get(key)
            except (KeyError, TypeError):  # a nested group, or a value that cannot be a key
                return outcome(verdict)
            if known is None:
                known = outcome(verdict)
                if len(seen) < SEEN_LIMIT:
                    seen[key] = known
            return known

        return run

    @classmethod
    def issues(cls, config: ConditionConfig) -> list[Issue]:
        if not config.conditions:
            return [Issue("conditions", "Add at least one condition.", incomplete=True)]
        return issues(config.conditions)
