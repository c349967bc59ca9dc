"""What a program changes in a draft, part by part."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from app.flow.document import Edge, Flow, Goal, Node, Note, SingleTrigger, Trigger, one_of
from app.flow.settings import FlowSettings
from app.models.status import PriorityWord


class Changes(msgspec.Struct, kw_only=True):
    """What to change; UNSET stays as it is. Parts of the document are replaced whole."""

    name: str | UnsetType = UNSET
    description: str | UnsetType | None = UNSET
    priority: PriorityWord | UnsetType = UNSET
    trigger: SingleTrigger | UnsetType = UNSET
    triggers: tuple[Trigger, ...] | UnsetType = UNSET
    nodes: tuple[Node, ...] | UnsetType = UNSET
    edges: tuple[Edge, ...] | UnsetType = UNSET
    goals: tuple[Goal, ...] | UnsetType = UNSET
    settings: FlowSettings | UnsetType = UNSET
    notes: tuple[Note, ...] | UnsetType = UNSET
    folder_id: UUID | UnsetType | None = UNSET
    tags: list[str] | UnsetType = UNSET

    def __post_init__(self) -> None:
        if self.triggers:
            one_of(self.trigger, self.triggers)

    @property
    def only_files(self) -> bool:
        """Does nothing change but where it lies and its tags? That is no change of the workflow, and possible in the archive."""
        return {name for name in self.__struct_fields__ if getattr(self, name) is not UNSET} <= {"folder_id", "tags"}

    def parts(self, before: Flow) -> dict[str, Any]:
        """The parts of the document that change. `trigger` alone replaces the first one, and the others stay."""
        names = ("triggers", "nodes", "edges", "goals", "settings", "notes")
        parts = {name: part for name in names if (part := getattr(self, name)) is not UNSET}
        if isinstance(self.trigger, SingleTrigger) and not parts.get("triggers"):
            first, *others = before.triggers
            parts["triggers"] = (self.trigger.trigger(first.id, first.enabled), *others)
        return parts
