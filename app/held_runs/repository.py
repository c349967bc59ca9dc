"""SQL of held runs: those that fit a filter, grouped, counted and locked; and the jobs. All by the partial index of held runs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.held_runs.schemas import HeldRunFilter
from app.lib.database import execute
from app.models import Contact, Workflow
from app.models.held_run_job import HeldRunJob
from app.models.job_turn_repository import JobTurns
from app.models.tenant_repository import TenantRepository
from app.web.pagination import Page

LOOKED_AT = 10_000
"""Held runs that are looked at to count or group them."""
IS_DUE = "exists (select from held_run_jobs where next_at <= clock_now())"
"""Is a batch due?"""
NEXT_DUE = "select min(next_at) from held_run_jobs where next_at > clock_now()"
ANY_DUE = f"select 1 where {IS_DUE}"
# What is known of a held run: a failed attempt is written beside it, a worker that it stopped is counted.
_HELD = """
select r.id, r.seq, r.workflow_id, r.workflow_version as version, r.current_node_id as node_id, r.contact_id,
  coalesce(r.error_message, '') as error,
  case when c.run_id is not null then 'crashed' when a.at is not null then 'failed' else 'interrupted' end as kind,
  coalesce(case when r.waits_for is null then r.waits_since end, c.at, a.at, r.step_started_at, r.started_at) as since
from active_runs r
left join crashes c on c.tenant_id = r.tenant_id and c.run_id = r.id and c.count >= 3
left join lateral (
  select at from step_attempts t where t.tenant_id = r.tenant_id and t.run_id = r.id and t.seq = r.seq + 1 and t.attempt = r.attempt - 1
) a on true
where r.tenant_id = %(tenant)s and r.status = 3
"""
_FITS = """
(%(workflow)s::uuid is null or workflow_id = %(workflow)s) and (%(version)s::int is null or version = %(version)s)
and (%(node)s::text is null or node_id = %(node)s) and (%(kind)s::text is null or kind = %(kind)s)
and (%(error)s::text is null or strpos(lower(error), lower(%(error)s)) > 0)
and (%(since)s::timestamptz is null or since >= %(since)s) and (%(until)s::timestamptz is null or since <= %(until)s)
and (%(contact)s::uuid is null or contact_id = %(contact)s)
and (%(tag)s::text is null or exists (
  select from contact_tags t where t.tenant_id = %(tenant)s and t.contact_id = seen.contact_id and t.tag = %(tag)s))
"""
_SEEN = f"with seen as materialized ({_HELD} {{bound}} order by r.id {{direction}} limit %(limit)s)"
_COUNT = f"{_SEEN.format(bound='', direction='desc')} select count(*) filter (where {_FITS}) as fitting, count(*) as seen from seen"  # noqa: S608  constants
_GROUPS = f"""
{_SEEN.format(bound="", direction="desc")}
select workflow_id, version, node_id, kind, left(error, 300) as error, count(*) as count, min(since) as since,
  bool_or(contact_id is not null) as of_contact, bool_or(contact_id is null) as of_nobody
from seen where {_FITS} group by 1, 2, 3, 4, 5 order by count(*) desc, min(since) limit %(groups)s
"""  # noqa: S608
_PAGE = f"""
{_SEEN.format(bound="and (%(before)s::uuid is null or r.id < %(before)s)", direction="desc")}
select *, (select min(id::text) from seen) as last_seen, (select count(*) from seen) as looked from seen where {_FITS}
order by id desc limit %(most)s
"""  # noqa: S608
# In order of their ids: whoever decides about several takes them in this order.
_BATCH = f"""
with locked as materialized (
  select id from active_runs where tenant_id = %(tenant)s and status = 3 and (%(reached)s::uuid is null or id > %(reached)s)
  order by id limit %(limit)s{{lock}}),
