"""SQL of dates of contacts: which triggers watch one, whose time has come, and that each date is fired once."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg.types.json import Jsonb
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.lib.database import execute
from app.models.due_date import DateSchedule
from app.models.tenant_repository import TenantRepository
from app.models.workflow import WorkflowEpoch

_READY = "s.active and s.next_at <= clock_now()"
IS_DUE = f"exists (select from date_schedules s where {_READY})"
NEXT_DUE = "select min(next_at) from date_schedules where active and next_at > clock_now()"
ANY_DUE = f"select 1 where {IS_DUE}"
_KEY = "tenant_id = %(tenant)s and workflow_id = %(workflow)s and trigger_id = %(trigger)s"
_STORED = """
select workflow_id, trigger_id, trigger, zone, active, dropped_at is not null as dropped from date_schedules
where tenant_id = %(tenant)s for update
"""
_STORE = """
insert into date_schedules (tenant_id, workflow_id, trigger_id, trigger, zone, active, existing, since, total)
values (%(tenant)s, %(workflow)s, %(trigger)s, %(data)s, %(zone)s, %(active)s, %(existing)s, clock_now(),
  (select count(*) from contacts where tenant_id = %(tenant)s))
on conflict (tenant_id, workflow_id, trigger_id) do update set trigger = excluded.trigger, zone = excluded.zone, active = excluded.active,
  existing = excluded.existing, since = excluded.since, revision = date_schedules.revision + 1,
  reached = null, done = 0, total = excluded.total, built_at = null, dropped_at = null
"""
_SWITCH = f"update date_schedules set trigger = %(data)s, zone = %(zone)s, active = %(active)s where {_KEY}"  # noqa: S608
_DROP = f"update date_schedules set active = false, next_at = null, dropped_at = clock_now() where {_KEY}"  # noqa: S608
_TAKE = f"""
select s.tenant_id, s.workflow_id, s.trigger_id, s.trigger, s.zone, s.next_at, s.missed_before, s.since,
  clock_now() as now
from date_schedules s
join workflows f on f.tenant_id = s.tenant_id and f.id = s.workflow_id and f.status = 'active' and f.deleted_at is null
where {_READY} and (s.tenant_id, s.workflow_id, s.trigger_id) not in (
  select * from unnest(%(tenants)s::int[], %(workflows)s::uuid[], %(ids)s::text[]))
order by s.next_at limit 1 for no key update of s skip locked
"""  # noqa: S608
_COME = f"select contact_id from due_dates where {_KEY} and next_at <= %(now)s order by next_at limit %(limit)s"  # noqa: S608
# Whoever writes a due date holds its contact. One that is held is left for the next look: this never waits for a contact.
_LOCK = """
select id from contacts where tenant_id = %(tenant)s and id = any(%(contacts)s::uuid[]) order by id for no key update skip locked
"""
_HELD = """
select d.contact_id, d.next_at, d.fired_for, c.timezone, c.created_at,
  case when c.attributes ? %(attribute)s::text then jsonb_build_object(%(attribute)s::text, c.attributes->%(attribute)s::text) end
    as attributes
from due_dates d join contacts c on c.tenant_id = d.tenant_id and c.id = d.contact_id
where d.tenant_id = %(tenant)s and d.workflow_id = %(workflow)s and d.trigger_id = %(trigger)s
  and d.contact_id = any(%(contacts)s::uuid[]) and d.next_at <= %(now)s
order by d.next_at, d.contact_id
"""
_FIRED = """
update due_dates d set next_at = u.next_at, fired_for = u.fired_for
from unnest(%(contacts)s::uuid[], %(next)s::timestamptz[], %(fired)s::timestamp[]) as u(contact_id, next_at, fired_for)
where d.tenant_id = %(tenant)s and d.contact_id = u.contact_id and d.workflow_id = %(workflow)s and d.trigger_id = %(trigger)s
"""
_AGAIN = f"update date_schedules set next_at = %(at)s, missed_before = %(missed)s where {_KEY}"  # noqa: S608
_ALONE = f"select trigger_id from date_schedules where {_KEY} for update skip locked"  # noqa: S608
_SETTLE = f"""
update date_schedules set missed_before = %(missed)s, next_at = (
  select d.next_at from due_dates d where d.tenant_id = %(tenant)s and d.workflow_id = %(workflow)s and d.trigger_id = %(trigger)s
    and d.next_at is not null order by d.next_at limit 1)
