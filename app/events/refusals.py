"""Why a request of events is not stored: unknown contacts, and ids that were sent before with other content."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple
from uuid import UUID

import msgspec

from app.errors import AppError, Conflict, FieldError, Invalid
from app.events.contact_repository import ContactRef
from app.events.repository import StoredEvent
from app.events.schemas import Accepted
from app.idempotency.middleware import KeyReused
from app.lib.field_errors import joined


class EventContactUnknown(Invalid):
    """An event names a contact that does not exist. Nothing of this request was stored."""

    code = "unknown_contact"


class EventIdInUse(Conflict):
    """An event with this id was sent before, and was another one; `errors` says what differs. Nothing of this request was
    stored. Send a new event under an id of its own."""

    code = "event_id_in_use"


class EventsInvalid(Invalid):
    """Nothing was stored. Look at `errors` for what to change."""


class Fault(NamedTuple):
    """One thing that keeps a request out: an unknown contact, or the content of another event under its id or request."""

    kind: Literal["contact", "id", "request"]
    field_error: FieldError


class Content(NamedTuple):
    """What two events of one id are compared by. None is not known: a time that was not sent, what was erased."""

    contact: UUID | ContactRef | None
    name: str
    properties: dict[str, Any] | None
    occurred_at: datetime | None

    @classmethod
    def of(cls, event: Accepted, contact: UUID | ContactRef) -> Content:
        """Of an event that was read."""
        return cls(contact, event.name, msgspec.json.decode(event.properties), event.occurred_at)

    def differences(self, first: Content, where: str) -> list[FieldError]:
        """By field name only: what the first event says may not be for this sender's eyes."""
        differ = {
            "contact": None not in (self.contact, first.contact) and self.contact != first.contact,
            "name": self.name != first.name,
            "properties": first.properties is not None and not _same(self.properties, first.properties),
            "occurredAt": None not in (self.occurred_at, first.occurred_at) and self.occurred_at != first.occurred_at,
        }
        nouns = {
            "contact": "another contact",
            "name": "another name",
            "properties": "other properties",
            "occurredAt": "another time",
        }
        return [
            {"path": joined(where, field), "message": f"The event that was first sent under this id or key has {noun}."}
            for field, noun in nouns.items()
            if differ[field]
        ]


def stored_content(stored: StoredEvent) -> Content:
    """Of an event in the table."""
    sent = None if stored.occurred_at == stored.received_at else stored.occurred_at
    return Content(stored.contact_id, stored.name, stored.properties, sent)


def _same(one: Any, other: Any) -> bool:
    """Equal as JSON: `true` is not 1, and 1 is 1.0."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(value, other[name]) for name, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other)


def events_refusal(faults: Sequence[Fault]) -> AppError | None:
    """The error that refuses a request with these faults; None without any."""
    if not faults:
        return None
    kinds = {fault.kind for fault in faults}
    errors = [fault.field_error for fault in faults]
    if kinds == {"contact"}:
        return EventContactUnknown(errors=errors)
    if kinds == {"id"}:
        return EventIdInUse(errors=errors)
    return KeyReused(errors=errors) if kinds == {"request"} else EventsInvalid(errors=errors)
