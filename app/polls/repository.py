"""SQL of triggers that ask for rows: which are due and who asks, how far each is, and which rows it knows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from psycopg.types.json import Jsonb
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.lib.database import execute
from app.lib.redaction import redacted
from app.models.poll import Poll
from app.models.tenant_repository import TenantRepository, refers_to
from app.models.workflow import Workflow

LEASE_S = 150
"""Longer than an answer and its rows may take: a worker that dies holds up its polls that long."""
MOST_OF_WORKSPACE = 2
"""Polls of one workspace that are under way at a time, over all workers: slow sources of one keep nobody else waiting."""
_READY = "p.active and p.next_at <= clock_now()"
ANY_DUE = f"select 1 from polls p where {_READY} and (p.lease_until is null or p.lease_until < now()) limit 1"  # noqa: S608  constants
_PLACE = "tenant_id = %(tenant)s and workflow_id = %(workflow)s and trigger_id = %(id)s"
# Leases are real time: whoever moves the clock of the product lets nobody ask twice. A second worker that meets the same rows waits for
# the first one's commit, looks at them again, and finds them leased.
_TAKE = f"""
with waiting as (
  select p.tenant_id, p.workflow_id, p.trigger_id, p.next_at, p.failures > 0 as failing
  from polls p join workflows f on f.tenant_id = p.tenant_id and f.id = p.workflow_id and f.status = 'active' and f.deleted_at is null
  where {_READY} and (p.lease_until is null or p.lease_until < now()) and p.tenant_id <> all(%(full)s::int[])),
leased as materialized (
  select t.tenant_id, l.n from (select distinct tenant_id from waiting) t cross join lateral (
    select count(*) as n from polls l where l.tenant_id = t.tenant_id and l.lease_until > now()) l),
placed as (
  select w.*, row_number() over (partition by w.tenant_id order by w.next_at) + l.n as place
  from waiting w join leased l using (tenant_id)),
allowed as (
  select *, row_number() over (partition by failing order by next_at) as turn from placed where place <= {MOST_OF_WORKSPACE}),
chosen as (select * from allowed where not failing or turn <= %(failing)s order by next_at limit %(most)s)
update polls p set lease = %(lease)s, lease_until = now() + interval '{LEASE_S} seconds'
from chosen c join workspaces w on w.id = c.tenant_id
where (p.tenant_id, p.workflow_id, p.trigger_id) = (c.tenant_id, c.workflow_id, c.trigger_id)
  and {_READY} and (p.lease_until is null or p.lease_until < now())
returning p.tenant_id, p.workflow_id, p.trigger_id, p.trigger, p.cursor, p.primed, p.failures, p.lease, w.timezone,
  w.settings->>'country' as country
"""  # noqa: S608  constants
# Starts of a paused workflow are refused, so an answer that comes then is not stored: its rows are asked for again.
_HOLD = """
select clock_now() as now from polls p join workflows f on f.tenant_id = p.tenant_id and f.id = p.workflow_id
where p.tenant_id = %(tenant)s and p.workflow_id = %(workflow)s and p.trigger_id = %(id)s and p.lease = %(lease)s
  and f.status = 'active' and f.deleted_at is null
for update of p
"""
# Seen again a day later is noted: a list without a cursor shows the same rows for years.
_SEE = """
insert into polled_rows as r (tenant_id, workflow_id, trigger_id, row_key, seen_at)
select %(tenant)s, %(workflow)s, %(id)s, row_key, %(now)s from unnest(%(keys)s::bytea[]) as u(row_key)
on conflict (tenant_id, workflow_id, trigger_id, row_key) do update set seen_at = excluded.seen_at
  where r.seen_at < excluded.seen_at - interval '1 day'
returning row_key, xmax = 0 as is_new
"""
_KNOWN = f"select row_key from polled_rows where {_PLACE} and row_key = any(%(keys)s::bytea[])"  # noqa: S608  constants
_GO_ON = f"""
update polls set cursor = %(cursor)s, primed = %(primed)s, lease = null, lease_until = null, polled_at = %(now)s, failures = 0,
  error = null, failing_since = null, next_at = case when %(again)s then %(now)s else %(now)s + %(wait)s * interval '1 second' end,
  last_rows = %(started)s, total_rows = total_rows + %(started)s, refused_rows = refused_rows + %(refused)s
