"""Put a contact into a static segment, or take it out."""

from __future__ import annotations

from typing import Annotated, ClassVar
from uuid import UUID

import msgspec

from app.flow import registry
from app.flow.diagnostic import Diagnostic, incomplete
from app.flow.effects import SegmentChange
from app.flow.node_type import NodeType
from app.flow.outcomes import Done, Outcome, refused
from app.flow.references import Ref
from app.flow.scope import CompileScope
from app.flow.step_view import StepRecord
from app.lib.translation import gettext, translatable


class SegmentStepConfig(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    segment_id: Annotated[UUID | None, Ref("segment", variety="static")] = None


class _SegmentNode(NodeType):
    """What both have in common; `enters` is the only difference."""

    category = "data"
    needs_contact = True
    Config = SegmentStepConfig
    enters: ClassVar[bool]
    done: ClassVar[str]
    """What happened, in a sentence."""

    @classmethod
    def compile(cls, config: SegmentStepConfig, scope: CompileScope) -> Outcome:
        if config.segment_id is None:
            return refused(gettext("No segment is chosen in this step."))
        effect = SegmentChange(config.segment_id, enters=cls.enters)
        return Done(output={"segmentId": str(config.segment_id)}, effects=(effect,))

    @classmethod
    def diagnostics(cls, config: SegmentStepConfig) -> list[Diagnostic]:
        return [] if config.segment_id else [incomplete("segmentId", gettext("Choose the segment."))]

    @classmethod
    def summary(cls, config: SegmentStepConfig) -> str:
        return cls.label if config.segment_id else ""

    @classmethod
    def explain(cls, config: SegmentStepConfig | None, step: StepRecord) -> str:
        return cls.done


@registry.node
class AddToSegmentNode(_SegmentNode):
    type, label, enters = "add_to_segment", translatable("Add to segment"), True
    done = translatable("Put into the segment; who was in it already stays in it.")
    description = translatable(
        "Puts the contact into a static segment. A contact that is in it already is left as it is."
    )


@registry.node
class RemoveFromSegmentNode(_SegmentNode):
    type, label, enters = "remove_from_segment", translatable("Remove from segment"), False
    done = translatable("Taken out of the segment, if it was in it.")
    description = translatable("Takes the contact out of a static segment.")
