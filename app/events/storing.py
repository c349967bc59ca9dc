"""Store the events of several requests in one transaction: find or make their contacts, leave duplicates, queue the rest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.errors import AppError, FieldError
from app.events import contact_repository, repository
from app.events.contact_repository import ContactRef
from app.events.refusals import Content, Fault, events_refusal, stored_content
from app.events.repository import EventKey, EventRow, StoredEvent
from app.events.schemas import Accepted
from app.lib import clock, ids
from app.lib.field_errors import joined


class Request(NamedTuple):
    """The events of one request of one workspace."""

    tenant_id: int
    events: Sequence[Accepted]

    def keyed(self) -> Iterator[tuple[EventKey | None, Accepted]]:
        """Each event with what it is known by, None for one that is new each time."""
        for event in self.events:
            if event.key is not None:
                yield EventKey(self.tenant_id, False, event.key), event
            elif event.request_key is not None:
                yield EventKey(self.tenant_id, True, event.request_key), event
            else:
                yield None, event

    def who(self, event: Accepted) -> ContactRef:
        """How `event` names its contact."""
        return ContactRef(self.tenant_id, event.by, str(event.who))


class Recorded(NamedTuple):
    """What is stored; for a duplicate that is the first event of its key, whose contact is None when it was erased."""

    id: UUID
    contact_id: UUID | None
    name: str
    occurred_at: datetime
    key: str | None
    duplicate: bool


Answer = list[Recorded] | AppError


class Overtaken(Exception):
    """Another transaction stored other content under an id of ours meanwhile. Nothing may be committed; do it again."""


class KnownRows(NamedTuple):
    """What the database holds of some requests: events by their keys, and contacts by how they were named."""

    known: dict[EventKey, StoredEvent]
    contacts: dict[ContactRef, UUID]

    def content(self, request: Request, event: Accepted) -> Content:
        """What `event` says, to be compared with another of the same id."""
        who = request.who(event)
        return Content.of(event, self.contacts.get(who) or who)


async def _look(session: AsyncSession, requests: Sequence[Request]) -> KnownRows:
    keys = {key for request in requests for key, _ in request.keyed() if key is not None}
    refs = {request.who(event) for request in requests for event in request.events}
    return KnownRows(await repository.by_keys(session, keys), await contact_repository.find(session, refs))


async def faults_of(session: AsyncSession, request: Request) -> list[FieldError]:
    """What would keep these events from being stored, without storing any; for requests that are refused anyway."""
    return [fault.field_error for fault in _faults(request, await _look(session, [request]), {})]


async def store(session: AsyncSession, requests: Sequence[Request]) -> list[Answer]:
    """Store each request whole, or answer it with the error that refuses it; one never touches another. Raises Overtaken."""
    stored_rows = await _look(session, requests)
    waiting: dict[EventKey, Content] = {}
    refused: list[AppError | None] = []
    for request in requests:
        request_keys = dict(waiting)
        refused.append(events_refusal(_faults(request, stored_rows, request_keys)))
        if refused[-1] is None:
            waiting = request_keys
    accepted = [request for request, error in zip(requests, refused, strict=True) if error is None]
    row_of = await _insert(session, accepted, stored_rows)
    answers = iter([_answer(request, stored_rows, row_of) for request in accepted])
    return [error if error is not None else next(answers) for error in refused]


def _faults(request: Request, stored_rows: KnownRows, waiting: dict[EventKey, Content]) -> list[Fault]:
    """What keeps a request from being stored. `waiting` holds what is about to be stored, and gets what this one brings."""
    faults: list[Fault] = []
    for key, event in request.keyed():
        stored = stored_rows.known.get(key) if key is not None else None
        if event.by == "id" and stored is None and request.who(event) not in stored_rows.contacts:
            message = f"There is no contact {event.who} in this workspace. Send externalId or email to make one."
            faults.append(Fault("contact", {"path": joined(event.where, "contactId"), "message": message}))
        elif key is not None:
            content = stored_rows.content(request, event)
            first = stored_content(stored) if stored is not None else waiting.setdefault(key, content)
            faults += [
                Fault("request" if key.of_request else "id", error) for error in content.differences(first, event.where)
            ]
    return faults


async def _insert(session: AsyncSession, accepted: Sequence[Request], stored_rows: KnownRows) -> dict[int, EventRow]:
    """Store what is new; answers the rows by the identity of their event. What was known or was overtaken is in `seen`."""
    to_store: list[tuple[EventKey | None, Accepted, Request]] = []
    first: set[EventKey] = set()
    for request in accepted:
        for key, event in request.keyed():
            if key is None or (key not in stored_rows.known and key not in first):
                to_store.append((key, event, request))
                first |= {key} if key is not None else set()
    missing = {request.who(event): None for _, event, request in to_store}
    created = await contact_repository.create(session, [who for who in missing if who not in stored_rows.contacts])
    stored_rows.contacts.update(created.contact_ids)
    new_ids = iter(ids.uuid7_many(len(created.new) + len(to_store)))
    now = clock.now()

    def row(tenant_id: int, contact_id: UUID, name: str, properties: str, event: Accepted | None = None) -> EventRow:
        return EventRow(
            id=UUID(bytes=next(new_ids)),
            tenant_id=tenant_id,
            contact_id=contact_id,
            name=name,
            properties=properties,
            key=event.key if event else None,
            request_key=event.request_key if event else None,
            occurred_at=(event.occurred_at if event else None) or now,
            received_at=now,
        )

    came = [row(tenant_id, contact_id, "contact.created", '{"via":"event"}') for tenant_id, contact_id in created.new]
    if came:
        await repository.insert(session, came, of_product=True)
    row_of = {
        id(event): row(request.tenant_id, stored_rows.contacts[request.who(event)], event.name, event.properties, event)
        for _, event, request in to_store
    }
    stored = await repository.insert(session, list(row_of.values())) if row_of else set()
    fresh = {number: made_row for number, made_row in row_of.items() if made_row.id in stored}
    await _settle(session, accepted, stored_rows, fresh)
    return fresh


async def _settle(
    session: AsyncSession, accepted: Sequence[Request], stored_rows: KnownRows, fresh: dict[int, EventRow]
) -> None:
    """Look up the first event of every key that came twice or that another transaction stored meanwhile."""
    again = [
        (key, event, request)
        for request in accepted
        for key, event in request.keyed()
        if key is not None and key not in stored_rows.known and id(event) not in fresh
    ]
    stored_rows.known.update(await repository.by_keys(session, [key for key, _, _ in again]))
    for key, event, request in again:
        if key not in stored_rows.known or stored_rows.content(request, event).differences(
            stored_content(stored_rows.known[key]), ""
        ):
            raise Overtaken


def _answer(request: Request, stored_rows: KnownRows, fresh: dict[int, EventRow]) -> list[Recorded]:
    answers = []
    for key, event in request.keyed():
        row = fresh.get(id(event))
        first = row if row is not None or key is None else stored_rows.known[key]
        if first is None:  # it has no key, so nothing could keep it out
            raise Overtaken
        answers.append(Recorded(first.id, first.contact_id, first.name, first.occurred_at, event.key, row is None))
    return answers
