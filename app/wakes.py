"""Wakes: which workflows have runs that go on, and when. All writers of the table use this module.

Whoever writes `resume_at` of a run appends a wake of its workflow in the same transaction, with the earliest `at` of all that it wrote.
Workers read the wakes that are due, so a look costs by who has something due, not by who has something parked.

No run is forgotten: each parked run of an active workflow has a wake at or before its `resume_at`. A run and its wake commit together;
only wakes that were read are deleted (`settle`), and the statement that does it, later than the read, sees all runs that they stood
for, those that somebody holds too, and leaves a wake for the first of them. A run that commits afterwards brought its own. Nothing but
inserts and deletes: an upsert of one row a workflow would make whoever parks runs wait, and lose one that commits meanwhile.

Pausing a workflow writes nothing: the wakes of one that is not active are deleted when they are met. Resuming it appends one that is
due at once.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from sqlalchemy.ext.asyncio import AsyncSession

from app.lib.binary_fields import Int4s, Int8s, Stamps, Uuids, int4, int8, stamp
from app.lib.database import execute

MOST_READ = 10_000
"""Wakes of one workflow that a look folds into one. They are many after a standstill, when each of them stands for few runs."""
FOLDED_FROM = 16
"""So many due wakes of one workflow are folded though it has more to do, so that the next look reads one."""

ACTIVE = "f.status = 'active' and f.deleted_at is null"
"""Of a row `f` of `workflows`: its runs go on."""
_WORKFLOW = f"join workflows f on f.tenant_id = {{0}}.tenant_id and f.id = {{0}}.workflow_id and {ACTIVE}"
DUE_RUNS = """
cross join lateral (
  select r.resume_at from active_runs r where r.tenant_id = h.tenant_id and r.workflow_id = h.workflow_id
    and r.resume_at <= clock_now() - make_interval(secs => {late})
  order by r.resume_at limit {limit}) due
"""
"""Behind rows `h` of DUE_WORKFLOWS: the runs that are late by `late` seconds, the longest waiting first, up to `limit` of each workflow."""
IS_DUE = f"exists (select from wakes w {_WORKFLOW.format('w')} where w.at <= clock_now())"
"""Does an active workflow have something due?"""
NEXT_DUE = "select min(at) from wakes where at > clock_now()"
DUE_WORKFLOWS = f"""
select d.tenant_id, d.workflow_id from (select distinct tenant_id, workflow_id from wakes where at <= clock_now()) d {_WORKFLOW.format("d")}
"""  # noqa: S608  constants
"""The active workflows that may have due runs, by workspace."""
_DUE = f"""
select d.tenant_id, uuid_send(d.workflow_id), d.read, coalesce({ACTIVE}, false), coalesce(f.priority, 1), coalesce(s.weight, 1)
from (select tenant_id, workflow_id, (array_agg(n))[:{MOST_READ}] as read from wakes where at <= clock_now() group by 1, 2) d
left join workflows f on f.tenant_id = d.tenant_id and f.id = d.workflow_id left join workspaces s on s.id = d.tenant_id
"""  # noqa: S608  constants
# Wakes that somebody else deletes are left to them: they leave one for what they see, and a wake too many costs a look.
_SETTLE = """
with gone as (
  delete from wakes where tenant_id = any(%(tenants)s::int[]) and ctid = any(array(
    select w.place from unnest(%(tenants)s::int[], %(workflows)s::uuid[]) as s(tenant_id, workflow_id) cross join lateral (
      select ctid as place from wakes where tenant_id = s.tenant_id and workflow_id = s.workflow_id and at <= clock_now()
        and n = any(%(read)s::bigint[]) for update skip locked) w))
  returning tenant_id, workflow_id)
insert into wakes (tenant_id, workflow_id, at)
select g.tenant_id, g.workflow_id, m.resume_at
from (select distinct tenant_id, workflow_id from gone where workflow_id <> all(%(stopped)s::uuid[])) g cross join lateral (
  select r.resume_at from active_runs r
  where r.tenant_id = g.tenant_id and r.workflow_id = g.workflow_id and r.resume_at is not null and r.id <> all(%(taken)s::uuid[])
  order by r.resume_at limit 1) m
