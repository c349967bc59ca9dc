"""The edits of the canvas as small operations on a document; `apply_ops` applies them. Pure.

An op says what the result should be ("put the node there"), never how to undo it: the client computes the inverse.
`clash` decides whether two people's ops can be put in a row without asking.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from app.flow.document import TRIGGER, Edge, Flow, Goal, Node, Note, Position, SingleTrigger, Trigger
from app.flow.policies import OnError, StepTimeout
from app.flow.retry import Retry
from app.flow.settings import FlowSettings
from app.models.status import PriorityWord

MAX_OPS = 500
OpId = Annotated[str, Meta(pattern=r"^[\x21-\x7e]{1,64}\Z", description="Made by the client, best a UUID.")]


Keys = frozenset[tuple[str, str]]


def _keys(kind: str, *ids: str) -> Keys:
    return frozenset((kind, part_id) for part_id in ids)


_ANY_TRIGGER = _keys("triggers", "")
"""Which trigger is the first: `update_trigger` does not say its id."""


class Op(
    msgspec.Struct,
    rename="camel",
    tag_field="kind",
    tag=lambda name: "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)[1:],
    forbid_unknown_fields=True,
    kw_only=True,
    frozen=True,
):
    """One edit. `id` is made by the client; sending it twice applies it once."""

    id: OpId

    def writes(self) -> Keys:
        """What it changes, for telling whether another op touches the same."""
        raise NotImplementedError

    def reads(self) -> Keys:
        """What must still be there for it to make sense."""
        return frozenset()


class AddNode(Op, frozen=True):
    node: Node

    def writes(self) -> Keys:
        return _keys("node", self.node.id)


class RemoveNode(Op, frozen=True):
    """Take the node and its edges away."""

    node_id: str

    def writes(self) -> Keys:
        return _keys("node", self.node_id) | _keys("end", self.node_id)


class MoveNode(Op, frozen=True):
    """`nodeId` may be that of a trigger."""

    node_id: str
    position: Position

    def writes(self) -> Keys:
        return _keys("node", self.node_id)


class UpdateNode(Op, frozen=True):
    """`data` replaces the whole configuration; null clears any other field."""

    node_id: str
    data: dict[str, Any] | UnsetType = UNSET
    name: Annotated[str, Meta(max_length=200)] | UnsetType | None = UNSET
    retry: Retry | UnsetType | None = UNSET
    on_error: OnError | UnsetType | None = UNSET
    timeout: StepTimeout | UnsetType | None = UNSET
    disabled: bool | UnsetType | None = UNSET

    def writes(self) -> Keys:
        return _keys("node", self.node_id)


class AddEdge(Op, frozen=True):
    edge: Edge

    def writes(self) -> Keys:
        return _keys("edge", self.edge.key) | _keys("port", f"{self.edge.source} {self.edge.source_handle}")

    def reads(self) -> Keys:
        return _keys("end", self.edge.source, self.edge.target)


class RemoveEdge(Op, frozen=True):
    edge_id: str

    def writes(self) -> Keys:
        return _keys("edge", self.edge_id)


class UpdateTrigger(Op, frozen=True):
    """Replace what the first trigger is set to; its place on the canvas stays unless `position` is given."""

    trigger: SingleTrigger

    def writes(self) -> Keys:
        return _keys("node", TRIGGER) | _ANY_TRIGGER


class AddTrigger(Op, frozen=True):
    """One more trigger, behind the others, or at `index` (0 is before the first)."""

    trigger: Trigger
    index: Annotated[int, Meta(ge=0)] | UnsetType = UNSET

    def writes(self) -> Keys:
        return _keys("node", self.trigger.id)

    def reads(self) -> Keys:
        return _ANY_TRIGGER


class SetTrigger(Op, frozen=True):
    """Replace the trigger of this id; its place on the canvas stays unless `position` is given."""

    trigger: Trigger

    def writes(self) -> Keys:
        return _keys("node", self.trigger.id)

    def reads(self) -> Keys:
        return _ANY_TRIGGER


class RemoveTrigger(Op, frozen=True):
    """Take the trigger and its edges away. A workflow keeps one."""

    trigger_id: str

    def writes(self) -> Keys:
        return _keys("node", self.trigger_id) | _keys("end", self.trigger_id)

    def reads(self) -> Keys:
        return _ANY_TRIGGER


class SetGoals(Op, frozen=True):
    goals: tuple[Goal, ...]

    def writes(self) -> Keys:
        return _keys("goals", "")


class SetSettings(Op, frozen=True):
    settings: FlowSettings

    def writes(self) -> Keys:
        return _keys("settings", "")


class AddNote(Op, frozen=True):
    note: Note

    def writes(self) -> Keys:
        return _keys("note", self.note.id)


class UpdateNote(Op, frozen=True):
    note_id: str
    text: Annotated[str, Meta(max_length=5_000)] | UnsetType = UNSET
    position: Position | UnsetType = UNSET
    width: Annotated[int, Meta(ge=80, le=2_000)] | UnsetType = UNSET
    height: Annotated[int, Meta(ge=40, le=2_000)] | UnsetType = UNSET

    def writes(self) -> Keys:
        return _keys("note", self.note_id)


class RemoveNote(Op, frozen=True):
    note_id: str

    def writes(self) -> Keys:
        return _keys("note", self.note_id)


class Rename(Op, frozen=True):
    """Name and description of the workflow; null clears the description."""

    name: Annotated[str, Meta(min_length=1, max_length=255, pattern=r"\S")]
    description: Annotated[str, Meta(max_length=5000)] | UnsetType | None = UNSET

    def writes(self) -> Keys:
        return _keys("name", "")


class SetPriority(Op, frozen=True):
    """What the workflow gets of its workspace's share of the workers. It holds at once, without being published."""

    priority: PriorityWord

    def writes(self) -> Keys:
        return _keys("priority", "")


AnyOp = (
    AddNode
    | RemoveNode
    | MoveNode
    | UpdateNode
    | AddEdge
    | RemoveEdge
    | UpdateTrigger
    | AddTrigger
    | SetTrigger
    | RemoveTrigger
    | SetGoals
    | SetSettings
    | AddNote
    | UpdateNote
    | RemoveNote
    | Rename
    | SetPriority
)


def changed(ops: Iterable[AnyOp], flow: Flow) -> list[str]:
    """Ids of the cards whose content `ops` changed and that are still there; moving a card does not change it."""
    ids: dict[str, None] = {}
    for op in ops:
        if isinstance(op, AddNode):
            ids[op.node.id] = None
        elif isinstance(op, UpdateNode):
            ids[op.node_id] = None
        elif isinstance(op, AddTrigger | SetTrigger):
            ids[op.trigger.id] = None
        elif isinstance(op, UpdateTrigger):
            ids[flow.triggers[0].id] = None
    present = {card.id for card in flow.cards}
    return [node_id for node_id in ids if node_id in present]


def clash(own: Iterable[AnyOp], others: Iterable[AnyOp]) -> bool:
    """Does one of `own` touch what one of `others` touched, or need what it took away?"""
    my_writes: set[tuple[str, str]] = set()
    my_reads: set[tuple[str, str]] = set()
    for op in own:
        my_writes |= op.writes()
        my_reads |= op.reads()
    return any(op.writes() & (my_writes | my_reads) or op.reads() & my_writes for op in others)