where {_PLACE} and lease = %(lease)s
"""  # noqa: S608  constants
_FAIL = f"""
update polls set lease = null, lease_until = null, failures = failures + %(counts)s::bool::int, error = %(error)s,
  failing_since = case when %(counts)s then coalesce(failing_since, clock_now()) else failing_since end,
  next_at = clock_now() + %(wait)s * interval '1 second'
where {_PLACE} and lease = %(lease)s returning failures
"""  # noqa: S608  constants
_STORED = "select workflow_id, trigger_id, trigger, active from polls where tenant_id = %(tenant)s for update"
# What asks for something else begins again; what reads the same rows in another way goes on where it was.
_STORE = """
insert into polls as p (tenant_id, workflow_id, trigger_id, trigger, active, next_at)
values (%(tenant)s, %(workflow)s, %(id)s, %(trigger)s, %(active)s, clock_now())
on conflict (tenant_id, workflow_id, trigger_id) do update set trigger = excluded.trigger, active = excluded.active,
  next_at = clock_now(), lease = null, lease_until = null, failures = 0, error = null, failing_since = null,
  cursor = case when %(anew)s then null else p.cursor end, primed = not %(anew)s and p.primed
"""
_SWITCH = f"update polls set active = %(active)s, lease = null, lease_until = null where {_PLACE}"  # noqa: S608  constants
_DROP = f"delete from polls where {_PLACE}"  # noqa: S608  constants
_DROP_ROWS = f"delete from polled_rows where {_PLACE}"  # noqa: S608  constants
# What the last answer had is known, however long ago that was: a pause, an outage and an interval of a week forget nothing.
_FORGET = """
delete from polled_rows r where (r.tenant_id, r.workflow_id, r.trigger_id, r.row_key) in (
  select o.tenant_id, o.workflow_id, o.trigger_id, o.row_key from workspaces w cross join lateral (
    select p.* from polled_rows p
      join polls q on q.tenant_id = p.tenant_id and q.workflow_id = p.workflow_id and q.trigger_id = p.trigger_id
    where p.tenant_id = w.id and p.seen_at < clock_now() - %(days)s * interval '1 day'
      and p.seen_at < q.polled_at - %(days)s * interval '1 day'
    order by p.seen_at limit %(most)s) as o)
returning 1
"""


class StoredPoll(NamedTuple):
    """A row as it was compared last."""

    workflow_id: UUID
    trigger_id: str
    trigger: dict[str, Any]
    active: bool


class DuePoll(NamedTuple):
    """A trigger that asks now; `lease` says that this process does."""

    tenant_id: int
    workflow_id: UUID
    trigger_id: str
    trigger: dict[str, Any]
    cursor: str | None
    primed: bool
    failures: int
    lease: UUID
    timezone: str
    country: str | None

    @property
    def place(self) -> dict[str, Any]:
        """Parameters that find its row."""
        return {"tenant": self.tenant_id, "workflow": self.workflow_id, "id": self.trigger_id}


class PollEnd(NamedTuple):
    """What came of asking. `again`: there is more, so it asks at once."""

    cursor: str | None
    primed: bool
    started: int
    refused: int
    again: bool
    wait_s: float


class PollRepository(TenantRepository[Poll]):
    """The polls of a workspace, to be shown."""

    model = Poll

    async def of_trigger(self, workflow_id: UUID, trigger_id: str) -> Poll | None:
        return await self.get_one_or_none(Poll.workflow_id == workflow_id, Poll.trigger_id == trigger_id)

    async def failing(self, limit: int) -> Sequence[Any]:
        """(workflow, name, since, error) of triggers of active workflows that cannot read the rows they ask for."""
        query = (
            select(Poll.workflow_id, Workflow.name, Poll.failing_since, Poll.error)
            .join(Workflow, refers_to(Poll.workflow_id, Workflow))
            .where(self.own, Poll.failures > 0, Poll.active, Workflow.deleted_at.is_(None))
            .order_by(Poll.failing_since)
            .limit(limit)
        )
        return (await self.session.execute(query)).all()


async def take_due(session: AsyncSession, most: int, full: Collection[int] = (), *, failing: int) -> list[DuePoll]:
    """Lease polls that are due, those that wait longest first, at most so many that are `failing`; none of workspaces that are `full`."""
    rows = await execute(session, _TAKE, most=most, full=list(full), failing=failing, lease=uuid4())
    return [DuePoll(*row) for row in rows]


async def hold(session: AsyncSession, due: DuePoll) -> datetime | None:
    """Keep the row until the transaction ends and answer the time; None when it is not this process's any more."""
    rows = await execute(session, _HOLD, **due.place, lease=due.lease)
    return rows[0].now if rows else None


