"""A contact enters or leaves a segment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

import msgspec

from app.flow import trigger_registry
from app.flow.audience import Audience
from app.flow.conditions import Match
from app.flow.diagnostic import Diagnostic, incomplete
from app.flow.document import Conditions
from app.flow.references import Ref
from app.flow.segment_membership import ADDED, REMOVED
from app.flow.trigger_type import Admission, AwaitedMove, TriggerPreview, TriggerType
from app.lib.conversions import quoted
from app.lib.translation import gettext, translatable

Existing = Annotated[
    Literal["ignore", "enter", "only"],
    msgspec.Meta(
        title="Who is in it already",
        description="`enter`: they enter when the workflow goes live; `only`: they do, and nobody who comes in later.",
    ),
]


class SegmentExitConfig(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True, frozen=True):
    """Contacts enter when they leave this segment and the conditions hold."""

    segment_id: Annotated[UUID | None, Ref("segment")] = None
    conditions: Conditions = []
    match: Match = "all"


class SegmentEntryConfig(SegmentExitConfig, rename="camel", forbid_unknown_fields=True, kw_only=True, frozen=True):
    """Contacts enter when they come into this segment and the conditions hold; `existing`: and those who are in it already."""

    existing: Existing = "ignore"


class _SegmentTrigger(TriggerType):
    """What both have in common."""

    event: ClassVar[str]
    waits: ClassVar[str]
    """`enters` or `leaves`."""
    done: ClassVar[str]

    @classmethod
    def subscribes(cls, config: SegmentExitConfig) -> tuple[str, ...]:
        return (cls.event,) if config.segment_id else ()

    @classmethod
    def brings(cls, config: SegmentExitConfig) -> Mapping[str, str]:
        return {"segmentName": "text", "segmentId": "text"}

    @classmethod
    def awaited_move(cls, config: SegmentExitConfig) -> AwaitedMove | None:
        return AwaitedMove(config.segment_id, leaves=cls.event == REMOVED) if config.segment_id else None

    @classmethod
    def event_name(cls, config: SegmentExitConfig) -> str:
        return cls.event

    @classmethod
    def admission(cls, config: SegmentExitConfig) -> Admission:
        about = {"field": "event.segmentId", "operator": "equals", "value": str(config.segment_id)}
        return Admission(config.conditions, config.match, [about])

    @classmethod
    def title(cls, config: SegmentExitConfig) -> str:
        return cls.label if config.segment_id else gettext("No segment chosen")

    @classmethod
    def summary(cls, config: SegmentExitConfig) -> str:
        return gettext(cls.label) if config.segment_id else gettext("No segment chosen yet")

    @classmethod
    def explain(cls, config: SegmentExitConfig, event: Mapping[str, Any]) -> str:
        name = event.get("segmentName")
        did = gettext(cls.done, segment=f" {quoted(name)}" if isinstance(name, str) else "")
        met = gettext("The contact met the entry conditions.")
        return f"{did} {met}" if cls.admission(config).words else did

    @classmethod
    def preview(cls, config: SegmentExitConfig) -> TriggerPreview:
        words = cls.admission(config).words
        only = gettext("and lets in contacts when %(conditions)s.", conditions=words)
        return TriggerPreview(gettext(cls.waits), only if words else gettext("whoever it is."))

    @classmethod
    def diagnostics(cls, config: SegmentExitConfig) -> list[Diagnostic]:
        unchosen = [] if config.segment_id else [incomplete("segmentId", gettext("Choose the segment."))]
        return [*super().diagnostics(config), *unchosen]


@trigger_registry.trigger
class SegmentEntryTrigger(_SegmentTrigger):
    type, label = "segment_entry", translatable("A contact enters a segment")
    description = translatable(
        "Starts when a contact comes into a segment, because its data changed or somebody put it in."
    )
    event = ADDED
    done = translatable("The contact came into the segment%(segment)s.")
    waits = translatable("It waits until a contact enters the segment")
    Config = SegmentEntryConfig

    @classmethod
    def enrols(cls, config: SegmentEntryConfig) -> Audience | None:
        return Audience(segment_id=config.segment_id) if config.existing != "ignore" and config.segment_id else None

    @classmethod
    def subscribes(cls, config: SegmentExitConfig) -> tuple[str, ...]:
        only = isinstance(config, SegmentEntryConfig) and config.existing == "only"
        return () if only else super().subscribes(config)

    @classmethod
    def preview(cls, config: SegmentExitConfig) -> TriggerPreview:
        preview = super().preview(config)
        if not isinstance(config, SegmentEntryConfig) or cls.enrols(config) is None:
            return preview
        if config.existing == "only":
            words = cls.admission(config).words
            who = (
                gettext(
                    "Those who are in the segment now enter when %(conditions)s, and nobody who comes in later.",
                    conditions=words,
                )
                if words
                else gettext("Those who are in the segment now enter, and nobody who comes in later.")
            )
            return TriggerPreview(gettext("Once, as soon as the workflow is active"), who)
        text = gettext("and those who are in it now enter as soon as the workflow is active.")
        return TriggerPreview(preview.title, f"{preview.text.rstrip('.')}, {text}")


@trigger_registry.trigger
class SegmentExitTrigger(_SegmentTrigger):
    type, label = "segment_exit", translatable("A contact leaves a segment")
    description = translatable(
        "Starts when a contact leaves a segment, because its data changed or somebody took it out."
    )
    event = REMOVED
    done = translatable("The contact left the segment%(segment)s.")
    waits = translatable("It waits until a contact leaves the segment")
    Config = SegmentExitConfig
