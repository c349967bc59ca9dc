"""Try one way after the other until one works."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from app.flow import registry
from app.flow.diagnostic import Diagnostic
from app.flow.node_type import NodeType, Port
from app.flow.outcomes import Done, Run
from app.flow.scope import CompileScope
from app.flow.step_view import StepRecord
from app.flow.verbatim import Verbatim
from app.lib.translation import gettext, ngettext, translatable

_TRIED = {
    "first": translatable("The first way is tried."),
    "second": translatable("The second way is tried."),
    "third": translatable("The third way is tried."),
    "fourth": translatable("The fourth way is tried."),
    "fifth": translatable("The fifth way is tried."),
}
_UNDER_WAY = translatable("Under way.")
ORDER = tuple(_TRIED)
FEWEST = 2
FAILED = Port("failed", translatable("Failed"), "error")


class FallbackConfig(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    alternatives: Annotated[
        list[Annotated[str, Meta(max_length=100), Verbatim("the id of a step")]], Meta(max_length=len(ORDER))
    ] = []
    """The first step of each; empty text where an edge says it. They say how many there are, at least two."""


def _ports(config: FallbackConfig) -> tuple[str, ...]:
    return ORDER[: max(FEWEST, len(config.alternatives))]


@registry.node
class Fallback(NodeType):
    type, label, category = "fallback", translatable("Fallback"), "logic"
    description = translatable(
        "Tries one branch after the other: the next when the first step of one failed, or cannot reach the contact."
    )
    outputs = (*(Port(name, name.capitalize()) for name in ORDER[:FEWEST]), FAILED)
    Config = FallbackConfig

    @staticmethod
    def compile(config: FallbackConfig, scope: CompileScope) -> Run:
        ports = _ports(config)
        ways = {name: Done(name, {"used": name}) for name in ports}
        failed = Done(FAILED.id, {"used": None})

        def run(step: Any) -> Done:
            failure = step.failure
            if failure is None or failure["port"] not in ways:
                return ways[ports[0]]
            tried = ports.index(failure["port"]) + 1
            return ways[ports[tried]] if tried < len(ports) else failed

        return run

    @classmethod
    def ports(cls, config: FallbackConfig) -> tuple[Port, ...]:
        return (*(Port(name, name.capitalize()) for name in _ports(config)), FAILED)

    @classmethod
    def diagnostics(cls, config: FallbackConfig) -> list[Diagnostic]:
        ids = [node_id for node_id in config.alternatives if node_id]
        if len(set(ids)) < len(ids):
            return [
                Diagnostic(
                    "alternatives", gettext("Two alternatives begin with the same step. Choose another one for each.")
                )
            ]
        return []

    @classmethod
    def jumps(cls, config: FallbackConfig) -> list[tuple[str, str]]:
        return [(port, node_id) for port, node_id in zip(ORDER, config.alternatives, strict=False) if node_id]

    @classmethod
    def alternatives(cls, config: FallbackConfig) -> tuple[str, ...]:
        return _ports(config)

    @classmethod
    def summary(cls, config: FallbackConfig) -> str:
        many = len(_ports(config))
        return ngettext("%(number)s way, one after the other", "%(number)s ways, one after the other", many)

    @classmethod
    def explain(cls, config: FallbackConfig | None, step: StepRecord) -> str:
        if step.port == FAILED.id:
            return gettext("No way worked.")
        return gettext(_TRIED.get(step.port or "", _UNDER_WAY))
