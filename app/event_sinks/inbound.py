"""Messages of a bus, handled by the rules of the API: contacts are merged, members of static segments move, everything else is an event.

A message that the API would refuse is refused with the same words; one that was handled before changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from app import inbox_lane
from app.accounts.principal import Principal
from app.contacts.schemas import ContactIn
from app.contacts.service import ContactService
from app.errors import AppError, BadRequest, FieldError, Invalid
from app.event_sinks.inbound_repository import BusWorkspace, release_messages, rows_waiting, take_messages
from app.events import storing
from app.events.schemas import Accepted, read_events
from app.lib.field_errors import all_field_errors
from app.models.status import Role
from app.segments.schemas import Members
from app.segments.service import SegmentService

LANE = inbox_lane.lane_of_trigger(UUID(int=0), "nats")
"""What a bus brings waits in a lane of its own: a flood holds up itself."""
MOST_WAITING = 10_000
"""Rows of that lane of a workspace; above it messages stay on the bus."""
MOST_BYTES = 262_144
_CONTACTS = ("contact.created", "contact.updated", "contact.attribute_changed")
_MEMBERS = {"segment.member.added": True, "segment.member.removed": False}
_ERASURE = "contact.deleted"
_NAMES = {"id": "contactId", "contactId": "contactId", "externalId": "externalId", "email": "email"}


class WorkspaceBusy(Exception):
    """So much of the bus waits for the engine that no more is taken for a moment."""


class BusMessage(NamedTuple):
    """What came. `id` is the sender's, by which it is known when it comes again; `name` what its subject says happened."""

    id: str
    name: str
    body: bytes


class _ReadMessage(NamedTuple):
    message: BusMessage
    content: dict[str, Any]
    event: Accepted | None
    """Of what is neither about a contact itself nor about its segments."""


Refusals = dict[str, AppError]
"""By the message's id why it is refused."""


async def handle_messages(session: AsyncSession, workspace: BusWorkspace, messages: Sequence[BusMessage]) -> Refusals:
    """Handle messages of a workspace in their order, in the session's transaction; answers those that are refused, of which nothing is
    stored. Raises WorkspaceBusy, and whatever is nobody's fault in the message.
    """
    inbox_lane.use_lane(session, LANE)
    tenant_id = workspace.tenant_id
    if await rows_waiting(session, tenant_id, LANE, MOST_WAITING) >= MOST_WAITING:
        raise WorkspaceBusy
    fresh = await take_messages(session, tenant_id, list(dict.fromkeys(message.id for message in messages)))
    refused, events = Refusals(), list[_ReadMessage]()
    for message in messages:
        if message.id not in fresh:
            continue
        fresh.discard(message.id)
        try:
            read = _read(message)
        except AppError as error:
            refused[message.id] = error
            continue
        if read.event is not None:
            events.append(read)
            continue
        refused |= await _store(session, tenant_id, events)
        events.clear()
        try:
            async with session.begin_nested():
                await _change(session, workspace, read)
        except AppError as error:
            refused[message.id] = error
    refused |= await _store(session, tenant_id, events)
    await release_messages(session, tenant_id, list(refused))
    return refused


async def _store(session: AsyncSession, tenant_id: int, events: Sequence[_ReadMessage]) -> Refusals:
    """Store events, each by itself, in one go."""
    if not events:
        return {}
    requests = [storing.Request(tenant_id, [read.event]) for read in events if read.event is not None]
    answers = await storing.store(session, requests)
    pairs = zip(events, answers, strict=True)
    return {read.message.id: answer for read, answer in pairs if isinstance(answer, AppError)}


async def _change(session: AsyncSession, workspace: BusWorkspace, read: _ReadMessage) -> None:
    principal = Principal(
        kind="product",
        id=UUID(int=0),
        tenant_id=workspace.tenant_id,
        role=Role.MARKETER,
        name="NATS",
        workspace=workspace.name,
        timezone=workspace.timezone,
        country=workspace.country,
    )
    if read.message.name in _CONTACTS:
        await _merge_contact(ContactService(session, principal), read.content)
    else:
        enters = _MEMBERS[read.message.name]
        await _move_member(SegmentService(session, principal), read.content, enters=enters)


