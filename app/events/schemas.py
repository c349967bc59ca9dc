"""Events as clients send and read them, and the reading of a request body with a field error for each thing wrong."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, NamedTuple
from uuid import UUID

import msgspec

from app.errors import BadRequest, FieldError, Invalid
from app.lib import clock, jsonlimits
from app.lib.field_errors import all_field_errors, joined
from app.values import contact_fields
from app.values.event_fields import BLANK, DECISIONS, MAX_DEPTH, MAX_NAME, MAX_PROPERTIES_BYTES, NO_DECISION

MAX_EVENTS = 1_000
MAX_AHEAD = timedelta(hours=1)
EARLIEST = datetime(1, 1, 3, tzinfo=UTC)
"""An event of before has no date in some time zone: none has a year 0."""

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_NAME)]


class EventIn(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """Something that happened to one contact, named by exactly one of `contactId`, `externalId` and `email`.

    An unknown `externalId` or `email` makes a new contact. `id` is yours: sending it again changes nothing.
    """

    name: Text
    contact_id: UUID | None = None
    external_id: str | None = None
    email: str | None = None
    properties: dict[str, Any] = {}
    occurred_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    id: Text | None = None


class Accepted(msgspec.Struct, frozen=True):
    """An event that has been read and may be stored. `who` is an id, an external id or an email, told apart by `by`.

    `occurred_at` is None when the sender did not say. `where` is the event's path in the body: `[3]`, empty when it is alone.
    """

    name: str
    by: str
    who: UUID | str
    properties: str
    occurred_at: datetime | None
    key: str | None = None
    request_key: str | None = None
    where: str = ""


class EventsRead(NamedTuple):
    """A request body: the events that may be stored, what is wrong with the others, and whether it was an array."""

    events: list[Accepted]
    field_errors: list[FieldError]
    many: bool


class EventReceipt(msgspec.Struct, rename="camel"):
    """`id` is the event's own id, `clientId` the one that was sent. A duplicate shows the first event of its id."""

    id: UUID
    contact_id: UUID | None
    name: str
    occurred_at: datetime
    client_id: str | None
    duplicate: bool


class EventOut(msgspec.Struct, rename="camel"):
    id: UUID
    contact_id: UUID | None
    name: str
    properties: dict[str, Any]
    occurred_at: datetime
    received_at: datetime
    client_id: str | None


_decode_one = msgspec.json.Decoder(EventIn).decode
_decode_many = msgspec.json.Decoder(list[EventIn]).decode
_NAMES_OF_CONTACTS = ("contactId", "externalId", "email")


def read_events(body: bytes, request_key: str | None = None) -> EventsRead:
    """The events of a body with all that is wrong with it. Raises BadRequest when it is no JSON, Invalid for a wrong number.

    The events are committed apart from the request's own transaction, so with an `Idempotency-Key` each that has no id is
    known by that key and its place.
    """
    many = body.lstrip()[:1] == b"["
    faults: list[list[FieldError]] | None = None
    try:
        try:
            events: list[EventIn] = _decode_many(body) if many else [_decode_one(body)]
        except msgspec.ValidationError:
            raw = msgspec.json.decode(body) if many else [msgspec.json.decode(body)]
            _check_count(len(raw))
            faults = [all_field_errors(item, EventIn, _place(number, many)) for number, item in enumerate(raw)]
            events = [_salvaged(item, bool(of_item)) for item, of_item in zip(raw, faults, strict=True)]
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise BadRequest(f"The body is not well-formed JSON: {error}") from error
    _check_count(len(events))
    latest = clock.now() + MAX_AHEAD
    accepted: list[Accepted] = []
    field_errors: list[FieldError] = []
    for number, event in enumerate(events):
        key = None if request_key is None or event.id is not None else f"{request_key}#{number}"
        of_event = [*faults[number]] if faults else []
        recorded_event = _accept(event, _place(number, many), latest, of_event, key)
        field_errors += of_event
        if recorded_event is not None:
            accepted.append(recorded_event)
    return EventsRead(accepted, field_errors, many)


def _check_count(count: int) -> None:
    if not 1 <= count <= MAX_EVENTS:
        message = f"Send 1 to {MAX_EVENTS:,} events at a time, not {count:,}."
        raise Invalid("Nothing was stored.", errors=[{"path": "body", "message": message}])


def _place(number: int, many: bool) -> str:
    return f"[{number}]" if many else ""


def place_of(field_error: FieldError) -> int:
    """The index of the event that a field error is about, to put field_errors in the order of the body."""
    match = re.match(r"\[(\d+)\]", field_error["path"])
    return int(match[1]) if match else 0


def _salvaged(item: Any, faulty: bool) -> EventIn:
    """What of an event can be read, so that a wrong type in it does not hide a wrong address. A faulty one is never stored."""
    fields = item if isinstance(item, dict) else {}
    if faulty:
        fields = {"name": "?"} | {
            name: value for name, value in fields.items() if not all_field_errors({"name": "?", name: value}, EventIn)
        }
    return msgspec.convert(fields, EventIn)


def _accept(
    event: EventIn, where: str, latest: datetime, field_errors: list[FieldError], request_key: str | None
) -> Accepted | None:
    """The event, or None when something is wrong with it; `field_errors` holds what is known already and gets the rest."""
    error_paths = {one["path"] for one in field_errors}

    def complain(field: str, message: str) -> None:
        field_errors.append({"path": joined(where, field), "message": message})

    contact_names: list[tuple[str, UUID | str]] = []
    if event.contact_id is not None:
        contact_names.append(("id", event.contact_id))
    for field in ("external_id", "email"):
        try:
            if (value := contact_fields.text(field, getattr(event, field))) is not None:
                contact_names.append((field, value))
        except contact_fields.BadField as error:
            path = "externalId" if field == "external_id" else field
            error_paths.add(joined(where, path))
            complain(path, str(error))
    unreadable = bool(error_paths & {where, "body"}) or any(
        joined(where, field) in error_paths for field in _NAMES_OF_CONTACTS
    )
    if len(contact_names) != 1 and not unreadable:
        problem = "Name the contact" if not contact_names else "Name the contact only once"
        complain("contactId", f"{problem}: send one of contactId, externalId and email.")
    for field, text in (("name", event.name), ("id", event.id)):
        if text is not None and ("\0" in text or not text.strip()):
            complain(field, BLANK)
    if event.name.strip() in DECISIONS:
        complain("name", NO_DECISION)
    properties = "{}"
    try:
        properties = jsonlimits.storable(event.properties, max_bytes=MAX_PROPERTIES_BYTES, max_depth=MAX_DEPTH)
    except jsonlimits.Unstorable as error:
        complain("properties", str(error))
    if event.occurred_at is not None and event.occurred_at > latest:
        complain("occurredAt", "This is more than an hour in the future. Check the clock and the offset.")
    if event.occurred_at is not None and event.occurred_at < EARLIEST:
        complain("occurredAt", "This is too long ago for a date. Check the year.")
    if field_errors:
        return None
    by, who = contact_names[0]
    return Accepted(event.name.strip(), by, who, properties, event.occurred_at, event.id, request_key, where)
