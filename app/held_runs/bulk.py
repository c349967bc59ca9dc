"""Doing something with all held runs that fit a filter: a job, so that no request and no transaction takes on more than some hundred.

A job is a row. Each step takes one batch of runs in order of their ids and notes how far it came in the same transaction, so that whoever
is killed loses nothing and repeats nothing. Runs that were held after the job began are another matter: what it lets go on and what is
held again is not met a second time, by this job or by another one that began before. Between two batches it rests, so that it never
floods the workers.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import msgspec
import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.errors import FieldError, Forbidden, Invalid, NotFound
from app.held_runs import repository
from app.held_runs.actions import HeldRunActions, HeldRunDecision
from app.held_runs.repository import LOOKED_AT, HeldRunJobRepository, HeldRunRepository
from app.held_runs.schemas import HeldRunCount, HeldRunFilter, HeldRunJobIn
from app.inbox import notify_engine
from app.lib import clock, jobs
from app.lib.translation import gettext
from app.models.held_run_job import HeldRunJob
from app.models.job_turn_repository import JobTurns
from app.models.status import Role
from app.web.pagination import Page, clamp_limit

log = structlog.get_logger()
JOB = "decide_held_runs"
"""The actor that moves jobs."""
BATCH = 500
"""Runs of one transaction: about 0.1 s, so that no worker waits long for a row."""
REST_S = 1.0
"""Between two batches: 30,000 a minute at most."""
TURNS = JobTurns()
"""Of this process: a batch of one workspace, then one of the next."""
UNDER_WAY = 20
"""Jobs of a workspace at the same time; more is somebody who presses again and again."""


class HeldRunJobNotFound(NotFound):
    """There is no such job. What is over is listed for a year."""

    code = "held_run_job_not_found"


class OnlyAdminsCancelMany(Forbidden):
    """Only admins cancel many runs at once. You may cancel them one by one, or try them again."""

    code = "only_admins_cancel_many"


class HeldRunJobs:
    """Jobs of the principal's workspace. Flushes, never commits."""

    def __init__(self, session: AsyncSession, principal: Principal) -> None:
        self.session, self.principal, self.tenant_id = session, principal, principal.tenant_id
        self.rows = HeldRunJobRepository(session, principal.tenant_id)
        self.held = HeldRunRepository(session, principal.tenant_id)

    async def get(self, job_id: UUID) -> HeldRunJob:
        """Raises HeldRunJobNotFound."""
        job = await self.rows.get(job_id)
        if job is None:
            raise HeldRunJobNotFound
        return job

    async def list(self, limit: int | None = None, cursor: str | None = None) -> Page[HeldRunJob]:
        """The newest first."""
        return await self.rows.newest(cursor, clamp_limit(limit))

    async def under_way(self) -> Sequence[HeldRunJob]:
        """Those that are not over."""
        return await self.rows.under_way(UNDER_WAY)

    async def count(self, wanted: HeldRunFilter) -> HeldRunCount:
        """How many fit now, among the LOOKED_AT latest. A job goes on to all that fit."""
        fitting, looked = await self.held.count(wanted)
        return HeldRunCount(count=fitting, at_least=looked >= LOOKED_AT)

    async def start(self, request: HeldRunJobIn) -> HeldRunJob:
        """Begin; the first batch is done when this returns. Raises Invalid for what cannot be done to any, and OnlyAdminsCancelMany."""
        if request.act == "cancel" and not self.principal.may(Role.ADMIN):
            raise OnlyAdminsCancelMany
        await self._check(request)
        if len(await self.under_way()) >= UNDER_WAY:
            raise Invalid(gettext("%(under_way)s jobs are under way. Wait until one is over.", under_way=UNDER_WAY))
        now = clock.now()
        job = HeldRunJob(
            tenant_id=self.tenant_id,
            act=request.act,
            wanted=repository.stored_filter(request.filter),
            port=request.port,
            node_id=request.node_id,
            version=request.version,
            by_kind=self.principal.kind,
            by_id=self.principal.id,
            by_name=self.principal.name,
            matched=(await self.count(request.filter)).count,
            done=0,
            refused=0,
            created_at=now,
            next_at=now,
        )
        await self.rows.add(job)
        await self.session.flush()
        log.info("held_runs.job", job_id=str(job.id), act=job.act, tenant_id=self.tenant_id, by=str(self.principal.id))
        await step(self.session, job)
        if job.next_at is not None:
            jobs.enqueue(self.session, JOB)
        return job

    async def stop(self, job_id: UUID) -> HeldRunJob:
        """Nothing more is done; what was done stays. A job that is over is left as it is. Raises HeldRunJobNotFound."""
        job = await self.rows.get(job_id, lock=True)
        if job is None:
            raise HeldRunJobNotFound
        if job.next_at is not None:
            job.stopped_by, job.next_at, job.finished_at = self.principal.name, None, clock.now()
            await self.session.flush()
        return job

    async def _check(self, request: HeldRunJobIn) -> None:
        """What belongs to which act, and for a move whether there is such a step."""
        faults = list[FieldError]()
        if request.act != "skip" and request.port is not None:
            faults.append({"path": "port", "message": gettext("Only to skip a step needs a port.")})
        if request.act != "move" and (request.node_id is not None or request.version is not None):
            faults.append({"path": "nodeId", "message": gettext("Only to move runs needs a step.")})
        if request.act == "move" and request.node_id is None:
            faults.append({"path": "nodeId", "message": gettext("Say to which step they go.")})
        if request.act == "move" and request.filter.workflow_id is None:
            faults.append(
                {"path": "filter.workflowId", "message": gettext("Say of which workflow: runs stay in theirs.")}
            )
        if faults:
            raise Invalid(errors=faults)
        if request.act in ("move", "skip"):
            await self._check_for_all(request)

    async def _check_for_all(self, request: HeldRunJobIn) -> None:
        """Raises Invalid when it can be done to none of them."""
        decision, actions = (
            HeldRunDecision(request.act, request.port, request.node_id, request.version),
            HeldRunActions(self.session, self.principal),
        )
        groups = await self.held.groups(request.filter, LOOKED_AT)
        reasons = [await actions.fault(decision, group) for group in groups]
        if reasons and all(reasons):
            path = "nodeId" if request.act == "move" else "port"
            raise Invalid(errors=[{"path": path, "message": reasons[0] or ""}])


