"""The edits of the canvas as small operations on a document, applied in order, all or nothing. Pure.

An op says what the result should be ("put the node there"), never how to undo it: the client makes its inverses itself.
`applied` only keeps the document in one piece (no edge to nowhere, no id twice); what it means is `validation`'s matter.
`clash` decides whether two people's ops can be put in a row without asking.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import singledispatch
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from app.flow.document import TRIGGER, Edge, Flow, Goal, Node, Note, Position, Trigger
from app.flow.retry import Retry
from app.flow.settings import Settings
from app.lib.readings import quoted

MAX_OPS = 500
OpId = Annotated[str, Meta(pattern=r"^[\x21-\x7e]{1,64}\Z", description="Made by the client, best a UUID.")]


class Refused(Exception):
    """An op that does not fit the document: `field` of the op and what to do instead."""

    def __init__(self, field: str, message: str) -> None:
        self.field, self.message, self.index = field, message, 0
        super().__init__(message)


@dataclass(frozen=True)
class Draft:
    """What ops change: the flow, and the name and description beside it."""

    flow: Flow
    name: str
    description: str | None = None


Keys = frozenset[tuple[str, str]]


def _keys(kind: str, *ids: str) -> Keys:
    return frozenset((kind, part_id) for part_id in ids)


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
    """`nodeId` may be `trigger`."""

    node_id: str
    position: Position

    def writes(self) -> Keys:
        return _keys("node", self.node_id)


class UpdateNode(Op, frozen=True):
    """`data` replaces the whole configuration; null clears `name` or `retry`."""

    node_id: str
    data: dict[str, Any] | UnsetType = UNSET
    name: Annotated[str, Meta(max_length=200)] | UnsetType | None = UNSET
    retry: Retry | UnsetType | None = UNSET

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
    """Replace the trigger; its place on the canvas stays unless `position` is given."""

    trigger: Trigger

    def writes(self) -> Keys:
        return _keys("node", TRIGGER)


class SetGoals(Op, frozen=True):
    goals: tuple[Goal, ...]

    def writes(self) -> Keys:
        return _keys("goals", "")


class SetSettings(Op, frozen=True):
    settings: Settings

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


AnyOp = (
    AddNode
    | RemoveNode
    | MoveNode
    | UpdateNode
    | AddEdge
    | RemoveEdge
    | UpdateTrigger
    | SetGoals
    | SetSettings
    | AddNote
    | UpdateNote
    | RemoveNote
    | Rename
)


def applied(draft: Draft, ops: Sequence[AnyOp]) -> Draft:
    """The draft after all `ops`. Raises Refused (with the op's `index`) at the first that does not fit."""
    for index, op in enumerate(ops):
        try:
            draft = _apply(op, draft)
        except Refused as refused:
            refused.index = index
            raise
    return draft


def changed(ops: Iterable[AnyOp], flow: Flow) -> list[str]:
    """Ids of the cards whose content `ops` changed and that are still there; moving a card does not change it."""
    ids: dict[str, None] = {}
    for op in ops:
        if isinstance(op, AddNode):
            ids[op.node.id] = None
        elif isinstance(op, UpdateNode):
            ids[op.node_id] = None
        elif isinstance(op, UpdateTrigger):
            ids[TRIGGER] = None
    present = {node.id for node in flow.nodes} | {TRIGGER}
    return [node_id for node_id in ids if node_id in present]


def clash(mine: Iterable[AnyOp], theirs: Iterable[AnyOp]) -> bool:
    """Does one of `mine` touch what one of `theirs` touched, or need what it took away?"""
    my_writes: set[tuple[str, str]] = set()
    my_reads: set[tuple[str, str]] = set()
    for op in mine:
        my_writes |= op.writes()
        my_reads |= op.reads()
    return any(op.writes() & (my_writes | my_reads) or op.reads() & my_writes for op in theirs)


def _with(draft: Draft, **parts: Any) -> Draft:
    return Draft(msgspec.structs.replace(draft.flow, **parts), draft.name, draft.description)


def _new_id(parts: Iterable[Any], part_id: str, field: str, noun: str) -> None:
    if any(part.id == part_id for part in parts):
        raise Refused(field, f"There is a {noun} {quoted(part_id)} already. Give the new one an id of its own.")


def _replaced(parts: Sequence[Any], part_id: str, field: str, noun: str, values: dict[str, Any]) -> tuple[Any, ...]:
    if all(part.id != part_id for part in parts):
        raise Refused(field, f"There is no {noun} {quoted(part_id)} in this draft. Load the draft again.")
    return tuple(msgspec.structs.replace(part, **values) if part.id == part_id else part for part in parts)


def _without(parts: Sequence[Any], part_id: str, field: str, noun: str) -> tuple[Any, ...]:
    left = tuple(part for part in parts if part.id != part_id)
    if len(left) == len(parts):
        raise Refused(field, f"There is no {noun} {quoted(part_id)} in this draft. Load the draft again.")
    return left


@singledispatch
def _apply(op: Any, draft: Draft) -> Draft:
    raise TypeError(f"not an op: {op!r}")


@_apply.register
def _(op: AddNode, draft: Draft) -> Draft:
    if op.node.id == TRIGGER:
        raise Refused("node.id", "`trigger` is the trigger's id. Give the node another one.")
    _new_id(draft.flow.nodes, op.node.id, "node.id", "node")
    return _with(draft, nodes=(*draft.flow.nodes, op.node))


@_apply.register
def _(op: RemoveNode, draft: Draft) -> Draft:
    nodes = _without(draft.flow.nodes, op.node_id, "nodeId", "node")
    edges = tuple(edge for edge in draft.flow.edges if op.node_id not in (edge.source, edge.target))
    return _with(draft, nodes=nodes, edges=edges)


@_apply.register
def _(op: MoveNode, draft: Draft) -> Draft:
    if op.node_id == TRIGGER:
        return _with(draft, trigger=msgspec.structs.replace(draft.flow.trigger, position=op.position))
    return _with(draft, nodes=_replaced(draft.flow.nodes, op.node_id, "nodeId", "node", {"position": op.position}))


@_apply.register
def _(op: UpdateNode, draft: Draft) -> Draft:
    given = {"data": op.data, "name": op.name, "retry": op.retry}
    values = {key: UNSET if value is None else value for key, value in given.items() if value is not UNSET}
    return _with(draft, nodes=_replaced(draft.flow.nodes, op.node_id, "nodeId", "node", values))


@_apply.register
def _(op: AddEdge, draft: Draft) -> Draft:
    edge = msgspec.structs.replace(op.edge, id=op.edge.key)
    _new_id(draft.flow.edges, edge.key, "edge.id", "edge")
    present = {node.id for node in draft.flow.nodes}
    if edge.source not in present | {TRIGGER}:
        raise Refused("edge.source", f"There is no node {quoted(edge.source)} for this edge to leave.")
    if edge.target not in present:
        raise Refused("edge.target", f"There is no node {quoted(edge.target)} for this edge to lead to.")
    return _with(draft, edges=(*draft.flow.edges, edge))


@_apply.register
def _(op: RemoveEdge, draft: Draft) -> Draft:
    return _with(draft, edges=_without(draft.flow.edges, op.edge_id, "edgeId", "edge"))


@_apply.register
def _(op: UpdateTrigger, draft: Draft) -> Draft:
    stays = op.trigger.position == Position()
    position = draft.flow.trigger.position if stays else op.trigger.position
    return _with(draft, trigger=msgspec.structs.replace(op.trigger, position=position))


@_apply.register
def _(op: SetGoals, draft: Draft) -> Draft:
    return _with(draft, goals=tuple(goal.settled() for goal in op.goals))


@_apply.register
def _(op: SetSettings, draft: Draft) -> Draft:
    return _with(draft, settings=op.settings)


@_apply.register
def _(op: AddNote, draft: Draft) -> Draft:
    _new_id(draft.flow.notes, op.note.id, "note.id", "note")
    return _with(draft, notes=(*draft.flow.notes, op.note))


@_apply.register
def _(op: UpdateNote, draft: Draft) -> Draft:
    given = {"text": op.text, "position": op.position, "width": op.width, "height": op.height}
    values = {key: value for key, value in given.items() if value is not UNSET}
    return _with(draft, notes=_replaced(draft.flow.notes, op.note_id, "noteId", "note", values))


@_apply.register
def _(op: RemoveNote, draft: Draft) -> Draft:
    return _with(draft, notes=_without(draft.flow.notes, op.note_id, "noteId", "note"))


@_apply.register
def _(op: Rename, draft: Draft) -> Draft:
    name = op.name.strip()
    if not name:
        raise Refused("name", "Give the workflow a name of 1 to 255 characters.")
    description = draft.description if isinstance(op.description, UnsetType) else (op.description or "").strip() or None
    return Draft(draft.flow, name, description)
