"""Continue at another step, a limited number of times."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from app.flow import registry
from app.flow.diagnostic import Diagnostic, incomplete
from app.flow.node_type import NodeType, Port
from app.flow.outcomes import Done, Run
from app.flow.scope import CompileScope
from app.flow.step_view import StepRecord
from app.flow.verbatim import Verbatim
from app.lib.formats import counted
from app.lib.translation import gettext, translatable

MOST_VISITS = 1_000
TARGET = "target"


class GotoConfig(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    target: Annotated[str, Meta(max_length=100, title="goes on at"), Verbatim("the id of a step")] = ""
    max_visits: Annotated[int, Meta(ge=1, le=MOST_VISITS, title="at most so often")] = 10


@registry.node
class Goto(NodeType):
    type, label, category = "goto", translatable("Go to"), "logic"
    description = translatable(
        "Sends the run on at another step, also one that it has passed, and at most so many times."
    )
    outputs = (Port("exceeded", translatable("Too often")),)
    Config = GotoConfig

    @staticmethod
    def compile(config: GotoConfig, scope: CompileScope) -> Run:
        onward, exceeded, most = Done(TARGET), Done("exceeded"), config.max_visits

        def run(step: Any) -> Done:
            return onward if step.visit <= most else exceeded

        return run

    @classmethod
    def diagnostics(cls, config: GotoConfig) -> list[Diagnostic]:
        return [] if config.target else [incomplete("target", gettext("Choose the step at which the run continues."))]

    @classmethod
    def jumps(cls, config: GotoConfig) -> tuple[tuple[str, str], ...]:
        return ((TARGET, config.target),) if config.target else ()

    @classmethod
    def limits_rounds(cls, config: GotoConfig) -> tuple[str, ...]:
        return (TARGET,)

    @classmethod
    def summary(cls, config: GotoConfig) -> str:
        return (
            gettext("Go to another step, %(max_visits)s at most", max_visits=counted(config.max_visits, "time"))
            if config.target
            else ""
        )

    @classmethod
    def explain(cls, config: GotoConfig | None, step: StepRecord) -> str:
        if step.port == "exceeded":
            if config is None:
                return gettext("The run had gone back often enough, so it took the Too often branch.")
            most = counted(config.max_visits, "time")
            return gettext("The run had gone back %(most)s, so it took the Too often branch.", most=most)
        return gettext("The run was sent on.")