async def step(session: AsyncSession, job: HeldRunJob) -> None:
    """One batch of `job`, which this transaction holds; the note of how far it came is written with it."""
    by = Principal(
        kind="key" if job.by_kind == "key" else "user",
        id=job.by_id or job.id,
        tenant_id=job.tenant_id,
        role=Role.MARKETER,
        name=job.by_name,
    )
    wanted = msgspec.convert(job.wanted, HeldRunFilter)
    until = job.created_at if wanted.until is None else min(wanted.until, job.created_at)
    rows, reached, more = await HeldRunRepository(session, job.tenant_id).next_batch(
        msgspec.structs.replace(wanted, until=until), job.reached, BATCH, lock=job.act != "move"
    )
    outcome = await HeldRunActions(session, by).do(HeldRunDecision(job.act, job.port, job.node_id, job.version), rows)  # type: ignore[arg-type]
    job.done += outcome.done
    job.refused += outcome.refused
    job.reason = outcome.reason or job.reason
    job.reached = reached or job.reached
    if more:
        job.next_at = clock.now() + timedelta(seconds=REST_S)
    else:
        job.next_at, job.finished_at = None, clock.now()
    if outcome.done:
        notify_engine(session)
    await session.flush()


async def step_of_any(session: AsyncSession) -> bool:
    """One batch of the job whose workspace has its turn. False when none is due."""
    job = await repository.lock_due(session, TURNS)
    if job is not None:
        await step(session, job)
    return job is not None