where {_KEY}
"""  # noqa: S608

TriggerKey = tuple[int, UUID, str]
"""Workspace, workflow and trigger."""


class StoredDate(NamedTuple):
    """A row as it was compared last."""

    workflow_id: UUID
    trigger_id: str
    trigger: dict[str, Any]
    zone: str
    active: bool
    dropped: bool = False


class DueDateSchedule(NamedTuple):
    """A trigger of which contacts are due, held until the end of the transaction. `next_at`: since when."""

    tenant_id: int
    workflow_id: UUID
    trigger_id: str
    trigger: dict[str, Any]
    zone: str
    next_at: datetime
    missed_before: datetime | None
    since: datetime
    now: datetime

    @property
    def key(self) -> TriggerKey:
        return self.tenant_id, self.workflow_id, self.trigger_id

    @property
    def place(self) -> dict[str, Any]:
        """The key, as parameters."""
        return {"tenant": self.tenant_id, "workflow": self.workflow_id, "trigger": self.trigger_id}


class DueContact(NamedTuple):
    """A contact whose time has come, locked, with what says when it is. `attributes`: the one that is watched, if it is there."""

    contact_id: UUID
    next_at: datetime
    fired_for: datetime | None
    timezone: str | None
    created_at: datetime
    attributes: dict[str, Any] | None


class FiredDate(NamedTuple):
    """When a contact is due next, and for which date, as clocks showed it, a run was started last."""

    contact_id: UUID
    next_at: datetime | None
    fired_for: datetime | None


class DateScheduleRepository(TenantRepository[DateSchedule]):
    """The triggers of a workspace that watch dates, to be shown."""

    model = DateSchedule

    async def of_workflow(self, workflow_id: UUID) -> Sequence[DateSchedule]:
        """Those of one workflow that are live, in the order of their triggers' ids."""
        live = (DateSchedule.workflow_id == workflow_id, DateSchedule.dropped_at.is_(None))
        return await self.list(*live, order_by=[DateSchedule.trigger_id])

    async def is_behind(self) -> bool:
        """Are workflows of the workspace changed that were not compared yet? Until then a trigger that just went live has no row."""
        stale = select(WorkflowEpoch.stale).where(WorkflowEpoch.tenant_id == self.tenant_id)
        return bool(await self.session.scalar(stale))

    async def due_until(self, row: DateSchedule, until: datetime, most: int) -> int:
        """For how many contacts it is due up to an instant; at most `most`."""
        rows = await execute(
            self.session,
            f"select count(*) from (select from due_dates where {_KEY} and next_at <= %(until)s limit %(most)s) d",  # noqa: S608
            **_place(row),
            until=until,
            most=most,
        )
        return int(rows[0][0])

    async def coming(self, row: DateSchedule, most: int) -> Sequence[tuple[UUID, datetime]]:
        """The contacts that are due next, and when."""
        rows = await execute(
            self.session,
            f"select contact_id, next_at from due_dates where {_KEY} and next_at is not null"  # noqa: S608
            " order by next_at, contact_id limit %(most)s",
            **_place(row),
            most=most,
        )
        return [(one.contact_id, one.next_at) for one in rows]

    async def unreadable(self, row: DateSchedule, most: int) -> int:
        """How many contacts have something there that is no date; at most `most`."""
        rows = await execute(
            self.session,
            f"select count(*) from (select from due_dates where {_KEY} and unreadable limit %(most)s) d",  # noqa: S608
            **_place(row),
            most=most,
        )
        return int(rows[0][0])

    async def unreadable_contacts(
        self, row: DateSchedule, attribute: str, most: int
    ) -> Sequence[tuple[UUID, str, Any]]:
        """Some of them: the contact, its address or other name, and what it has there."""
        rows = await execute(
            self.session,
            """select c.id, coalesce(c.email, c.external_id, c.phone, ''), c.attributes->%(attribute)s::text
            from due_dates d join contacts c on c.tenant_id = d.tenant_id and c.id = d.contact_id
            where d.tenant_id = %(tenant)s and d.workflow_id = %(workflow)s and d.trigger_id = %(trigger)s and d.unreadable
            order by d.contact_id limit %(most)s""",
            **_place(row),
            attribute=attribute,
            most=most,
        )
        return [(row[0], row[1], row[2]) for row in rows]


