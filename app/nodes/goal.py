"""A goal as a step: whoever comes here has reached it."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from app.flow import registry
from app.flow.diagnostic import Diagnostic, incomplete
from app.flow.effects import ReachGoal
from app.flow.node_type import NEXT_PORT, NodeType, Port
from app.flow.outcomes import Done, Outcome, Succeed
from app.flow.scope import CompileScope
from app.flow.step_view import StepRecord
from app.flow.verbatim import Verbatim
from app.lib.translation import gettext, translatable


class GoalConfig(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    name: Annotated[str, Meta(max_length=100, title="goal"), Verbatim("a name in results")] = ""
    ends: Annotated[bool, Meta(title="ends the run")] = True


@registry.node
class GoalStep(NodeType):
    type, label, category = "goal", translatable("Goal"), "exit"
    description = translatable("Whoever comes here has reached a goal; the run ends as a success, or continues.")
    Config = GoalConfig

    @classmethod
    def ports(cls, config: GoalConfig) -> tuple[Port, ...]:
        return () if config.ends else (NEXT_PORT,)

    @staticmethod
    def compile(config: GoalConfig, scope: CompileScope) -> Outcome:
        output = {"goal": config.name.strip()}
        return Succeed(output=output) if config.ends else Done(output=output, effects=(ReachGoal(),))

    @classmethod
    def diagnostics(cls, config: GoalConfig) -> list[Diagnostic]:
        return [] if config.name.strip() else [incomplete("name", gettext("Give the goal a name, such as Purchased."))]

    @classmethod
    def summary(cls, config: GoalConfig) -> str:
        return config.name.strip()

    @classmethod
    def goal(cls, config: GoalConfig) -> str:
        return config.name.strip() or cls.label

    @classmethod
    def explain(cls, config: GoalConfig | None, step: StepRecord) -> str:
        output = step.output if isinstance(step.output, dict) else {}
        name = str(output.get("goal") or "")
        reached = gettext("The goal “%(name)s” is reached", name=name) if name else gettext("The goal is reached")
        ends = config is not None and config.ends
        return gettext("%(reached)s; the run ends as a success.", reached=reached) if ends else f"{reached}."
