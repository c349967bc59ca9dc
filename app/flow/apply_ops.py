"""Applies ops to a draft, in order, all or nothing. Pure.

It only keeps the document in one piece (no edge to nowhere, no id twice); what the document means is `validation`'s matter.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import singledispatch
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from app.flow.document import TRIGGER, Flow, Position, Trigger
from app.flow.ops import (
    AddEdge,
    AddNode,
    AddNote,
    AddTrigger,
    AnyOp,
    MoveNode,
    RemoveEdge,
    RemoveNode,
    RemoveNote,
    RemoveTrigger,
    Rename,
    SetGoals,
    SetPriority,
    SetSettings,
    SetTrigger,
    UpdateNode,
    UpdateNote,
    UpdateTrigger,
)
from app.lib.conversions import quoted
from app.lib.translation import gettext
from app.models.status import PriorityWord


class RefusedOp(Exception):
    """An op that does not fit the document: `field` of the op and what to do instead."""

    def __init__(self, field: str, message: str) -> None:
        self.field, self.message, self.index = field, message, 0
        super().__init__(message)


@dataclass(frozen=True)
class Draft:
    """What ops change: the flow, and the name, the description and the priority beside it."""

    flow: Flow
    name: str
    description: str | None = None
    priority: PriorityWord = "normal"


def applied(draft: Draft, ops: Sequence[AnyOp]) -> Draft:
    """The draft after all `ops`. Raises RefusedOp (with the op's `index`) at the first that does not fit."""
    for index, op in enumerate(ops):
        try:
            draft = _apply(op, draft)
        except RefusedOp as refused:
            refused.index = index
            raise
    return draft


def _with(draft: Draft, **parts: Any) -> Draft:
    return replace(draft, flow=msgspec.structs.replace(draft.flow, **parts))


def _new_id(parts: Iterable[Any], part_id: str, field: str, noun: str) -> None:
    if any(part.id == part_id for part in parts):
        raise RefusedOp(
            field,
            gettext(
                "There is a %(noun)s %(part_id)s already. Give the new one an id of its own.",
                noun=noun,
                part_id=quoted(part_id),
            ),
        )


def _replaced(parts: Sequence[Any], part_id: str, field: str, noun: str, values: dict[str, Any]) -> tuple[Any, ...]:
    if all(part.id != part_id for part in parts):
        raise RefusedOp(
            field,
            gettext(
                "There is no %(noun)s %(part_id)s in this draft. Load the draft again.",
                noun=noun,
                part_id=quoted(part_id),
            ),
        )
    return tuple(msgspec.structs.replace(part, **values) if part.id == part_id else part for part in parts)


def _stays(trigger: Trigger, before: Trigger) -> Trigger:
    """`trigger` where `before` lay, unless it says where it lies itself."""
    if trigger.position != Position():
        return trigger
    return msgspec.structs.replace(trigger, position=before.position)


def _without(parts: Sequence[Any], part_id: str, field: str, noun: str) -> tuple[Any, ...]:
    remaining = tuple(part for part in parts if part.id != part_id)
    if len(remaining) == len(parts):
        raise RefusedOp(
            field,
            gettext(
                "There is no %(noun)s %(part_id)s in this draft. Load the draft again.",
                noun=noun,
                part_id=quoted(part_id),
            ),
        )
    return remaining


@singledispatch
def _apply(op: Any, draft: Draft) -> Draft:
    raise TypeError(f"not an op: {op!r}")


@_apply.register
def _(op: AddNode, draft: Draft) -> Draft:
    if op.node.id == TRIGGER:
        raise RefusedOp("node.id", "`trigger` is the trigger's id. Give the node another one.")
    _new_id(draft.flow.triggers, op.node.id, "node.id", "trigger")
    _new_id(draft.flow.nodes, op.node.id, "node.id", "node")
    return _with(draft, nodes=(*draft.flow.nodes, op.node))


@_apply.register
def _(op: RemoveNode, draft: Draft) -> Draft:
    nodes = _without(draft.flow.nodes, op.node_id, "nodeId", "node")
    edges = tuple(edge for edge in draft.flow.edges if op.node_id not in (edge.source, edge.target))
    return _with(draft, nodes=nodes, edges=edges)


@_apply.register
def _(op: MoveNode, draft: Draft) -> Draft:
    if draft.flow.trigger_of(op.node_id) is not None:
        values = {"position": op.position}
        return _with(draft, triggers=_replaced(draft.flow.triggers, op.node_id, "nodeId", "trigger", values))
    return _with(draft, nodes=_replaced(draft.flow.nodes, op.node_id, "nodeId", "node", {"position": op.position}))


@_apply.register
def _(op: UpdateNode, draft: Draft) -> Draft:
    names = ("data", "name", "retry", "on_error", "timeout", "disabled")
    fields = {name: getattr(op, name) for name in names}
    values = {key: UNSET if value is None else value for key, value in fields.items() if value is not UNSET}
    return _with(draft, nodes=_replaced(draft.flow.nodes, op.node_id, "nodeId", "node", values))


@_apply.register
def _(op: AddEdge, draft: Draft) -> Draft:
    edge = msgspec.structs.replace(op.edge, id=op.edge.key)
    _new_id(draft.flow.edges, edge.key, "edge.id", "edge")
    present = {node.id for node in draft.flow.nodes}
    if edge.source not in present and draft.flow.trigger_of(edge.source) is None:
        raise RefusedOp(
            "edge.source", gettext("There is no node %(source)s for this edge to leave.", source=quoted(edge.source))
        )
    if edge.target not in present:
        raise RefusedOp(
            "edge.target", gettext("There is no node %(target)s for this edge to lead to.", target=quoted(edge.target))
        )
    return _with(draft, edges=(*draft.flow.edges, edge))


@_apply.register
def _(op: RemoveEdge, draft: Draft) -> Draft:
    return _with(draft, edges=_without(draft.flow.edges, op.edge_id, "edgeId", "edge"))


@_apply.register
def _(op: UpdateTrigger, draft: Draft) -> Draft:
    first, *others = draft.flow.triggers
    changed_first = _stays(op.trigger.trigger(first.id, first.enabled), first)
    return _with(draft, triggers=(changed_first, *others))


@_apply.register
def _(op: AddTrigger, draft: Draft) -> Draft:
    _new_id(draft.flow.nodes, op.trigger.id, "trigger.id", "node")
    _new_id(draft.flow.triggers, op.trigger.id, "trigger.id", "trigger")
    triggers = list(draft.flow.triggers)
    triggers.insert(len(triggers) if isinstance(op.index, UnsetType) else op.index, op.trigger)
    return _with(draft, triggers=tuple(triggers))


@_apply.register
def _(op: SetTrigger, draft: Draft) -> Draft:
    before = draft.flow.trigger_of(op.trigger.id)
    if before is None:
        message = gettext("There is no trigger %(id)s in this draft. Load the draft again.", id=quoted(op.trigger.id))
        raise RefusedOp("trigger.id", message)
    after = _stays(op.trigger, before)
    return _with(draft, triggers=tuple(after if one is before else one for one in draft.flow.triggers))


@_apply.register
def _(op: RemoveTrigger, draft: Draft) -> Draft:
    triggers = _without(draft.flow.triggers, op.trigger_id, "triggerId", "trigger")
    if not triggers:
        raise RefusedOp(
            "triggerId", gettext("A workflow keeps one trigger. Add another one before you remove this one.")
        )
    return _with(draft, triggers=triggers, edges=tuple(e for e in draft.flow.edges if e.source != op.trigger_id))


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
    fields = {"text": op.text, "position": op.position, "width": op.width, "height": op.height}
    values = {key: value for key, value in fields.items() if value is not UNSET}
    return _with(draft, notes=_replaced(draft.flow.notes, op.note_id, "noteId", "note", values))


@_apply.register
def _(op: RemoveNote, draft: Draft) -> Draft:
    return _with(draft, notes=_without(draft.flow.notes, op.note_id, "noteId", "note"))


@_apply.register
def _(op: Rename, draft: Draft) -> Draft:
    name = op.name.strip()
    if not name:
        raise RefusedOp("name", gettext("Give the workflow a name of 1 to 255 characters."))
    description = draft.description if isinstance(op.description, UnsetType) else (op.description or "").strip() or None
    return replace(draft, name=name, description=description)


@_apply.register
def _(op: SetPriority, draft: Draft) -> Draft:
    return replace(draft, priority=op.priority)