async def see(session: AsyncSession, due: DuePoll, keys: Sequence[bytes], now: datetime) -> set[bytes]:
    """Note these rows. Answers those that it did not know."""
    rows = await execute(session, _SEE, **due.place, keys=list(keys), now=now)
    return {bytes(row.row_key) for row in rows if row.is_new}


async def known_keys(
    session: AsyncSession, tenant_id: int, workflow_id: UUID, trigger_id: str, keys: Sequence[bytes]
) -> set[bytes]:
    """Which of these rows a trigger knows."""
    rows = await execute(session, _KNOWN, tenant=tenant_id, workflow=workflow_id, id=trigger_id, keys=list(keys))
    return {bytes(row.row_key) for row in rows}


async def go_on(session: AsyncSession, due: DuePoll, end: PollEnd, now: datetime) -> None:
    """How far it is, and when it asks next."""
    await execute(
        session, _GO_ON, **due.place, lease=due.lease, now=now, cursor=end.cursor, primed=end.primed, again=end.again, wait=end.wait_s,
        started=end.started, refused=end.refused,
    )  # fmt: skip


async def fail(session: AsyncSession, due: DuePoll, error: str, wait_s: float, *, counts: bool = True) -> None:
    """Nothing was read: it stays where it is, and asks again later. `counts`: as a failure, which people see on Home."""
    text = redacted(error)[:500].replace("\x00", "")
    await execute(session, _FAIL, **due.place, lease=due.lease, error=text, wait=wait_s, counts=counts)


async def stored_polls(session: AsyncSession, tenant_id: int) -> Sequence[StoredPoll]:
    """The rows of a workspace, locked."""
    return [StoredPoll(*row) for row in await execute(session, _STORED, tenant=tenant_id)]


async def store_poll(session: AsyncSession, tenant_id: int, row: StoredPoll, *, anew: bool) -> None:
    """Write a trigger that is new or has changed. `anew`: it asks for something else than before."""
    place = {"tenant": tenant_id, "workflow": row.workflow_id, "id": row.trigger_id}
    if anew:
        await execute(session, _DROP_ROWS, **place)
    await execute(session, _STORE, **place, trigger=Jsonb(row.trigger), active=row.active, anew=anew)


async def switch_poll(session: AsyncSession, tenant_id: int, row: StoredPoll) -> None:
    """Its workflow was paused or goes on; how far it is stays."""
    await execute(session, _SWITCH, tenant=tenant_id, workflow=row.workflow_id, id=row.trigger_id, active=row.active)


async def drop_poll(session: AsyncSession, tenant_id: int, row: StoredPoll) -> None:
    """It is not live any more."""
    for statement in (_DROP, _DROP_ROWS):
        await execute(session, statement, tenant=tenant_id, workflow=row.workflow_id, id=row.trigger_id)


async def forget_rows(session: AsyncSession, days: int, most: int) -> int:
    """Delete some of the rows that the answers of so many days did not have; how many."""
    return len(await execute(session, _FORGET, days=days, most=most))
