"""All SQL of events: set-based, for many workspaces at once, so that one commit can serve many requests."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app import inbox
from app.domain_events.outbox_repository import of_contacts_sql
from app.domain_events.types import NAMES
from app.inbox_lane import lane_of
from app.lib.database import execute
from app.models.bounded_repository import bounded_page, page_of_few
from app.models.event import Event
from app.models.tenant_repository import TenantRepository
from app.web.pagination import Page


class EventRow(NamedTuple):
    """One row to store. `properties` is JSON text; `id` decides the order in which the engine sees it.

    `occurred_at` equals `received_at` when the sender did not say when it happened.
    """

    id: UUID
    tenant_id: int
    contact_id: UUID
    name: str
    properties: str
    key: str | None
    request_key: str | None
    occurred_at: datetime
    received_at: datetime


class EventKey(NamedTuple):
    """What an event is known by in its workspace: the id that its sender gave it, or its place in a request with a key."""

    tenant_id: int
    of_request: bool
    text: str


class StoredEvent(NamedTuple):
    """What is in the table under a key. Of an erased contact there is neither the contact nor the properties."""

    id: UUID
    contact_id: UUID | None
    name: str
    properties: dict[str, Any] | None
    occurred_at: datetime
    received_at: datetime


# A key goes first, and an event only with its key. Sorted, so that two transactions that share keys wait for each other in one order
# and cannot deadlock.
_INSERT = f"""
with incoming as (
  select * from unnest(%(id)b::uuid[], %(tenant_id)b::int[], %(contact_id)b::uuid[], %(name)b::text[],
                       %(properties)b::text[], %(key)b::text[], %(request_key)b::text[], %(occurred_at)b::timestamptz[],
                       %(received_at)b::timestamptz[])
    as t(id, tenant_id, contact_id, name, properties, key, request_key, occurred_at, received_at)
), taken as (
  insert into event_keys (tenant_id, of_request, key, event_id)
  select tenant_id, key is null, coalesce(key, request_key), id
  from incoming where coalesce(key, request_key) is not null order by 1, 2, 3
  on conflict do nothing
  returning event_id
), stored as (
  insert into events (id, tenant_id, contact_id, name, properties, key, occurred_at, received_at)
  select id, tenant_id, contact_id, name, properties::jsonb, key, occurred_at, received_at
  from incoming where coalesce(key, request_key) is null or id in (select event_id from taken) order by id
  returning id
), queued as (
  {inbox.events_sql("incoming join stored using (id)", lane="%(lane)s")}
){{heard}}
select id from stored
"""  # noqa: S608  constants
_NAMES = ", ".join(f"'{name}'" for name in sorted(NAMES))
_RECORDED = f"""
(select tenant_id, name as type, contact_id, properties::jsonb as data, occurred_at, id as place from incoming join stored using (id)
 where name in ({_NAMES})) as recorded
"""  # noqa: S608  constants
_HEARD = f", {of_contacts_sql(_RECORDED)}"
_INSERT_OF_CLIENTS, _INSERT_OF_PRODUCT = _INSERT.format(heard=""), _INSERT.format(heard=_HEARD)


_BY_KEYS = """
select k.tenant_id, k.of_request, k.key, e.id, e.contact_id, e.name, e.properties, e.occurred_at, e.received_at
from unnest(%(tenants)b::int[], %(of_requests)b::bool[], %(keys)b::text[]) as k(tenant_id, of_request, key)
cross join lateral (
  select event_id from event_keys n
  where n.tenant_id = k.tenant_id and n.of_request = k.of_request and n.key = k.key offset 0
) n
join events e on e.tenant_id = k.tenant_id and e.id = n.event_id
"""


async def insert(session: AsyncSession, rows: Sequence[EventRow], *, of_product: bool = False) -> set[UUID]:
    """Store events and put them into the engine's inbox; answers the ids that are new. A known key is left alone.

    `of_product`: the product itself saw them happen, so they are also told to other programs; a client may give its own any name.
    """
    columns: dict[str, list[Any]] = {
        name: list(values) for name, values in zip(EventRow._fields, zip(*rows, strict=True), strict=True)
    }
    sql = _INSERT_OF_PRODUCT if of_product else _INSERT_OF_CLIENTS
    stored = {row.id for row in await execute(session, sql, **columns, lane=lane_of(session))}
    if stored:
        inbox.notify_engine(session)
    return stored


async def by_keys(session: AsyncSession, keys: Iterable[EventKey]) -> dict[EventKey, StoredEvent]:
    """The events already stored under these keys."""
    distinct_keys = sorted(set(keys))
    if not distinct_keys:
        return {}
    rows = await execute(
        session,
        _BY_KEYS,
        tenants=[key.tenant_id for key in distinct_keys],
        of_requests=[key.of_request for key in distinct_keys],
        keys=[key.text for key in distinct_keys],
    )
    return {EventKey(*row[:3]): StoredEvent(*row[3:]) for row in rows}


class EventRepository(TenantRepository[Event]):
    """The events of one workspace, for reading."""

    model = Event

    async def newest(self, cursor: str | None, limit: int, *, contact_id: UUID | None, name: str | None) -> Page[Event]:
        """A page of events, those received last first. It may end before it is full, when it looked at many that do not fit."""
        of_name = [Event.name == name] if name is not None else []
        of_contact = [Event.contact_id == contact_id] if contact_id is not None else []
        if of_contact:
            few = [self.own, *of_contact]
            page = await page_of_few(self.session, Event, [Event.id], cursor, limit, few=few, others=of_name)
            if page is not None:
                return page
        page = await bounded_page(
            self.session,
            select(Event),
            [Event.id],
            cursor,
            limit,
            led_by=[self.own, *of_name],
            others=of_contact,
            key=lambda row: (row[0].id,),
        )
        return Page([row[0] for row in page.items], page.next_cursor)
