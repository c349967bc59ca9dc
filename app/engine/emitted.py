"""Events that steps emit: stored and put into the inbox with the batch that emits them, so exactly once.

Each has an id of its own, which its step's output names. They start, wake and end runs like events from outside, but for the workflow
that emitted them: that is not started by them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from app.engine import rows
from app.engine.limits import ECHO, MAX_DEPTH
from app.engine.records import ContactChangeEvent
from app.engine.rows import NULL, UUID_HEAD
from app.engine.state import RunState
from app.flow.effects import EmitEvent
from app.flow.outcomes import Done, Outcome
from app.inbox import CHANGE_EVENT_COLUMNS
from app.lib import ids

if TYPE_CHECKING:
    from app.engine.walk import Batch

COLUMNS = {
    "tenant_id": "int", "id": "uuid", "contact_id": "uuid", "name": "text", "properties": "jsonb", "occurred_at": "timestamptz",
    "received_at": "timestamptz",
}  # fmt: skip
_HEAD = struct.pack(">h", len(COLUMNS))
_INBOX_HEAD = struct.pack(">h", len(CHANGE_EVENT_COLUMNS))


class EmittedEvent(NamedTuple):
    """An event of one run. `id`: UUIDv7, in the order in which things happen in the batch."""

    id: bytes
    run: RunState
    event: EmitEvent


def emits(outcome: Outcome) -> bool:
    """Does an event happen by it?"""
    return bool(outcome.effects) and any(isinstance(effect, EmitEvent) for effect in outcome.effects)


def emitted(run: RunState, outcome: Outcome) -> tuple[Outcome, list[EmittedEvent]]:
    """What it comes to for this run, with the ids of its events in the output, and these; a failure where the echo ends."""
    if run.depth >= MAX_DEPTH:
        return ECHO, []
    effects = [effect for effect in outcome.effects if isinstance(effect, EmitEvent)]
    events = [EmittedEvent(ids.uuid7().bytes, run, effect) for effect in effects]
    output = {**(outcome.output or {}), "eventId": str(UUID(bytes=events[-1].id))}
    return Done(outcome.port, output, outcome.effects, outcome.logs), events


def emitted_in(batch: Batch) -> list[EmittedEvent]:
    """All events of a batch, in the order in which they happened."""
    events = [
        one
        for path in batch.paths
        if path.events
        for one in path.events
        if one.run.path is not None and path in one.run.path.from_start()
    ]
    return sorted(events, key=lambda one: one.id)


def event_rows(events: Iterable[EmittedEvent], now: int) -> list[bytes]:
    """Rows of the events."""
    at = rows.stamp(now)
    return [
        _HEAD + rows.int4(run.flow.tenant_id) + UUID_HEAD + id_ + (run.contact.field if event.of_contact else NULL)
        + rows.text(event.name) + rows.raw_json(event.properties) + at + at
        for id_, run, event in events
    ]  # fmt: skip


def inbox_rows(events: Iterable[EmittedEvent], changes: Iterable[ContactChangeEvent], now: int) -> list[bytes]:
    """What the engine is to hear of: events of contacts, then changes of contacts that somebody listens for.

    An event of nobody starts and ends nothing.
    """
    at = rows.stamp(now)
    heard = [
        _INBOX_HEAD + rows.int4(run.flow.tenant_id) + rows.text(event.name) + run.contact.field + UUID_HEAD + run.flow.workflow_id
        + rows.int2(run.depth + 1) + rows.raw_json(event.properties) + at + at + rows.int2(run.flow.priority) + UUID_HEAD + id_
        + rows.int8(run.lane)
        for id_, run, event in events if event.of_contact and run.contact.id
    ]  # fmt: skip
    heard += [
        _INBOX_HEAD + rows.int4(change.tenant_id) + rows.text(change.name) + UUID_HEAD + change.contact_id + UUID_HEAD
        + change.workflow_id + rows.int2(change.depth) + rows.json(change.properties) + at + at + rows.int2(change.priority) + NULL
        + rows.int8(change.lane)
        for change in changes
    ]  # fmt: skip
    return heard
