"""The SQL of what comes in by a bus: whose it is, what was handled before, and how much of it waits for the engine."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import psycopg
from sqlalchemy.ext.asyncio import AsyncSession

from app.lib.database import execute
from app.models.status import Priority

_TAKE = """
insert into inbound_messages (tenant_id, id) select %(tenant)s, id from unnest(%(ids)s::text[]) as u(id) order by id
on conflict do nothing returning id
"""
_RELEASE = "delete from inbound_messages where tenant_id = %(tenant)s and id = any(%(ids)s)"
_FORGET = """
with old as (
  select m.tenant_id, m.id from workspaces w cross join lateral (
    select tenant_id, id from inbound_messages m where m.tenant_id = w.id and m.at < %(before)s order by m.at limit %(limit)s) m
  limit %(limit)s)
delete from inbound_messages m using old o where m.tenant_id = o.tenant_id and m.id = o.id returning 1
"""
_WAITING = f"""
select count(*) as n from (
  select from inbox where tenant_id = %(tenant)s and priority in ({", ".join(f"{one:d}" for one in Priority)}) and lane = %(lane)s
  limit %(most)s) as w
"""  # noqa: S608  constants
_WORKSPACES = """
select id, slug, name, timezone, settings->>'country' from workspaces
where %(slugs)s::text[] is null or slug = any(%(slugs)s) order by id limit %(most)s
"""


class BusWorkspace(NamedTuple):
    """A workspace that messages are for."""

    tenant_id: int
    slug: str
    name: str
    timezone: str
    country: str | None


def bus_workspaces(
    connection: psycopg.Connection[Any], slugs: Sequence[str] | None, most: int = 1_000
) -> list[BusWorkspace]:
    """Workspaces of these short names; None: the first ones of all."""
    arguments = {"slugs": None if slugs is None else list(slugs), "most": most}
    return [BusWorkspace._make(row) for row in connection.execute(_WORKSPACES, arguments).fetchall()]


async def take_messages(session: AsyncSession, tenant_id: int, ids: Sequence[str]) -> set[str]:
    """Those of these messages that were not handled before; they are from now on, unless this is rolled back."""
    return {row.id for row in await execute(session, _TAKE, tenant=tenant_id, ids=list(ids))}


async def release_messages(session: AsyncSession, tenant_id: int, ids: Sequence[str]) -> None:
    """These were refused: sent once more, with what was wrong mended, they are handled."""
    if ids:
        await execute(session, _RELEASE, tenant=tenant_id, ids=list(ids))


async def rows_waiting(session: AsyncSession, tenant_id: int, lane: int, most: int) -> int:
    """How much of a lane waits for the engine, up to `most`."""
    return int((await execute(session, _WAITING, tenant=tenant_id, lane=lane, most=most))[0].n)


async def forget_messages(session: AsyncSession, before: datetime, limit: int) -> int:
    """Forget which messages were handled before that; how many."""
    return len(await execute(session, _FORGET, before=before, limit=limit))
