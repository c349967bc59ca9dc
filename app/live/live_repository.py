"""SQL of live events, across workspaces, on the one connection of a web process that reads for its streams."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.lib.database import execute
from app.lib.deadline import BoundedConnection
from app.live_moves import CHANNEL

KEEP_S = 600
"""So long moves are kept: who comes back within that time misses nothing."""
LEASE_S, RENEW_S = 3_600, 1_800
"""How long moves are written after the last look at the lease. Raising it has engines look at the workspace again, so it is long."""
MOST_ROWS = 500
"""Rows of one look. Who is further behind is told that some were missed."""

# An upsert that changes nothing where there is time enough.
_LISTEN = """
insert into live_listeners as l (tenant_id, until) select t, now() + make_interval(secs => %(lease)s) from unnest(%(tenants)s::int[]) t
on conflict (tenant_id) do update set until = excluded.until where l.until < now() + make_interval(secs => %(renew)s)
"""
_SNAPSHOT = "select pg_current_snapshot()::text"
# What is visible now and was not in the snapshot of the last look. A row of a database that was restored bears an id of the future.
_SINCE = """
select pg_current_snapshot()::text, m.tenant_id, m.id, m.at, m.moves, m.left_out from (select 1) as one left join (
  select * from live_moves where tenant_id = any(%(tenants)s) and xid >= pg_snapshot_xmin(%(since)s::pg_snapshot)
    and not pg_visible_in_snapshot(xid, %(since)s::pg_snapshot) and pg_visible_in_snapshot(xid, pg_current_snapshot())
  order by tenant_id, id limit %(limit)s) as m on true order by m.tenant_id, m.id
"""
_RUNS = """
select r.tenant_id, r.id, r.workflow_id, r.workflow_version, r.status, r.seq, r.attempt, r.fence, r.current_node_id, r.started_at,
  r.step_started_at, r.completed_at, r.error_message,
  (select string_agg(concat_ws('.', m.seq, m.status, m.attempt), ' ' order by m.seq) from messages m
   where m.tenant_id = r.tenant_id and m.run_id = r.id)
from unnest(%(tenants)s::int[], %(ids)s::uuid[]) as u(tenant_id, id) join {table} r on r.tenant_id = u.tenant_id and r.id = u.id
"""
_WATCHED = f"{_RUNS.format(table='active_runs')} union all {_RUNS.format(table='ended_runs')}"
_STEPS = """
select s.run_id, s.seq, s.node_id, s.status, s.port, s.error_message, s.started_at, s.completed_at
from unnest(%(tenants)s::int[], %(ids)s::uuid[], %(after)s::int[]) as u(tenant_id, id, after)
join steps s on s.tenant_id = u.tenant_id and s.run_id = u.id and s.seq > u.after order by s.run_id, s.seq
"""
# The last few and not the last alone: one that is committed later may bear an earlier id.
_NEWEST_EVENTS = """
select u.tenant_id, u.name, array(
  select e.id from events e where e.tenant_id = u.tenant_id and e.name = u.name order by e.id desc limit 10)
from unnest(%(tenants)s::int[], %(names)s::text[]) as u(tenant_id, name)
"""
_FORGET = "delete from live_moves where written_at < now() - make_interval(secs => %(keep)s)"
_FORGET_LISTENERS = "delete from live_listeners where until < now() - make_interval(secs => %(keep)s)"


class MoveRow(NamedTuple):
    """What one transaction did to runs of a workspace."""

    tenant_id: int
    id: int
    at: datetime
    moves: list[dict[str, Any]]
    left_out: int


class WatchedRun(NamedTuple):
    """A run as its row says. `messages` changes with the messages of the run."""

    tenant_id: int
    id: UUID
    workflow_id: UUID
    version: int
    status: int
    seq: int
    attempt: int
    fence: int
    node_id: str | None
    started_at: datetime
    step_started_at: datetime | None
    completed_at: datetime | None
    error: str | None
    messages: str | None


class StepRow(NamedTuple):
    """A step that is over."""

    run_id: UUID
    seq: int
    node_id: str
    status: int
    port: str | None
    error: str | None
    started_at: datetime
    completed_at: datetime


async def ring(connection: BoundedConnection) -> None:
    """From now on the connection is notified of moves."""
    await connection.execute(f"listen {CHANNEL}")


async def listen(connection: BoundedConnection, tenants: Iterable[int]) -> None:
    """Have moves of these workspaces written down for the next while."""
    await connection.execute(_LISTEN, {"tenants": sorted(tenants), "lease": LEASE_S, "renew": RENEW_S})


async def snapshot(connection: BoundedConnection) -> str:
    """What is visible now."""
    row = await (await connection.execute(_SNAPSHOT)).fetchone()
    return str(row[0]) if row else ""


async def since(connection: BoundedConnection, tenants: Iterable[int], seen: str) -> tuple[str, list[MoveRow], bool]:
    """Moves that were not visible in the snapshot `seen`, the snapshot that shows them, and whether there are more than are answered."""
    arguments = {"tenants": sorted(tenants), "since": seen, "limit": MOST_ROWS}
    answer = await (await connection.execute(_SINCE, arguments)).fetchall()
    moves = [MoveRow._make(row[1:]) for row in answer if row[1] is not None]
    return str(answer[0][0]), moves, len(moves) == MOST_ROWS


async def runs(connection: BoundedConnection, places: Sequence[tuple[int, UUID]]) -> list[WatchedRun]:
    """These runs, by workspace and id, as far as they are there."""
    arguments = {"tenants": [tenant for tenant, _ in places], "ids": [run_id for _, run_id in places]}
    return [WatchedRun._make(row) for row in await (await connection.execute(_WATCHED, arguments)).fetchall()]


async def steps(connection: BoundedConnection, places: Sequence[tuple[int, UUID, int]]) -> dict[UUID, list[StepRow]]:
    """Finished steps of runs (workspace, id, number of the last step that is known), in order."""
    by_run: dict[UUID, list[StepRow]] = {}
    if places:
        tenants, ids, after = map(list, zip(*places, strict=True))
        answer = await connection.execute(_STEPS, {"tenants": tenants, "ids": ids, "after": after})
        for row in await answer.fetchall():
            by_run.setdefault(row[0], []).append(StepRow._make(row))
    return by_run


async def newest_events(
    connection: BoundedConnection, places: Sequence[tuple[int, str]]
) -> dict[tuple[int, str], Sequence[UUID]]:
    """The ids of the last events by workspace and name."""
    arguments = {"tenants": [tenant for tenant, _ in places], "names": [name for _, name in places]}
    answer = await (await connection.execute(_NEWEST_EVENTS, arguments)).fetchall()
    return {(tenant, name): ids for tenant, name, ids in answer}


async def forget(session: AsyncSession) -> None:
    """Remove moves that nobody can come back for, and leases that are over."""
    await execute(session, _FORGET, keep=KEEP_S)
    await execute(session, _FORGET_LISTENERS, keep=KEEP_S)
