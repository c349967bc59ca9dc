"""Branch on what is known of the contact, the event or earlier steps: by conditions, or by one expression."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from app.flow import registry
from app.flow.conditions import Condition as Rule
from app.flow.conditions import Match, diagnostics_of, shown_value
from app.flow.decisions import decided
from app.flow.diagnostic import Diagnostic, incomplete
from app.flow.node_type import BranchConditions, NodeType, Port
from app.flow.outcomes import Done, Fail, Outcome, Run, refused
from app.flow.phrases import sentence
from app.flow.scope import CompileScope
from app.flow.step_view import StepRecord
from app.flow.verbatim import Verbatim
from app.lib.conversions import quoted
from app.lib.formats import readable
from app.lib.translation import gettext, translatable
from app.values.cel_expressions import BadExpression, ExpressionFailed, compile_expression

MAX_EXPRESSION = 2_000
SHOWN_PATHS = 10
"""Values that an expression read of which a decision keeps what they were."""
NO_ANSWER = translatable("Write a question that is answered by true or false, such as event.amount > 100.")


class ConditionConfig(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """`expression`, where it is given, decides in place of the conditions."""

    conditions: list[Rule] = []
    match: Match = "all"
    expression: Annotated[str, Meta(max_length=MAX_EXPRESSION, title="expression"), Verbatim("CEL")] | UnsetType = UNSET


@registry.node
class ConditionStep(NodeType):
    type, label, category = "condition", translatable("Condition"), "logic"
    description = translatable(
        "Sends each contact one of two ways, Yes or No, by rules over the contact, the event and earlier steps."
    )
    aliases = ("conditional",)
    outputs = (Port("true", translatable("Yes"), "yes"), Port("false", translatable("No"), "no"))
    Config = ConditionConfig

    @staticmethod
    def compile(config: ConditionConfig, scope: CompileScope) -> Run:
        if isinstance(config.expression, str):
            return _by_expression(config.expression, scope)
        judge = scope.conditions(config.conditions, config.match)

        def decide(step: Any) -> Outcome:
            verdict = judge(step)
            port = "true" if verdict.held else "false"
            return Done(port, {"branch": port, "rules": verdict.rules})

        return decided(decide, (), config.conditions, scope)

    @classmethod
    def diagnostics(cls, config: ConditionConfig) -> list[Diagnostic]:
        if isinstance(config.expression, str):
            return _expression_diagnostics(config.expression)
        if not config.conditions:
            return [incomplete("conditions", gettext("Add at least one condition."))]
        return diagnostics_of(config.conditions)

    @classmethod
    def branch_conditions(cls, config: ConditionConfig) -> Iterable[BranchConditions]:
        if not isinstance(config.expression, str) and config.conditions:
            rules = msgspec.to_builtins(config.conditions)
            yield BranchConditions("true", "conditions", rules, config.match)
            yield BranchConditions("false", "conditions", rules, config.match, negated=True)

    @classmethod
    def results(cls, config: ConditionConfig) -> Mapping[str, str]:
        return {"branch": "text"}

    @classmethod
    def summary(cls, config: ConditionConfig) -> str:
        if isinstance(config.expression, str):
            words = " ".join(config.expression.split())[:120]
        else:
            words = sentence(msgspec.to_builtins(config.conditions), config.match)
        return gettext("If %(conditions)s", conditions=words) if words else ""

    @classmethod
    def explain(cls, config: ConditionConfig | None, step: StepRecord) -> str:
        output = step.output if isinstance(step.output, dict) else {}
        if "expression" not in output:
            return super().explain(config, step)
        values = ", ".join(
            gettext("%(field)s is %(value)s", field=name, value=readable(value, gettext("empty")))
            for name, value in output.get("values", {}).items()
        )
        answer = gettext("true") if output.get("branch") == "true" else gettext("false")
        if values:
            return gettext("The expression is %(answer)s: %(values)s.", answer=answer, values=values)
        return gettext("The expression is %(answer)s.", answer=answer)


def _by_expression(source: str, scope: CompileScope) -> Run:
    """Raises BadExpression."""
    read = scope.expression(source)
    readers = {
        path: scope.field(path) for path in sorted(compile_expression(source).paths)[:SHOWN_PATHS] if "." in path
    }

    def run(step: Any) -> Outcome:
        try:
            answer = read(step)
        except ExpressionFailed as error:
            return Fail(gettext("The expression failed. %(error)s", error=error), permanent=True)
        if not isinstance(answer, bool):
            return refused(
                gettext("The expression comes to %(answer)s, which is neither true nor false.", answer=quoted(answer))
            )
        port = "true" if answer else "false"
        values = {path: shown_value(reader(step)) for path, reader in readers.items()}
        return Done(port, {"branch": port, "expression": shown_value(source), "values": values})

    return run


def _expression_diagnostics(source: str) -> list[Diagnostic]:
    if not source.strip():
        return [incomplete("expression", NO_ANSWER)]
    try:
        compiled = compile_expression(source)
    except BadExpression as error:
        return [incomplete("expression", str(error))]
    return [] if compiled.returns_boolean else [incomplete("expression", NO_ANSWER)]
