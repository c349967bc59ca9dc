"""Write down that something happened to contacts, in the transaction of whatever caused it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from app.events import repository
from app.events.repository import EventRow
from app.lib import clock, ids, jobs, jsonlimits

MAX_RECORDED_BYTES = 262_144
"""Events of the product itself carry old and new values of a contact, so they may be larger than a client's."""


class NewEvent(msgspec.Struct, frozen=True, kw_only=True):
    """`key` makes it happen once: a second event with the same key in the same workspace is not stored again."""

    name: str
    contact_id: UUID
    properties: dict[str, Any] = {}
    occurred_at: datetime | None = None
    key: str | None = None


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """What is stored; for a duplicate that is the first event of its key."""

    id: UUID
    contact_id: UUID
    name: str
    occurred_at: datetime
    key: str | None = None
    duplicate: bool = False


async def record(session: AsyncSession, tenant_id: int, events: Sequence[NewEvent]) -> list[Recorded]:
    """Store `events` of one workspace and ring the engine after the commit. The order of the answer is theirs."""
    if not events:
        return []
    now = clock.now()
    rows: list[EventRow] = []
    first: dict[str, UUID] = {}
    for event, raw in zip(events, ids.uuid7_many(len(events)), strict=True):
        row = EventRow(
            id=UUID(bytes=raw),
            tenant_id=tenant_id,
            contact_id=event.contact_id,
            name=event.name,
            properties=jsonlimits.storable(event.properties, max_bytes=MAX_RECORDED_BYTES, max_depth=14),
            key=event.key,
            occurred_at=event.occurred_at or now,
        )
        rows.append(row)
        if event.key is not None:
            first.setdefault(event.key, row.id)
    fresh = await repository.insert(session, [row for row in rows if row.key is None or first[row.key] == row.id])
    jobs.enqueue(session, "advance")
    known = await repository.by_keys(
        session, [(tenant_id, row.key) for row in rows if row.key is not None and row.id not in fresh]
    )
    answers = []
    for row in rows:
        stored = None if row.id in fresh or row.key is None else known[tenant_id, row.key]
        answers.append(
            Recorded(
                id=stored.id if stored else row.id,
                contact_id=stored.contact_id if stored else row.contact_id,
                name=stored.name if stored else row.name,
                occurred_at=stored.occurred_at if stored else row.occurred_at,
                key=row.key,
                duplicate=stored is not None,
            )
        )
    return answers
