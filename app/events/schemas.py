"""Events as clients send and read them, and the reading of a request body with a complaint for each thing wrong."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

import msgspec

from app.errors import BadRequest, Complaint, Invalid
from app.lib import addresses, clock, jsonlimits
from app.lib.complaints import complaint, joined

MAX_EVENTS = 1_000
MAX_PROPERTIES_BYTES = 32_768
MAX_DEPTH = 10
MAX_AHEAD = timedelta(hours=1)
MAX_COMPLAINTS = 20
REQUEST_KEY = "idempotency-key:"
"""Begins the ids that were made from an `Idempotency-Key`; clients do not see them."""


def client_id(key: str | None) -> str | None:
    """The id that the client sent with the event."""
    return None if key is None or key.startswith(REQUEST_KEY) else key


Text = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class EventIn(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """Something that happened to one contact, named by exactly one of `contactId`, `externalId` and `email`.

    An unknown `externalId` or `email` makes a new contact. `id` is yours: sending it again changes nothing.
    """

    name: Text
    contact_id: UUID | None = None
    external_id: Text | None = None
    email: str | None = None
    properties: dict[str, Any] = {}
    occurred_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    id: Text | None = None


class Accepted(msgspec.Struct, frozen=True):
    """An event that has been read and may be stored. `who` is an id, an external id or an email, told apart by `by`."""

    name: str
    by: str
    who: UUID | str
    properties: str
    occurred_at: datetime
    key: str | None


class EventReceipt(msgspec.Struct, rename="camel"):
    """`id` is the event's own id, `clientId` the one that was sent. A duplicate shows the first event of its id."""

    id: UUID
    contact_id: UUID
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


def read(body: bytes, request_key: str | None = None) -> tuple[list[Accepted], bool]:
    """The events of a body, and whether it was an array. Raises Invalid naming every path, BadRequest when it is no JSON.

    The events are committed apart from the request's own transaction, so an `Idempotency-Key` gives those without an id one.
    """
    many = body.lstrip()[:1] == b"["
    complaints: list[Complaint] = []
    events: list[EventIn] = []
    try:
        try:
            events = _decode_many(body) if many else [_decode_one(body)]
        except msgspec.ValidationError:
            complaints = _decode_each(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise BadRequest(f"The body is not well-formed JSON: {error}") from error
    if not complaints and not 1 <= len(events) <= MAX_EVENTS:
        complaints = [{"path": "body", "message": f"Send 1 to {MAX_EVENTS:,} events at a time, not {len(events):,}."}]
    latest, accepted = clock.now() + MAX_AHEAD, []
    if not complaints:
        for number, event in enumerate(events):
            if event.id is None and request_key is not None:
                event.id = f"{REQUEST_KEY}{request_key}#{number}"
            found = _accept(event, f"[{number}]" if many else "", latest, complaints)
            if found is not None:
                accepted.append(found)
            if len(complaints) >= MAX_COMPLAINTS:
                break
    if complaints:
        raise Invalid("Nothing was stored. Look at `errors` for what to change.", errors=complaints[:MAX_COMPLAINTS])
    return accepted, many


def _decode_each(body: bytes) -> list[Complaint]:
    """The slow way, taken only when something is wrong: each event by itself, so that each complaint has its index."""
    raw = msgspec.json.decode(body)
    many = isinstance(raw, list)
    complaints: list[Complaint] = []
    for number, item in enumerate(raw if many else [raw]):
        try:
            msgspec.convert(item, EventIn)
        except msgspec.ValidationError as error:
            complaints.append(complaint(str(error), f"[{number}]" if many else ""))
        if len(complaints) >= MAX_COMPLAINTS:
            break
    return complaints


def _accept(event: EventIn, prefix: str, latest: datetime, complaints: list[Complaint]) -> Accepted | None:
    before = len(complaints)

    def complain(field: str, message: str) -> None:
        complaints.append({"path": joined(prefix, field), "message": message})

    named: list[tuple[str, UUID | str]] = []
    if event.contact_id is not None:
        named.append(("id", event.contact_id))
    if event.external_id is not None:
        named.append(("external_id", event.external_id))
    if event.email is not None:
        try:
            named.append(("email", addresses.email(event.email)))
        except addresses.BadAddress as error:
            complain("email", str(error))
    if len(named) != 1 and len(complaints) == before:
        problem = "Name the contact" if not named else "Name the contact only once"
        complain("contactId", f"{problem}: send one of contactId, externalId and email.")
    for field, text in (("name", event.name), ("externalId", event.external_id), ("id", event.id)):
        if text is not None and ("\0" in text or not text.strip()):
            complain(field, "Send text that is not blank and does not hold the character U+0000.")
    properties = "{}"
    try:
        properties = jsonlimits.storable(event.properties, max_bytes=MAX_PROPERTIES_BYTES, max_depth=MAX_DEPTH)
    except jsonlimits.Unstorable as error:
        complain("properties", str(error))
    if event.occurred_at is not None and event.occurred_at > latest:
        complain("occurredAt", "This is more than an hour in the future. Check the clock and the offset.")
    if len(complaints) > before:
        return None
    by, who = named[0]
    return Accepted(event.name.strip(), by, who, properties, event.occurred_at or clock.now(), event.id)
