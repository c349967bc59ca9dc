"""The SQL of buses: who they are, what waits for each, and what leaves when a bus has it.

`sink_events` is read from its heads: the first row of each workspace and bus, found by jumps in the key, so that what others wait for is
not read.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from sqlalchemy.ext.asyncio import AsyncSession

from app.lib.database import execute

Connection = psycopg.Connection[Any]
SHARE, MOST = 500, 2_000
"""Events of one workspace that are taken at a time, and of all."""
MOST_BYTES = 4_000_000
"""Of their data as PostgreSQL keeps it."""
COUNTED = 100_000
"""Waiting events are counted up to here."""

HEADS = """
sink_heads as (
  (select tenant_id, sink, n, written_at from sink_events order by tenant_id, sink, n limit 1)
  union all
  select e.tenant_id, e.sink, e.n, e.written_at from sink_heads h cross join lateral (
    select e.tenant_id, e.sink, e.n, e.written_at from sink_events e where (e.tenant_id, e.sink) > (h.tenant_id, h.sink)
    order by e.tenant_id, e.sink, e.n limit 1) e)
"""
"""A part of `with recursive`."""
_TAKE = f"""
with recursive {HEADS}
select tenant_id, n, id, type, contact_id, data, occurred_at from (
  select e.*, sum(pg_column_size(e.data)) over (order by e.tenant_id, e.n) as size, row_number() over (order by e.tenant_id, e.n) as place
  from (select tenant_id from sink_heads where sink = %(sink)s and tenant_id > %(after)s order by tenant_id) h
  cross join lateral (select * from sink_events e where e.tenant_id = h.tenant_id and e.sink = %(sink)s order by e.n limit {SHARE}) e
  limit {MOST}) e
where size <= {MOST_BYTES} or place = 1
order by tenant_id, n
"""  # noqa: S608  constants
_LEAVE = """
delete from sink_events e using unnest(%(tenants)s::int[], %(places)s::bigint[]) as u(tenant_id, n)
where e.tenant_id = u.tenant_id and e.sink = %(sink)s and e.n = u.n
"""
# Whoever listens is in the snapshots of the engines: they look anew when it is another one.
_SEEN = """
with before as (select from event_sinks where name = %(sink)s and types = %(types)s::text[]
  and tenant_ids is not distinct from %(tenants)s::int[]),
seen as (
  insert into event_sinks (name, types, tenant_ids) values (%(sink)s, %(types)s, %(tenants)s)
  on conflict (name) do update set types = excluded.types, tenant_ids = excluded.tenant_ids, seen_at = now())
insert into workflow_epochs as e (tenant_id, n) select id, 1 from workspaces where not exists (select from before) order by id
on conflict (tenant_id) do update set n = e.n + 1
"""
_FAILS = "update event_sinks set failing_since = coalesce(failing_since, now()), last_error = %(error)s where name = %(sink)s"
_WORKS = """
update event_sinks set failing_since = null, last_error = null where name = %(sink)s and failing_since is not null
"""
_INBOUND = """
update event_sinks set waiting = %(waiting)s, unacknowledged = %(unacknowledged)s,
  behind_since = case when %(waiting)s > 0 then coalesce(behind_since, now()) end
where name = %(sink)s
"""
_FORGET_SINKS = """
with lost as (
  delete from event_sinks where not (name = any(%(known)s::text[])) and seen_at < now() - interval '10 minutes' returning name)
insert into workflow_epochs as e (tenant_id, n) select id, 1 from workspaces where exists (select from lost) order by id
on conflict (tenant_id) do update set n = e.n + 1
"""
_GIVE_UP = f"""
with recursive {HEADS},
old as (
  select e.tenant_id, e.sink, e.n from sink_heads h cross join lateral (
    select * from sink_events e where e.tenant_id = h.tenant_id and e.sink = h.sink and (
      e.written_at < %(before)s or not exists (select from event_sinks s where s.name = e.sink))
    order by e.n limit %(limit)s) e
  where h.written_at < %(before)s or not exists (select from event_sinks s where s.name = h.sink)
  limit %(limit)s)
