"""SQL of schedules: which workspaces have changed, which triggers are due, and that each minute is fired once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg.types.json import Jsonb
from sqlalchemy.ext.asyncio import AsyncSession

from app.lib.database import execute
from app.models.schedule import Schedule
from app.models.tenant_repository import TenantRepository

MOST_WORKSPACES = 50
"""Workspaces that are compared in one look."""
_CHANGED = "workflow_epochs e where e.stale"
_READY = "s.active and s.next_at <= clock_now()"
IS_DUE = f"(exists (select from {_CHANGED}) or exists (select from schedules s where {_READY}))"  # noqa: S608  constants
"""Has a workspace changed, or has a trigger to fire?"""
NEXT_DUE = "select min(next_at) from schedules where active and next_at > clock_now()"
ANY_DUE = f"select 1 where {IS_DUE}"

_STALE = f"select e.tenant_id, e.n from {_CHANGED} order by e.tenant_id limit {MOST_WORKSPACES}"  # noqa: S608
# One process at a time compares a workspace: the others find its row held and leave it.
_HOLD = """
insert into schedule_epochs as s (tenant_id, n) values (%(tenant)s, -1) on conflict (tenant_id) do update set n = s.n
returning n, clock_now() as now
"""
_COMPARED = "update schedule_epochs set n = %(n)s where tenant_id = %(tenant)s"
_NOTE = "update workflow_epochs set compared = %(n)s where tenant_id = %(tenant)s"
_DOCUMENTS = """
select f.id as workflow_id, f.status = 'active' as active, w.timezone,
  jsonb_strip_nulls(jsonb_build_object('trigger', v.graph->'trigger', 'triggers', v.graph->'triggers')) as document
from workflows f join workflow_versions v on v.tenant_id = f.tenant_id and v.workflow_id = f.id and v.version = f.live_version
join workspaces w on w.id = f.tenant_id
where f.tenant_id = %(tenant)s and f.status in ('active', 'paused') and f.deleted_at is null
"""
_STORED = "select workflow_id, trigger_id, trigger, zone, active from schedules where tenant_id = %(tenant)s for update"
_STORE = """
insert into schedules (tenant_id, workflow_id, trigger_id, trigger, zone, active, next_at)
values (%(tenant)s, %(workflow)s, %(id)s, %(trigger)s, %(zone)s, %(active)s, %(next)s)
on conflict (tenant_id, workflow_id, trigger_id) do update
set trigger = excluded.trigger, zone = excluded.zone, active = excluded.active, next_at = excluded.next_at
"""
_SWITCH = """
update schedules set active = %(active)s where tenant_id = %(tenant)s and workflow_id = %(workflow)s and trigger_id = %(id)s
"""
_DROP = "delete from schedules where tenant_id = %(tenant)s and workflow_id = %(workflow)s and trigger_id = %(id)s"
_TAKE = f"""
select s.tenant_id, s.workflow_id, s.trigger_id, s.trigger, s.zone, s.next_at, clock_now() as now
from schedules s join workflows f on f.tenant_id = s.tenant_id and f.id = s.workflow_id and f.status = 'active' and f.deleted_at is null
where {_READY} and (s.tenant_id, s.workflow_id, s.trigger_id) not in (
  select * from unnest(%(tenants)s::int[], %(workflows)s::uuid[], %(ids)s::text[]))
order by s.next_at limit 1 for update of s skip locked
"""  # noqa: S608
_FIRE = """
insert into schedule_firings (tenant_id, workflow_id, trigger_id, zone, minute, scheduled_at, fired_at)
values (%(tenant)s, %(workflow)s, %(id)s, %(zone)s, %(minute)s, %(scheduled)s, clock_now())
on conflict do nothing returning minute
"""
_GO_ON = """
update schedules set next_at = %(next)s, fired_at = coalesce(%(fired)s, fired_at)
where tenant_id = %(tenant)s and workflow_id = %(workflow)s and trigger_id = %(id)s
"""


TriggerKey = tuple[int, UUID, str]
"""Workspace, workflow and trigger."""


class LiveTriggers(NamedTuple):
    """The triggers of a live version, of an active workflow or a paused one. `timezone`: the workspace's."""

    workflow_id: UUID
    active: bool
    timezone: str
    document: dict[str, Any]


class StoredSchedule(NamedTuple):
    """A row as it was compared last."""

    workflow_id: UUID
    trigger_id: str
    trigger: dict[str, Any]
    zone: str
    active: bool


