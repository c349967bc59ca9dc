"""Store the events of several requests in one transaction: find or make their contacts, leave duplicates, queue the rest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.errors import AppError, Invalid
from app.events import people, repository
from app.events.people import Who
from app.events.record import Recorded
from app.events.repository import EventRow, Key, Stored
from app.events.schemas import Accepted
from app.lib import clock, ids, jobs


class Request(NamedTuple):
    """The events of one request of one workspace."""

    tenant_id: int
    events: Sequence[Accepted]


Answer = list[Recorded] | AppError


async def store(session: AsyncSession, requests: Sequence[Request]) -> list[Answer]:
    """Store each request whole, or answer it with the error that refuses it; one never touches another."""
    known = await repository.by_keys(session, [key for request in requests for key in _keys(request)])
    contacts = await people.find(session, {who for request in requests for who, _ in _fresh(request, known)})
    refused = [_refusal(request, known, contacts) for request in requests]
    taken = [request for request, error in zip(requests, refused, strict=True) if error is None]

    first: dict[Key, Accepted] = {}
    to_store: list[tuple[int, Accepted, Who]] = []
    for request in taken:
        for who, event in _fresh(request, known):
            if event.key is None or first.setdefault((request.tenant_id, event.key), event) is event:
                to_store.append((request.tenant_id, event, who))
    missing = {who: None for _, _, who in to_store if who not in contacts}
    created = await people.create(session, list(missing))
    contacts.update(created.found)

    made = iter(ids.uuid7_many(len(created.new) + len(to_store)))
    now = clock.now()
    rows = [
        EventRow(UUID(bytes=next(made)), tenant_id, contact_id, "contact.created", '{"via":"event"}', None, now)
        for tenant_id, contact_id in created.new
    ]
    row_of: dict[int, EventRow] = {}
    for tenant_id, event, who in to_store:
        row = EventRow(
            UUID(bytes=next(made)),
            tenant_id,
            contacts[who],
            event.name,
            event.properties,
            event.key,
            event.occurred_at,
        )
        rows.append(row)
        row_of[id(event)] = row
    stored = await repository.insert(session, rows) if rows else set()
    if stored:
        jobs.enqueue(session, "advance")
    # A key that another transaction stored in the meantime, or that came twice: the answer is the first event's.
    beaten = [
        key
        for request in taken
        for key, event in zip(_all_keys(request), request.events, strict=True)
        if key is not None and key not in known and (id(event) not in row_of or row_of[id(event)].id not in stored)
    ]
    known |= await repository.by_keys(session, beaten)
    answers = iter([_answer(request, row_of, stored, known) for request in taken])
    return [error if error is not None else next(answers) for error in refused]


def _all_keys(request: Request) -> list[Key | None]:
    return [None if event.key is None else (request.tenant_id, event.key) for event in request.events]


def _keys(request: Request) -> Iterator[Key]:
    return (key for key in _all_keys(request) if key is not None)


def _fresh(request: Request, known: dict[Key, Stored]) -> Iterator[tuple[Who, Accepted]]:
    """The events of a request that are not stored yet, with whom they name."""
    for key, event in zip(_all_keys(request), request.events, strict=True):
        if key is None or key not in known:
            yield Who(request.tenant_id, event.by, str(event.who)), event


def _refusal(request: Request, known: dict[Key, Stored], contacts: dict[Who, UUID]) -> AppError | None:
    unknown = [event for who, event in _fresh(request, known) if who.by == "id" and who not in contacts]
    if not unknown:
        return None
    index = {id(event): number for number, event in enumerate(request.events)}
    alone = len(request.events) == 1
    return UnknownContact(
        errors=[
            {
                "path": "contactId" if alone else f"[{index[id(event)]}].contactId",
                "message": f"There is no contact {event.who} in this workspace. Send externalId or email to make one.",
            }
            for event in unknown[:20]
        ]
    )


def _answer(
    request: Request, row_of: dict[int, EventRow], stored: set[UUID], known: dict[Key, Stored]
) -> list[Recorded]:
    answers = []
    for key, event in zip(_all_keys(request), request.events, strict=True):
        row = row_of.get(id(event))
        fresh = row is not None and row.id in stored
        source = row if row is not None and fresh else known[key]  # type: ignore[index]
        answers.append(
            Recorded(
                id=source.id,
                contact_id=source.contact_id,
                name=source.name,
                occurred_at=source.occurred_at,
                key=event.key,
                duplicate=not fresh,
            )
        )
    return answers


class UnknownContact(Invalid):
    """An event names a contact that does not exist. Nothing of this request was stored."""

    code = "unknown_contact"