seen as materialized ({_HELD} and r.id in (select id from locked))
select seen.*, {_FITS} as fits from seen order by id
"""  # noqa: S608


class HeldRow(NamedTuple):
    """A held run, as far as it is known why."""

    id: UUID
    seq: int
    workflow_id: UUID
    version: int
    node_id: str
    contact_id: UUID | None
    error: str
    kind: str
    since: datetime


def parameters(tenant_id: int, wanted: HeldRunFilter, **more: Any) -> dict[str, Any]:
    """Of the statements that take a filter."""
    return {
        "tenant": tenant_id,
        "workflow": wanted.workflow_id,
        "version": wanted.version,
        "node": wanted.node_id,
        "kind": wanted.kind,
        "error": wanted.error or None,
        "since": wanted.since,
        "until": wanted.until,
        "contact": wanted.contact_id,
        "tag": wanted.tag,
        **more,
    }


class HeldRunRepository:
    """The held runs of one workspace."""

    def __init__(self, session: AsyncSession, tenant_id: int) -> None:
        self.session, self.tenant_id = session, tenant_id

    async def count(self, wanted: HeldRunFilter) -> tuple[int, int]:
        """How many fit, and how many were looked at: LOOKED_AT at most, those of the newest runs first."""
        (row,) = await execute(self.session, _COUNT, **parameters(self.tenant_id, wanted, limit=LOOKED_AT))
        return int(row.fitting), int(row.seen)

    async def groups(self, wanted: HeldRunFilter, groups: int) -> Sequence[Any]:
        """(workflow, version, node, kind, error, count, since, of_contact, of_nobody) of the largest groups of the same reason."""
        return await execute(
            self.session, _GROUPS, **parameters(self.tenant_id, wanted, limit=LOOKED_AT, groups=groups)
        )

    async def page(self, wanted: HeldRunFilter, before: UUID | None, most: int) -> tuple[list[HeldRow], UUID | None]:
        """Those of the newest runs first, and the run before which the next page begins; None: there is no more."""
        looked_at = most + 1 if wanted == HeldRunFilter() else LOOKED_AT
        arguments = parameters(self.tenant_id, wanted, limit=looked_at, before=before, most=most + 1)
        rows = await execute(self.session, _PAGE, **arguments)
        held = [HeldRow(*row[:9]) for row in rows]
        if len(held) > most:
            return held[:most], held[most - 1].id
        more = bool(rows) and rows[0].looked >= looked_at
        return held, UUID(rows[0].last_seen) if more else None

    async def next_batch(
        self, wanted: HeldRunFilter, reached: UUID | None, limit: int, *, lock: bool
    ) -> tuple[list[HeldRow], UUID | None, bool]:
        """The next `limit` held runs behind `reached`, with `lock` taken: those that fit, the last one, whether there may be more."""
        arguments = parameters(self.tenant_id, wanted, reached=reached, limit=limit)
        rows = await execute(self.session, _BATCH.format(lock=" for update" if lock else ""), **arguments)
        return [HeldRow(*row[:9]) for row in rows if row.fits], rows[-1].id if rows else None, len(rows) == limit

    async def workflow_names(self, workflow_ids: set[UUID]) -> dict[UUID, str]:
        """What each of these workflows is called, the deleted ones too."""
        query = select(Workflow.id, Workflow.name).where(
            Workflow.tenant_id == self.tenant_id, Workflow.id.in_(workflow_ids)
        )
        return dict((await self.session.execute(query)).all()) if workflow_ids else {}

    async def live_versions(self, workflow_ids: set[UUID]) -> dict[UUID, int | None]:
        """The version of each that is live."""
        query = select(Workflow.id, Workflow.live_version).where(
            Workflow.tenant_id == self.tenant_id, Workflow.id.in_(workflow_ids)
        )
        return dict((await self.session.execute(query)).all()) if workflow_ids else {}

    async def contacts(self, contact_ids: set[UUID]) -> dict[UUID, Contact]:
        """Those that still exist."""
        query = select(Contact).where(Contact.tenant_id == self.tenant_id, Contact.id.in_(contact_ids))
        return {contact.id: contact for contact in await self.session.scalars(query)} if contact_ids else {}


class HeldRunJobRepository(TenantRepository[HeldRunJob]):
    """The jobs of a workspace."""

    model = HeldRunJob

    async def get(self, job_id: UUID, *, lock: bool = False) -> HeldRunJob | None:
        return await self.get_one_or_none(HeldRunJob.id == job_id, lock=lock, fresh=lock)

    async def newest(self, cursor: str | None, limit: int) -> Page[HeldRunJob]:
        return await self.page([HeldRunJob.id], cursor, limit, newest=True)

    async def under_way(self, limit: int) -> Sequence[HeldRunJob]:
        """Those that are not over, the newest first."""
        return await self.list(HeldRunJob.next_at.is_not(None), order_by=[HeldRunJob.id.desc()], limit=limit)


async def lock_due(session: AsyncSession, turns: JobTurns) -> HeldRunJob | None:
    """The job whose batch is due and whose workspace has its turn."""
    return await turns.lock_next(session, HeldRunJob, HeldRunJob.next_at <= func.clock_now(), HeldRunJob.next_at)


async def forget_ended(session: AsyncSession, before: datetime) -> None:
    """Delete what was over before this instant."""
    await execute(session, "delete from held_run_jobs where finished_at < %(before)s", before=before)


def stored_filter(wanted: HeldRunFilter) -> dict[str, Any]:
    """A filter as it lies in a job."""
    stored: dict[str, Any] = msgspec.to_builtins(wanted)
    return stored
