"""Where runs go on whose step failed, when nobody else handles the error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import Meta

from app.flow import registry
from app.flow.diagnostic import Diagnostic, incomplete
from app.flow.node_type import NodeType
from app.flow.outcomes import Done, Run
from app.flow.scope import CompileScope
from app.flow.step_view import StepRecord
from app.flow.verbatim import Verbatim
from app.lib.conversions import quoted
from app.lib.formats import counted
from app.lib.translation import gettext, translatable

SHOWN = ("nodeId", "nodeType", "error", "attempt")
StepId = Annotated[str, Meta(max_length=100), Verbatim("the id of a step")]


class ErrorHandlerConfig(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    scope: (
        Literal["all"]
        | Annotated[list[Annotated[str, Meta(max_length=100), Verbatim("the id of a step")]], Meta(max_length=100)]
    ) = "all"


@registry.node
class ErrorHandler(NodeType):
    type, label, category = "error_handler", translatable("On error"), "logic"
    description = translatable(
        "Runs continue here when a step failed for good and neither a path for failures nor the step’s own rule says what then."
    )
    field_aliases: ClassVar = {"onError": "scope"}
    Config = ErrorHandlerConfig

    @staticmethod
    def compile(config: ErrorHandlerConfig, scope: CompileScope) -> Run:
        def run(step: Any) -> Done:
            failure = step.failure or {}
            return Done(output={name: failure.get(name) for name in SHOWN})

        return run

    @classmethod
    def diagnostics(cls, config: ErrorHandlerConfig) -> list[Diagnostic]:
        return (
            []
            if config.scope
            else [incomplete("scope", gettext("Choose the steps whose errors are handled here, or all."))]
        )

    @classmethod
    def handles(cls, config: ErrorHandlerConfig) -> Literal["all"] | list[str]:
        return config.scope

    @classmethod
    def results(cls, config: ErrorHandlerConfig) -> Mapping[str, str]:
        return {name: "number" if name == "attempt" else "text" for name in SHOWN}

    @classmethod
    def summary(cls, config: ErrorHandlerConfig) -> str:
        if config.scope == "all":
            return gettext("Errors of all steps")
        return gettext("Errors of %(scope)s", scope=counted(len(config.scope), "step")) if config.scope else ""

    @classmethod
    def explain(cls, config: ErrorHandlerConfig | None, step: StepRecord) -> str:
        failed = (step.output or {}).get("nodeId")
        return (
            gettext("The run came here because the step %(failed)s failed.", failed=quoted(failed))
            if failed
            else gettext("A step had failed.")
        )
