"""Who relies on a segment, and what happens there when it goes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from app import usage
from app.lib.formats import counted
from app.lib.translation import translatable
from app.models import Segment

WHAT_HAPPENS = translatable(
    "Triggers that wait for it start nobody any more, conditions that ask for it find nobody in it, and "
    "steps that put contacts in or take them out do nothing."
)
"""When a segment goes that workflows use."""


class SegmentUses(NamedTuple):
    """Who relies on a segment."""

    workflows: Sequence[usage.Use]
    segments: Sequence[Segment]

    @property
    def workflow_count(self) -> int:
        return len({use.workflow_id for use in self.workflows})

    @property
    def in_words(self) -> str:
        """`2 workflows and 1 segment`; empty when nobody does."""
        parts = [counted(self.workflow_count, "workflow")] if self.workflows else []
        parts += [counted(len(self.segments), "segment")] if self.segments else []
        return " and ".join(parts)

    def as_documents(self) -> list[dict[str, Any]]:
        """The same for programs."""
        segments = [{"segmentId": str(row.id), "segmentName": row.name} for row in self.segments]
        return [*usage.as_documents(self.workflows), *segments]
