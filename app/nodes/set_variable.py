"""Remember values for later steps of the run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from app.flow import registry
from app.flow.diagnostic import Diagnostic, incomplete
from app.flow.effects import MAX_VARS_BYTES, SetVars
from app.flow.named_values import MAX_VALUE_DEPTH, named_value_diagnostics
from app.flow.node_type import NodeType
from app.flow.outcomes import Done, Outcome, Run, refused
from app.flow.placeholders import in_words
from app.flow.scope import CompileScope, is_constant
from app.flow.step_view import StepRecord
from app.lib import jsonlimits
from app.lib.translation import gettext, translatable


class SetVariableConfig(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    set: dict[str, Any] = {}


def _remembered(values: dict[str, Any]) -> Outcome:
    """Raises jsonlimits.Unstorable."""
    jsonlimits.storable_bytes(values, max_bytes=MAX_VARS_BYTES, max_depth=MAX_VALUE_DEPTH)
    return Done(output=values, effects=(SetVars(values),))


@registry.node
class SetVariable(NodeType):
    type, label, category = "set_variable", translatable("Set variable"), "data"
    description = translatable(
        "Remembers values for the steps behind it: they read them as vars.name. Nothing of the contact changes."
    )
    Config = SetVariableConfig

    @staticmethod
    def compile(config: SetVariableConfig, scope: CompileScope) -> Run | Outcome:
        if is_constant(config.set):
            try:
                return _remembered(config.set)
            except jsonlimits.Unstorable as error:
                return refused(gettext("Nothing was remembered. %(error)s", error=error))
        values = scope.value(config.set)

        def run(step: Any) -> Outcome:
            try:
                return _remembered(values(step))
            except jsonlimits.Unstorable as error:
                return refused(gettext("Nothing was remembered. %(error)s", error=error))

        return run

    @classmethod
    def diagnostics(cls, config: SetVariableConfig) -> list[Diagnostic]:
        if not config.set:
            return [incomplete("set", gettext("Name at least one variable."))]
        return named_value_diagnostics(config.set, "variable", MAX_VARS_BYTES)

    @classmethod
    def variables(cls, config: SetVariableConfig) -> Mapping[str, str]:
        return dict.fromkeys(config.set, "")

    @classmethod
    def summary(cls, config: SetVariableConfig) -> str:
        return ", ".join(f"{name} = {in_words(value)}" for name, value in config.set.items())

    @classmethod
    def explain(cls, config: SetVariableConfig | None, step: StepRecord) -> str:
        set_names = ", ".join(step.output or {})
        return (
            gettext("Remembered %(set_names)s.", set_names=set_names)
            if set_names
            else gettext("Nothing was remembered.")
        )
