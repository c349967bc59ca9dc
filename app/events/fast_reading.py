"""Read a body of events straight into PostgreSQL's parameters, when there is nothing to say against any of them.

It takes no decision of its own: whatever is not plainly right is left to `schemas.read_events`, which says what is wrong with it
or takes it all the same. What is taken here is taken there with the same content (a property test holds the two together).
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, NamedTuple
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from app.events.schemas import EARLIEST, MAX_EVENTS, Text
from app.lib import jsonlimits
from app.lib.binary_fields import int2, microseconds, raw_json, stamp
from app.values import contact_fields
from app.values.event_fields import DECISIONS, MAX_DEPTH, MAX_PROPERTIES_BYTES

BY = ("id", "external_id", "email")
"""Ways to name a contact; a row's `kind` is the place in here."""
_BY_ID, _BY_EXTERNAL_ID, _BY_EMAIL = (int2(kind) for kind in range(len(BY)))
_NO_PROPERTIES, _NOT_SAID = raw_json(b"{}"), stamp(None)
_MOST_BRACKETS = 64
SEPARATOR, NO_TEXT = "\x1f", "\x1e"
"""Between the texts of a column, and in place of one that is not there: a column in one piece costs a tenth of its fields."""


class _EventWritten(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """As `schemas.EventIn`, but what was not written can be told from null, so that members can be counted."""

    name: Text
    contact_id: UUID | UnsetType | None = UNSET
    external_id: str | UnsetType | None = UNSET
    email: str | UnsetType | None = UNSET
    properties: dict[str, Any] | UnsetType = UNSET
    occurred_at: Annotated[datetime, msgspec.Meta(tz=True)] | UnsetType | None = UNSET
    id: Text | UnsetType | None = UNSET


class PlainEvent(NamedTuple):
    """One row of the statement that stores it. `kind`, `properties` and `occurred` are binary fields, and no text
    holds SEPARATOR or NO_TEXT."""

    kind: bytes
    value: str
    name: str
    properties: bytes
    key: str | None
    occurred: bytes
    at: datetime | None
    """When it happened, as it was said."""
    members: int
    """How many members the objects of the event have that was written."""


class PlainRequest(NamedTuple):
    """The events of one body, at least one; `many` when they came as an array."""

    events: list[PlainEvent]
    many: bool


class _Doubt(Exception):
    """Something about this event is not plain."""


_decode_one = msgspec.json.Decoder(_EventWritten).decode
_decode_many = msgspec.json.Decoder(list[_EventWritten]).decode
_new_row = tuple.__new__
"""A named tuple's own constructor takes 0.4 µs, of the 3 that an event of a batch may cost here."""


def read_plain(body: bytes, latest: datetime) -> PlainRequest | None:
    """The events of `body`, none of which says it happened after `latest`; None when anything about any of them is in doubt."""
    if b"\\u000" in body or b"\\u001" in body:
        return None  # a control character that has no shorter way to be written: SEPARATOR, NO_TEXT, or one that cannot be stored
    many = body.lstrip()[:1] == b"["
    try:
        written = _decode_many(body) if many else [_decode_one(body)]
        if not 1 <= len(written) <= MAX_EVENTS:
            return None
        events = [_plain(event, latest) for event in written]
    except (msgspec.MsgspecError, RecursionError, ValueError, OverflowError, _Doubt):
        return None
    members = sum([event.members for event in events])
    # Every member of an object is one colon outside of texts: when there are more, an object has one of them twice.
    if body.count(b":") != members and jsonlimits.structure_of(body, _MOST_BRACKETS)[1] != members:
        return None
    if many:
        keys = [event.key for event in events if event.key is not None]
        if len(keys) != len(set(keys)):
            return None
    return PlainRequest(events, many)


def _plain(event: _EventWritten, latest: datetime) -> PlainEvent:
    kind, value = _named(event)
    name, key, at = event.name.strip(), event.id or None, event.occurred_at or None
    if not name or name in DECISIONS or (key is not None and not key.strip()):
        raise _Doubt
    if at is not None and not EARLIEST <= at <= latest:
        raise _Doubt
    members = (
        1
        + (event.contact_id is not UNSET)
        + (event.external_id is not UNSET)
        + (event.email is not UNSET)
        + (event.occurred_at is not UNSET)
        + (event.id is not UNSET)
    )
    properties = _NO_PROPERTIES
    if (document := event.properties) is not UNSET:
        stored = jsonlimits.storable_bytes(document, max_bytes=MAX_PROPERTIES_BYTES, max_depth=MAX_DEPTH)
        properties = raw_json(stored)
        flat = stored.count(b"{") == 1 and b"[" not in stored
        members += 1 + (len(document) if flat else _members_of(document))
    occurred = _NOT_SAID if at is None else stamp(microseconds(at))
    return _new_row(PlainEvent, (kind, value, name, properties, key, occurred, at, members))


def _members_of(document: dict[str, Any]) -> int:
    """How many members its objects have; its depth is that of what can be stored."""
    count = len(document)
    waiting: list[Any] = [*document.values()]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            count += len(item)
            waiting += item.values()
        elif isinstance(item, list):
            waiting += item
    return count


def _named(event: _EventWritten) -> tuple[bytes, str]:
    """How the event names its contact; exactly one name is written, and others are at most null."""
    if (external_id := event.external_id) and not event.contact_id and not event.email:
        kind, value = _BY_EXTERNAL_ID, contact_fields.text("external_id", external_id)
    elif (email := event.email) and not event.contact_id and not external_id:
        kind, value = _BY_EMAIL, contact_fields.text("email", email)
    elif (contact_id := event.contact_id) and not external_id and not email:
        kind, value = _BY_ID, str(contact_id)
    else:
        raise _Doubt
    if value is None:
        raise _Doubt
    return kind, value
