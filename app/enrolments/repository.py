"""SQL of enrolments: the rows, and the next piece that is due."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.flow.document import Trigger, triggers_of
from app.lib.database import execute
from app.models.enrolment import Enrolment
from app.models.status import EnrolmentStatus, RunStatus
from app.models.tenant_repository import TenantRepository
from app.models.workflow import Workflow
from app.web.pagination import Page

IS_DUE = "exists (select from enrolments where next_at <= clock_now())"
"""Is a piece due?"""
NEXT_DUE = "select min(next_at) from enrolments where next_at > clock_now()"
ANY_DUE = f"select 1 where {IS_DUE}"
_TAKE = """
select e.tenant_id, e.id, e.workflow_id, e.trigger_id, e.audience, e.event, e.most, e.per_minute, e.enrolled, e.reached, e.expected,
  e.status, e.error, e.run_id, e.seq, e.awaited, e.depth, e.lane, e.open_runs, f.status as workflow_status,
  f.deleted_at is not null as deleted,
  (select v.graph from workflow_versions v
   where v.tenant_id = e.tenant_id and v.workflow_id = e.workflow_id and v.version = f.live_version) as graph
from enrolments e join workflows f on f.tenant_id = e.tenant_id and f.id = e.workflow_id
where e.next_at <= clock_now() order by e.next_at limit 1 for update of e skip locked
"""


class DueEnrolment(NamedTuple):
    """An enrolment whose next piece is due, locked, with what its workflow is now."""

    tenant_id: int
    id: UUID
    workflow_id: UUID
    trigger_id: str
    audience: dict[str, Any]
    event: dict[str, Any]
    most: int | None
    per_minute: int
    enrolled: int
    reached: UUID | None
    expected: int | None
    status: str
    error: str | None
    run_id: UUID | None
    seq: int | None
    awaited: bool
    depth: int
    lane: int
    open_runs: list[UUID] | None
    workflow_status: str
    deleted: bool
    graph: dict[str, Any] | None

    @property
    def counts_entries(self) -> bool:
        """Does it end with so many that have entered, and not with so many that were asked in?"""
        return self.most is not None and self.run_id is None

    @property
    def trigger(self) -> Trigger | None:
        """Its trigger in the live version, None when that is switched off or not there any more."""
        triggers = triggers_of(self.graph) if self.graph else ()
        return next((one for one in triggers if one.id == self.trigger_id and one.enabled), None)


class Caller(NamedTuple):
    """The step of a run that called a workflow for an audience, and what became of who had their turn."""

    workflow_id: UUID | None
    """None: that run is over."""
    waits: bool
    """It stands at that step and waits."""
    outstanding: bool
    """Some of the called runs are not over."""


class EnrolmentRepository(TenantRepository[Enrolment]):
    """The enrolments of a workspace."""

    model = Enrolment

    async def get(self, enrolment_id: UUID, *, lock: bool = False) -> Enrolment | None:
        return await self.get_one_or_none(Enrolment.id == enrolment_id, lock=lock, fresh=lock)

    async def has_workflow(self, workflow_id: UUID) -> bool:
        """Is there such a workflow?"""
        same = (Workflow.tenant_id == self.tenant_id, Workflow.id == workflow_id, Workflow.deleted_at.is_(None))
        return bool(await self.session.scalar(select(select(Workflow.id).where(*same).exists())))

    async def newest(self, workflow_id: UUID, cursor: str | None, limit: int) -> Page[Enrolment]:
        """A page of those of one workflow, the newest first."""
        return await self.page([Enrolment.id], cursor, limit, Enrolment.workflow_id == workflow_id, newest=True)

    async def running(self, workflow_id: UUID) -> Sequence[Enrolment]:
        """Those of a workflow that are under way."""
        return await self.list(
            Enrolment.workflow_id == workflow_id,
            Enrolment.status == EnrolmentStatus.RUNNING.value,
            order_by=[Enrolment.id],
        )


async def take_due(session: AsyncSession) -> DueEnrolment | None:
    """The enrolment whose piece is due the longest, locked until the end of the transaction; None: nothing is due."""
    rows = await execute(session, _TAKE)
    return DueEnrolment(*rows[0]) if rows else None


async def advance(
    session: AsyncSession,
    due: DueEnrolment,
    *,
    enrolled: int,
    reached: UUID | None,
    pause_s: float,
    open_runs: Sequence[UUID] = (),
) -> None:
    """So many more were asked for, up to the contact `reached`; the next piece is due after a pause. `open_runs`: to be counted
    before that."""
    await execute(
        session,
        """update enrolments set enrolled = enrolled + %(enrolled)s, reached = coalesce(%(reached)s, reached),
             open_runs = nullif(%(open_runs)s::uuid[], '{}'),
             next_at = clock_now() + make_interval(secs => %(pause)s), updated_at = clock_now()
           where tenant_id = %(tenant)s and id = %(id)s""",
        enrolled=enrolled,
        reached=reached,
        pause=pause_s,
        open_runs=list(open_runs),
        tenant=due.tenant_id,
        id=due.id,
    )


# As the engine writes what it refuses: one row a day for each contact, in order of the contacts.
_REFUSE = """
insert into entry_refusals (tenant_id, workflow_id, contact_id, reason, at, last_at, day, trigger_id)
select %(tenant)s, %(workflow)s, contact_id, reason, now, now, (now at time zone 'UTC')::date, %(trigger)s
from unnest(%(contacts)s::uuid[], %(reasons)s::text[]) as u(contact_id, reason)
cross join (select clock_now() as now) as clock order by contact_id
on conflict (tenant_id, workflow_id, contact_id, reason, day) where day is not null
do update set times = entry_refusals.times + 1, last_at = excluded.last_at, event_id = null, run_id = null, detail = null,
  trigger_id = excluded.trigger_id