"""
_APPEND = (
    "insert into wakes (tenant_id, workflow_id, at) select * from unnest(%s::int[], %s::uuid[], %s::timestamptz[])"
)
_RESUMED = "insert into wakes (tenant_id, workflow_id, at) values (%(tenant)s, %(workflow)s, clock_now())"
PARKED = """
parked as (
  (select tenant_id, workflow_id, resume_at from active_runs where resume_at is not null order by tenant_id, workflow_id, resume_at limit 1)
  union all
  select n.tenant_id, n.workflow_id, n.resume_at from parked p cross join lateral (
    select r.tenant_id, r.workflow_id, r.resume_at from active_runs r
    where r.resume_at is not null and (r.tenant_id, r.workflow_id) > (p.tenant_id, p.workflow_id)
    order by r.tenant_id, r.workflow_id, r.resume_at limit 1) n)
"""
"""Each workflow that has parked runs with the first of their instants: from one to the next by an index probe each. Needs `recursive`."""
# One that is due is as good as any before it. The minute is for a workflow that is resumed while this looks.
FORGOTTEN = f"""
select p.tenant_id, p.workflow_id, p.resume_at from parked p {_WORKFLOW.format("p")}
where not exists (select from wakes w where w.tenant_id = p.tenant_id and w.workflow_id = p.workflow_id
  and w.at <= greatest(p.resume_at, clock_now() + interval '1 minute'))
"""  # noqa: S608  constants
"""Active workflows of `PARKED` whose first run no wake stands for. There must be none."""
_SWEEP = f"""
with recursive {PARKED} insert into wakes (tenant_id, workflow_id, at) {FORGOTTEN} returning tenant_id, workflow_id
"""


class Head(NamedTuple):
    """A workflow that has wakes that are due. `read`: their numbers."""

    tenant_id: int
    workflow_id: bytes
    read: list[int]
    active: bool
    priority: int
    """A Priority."""
    weight: int
    """Of its workspace."""

    @property
    def place(self) -> tuple[int, bytes]:
        """Workspace and workflow."""
        return self.tenant_id, self.workflow_id


def append_sql(source: str) -> str:
    """Appends wakes for rows of `source`, which are runs that were written: `tenant_id, workflow_id, resume_at`."""
    return f"""
    insert into wakes (tenant_id, workflow_id, at)
    select tenant_id, workflow_id, min(resume_at) from {source} where resume_at is not null group by 1, 2
    """  # noqa: S608  constants


def append(cursor: psycopg.Cursor[Any], wakes: Sequence[tuple[int, bytes, int]]) -> None:
    """Append wakes: workspace, workflow and the instant in microseconds since 2000."""
    if wakes:
        tenants, workflows, instants = zip(*wakes, strict=True)
        cursor.execute(
            _APPEND,
            (Int4s([int4(one) for one in tenants]), Uuids(workflows), Stamps([stamp(one) for one in instants])),
        )


async def resumed(session: AsyncSession, tenant_id: int, workflow_id: UUID) -> None:
    """A workflow has become active: what is due of it is looked for at once. In the transaction that says so."""
    await execute(session, _RESUMED, tenant=tenant_id, workflow=workflow_id)


def due(cursor: psycopg.Cursor[Any]) -> list[Head]:
    """The workflows that have wakes that are due."""
    return [Head(*row) for row in cursor.execute(_DUE).fetchall()]


def settle(cursor: psycopg.Cursor[Any], heads: Collection[Head], taken: Sequence[bytes] = ()) -> None:
    """Fold the wakes that were read of these workflows into one each, for the first of their runs that is not among `taken`.

    Those of workflows that are not active go without one.
    """
    if heads:
        arguments = {
            "tenants": Int4s([int4(head.tenant_id) for head in heads]),
            "workflows": Uuids([head.workflow_id for head in heads]),
            "read": Int8s([int8(n) for head in heads for n in head.read]),
            "stopped": Uuids([head.workflow_id for head in heads if not head.active]),
            "taken": Uuids(taken),
        }
        cursor.execute(_SETTLE, arguments)


def sweep(connection: psycopg.Connection[Any]) -> int:
    """Append the wakes that are missing; how many. Rows that were written past the product have none, all others do."""
    return connection.execute(_SWEEP).rowcount
