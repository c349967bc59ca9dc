"""The effects that a step may declare: changes of the contact and of its segments, variables, messages, runs of other workflows.

The engine applies them after the step has returned.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Any
from uuid import UUID

import msgspec

from app.values.increments import added

CONTACT_COLUMNS = ("source", "phone", "timezone", "locale")
"""Fields of a contact that a workflow may set and that are columns; every other name is an attribute."""
_encode = msgspec.json.Encoder(decimal_format="number").encode


class Effect:
    """A wish about the world. `contact`: it changes the contact, and later steps of the batch see the change."""

    __slots__ = ()
    contact = False

    def key(self) -> Hashable:
        """Equal for effects that wish the same. By itself an effect is like no other."""
        return self


class ContactChange(Effect):
    """A wish about the contact."""

    __slots__ = ()
    contact = True

    def change(self, columns: dict[str, Any], attributes: dict[str, Any], tags: list[str]) -> None:
        """Apply it to what later steps see."""
        raise NotImplementedError

    def fields(self) -> Iterable[str]:
        """What it may change: names of columns and attributes, `tags`."""
        raise NotImplementedError


class SetFields(ContactChange):
    """Set columns (`CONTACT_COLUMNS`) and attributes to values; None empties a column and removes an attribute.

    Values are as they are stored: they are not checked again.
    """

    __slots__ = ("attributes", "columns")

    def __init__(self, values: dict[str, Any]) -> None:
        self.columns = {name: value for name, value in values.items() if name in CONTACT_COLUMNS}
        self.attributes = {
            name.removeprefix("attributes."): value for name, value in values.items() if name not in CONTACT_COLUMNS
        }

    def key(self) -> Hashable:
        return SetFields, _encode(self.attributes), _encode(self.columns)

    def change(self, columns: dict[str, Any], attributes: dict[str, Any], tags: list[str]) -> None:
        columns.update(self.columns)
        for name, value in self.attributes.items():
            if value is None:
                attributes.pop(name, None)
            else:
                attributes[name] = value

    def fields(self) -> Iterable[str]:
        return (*self.columns, *self.attributes)


class Increment(ContactChange):
    """Add `by` to an attribute that is a number or not there, which counts as 0. A node looks first whether it is."""

    __slots__ = ("by", "field")

    def __init__(self, field: str, by: float) -> None:
        self.field, self.by = field.removeprefix("attributes."), by

    def key(self) -> Hashable:
        return Increment, self.field, self.by, self.by.__class__

    def change(self, columns: dict[str, Any], attributes: dict[str, Any], tags: list[str]) -> None:
        attributes[self.field] = added(attributes.get(self.field), self.by)

    def fields(self) -> Iterable[str]:
        return (self.field,)


class AddTag(ContactChange):
    __slots__ = ("tag",)

    def __init__(self, tag: str) -> None:
        self.tag = tag

    def key(self) -> Hashable:
        return AddTag, self.tag

    def change(self, columns: dict[str, Any], attributes: dict[str, Any], tags: list[str]) -> None:
        if self.tag not in tags:
            tags.append(self.tag)

    def fields(self) -> Iterable[str]:
        return ("tags",)


class RemoveTag(ContactChange):
    __slots__ = ("tag",)

    def __init__(self, tag: str) -> None:
        self.tag = tag

    def key(self) -> Hashable:
        return RemoveTag, self.tag

    def change(self, columns: dict[str, Any], attributes: dict[str, Any], tags: list[str]) -> None:
        if self.tag in tags:
            tags.remove(self.tag)

    def fields(self) -> Iterable[str]:
        return ("tags",)


class SegmentChange(Effect):
    """Put the contact into a static segment, or take it out. Of several wishes of a batch the last one counts.

    The membership, the counts and the event `segment.member.added` or `segment.member.removed` are written together, and only when the
    contact really moves.
    """

    __slots__ = ("enters", "segment_id")

    def __init__(self, segment_id: UUID, *, enters: bool) -> None:
        self.segment_id, self.enters = segment_id, enters

    def key(self) -> Hashable:
        return SegmentChange, self.segment_id, self.enters


class ReachGoal(Effect):
    """The contact has reached a goal of the workflow here, and the run goes on."""

    __slots__ = ()

    def key(self) -> Hashable:
        return ReachGoal


class Assign(Effect):
    """Keep for the contact that this step gave it `variant`: its steps of later runs and versions read it by `scope.assigned()`.

    In a run without a contact there is nobody to keep it for.
    """

    __slots__ = ("variant",)

    def __init__(self, variant: str) -> None:
        self.variant = variant

    def key(self) -> Hashable:
        return Assign, self.variant


MAX_VARS_BYTES = 65_536
"""What the variables of one run may take as JSON, all together."""


class SetVars(Effect):
    """Set variables of the run: later steps of it read them as `vars.<name>`. A name that nothing reads is not kept.

    The step fails, in words, when the run's variables would take more than `MAX_VARS_BYTES`.
    """

    __slots__ = ("values",)

    def __init__(self, values: dict[str, Any]) -> None:
        self.values = values

    def key(self) -> Hashable:
        return SetVars, _encode(self.values)


class EmitEvent(Effect):
    """An event happens, to the run's contact or to nobody, and starts, wakes and ends runs as one from outside does.

    `properties`: JSON as `app.values.event_fields.properties` makes it. The engine adds the event's id to the step's output, as
    `eventId`. The step fails, in words, when too many workflows have started one another by such events already.
    """

    __slots__ = ("name", "of_contact", "properties")

    def __init__(self, name: str, properties: bytes, *, of_contact: bool = True) -> None:
        self.name, self.properties, self.of_contact = name, properties, of_contact

    def key(self) -> Hashable:
        return EmitEvent, self.name, self.properties, self.of_contact


MOST_CALLED = 100_000
"""Contacts of a segment for whom one step calls a workflow."""


class CallWorkflow(Effect):
    """Start a run of another workflow, with `properties` (JSON) as its event: of the run's contact, or without a contact.

    With a `segment_id` one for each contact who is in that segment, one piece after another, `MOST_CALLED` at most. `awaits`: the run
    stays on the step until what it called is over. Then its output is that of the last step of the called run, with `status` and
    `runId`; of a segment the numbers of runs by how they ended. A called run that fails, is cancelled or is not let in is a failure of
    the step. A type with such steps says so by `NodeType.calls`, so that circles are seen before anybody runs into them.
    """

    __slots__ = ("awaits", "of_contact", "properties", "segment_id", "workflow_id")

    def __init__(
        self,
        workflow_id: UUID,
        properties: bytes,
        *,
        of_contact: bool = True,
        segment_id: UUID | None = None,
        awaits: bool = False,
    ) -> None:
        self.workflow_id, self.properties, self.awaits = workflow_id, properties, awaits
        self.of_contact, self.segment_id = of_contact, segment_id

    def key(self) -> Hashable:
        return CallWorkflow, self.workflow_id, self.properties, self.of_contact, self.segment_id, self.awaits


class SendMessage(Effect):
    """One message row, keyed (run, step); it is sent later, never by the node. `payload`: what the sender should know.

    `awaits`: the run stays on the step until the message has an outcome. It stays too when the step's `error` port leads on.
    """

    __slots__ = ("awaits", "channel", "encoded", "payload", "template")

    def __init__(self, channel: int, template: bytes | None, payload: dict[str, Any], *, awaits: bool = False) -> None:
        self.channel, self.template, self.payload, self.awaits = channel, template, payload, awaits
        self.encoded: dict[bool, bytes] = {}

    def key(self) -> Hashable:
        return SendMessage, self.channel, self.template, _encode(self.payload), self.awaits
