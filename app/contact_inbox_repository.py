"""Rows of the engine's inbox about single contacts: starts, each with an event of its own, and changes of which nobody is told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg.types.json import Jsonb
from sqlalchemy.ext.asyncio import AsyncSession

from app.inbox import PRIORITY_SQL, InboxKind, notify_engine
from app.inbox_lane import lane_of
from app.lib import clock
from app.lib.database import execute
from app.lib.ids import uuid7_many

_DATED = f"""
insert into inbox (tenant_id, kind, name, contact_id, workflow_id, run_id, payload, occurred_at, at, event_id, lane, priority)
select tenant_id, {InboxKind.AT_TRIGGER:d}, %(name)s, contact_id, workflow_id, run_id, payload, at, (select clock_now()), event_id,
  %(lane)s, {PRIORITY_SQL.format("started")}
from (
  select %(tenant)s::int as tenant_id, %(workflow)s::uuid as workflow_id, *
  from unnest(%(contacts)s::uuid[], %(runs)s::uuid[], %(payloads)s::jsonb[], %(times)s::timestamptz[], %(events)s::uuid[])
    with ordinality as u(contact_id, run_id, payload, at, event_id, place)) as started
order by place
"""  # noqa: S608  constants


_FOLLOW = f"""
insert into inbox (tenant_id, kind, name, contact_id, payload, occurred_at, lane)
select %(tenant)s, {InboxKind.FOLLOW:d}, u.name, u.contact_id, u.payload, %(at)s, %(lane)s
from unnest(%(names)s::text[], %(contacts)s::uuid[], %(payloads)s::jsonb[]) as u(name, contact_id, payload)
"""  # noqa: S608  constants


class SilentChange(NamedTuple):
    """A contact that came or changed without anybody being told: `contact.created`, or `contact.updated` with what has `changed`."""

    name: str
    contact_id: UUID
    changed: Sequence[str] = ()


async def follow(session: AsyncSession, tenant_id: int, changes: Sequence[SilentChange]) -> None:
    """Let what is kept beside contacts follow these changes. One statement, however many."""
    if changes:
        await execute(
            session,
            _FOLLOW,
            tenant=tenant_id,
            names=[change.name for change in changes],
            contacts=[change.contact_id for change in changes],
            payloads=[Jsonb({"changed": list(change.changed)}) for change in changes],
            at=clock.now(),
            lane=lane_of(session),
        )
        notify_engine(session)


class DatedStart(NamedTuple):
    """A run to start at a trigger, with an event of its own, which happened at `occurred_at`. `contact_id` None: a run without one.
    `event_id`: of the event, where it is stored."""

    contact_id: UUID | None
    properties: dict[str, Any]
    occurred_at: datetime
    event_id: UUID | None = None


async def start_each(
    session: AsyncSession, tenant_id: int, *, workflow_id: UUID, trigger_id: str, starts: Sequence[DatedStart]
) -> list[UUID]:
    """`start_at` for contacts whose runs begin with events of their own. One statement, however many."""
    if not starts:
        return []
    run_ids = [UUID(bytes=run_id) for run_id in uuid7_many(len(starts))]
    await execute(
        session,
        _DATED,
        tenant=tenant_id,
        name=trigger_id,
        workflow=workflow_id,
        contacts=[one.contact_id for one in starts],
        runs=run_ids,
        payloads=[Jsonb(one.properties) for one in starts],
        times=[one.occurred_at for one in starts],
        events=[one.event_id for one in starts],
        lane=lane_of(session),
    )
    notify_engine(session)
    return run_ids