"""


async def refuse(
    session: AsyncSession, tenant_id: int, workflow_id: UUID, trigger_id: str, reasons: Mapping[UUID, str]
) -> None:
    """Keep why these contacts do not enter. One statement, however many."""
    if reasons:
        await execute(
            session,
            _REFUSE,
            tenant=tenant_id,
            workflow=workflow_id,
            trigger=trigger_id,
            contacts=list(reasons),
            reasons=list(reasons.values()),
        )


_CALLER = f"""
select r.workflow_id, coalesce(r.status = {RunStatus.CALLING:d} and r.seq = %(seq)s - 1, false), exists (
  select from sub_runs s where s.tenant_id = %(tenant)s and s.parent_run_id = %(run)s and s.parent_seq = %(seq)s and s.ended_at is null)
from (select 1) as one left join active_runs r on r.tenant_id = %(tenant)s and r.id = %(run)s
"""  # noqa: S608  constants
_OUTCOMES = """
select status, count(*) from sub_runs where tenant_id = %(tenant)s and parent_run_id = %(run)s and parent_seq = %(seq)s group by 1
"""


async def caller(session: AsyncSession, due: DueEnrolment) -> Caller:
    """The step that called, and whether it waits."""
    return Caller(*(await execute(session, _CALLER, tenant=due.tenant_id, run=due.run_id, seq=due.seq))[0])


async def outcomes(session: AsyncSession, due: DueEnrolment) -> dict[str, int]:
    """How many of the called runs ended how, by the word of the status; those that were not let in are `refused`."""
    rows = await execute(session, _OUTCOMES, tenant=due.tenant_id, run=due.run_id, seq=due.seq)
    return {"refused" if status is None else RunStatus(status).word: n for status, n in rows}


async def look_again(session: AsyncSession, due: DueEnrolment, pause_s: float | None) -> None:
    """Whether the called runs are through is asked after a pause; None: never again."""
    await execute(
        session,
        """update enrolments set next_at = clock_now() + make_interval(secs => %(pause)s), updated_at = clock_now()
           where tenant_id = %(tenant)s and id = %(id)s""",
        pause=pause_s,
        tenant=due.tenant_id,
        id=due.id,
    )


async def end(session: AsyncSession, due: DueEnrolment, status: EnrolmentStatus, error: str | None = None) -> None:
    """It is over. A run that waits for those who had their turn is told when they are through."""
    await execute(
        session,
        """update enrolments set status = %(status)s, error = %(error)s, next_at = case when awaited then clock_now() end,
             ended_at = clock_now(), updated_at = clock_now()
           where tenant_id = %(tenant)s and id = %(id)s""",
        status=status.value,
        error=error,
        tenant=due.tenant_id,
        id=due.id,
    )


async def forget_ended(session: AsyncSession, before: datetime) -> None:
    """Delete what was over before this instant."""
    await execute(session, "delete from enrolments where ended_at < %(before)s", before=before)