def _read(message: BusMessage) -> _ReadMessage:
    """Raises AppError when it is nothing that the API would take."""
    if len(message.body) > MOST_BYTES:
        raise Invalid(f"The message is larger than {MOST_BYTES:,} bytes.")
    try:
        content = msgspec.json.decode(message.body)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise BadRequest(f"The message is no JSON: {error}") from error
    if not isinstance(content, dict):
        raise Invalid("The message is no JSON object.")
    if message.name == _ERASURE:
        raise Invalid("Contacts are erased by `DELETE /api/v1/contacts/{id}`, never by a message.")
    cloud, more = "specversion" in content, dict[str, Any]()
    if cloud:
        more = {"occurredAt": content["time"]} if content.get("time") else {}
        content = content.get("data")
        if not isinstance(content, dict):
            raise Invalid("The event has no `data` that is a JSON object.", errors=[_fault("data", "Send an object.")])
    if message.name in _CONTACTS or message.name in _MEMBERS:
        return _ReadMessage(message, content, None)
    body = _event_of(content) if cloud else dict(content)
    if body.pop("name", message.name) != message.name:
        raise Invalid(errors=[_fault("name", "This is another name than the subject has.")])
    read = read_events(msgspec.json.encode({"name": message.name, **body, **more}))
    if read.field_errors:
        raise Invalid(errors=read.field_errors)
    return _ReadMessage(message, content, read.events[0])


def _event_of(data: dict[str, Any]) -> dict[str, Any]:
    """The data of a CloudEvent as the API takes an event: whom it is about, and all else as its properties."""
    contact, properties = _whom(data), data.get("properties")
    others = {key: value for key, value in data.items() if key not in {*_NAMES, "contact", "properties"} - {"id"}}
    return {**contact, "properties": properties if isinstance(properties, dict) else others}


def _whom(data: dict[str, Any]) -> dict[str, Any]:
    """By one name whom data is about: those of `contact`, else of its own; the id goes before the others."""
    contact = data.get("contact")
    names = contact if isinstance(contact, dict) else {key: value for key, value in data.items() if key != "id"}
    for key, name in _NAMES.items():
        if names.get(key) is not None:
            return {name: names[key]}
    return {}


async def _merge_contact(contacts: ContactService, data: dict[str, Any]) -> None:
    """`data`: the body of `POST /contacts`, or the data of one of the product's own events about a contact."""
    fields = dict(data)
    if isinstance(contact := data.get("contact"), dict):
        current = data.get("current")
        changed = {"attributes": data["attributes"]} if isinstance(data.get("attributes"), dict) else {}
        fields = {**contact, **(current if isinstance(current, dict) else {}), **changed}
    contact_id = fields.pop("id", None) or fields.pop("contactId", None)
    if errors := all_field_errors(fields, ContactIn):
        raise Invalid(errors=errors)
    sent = msgspec.convert(fields, ContactIn)
    if sent.external_id or sent.email:
        await contacts.upsert(sent, via="nats")
    elif contact_id is not None:
        await contacts.patch(_uuid(contact_id, "contactId"), sent)
    else:
        raise Invalid(errors=[_fault("externalId", "Send an externalId, an email or a contactId.")])


async def _move_member(segments: SegmentService, data: dict[str, Any], *, enters: bool) -> None:
    segment_id = _uuid(data.get("segmentId"), "segmentId")
    members = {f"{name}s": [value] for name, value in _whom(data).items()}
    if errors := all_field_errors(members, Members):
        raise Invalid(errors=errors)
    move = segments.add if enters else segments.remove
    moved = await move(segment_id, msgspec.convert(members, Members))
    if moved.unknown:
        raise Invalid(errors=[_fault("contact", "There is no such contact in this workspace.")])


def _uuid(value: Any, path: str) -> UUID:
    try:
        return UUID(str(value))
    except ValueError as error:
        raise Invalid(errors=[_fault(path, "This is no id.")]) from error


def _fault(path: str, message: str) -> FieldError:
    return FieldError(path=path, message=message)
