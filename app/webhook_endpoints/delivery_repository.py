"""The SQL of deliveries, for all workspaces: who has something due, take some of it, write what came of it, forget what is old."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb
from sqlalchemy.ext.asyncio import AsyncSession

from app.lib.database import execute
from app.lib.translation import translatable
from app.models.status import DeliveryStatus
from app.webhook_endpoints.backoff import DISABLED_AFTER, GONE, Reply

Connection = psycopg.Connection[Any]
LEASE_S = 90
"""Seconds: longer than a batch of tries may take. What a lost worker had taken is sent again after that, with the same id."""
MOST_TRIES = 20
"""Tries that the log has of a delivery."""
LOOKED_AT = 500
"""Endpoints with something due that are seen at a look; the next look goes on behind them."""
LISTED = 1_000
"""The log of an endpoint has so many deliveries that arrived, and all that failed, for a week at most."""
OFF = translatable("The endpoint was switched off before this arrived.")

# An index probe an endpoint, so that the backlog of one is not read for the sake of others.
_DUE = f"""
select e.tenant_id, e.id from webhook_endpoints e cross join lateral (
  select from event_deliveries d where d.tenant_id = e.tenant_id and d.endpoint_id = e.id and d.next_at <= (select clock_now())
    and (d.lease_until is null or d.lease_until < now()) order by d.next_at limit 1) due
where e.enabled and (%(tenant)s::int is null or (e.tenant_id, e.id) > (%(tenant)s::int, %(endpoint)s::uuid))
order by e.tenant_id, e.id limit {LOOKED_AT}
"""  # noqa: S608  constants
_TAKE = f"""
with taken as materialized (
  select d.tenant_id, d.endpoint_id, d.id from event_deliveries d
  where d.tenant_id = %(tenant)s and d.endpoint_id = %(endpoint)s and d.next_at <= (select clock_now())
    and (d.lease_until is null or d.lease_until < now())
  order by d.next_at, d.occurred_at limit %(most)s for update skip locked)
update event_deliveries d set lease_until = now() + interval '{LEASE_S} seconds', fence = d.fence + 1
from taken t join webhook_endpoints e on e.tenant_id = t.tenant_id and e.id = t.endpoint_id and e.enabled
where d.tenant_id = t.tenant_id and d.endpoint_id = t.endpoint_id and d.id = t.id
returning d.tenant_id, d.endpoint_id, d.id, d.type, d.data, d.occurred_at, d.attempt, d.fence, e.url, e.sealed
"""  # noqa: S608  constants
_SETTLE = f"""
update event_deliveries d set lease_until = null, attempt = d.attempt + 1, status = u.status,
  next_at = (select clock_now()) + u.pause * interval '1 second', settled_at = case when u.pause is null then (select clock_now()) end,
  http_status = u.http_status, answer = u.answer, error = u.error,
  tries = case when jsonb_array_length(d.tries) >= {MOST_TRIES} then d.tries - 0 else d.tries end || u.tried
from unnest(%(ids)s::uuid[], %(fences)s::int[], %(statuses)s::smallint[], %(pauses)s::float8[], %(http)s::int[], %(answers)s::text[],
  %(errors)s::text[], %(tried)s::jsonb[]) as u(id, fence, status, pause, http_status, answer, error, tried)
where d.tenant_id = %(tenant)s and d.endpoint_id = %(endpoint)s and d.id = u.id and d.fence = u.fence
returning d.id
"""  # noqa: S608  constants
_WORKS = """
update webhook_endpoints set failing_since = null, last_error = null
where tenant_id = %(tenant)s and id = %(endpoint)s and failing_since is not null
"""
_FAILS = """
update webhook_endpoints set failing_since = coalesce(failing_since, (select clock_now())), last_error = %(error)s
where tenant_id = %(tenant)s and id = %(endpoint)s
"""
_DISABLE = """
with disabled as (
  update webhook_endpoints set enabled = false, disabled_reason = case when %(gone)s then 'gone' else 'failing' end,
    updated_at = (select clock_now())
  where tenant_id = %(tenant)s and id = %(endpoint)s and enabled
    and (%(gone)s or failing_since < (select clock_now()) - %(after)s::interval)
  returning tenant_id),
raised as (
  insert into workflow_epochs as e (tenant_id, n) select tenant_id, 1 from disabled on conflict (tenant_id) do update set n = e.n + 1)
select count(*) from disabled
"""
_GIVE_UP = f"""
update event_deliveries set status = {DeliveryStatus.FAILED:d}, next_at = null, lease_until = null, fence = fence + 1, error = %(why)s,
  settled_at = (select clock_now())
