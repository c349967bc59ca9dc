"""All SQL of events: set-based, for many workspaces at once, so that one commit can serve many requests."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.lib.database import execute
from app.models.event import Event


class EventRow(NamedTuple):
    """One row to store. `properties` is JSON text; `id` decides the order in which the engine sees it."""

    id: UUID
    tenant_id: int
    contact_id: UUID
    name: str
    properties: str
    key: str | None
    occurred_at: datetime


class Stored(NamedTuple):
    """What is in the table under a key."""

    id: UUID
    contact_id: UUID
    name: str
    occurred_at: datetime


Key = tuple[int, str]

# Sorted by key, so that two transactions that share keys wait for each other in one order and cannot deadlock.
_INSERT = """
with incoming as (
  select * from unnest(%(id)b::uuid[], %(tenant_id)b::int[], %(contact_id)b::uuid[], %(name)b::text[],
                       %(properties)b::text[], %(key)b::text[], %(occurred_at)b::timestamptz[])
    as t(id, tenant_id, contact_id, name, properties, key, occurred_at)
), stored as (
  insert into events (id, tenant_id, contact_id, name, properties, key, occurred_at)
  select id, tenant_id, contact_id, name, properties::jsonb, key, occurred_at from incoming order by tenant_id, key, id
  on conflict (tenant_id, key) where key is not null do nothing
  returning id
), queued as (
  insert into inbox (tenant_id, kind, name, contact_id, event_id, payload, occurred_at)
  select i.tenant_id, 0, i.name, i.contact_id, i.id, i.properties::jsonb, i.occurred_at
  from incoming i join stored using (id) order by i.id
)
select id from stored
"""


async def insert(session: AsyncSession, rows: Sequence[EventRow]) -> set[UUID]:
    """Store events and put them into the engine's inbox; answers the ids that are new. A known key is left alone."""
    columns: dict[str, list[Any]] = {
        name: list(values) for name, values in zip(EventRow._fields, zip(*rows, strict=True), strict=True)
    }
    return {row.id for row in await execute(session, _INSERT, **columns)}


async def by_keys(session: AsyncSession, keys: Iterable[Key]) -> dict[Key, Stored]:
    """The events already stored under these idempotency keys."""
    wanted = sorted(set(keys))
    if not wanted:
        return {}
    rows = await execute(
        session,
        """
        select k.tenant_id, k.key, e.id, e.contact_id, e.name, e.occurred_at
        from unnest(%(tenants)b::int[], %(keys)b::text[]) as k(tenant_id, key)
        cross join lateral (select * from events e where e.tenant_id = k.tenant_id and e.key = k.key offset 0) e
        """,
        tenants=[tenant for tenant, _ in wanted],
        keys=[key for _, key in wanted],
    )
    return {(row.tenant_id, row.key): Stored(row.id, row.contact_id, row.name, row.occurred_at) for row in rows}


async def page(
    session: AsyncSession,
    tenant_id: int,
    *,
    contact_id: UUID | None,
    name: str | None,
    before: UUID | None,
    limit: int,
) -> Sequence[Event]:
    """One event more than `limit`, newest received first."""
    query = select(Event).where(Event.tenant_id == tenant_id)
    if contact_id is not None:
        query = query.where(Event.contact_id == contact_id)
    if name is not None:
        query = query.where(Event.name == name)
    if before is not None:
        query = query.where(Event.id < before)
    return (await session.scalars(query.order_by(Event.id.desc()).limit(limit + 1))).all()