delete from sink_events e using old o where e.tenant_id = o.tenant_id and e.sink = o.sink and e.n = o.n returning e.sink
"""  # noqa: S608  constants
STANDING = f"""
with recursive {HEADS},
oldest as (select sink, min(written_at) as since from sink_heads group by sink)
select s.name, coalesce(s.waiting, (select count(*) from (select from sink_events e where e.sink = s.name limit {COUNTED}) as w)) as depth,
  coalesce(extract(epoch from clock_now() - o.since), extract(epoch from now() - s.behind_since), 0)::float as age, s.failing_since,
  s.last_error, s.unacknowledged
from event_sinks s left join oldest o on o.sink = s.name order by s.name
"""  # noqa: S608  constants
_WORKSPACES = "select slug, id from workspaces where slug = any(%(slugs)s)"


class TakenEvent(NamedTuple):
    """An event that waits for a bus. `n` is its place among those of its workspace."""

    tenant_id: int
    n: int
    id: UUID
    type: str
    contact_id: UUID | None
    data: dict[str, Any]
    occurred_at: datetime

    @property
    def key(self) -> tuple[int, str]:
        """What is to be told in order: all that happens to one contact; without one, all of its run or workflow."""
        about = self.contact_id or self.data.get("contactId") or self.data.get("runId") or self.data.get("workflowId")
        return self.tenant_id, str(about)


class SinkStanding(NamedTuple):
    """How a bus stands: how much waits for it (on it when it is `inbound`), and for how many seconds."""

    name: str
    depth: int
    age: float
    failing_since: datetime | None
    last_error: str | None
    unacknowledged: int | None
    """Of an inbound one: messages that a worker has and has not handled."""

    @property
    def inbound(self) -> bool:
        """Do messages come in by it?"""
        return self.name.endswith("_inbound")


def take_events(connection: Connection, sink: str, after: int) -> list[TakenEvent]:
    """The first events that wait for a bus, of workspaces behind `after`, in order. They stay until they leave."""
    rows = connection.execute(_TAKE, {"sink": sink, "after": after}).fetchall()
    return [TakenEvent._make(row) for row in rows]


def events_left(connection: Connection, sink: str, events: Sequence[TakenEvent]) -> None:
    """The bus has these."""
    tenants, places = [event.tenant_id for event in events], [event.n for event in events]
    connection.execute(_LEAVE, {"sink": sink, "tenants": tenants, "places": places})


def sink_seen(connection: Connection, sink: str, types: Sequence[str], tenant_ids: Sequence[int] | None) -> None:
    """There is such a bus, and this is what it wants."""
    tenants = None if tenant_ids is None else sorted(tenant_ids)
    connection.execute(_SEEN, {"sink": sink, "types": list(types), "tenants": tenants})


def sink_fails(connection: Connection, sink: str, error: str) -> None:
    """It takes nothing, and says why."""
    connection.execute(_FAILS, {"sink": sink, "error": error.replace("\0", "")[:500]})


def sink_works(connection: Connection, sink: str) -> None:
    """It took something."""
    connection.execute(_WORKS, {"sink": sink})


def inbound_waits(connection: Connection, sink: str, waiting: int, unacknowledged: int) -> None:
    """So many messages wait on a bus, and so many more are given out."""
    connection.execute(_INBOUND, {"sink": sink, "waiting": waiting, "unacknowledged": unacknowledged})


def tenants_of(connection: Connection, slugs: Sequence[str]) -> dict[str, int]:
    """Workspaces by their short names; one that is not there is missing."""
    return {row[0]: row[1] for row in connection.execute(_WORKSPACES, {"slugs": list(slugs)}).fetchall()}


async def forget_sinks(session: AsyncSession, known: Sequence[str]) -> None:
    """Forget buses that neither the settings of this process have, `known`, nor any worker has had for ten minutes."""
    await execute(session, _FORGET_SINKS, known=list(known))


async def give_up_events(session: AsyncSession, before: datetime, limit: int) -> list[str]:
    """Delete what was written before that and still waits, and what waits for no bus any more; the bus of each."""
    return [row[0] for row in await execute(session, _GIVE_UP, before=before, limit=limit)]


async def sinks_standing(session: AsyncSession) -> list[SinkStanding]:
    """How each bus stands."""
    return [SinkStanding._make(row) for row in await execute(session, STANDING)]