def _place(row: DateSchedule) -> dict[str, Any]:
    return {"tenant": row.tenant_id, "workflow": row.workflow_id, "trigger": row.trigger_id}


async def stored(session: AsyncSession, tenant_id: int) -> Sequence[StoredDate]:
    """The rows of a workspace, locked: whoever fires one of them is done first."""
    return [StoredDate(*row) for row in await execute(session, _STORED, tenant=tenant_id)]


async def store(session: AsyncSession, tenant_id: int, row: StoredDate, *, existing: bool) -> None:
    """Write a trigger that is new or says something else: the dates of all contacts are read for it, with `existing` also those that have
    come already."""
    await execute(session, _STORE, **_row(tenant_id, row), existing=existing)


async def switch(session: AsyncSession, tenant_id: int, row: StoredDate) -> None:
    """Its workflow was paused or goes on, or it says the same in other words; what is due of it stays."""
    await execute(session, _SWITCH, **_row(tenant_id, row))


async def drop(session: AsyncSession, tenant_id: int, row: StoredDate) -> None:
    """It is not live any more."""
    await execute(session, _DROP, tenant=tenant_id, workflow=row.workflow_id, trigger=row.trigger_id)


def _row(tenant_id: int, row: StoredDate) -> dict[str, Any]:
    return {
        "tenant": tenant_id,
        "workflow": row.workflow_id,
        "trigger": row.trigger_id,
        "data": Jsonb(row.trigger),
        "zone": row.zone,
        "active": row.active,
    }


async def take_due(session: AsyncSession, but: Collection[TriggerKey] = ()) -> DueDateSchedule | None:
    """The trigger of which contacts have been due the longest and that nobody else fires, none of `but`; None when there is none."""
    tenants, workflows, ids = ([key[place] for key in but] for place in range(3))
    rows = await execute(session, _TAKE, tenants=tenants, workflows=workflows, ids=ids)
    return DueDateSchedule(*rows[0]) if rows else None


async def due_contacts(
    session: AsyncSession, due: DueDateSchedule, attribute: str | None, limit: int
) -> tuple[int, Sequence[DueContact]]:
    """How many contacts of a trigger are due, up to `limit`, and those of them whom nobody else holds, locked."""
    come = await execute(session, _COME, **due.place, now=due.now, limit=limit)
    if not come:
        return 0, []
    locked = await execute(session, _LOCK, tenant=due.tenant_id, contacts=[row.contact_id for row in come])
    ids = [row.id for row in locked]
    rows = (
        await execute(session, _HELD, **due.place, now=due.now, contacts=ids, attribute=attribute or "") if ids else []
    )
    return len(come), [DueContact(*row) for row in rows]


async def fired(session: AsyncSession, due: DueDateSchedule, rows: Sequence[FiredDate]) -> None:
    """Write when these contacts, which are locked, are due next."""
    if rows:
        contacts, nexts, dates = (list(column) for column in zip(*rows, strict=True))
        await execute(session, _FIRED, **due.place, contacts=contacts, next=nexts, fired=dates)


async def look_again(session: AsyncSession, due: DueDateSchedule, at: datetime, missed_before: datetime | None) -> None:
    """More of its contacts are due: the next piece is taken at this instant."""
    await execute(session, _AGAIN, **due.place, at=at, missed=missed_before)


async def settle(session: AsyncSession, due: DueDateSchedule, missed_before: datetime | None) -> bool:
    """Nobody is due any more: the trigger is looked at when the next contact is. False: somebody writes due dates of it just now, and
    what it writes is not seen yet."""
    if not await execute(session, _ALONE, **due.place):
        return False
    # A statement of its own: it sees what whoever wrote due dates last has committed.
    await execute(session, _SETTLE, **due.place, missed=missed_before)
    return True