class DueSchedule(NamedTuple):
    """A trigger that has to fire, locked until the end of the transaction. `next_at`: the first instant that is due."""

    tenant_id: int
    workflow_id: UUID
    trigger_id: str
    trigger: dict[str, Any]
    zone: str
    next_at: datetime
    now: datetime

    @property
    def key(self) -> TriggerKey:
        return self.tenant_id, self.workflow_id, self.trigger_id


class ScheduleRepository(TenantRepository[Schedule]):
    """The schedules of a workspace, to be shown."""

    model = Schedule

    async def of_workflow(self, workflow_id: UUID) -> Sequence[Schedule]:
        """Those of one workflow, in the order of their triggers' ids."""
        return await self.list(Schedule.workflow_id == workflow_id, order_by=[Schedule.trigger_id])


async def changed_workspaces(session: AsyncSession) -> list[tuple[int, int]]:
    """Workspaces whose epoch is another than when their schedules were compared, with it."""
    return [(row.tenant_id, row.n) for row in await execute(session, _STALE)]


async def hold(session: AsyncSession, tenant_id: int) -> tuple[int, datetime]:
    """Keep others from comparing this workspace until the transaction ends.

    Answers the epoch that it was compared with last, and the time.
    """
    row = (await execute(session, _HOLD, tenant=tenant_id))[0]
    return int(row.n), row.now


async def compared(session: AsyncSession, tenant_id: int, epoch: int) -> None:
    """The schedules of a workspace are as its workflows were at this epoch."""
    await execute(session, _COMPARED, tenant=tenant_id, n=epoch)


async def note_compared(session: AsyncSession, tenant_id: int, epoch: int) -> None:
    """Look no more for this workspace until its epoch moves. In a transaction of its own, after the one that has compared it: whoever
    publishes holds a workflow and waits for this row."""
    await execute(session, _NOTE, tenant=tenant_id, n=epoch)


async def live_triggers(session: AsyncSession, tenant_id: int) -> list[LiveTriggers]:
    """All of a workspace."""
    return [LiveTriggers(*row) for row in await execute(session, _DOCUMENTS, tenant=tenant_id)]


async def stored(session: AsyncSession, tenant_id: int) -> Sequence[StoredSchedule]:
    """The rows of a workspace, locked: whoever fires one of them is done first."""
    return [StoredSchedule(*row) for row in await execute(session, _STORED, tenant=tenant_id)]


async def store(session: AsyncSession, tenant_id: int, row: StoredSchedule, next_at: datetime | None) -> None:
    """Write a trigger that is new or has changed, with the first time that it fires."""
    await execute(
        session, _STORE, tenant=tenant_id, workflow=row.workflow_id, id=row.trigger_id, trigger=Jsonb(row.trigger),
        zone=row.zone, active=row.active, next=next_at,
    )  # fmt: skip


async def switch(session: AsyncSession, tenant_id: int, row: StoredSchedule) -> None:
    """Its workflow was paused or goes on; what it is due stays."""
    await execute(session, _SWITCH, tenant=tenant_id, workflow=row.workflow_id, id=row.trigger_id, active=row.active)


async def drop(session: AsyncSession, tenant_id: int, rows: Iterable[StoredSchedule]) -> None:
    """These triggers are not live any more."""
    for row in rows:
        await execute(session, _DROP, tenant=tenant_id, workflow=row.workflow_id, id=row.trigger_id)


async def take_due(session: AsyncSession, but: Collection[TriggerKey] = ()) -> DueSchedule | None:
    """The trigger that has been due the longest and that nobody else fires, none of `but`; None when there is none."""
    tenants, workflows, ids = ([key[place] for key in but] for place in range(3))
    rows = await execute(session, _TAKE, tenants=tenants, workflows=workflows, ids=ids)
    return DueSchedule(*rows[0]) if rows else None


async def fire_once(session: AsyncSession, due: DueSchedule, scheduled_at: datetime, minute: datetime) -> bool:
    """Note that it fires for a minute that clocks of its zone show. False: it has before."""
    return bool(
        await execute(
            session, _FIRE, tenant=due.tenant_id, workflow=due.workflow_id, id=due.trigger_id, zone=due.zone,
            minute=minute, scheduled=scheduled_at,
        )
    )  # fmt: skip


async def go_on(session: AsyncSession, due: DueSchedule, next_at: datetime | None, fired_at: datetime | None) -> None:
    """When it fires next."""
    await execute(
        session, _GO_ON, tenant=due.tenant_id, workflow=due.workflow_id, id=due.trigger_id, next=next_at, fired=fired_at
    )


async def forget_old(session: AsyncSession, before: datetime) -> None:
    """Delete firings of before this instant."""
    await execute(session, "delete from schedule_firings where fired_at < %(before)s", before=before)
