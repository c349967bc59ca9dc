"""Complete the run, with an outcome and what it puts out."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from app.flow import registry
from app.flow.node_type import NodeType
from app.flow.outcomes import Done, Outcome, Run
from app.flow.scope import CompileScope, is_constant
from app.flow.step_view import StepRecord
from app.lib.translation import gettext, translatable


class EndConfig(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    outcome: Annotated[str, Meta(max_length=100, title="outcome")] = ""
    output: Annotated[dict[str, Any], Meta(max_length=50, title="output")] = {}


@registry.node
class End(NodeType):
    type, label, category = "end", translatable("End"), "exit"
    description = translatable("Completes the run. A way that ends without it completes the run as well.")
    outputs = ()
    Config = EndConfig

    @staticmethod
    def compile(config: EndConfig, scope: CompileScope) -> Run | Outcome:
        outcome = {"outcome": config.outcome.strip()} if config.outcome.strip() else {}
        whole = {**outcome, **({"output": config.output} if config.output else {})}
        if is_constant(whole):
            return Done(output=whole or None)
        read = scope.value(whole)
        return lambda step: Done(output=read(step))

    @classmethod
    def summary(cls, config: EndConfig) -> str:
        return config.outcome.strip()

    @classmethod
    def explain(cls, config: EndConfig | None, step: StepRecord) -> str:
        output = step.output if isinstance(step.output, dict) else {}
        outcome = str(output.get("outcome") or "")
        return (
            gettext("The workflow is complete, with the outcome “%(outcome)s”.", outcome=outcome)
            if outcome
            else gettext("The workflow is complete.")
        )
