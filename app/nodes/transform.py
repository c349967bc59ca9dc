"""Build an object of values for later steps: field by field, or by one expression."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from app.flow import registry
from app.flow.diagnostic import Diagnostic, incomplete
from app.flow.named_values import MAX_VALUE_DEPTH, named_value_diagnostics
from app.flow.node_type import NodeType
from app.flow.outcomes import Done, Fail, Outcome, Run, refused
from app.flow.placeholders import in_words
from app.flow.scope import CompileScope, is_constant
from app.flow.step_view import StepRecord
from app.flow.verbatim import Verbatim
from app.lib import jsonlimits
from app.lib.translation import gettext, translatable
from app.values.cel_expressions import BadExpression, ExpressionFailed, compile_expression

MAX_BYTES = 65_536


class TransformConfig(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    set: dict[str, Any] = {}
    expression: Annotated[str, Verbatim("CEL")] = ""


def _built(value: Any) -> Outcome:
    """Raises jsonlimits.Unstorable."""
    jsonlimits.storable_bytes(value, max_bytes=MAX_BYTES, max_depth=MAX_VALUE_DEPTH)
    return Done(output=value)


@registry.node
class Transform(NodeType):
    type, label, category = "transform", translatable("Transform"), "data"
    description = translatable(
        "Builds an object from the event, the contact and earlier steps, for the steps behind it to read."
    )
    Config = TransformConfig

    @staticmethod
    def compile(config: TransformConfig, scope: CompileScope) -> Run | Outcome:
        if not config.expression.strip() and is_constant(config.set):
            try:
                return _built(config.set)
            except jsonlimits.Unstorable as error:
                return refused(gettext("Nothing was built. %(error)s", error=error))
        read = scope.expression(config.expression) if config.expression.strip() else scope.value(config.set)

        def run(step: Any) -> Outcome:
            try:
                value = read(step)
            except ExpressionFailed as error:
                return Fail(gettext("The expression failed. %(error)s", error=error), permanent=True)
            if not isinstance(value, dict):
                return refused(gettext("The expression comes to no object. Write one, such as {'total': event.total}."))
            try:
                return _built(value)
            except jsonlimits.Unstorable as error:
                return refused(gettext("Nothing was built. %(error)s", error=error))

        return run

    @classmethod
    def diagnostics(cls, config: TransformConfig) -> list[Diagnostic]:
        expression = config.expression.strip()
        if not expression and not config.set:
            return [incomplete("set", gettext("Name at least one value, or write an expression."))]
        if expression and config.set:
            return [Diagnostic("expression", gettext("Build the object from values or by an expression, not by both."))]
        if not expression:
            return named_value_diagnostics(config.set, "value", MAX_BYTES)
        try:
            compile_expression(config.expression)
        except BadExpression as error:
            return [incomplete("expression", str(error))]
        return []

    @classmethod
    def results(cls, config: TransformConfig) -> Mapping[str, str]:
        return dict.fromkeys(config.set, "")

    @classmethod
    def summary(cls, config: TransformConfig) -> str:
        if config.expression.strip():
            return " ".join(config.expression.split())
        return ", ".join(f"{name} = {in_words(value)}" for name, value in config.set.items())

    @classmethod
    def explain(cls, config: TransformConfig | None, step: StepRecord) -> str:
        built = ", ".join(step.output or {})
        return (
            gettext("Built %(built)s.", built=built)
            if built
            else gettext("Built an empty object.")
            if step.completed_at
            else gettext("An object is built.")
        )
