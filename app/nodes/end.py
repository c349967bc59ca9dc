"""Complete the run."""

from __future__ import annotations

import msgspec

from app.flow import registry
from app.flow.node_type import NodeType
from app.flow.outcomes import Done
from app.flow.scope import CompileScope
from app.flow.step_view import StepRecord


class EndConfig(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    pass


@registry.node
class End(NodeType):
    type, label, category = "end", "End", "exit"
    description = "Completes the run. A way that ends without it completes the run as well."
    outputs = ()
    Config = EndConfig

    @staticmethod
    def compile(config: EndConfig, scope: CompileScope) -> Done:
        return Done()

    @classmethod
    def explain(cls, config: EndConfig | None, step: StepRecord) -> str:
        return "The workflow is complete."
