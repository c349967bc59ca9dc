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
from app.lib import clock, ids, jsonlimits

MAX_RECORDED_BYTES = 262_144
"""Events of the product itself carry old and new values of a contact, so they may be larger than a client's."""


class NewEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Something that the product itself did to, or saw of, a contact."""

    name: str
    contact_id: UUID
    properties: dict[str, Any] = {}
    occurred_at: datetime | None = None


async def record(session: AsyncSession, tenant_id: int, events: Sequence[NewEvent]) -> None:
    """Store `events` of one workspace in their order, and notify the engine after the commit."""
    if not events:
        return
    now = clock.now()
    rows = [
        EventRow(
            id=UUID(bytes=raw),
            tenant_id=tenant_id,
            contact_id=event.contact_id,
            name=event.name,
            properties=jsonlimits.storable(event.properties, max_bytes=MAX_RECORDED_BYTES, max_depth=14),
            key=None,
            request_key=None,
            occurred_at=event.occurred_at or now,
            received_at=now,
        )
        for event, raw in zip(events, ids.uuid7_many(len(events)), strict=True)
    ]
    await repository.insert(session, rows, of_product=True)