where tenant_id = %(tenant)s and endpoint_id = %(endpoint)s and next_at is not null
"""  # noqa: S608  constants
_FORGET = f"""
with old as (
  select d.tenant_id, d.endpoint_id, d.id from webhook_endpoints e cross join lateral (
    select min(occurred_at) as reached from (
      select occurred_at from event_deliveries d where d.tenant_id = e.tenant_id and d.endpoint_id = e.id
      order by d.occurred_at desc limit {{listed}}) as newest having count(*) = {{listed}}) n
  cross join lateral (
    select tenant_id, endpoint_id, id from event_deliveries d
    where d.tenant_id = e.tenant_id and d.endpoint_id = e.id and d.next_at is null and d.occurred_at < n.reached
      and d.status = {DeliveryStatus.DELIVERED:d} limit %(limit)s) d
  union all
  select d.tenant_id, d.endpoint_id, d.id from webhook_endpoints e cross join lateral (
    select tenant_id, endpoint_id, id from event_deliveries d
    where d.tenant_id = e.tenant_id and d.endpoint_id = e.id and d.occurred_at < %(before)s and d.next_at is null limit %(limit)s) d
  limit %(limit)s)
delete from event_deliveries d using old o where d.tenant_id = o.tenant_id and d.endpoint_id = o.endpoint_id and d.id = o.id
returning 1
""".format(listed=LISTED)  # noqa: S608  constants


class EndpointLane(NamedTuple):
    """An endpoint with something due."""

    tenant_id: int
    endpoint_id: UUID


class TakenDelivery(NamedTuple):
    """A delivery that is this worker's to make, until its lease is over."""

    tenant_id: int
    endpoint_id: UUID
    id: UUID
    type: str
    data: dict[str, Any]
    occurred_at: datetime
    attempt: int
    """Tries before this one."""
    fence: int
    url: str
    sealed: bytes


class DeliveryEnd(NamedTuple):
    """What came of a try, and in how many seconds it is tried again (None: not any more)."""

    delivery: TakenDelivery
    reply: Reply
    pause_s: float | None
    at: datetime


def due_lanes(connection: Connection, after: EndpointLane | None) -> list[EndpointLane]:
    """Endpoints with something due, behind `after`."""
    arguments = {"tenant": after and after.tenant_id, "endpoint": after and after.endpoint_id}
    return [EndpointLane._make(row) for row in connection.execute(_DUE, arguments).fetchall()]


def take(connection: Connection, lane: EndpointLane, most: int) -> list[TakenDelivery]:
    """Take up to so many due deliveries of an endpoint, the oldest first."""
    arguments = {"tenant": lane.tenant_id, "endpoint": lane.endpoint_id, "most": most}
    taken = [TakenDelivery._make(row) for row in connection.execute(_TAKE, arguments).fetchall()]
    return sorted(taken, key=lambda one: one.occurred_at)


def settle(connection: Connection, lane: EndpointLane, ends: Sequence[DeliveryEnd]) -> bool:
    """Write what came of deliveries, and what that says of their endpoint. True: it was switched off.

    A row whose fence moved on is somebody else's by now and is left alone.
    """
    place = {"tenant": lane.tenant_id, "endpoint": lane.endpoint_id}
    connection.execute(_SETTLE, {
        **place,
        "ids": [end.delivery.id for end in ends],
        "fences": [end.delivery.fence for end in ends],
        "statuses": [_status(end) for end in ends],
        "pauses": [end.pause_s for end in ends],
        "http": [end.reply.http_status for end in ends],
        "answers": [end.reply.text or None for end in ends],
        "errors": [end.reply.why for end in ends],
        "tried": [Jsonb([tried(end)]) for end in ends],
    })  # fmt: skip
    if any(end.reply.arrived for end in ends):
        connection.execute(_WORKS, place)
        return False
    connection.execute(_FAILS, {**place, "error": ends[-1].reply.why})
    is_gone = any(end.reply.http_status == GONE for end in ends)
    row = connection.execute(_DISABLE, {**place, "gone": is_gone, "after": DISABLED_AFTER}).fetchone()
    disabled = row is not None and row[0] > 0
    if disabled:
        connection.execute(_GIVE_UP, {**place, "why": OFF})
    return disabled


def tried(end: DeliveryEnd) -> dict[str, Any]:
    """A line of the log."""
    return {
        "at": end.at.isoformat(),
        "httpStatus": end.reply.http_status,
        "error": end.reply.why,
        "durationMs": end.reply.duration_ms,
    }


def _status(end: DeliveryEnd) -> int:
    if end.reply.arrived:
        return int(DeliveryStatus.DELIVERED)
    return int(DeliveryStatus.WAITING if end.pause_s is not None else DeliveryStatus.FAILED)


async def forget_settled(session: AsyncSession, before: datetime, limit: int) -> int:
    """Delete of all workspaces what is over and happened before that, and what arrived before the newest LISTED. Returns how many."""
    return len(await execute(session, _FORGET, before=before, limit=limit))


async def give_up_waiting(session: AsyncSession, tenant_id: int, endpoint_id: UUID) -> None:
    """Nothing that waits for an endpoint is sent any more: it was switched off."""
    await execute(session, _GIVE_UP, tenant=tenant_id, endpoint=endpoint_id, why=OFF)
