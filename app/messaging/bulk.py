"""Doing something with many messages: a job, so that no request and no transaction takes on more than some hundred of them.

A job is a row. Each step moves one batch and notes how far it came in the same transaction, so that whoever is killed loses nothing and
repeats nothing. Workspaces take turns, and in each its jobs: the one that has rested longest is next.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app import inbox
from app.accounts.principal import Principal
from app.connectors import release_repository
from app.connectors.release_repository import JOB
from app.errors import FieldError, Invalid, NotFound
from app.lib import clock, database, jobs, shards
from app.lib.translation import gettext
from app.messaging import decisions, job_repository
from app.messaging.job_repository import MessageJobRepository
from app.messaging.schemas import MessageFilter, MessageJobView
from app.models.job_turn_repository import JobTurns
from app.models.message_job import MessageJob
from app.models.status import MessageStatus
from app.web import pagination

Act = Literal["resend", "sent", "failed"]
COUNTED = 10_000
"""Messages that are looked at to say how many a job is about."""
TURNS = JobTurns()
"""Of this process: a batch of one workspace, then one of the next."""
UNDER_WAY = 20
"""Jobs of a workspace at the same time; more is somebody who presses again and again."""


def parameters_of(
    tenant_id: int,
    act: str,
    stored: dict[str, Any],
    until: datetime,
    limit: int,
    reached: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Of the statements of `decisions` that take a filter."""
    statuses = [int(MessageStatus.of(word)) for word in stored["status"]]
    latest = stored.get("until")
    return {
        "tenant": tenant_id,
        "open_to": decisions.OPEN_TO[act],
        "statuses": statuses,
        "workflow": stored.get("workflowId"),
        "node": stored.get("nodeId"),
        "version": stored.get("version"),
        "connector": stored.get("connectorId"),
        "contact": stored.get("contactId"),
        "reason": stored.get("reason"),
        "since": stored.get("since"),
        "until": min(until, datetime.fromisoformat(latest)) if latest else until,
        "limit": limit,
        **({"at": None, "run": None, "seq": None} if reached is None else reached),
    }


def stored_filter(message_filter: MessageFilter, act: str) -> dict[str, Any]:
    """A filter as it lies in a job. Raises Invalid for statuses that the act does not go out from."""
    allowed = [MessageStatus(status).word for status in decisions.OPEN_TO[act]]
    if wrong := [word for word in message_filter.status if word not in allowed]:
        message = gettext(
            "Messages that are %(wrong)s cannot be settled. Use %(allowed)s.",
            wrong=wrong[0],
            allowed=" or ".join(allowed),
        )
        raise Invalid(errors=[FieldError(path="filter.status", message=message)])
    if message_filter.since and message_filter.until and message_filter.since > message_filter.until:
        raise Invalid(errors=[FieldError(path="filter.until", message=gettext("This is before `since`."))])
    columns = {
        "workflowId": message_filter.workflow_id,
        "nodeId": message_filter.node_id,
        "version": message_filter.version,
        "connectorId": message_filter.connector_id,
        "contactId": message_filter.contact_id,
        "reason": message_filter.reason,
        "since": message_filter.since and message_filter.since.isoformat(),
        "until": message_filter.until and message_filter.until.isoformat(),
    }
    return {"status": list(message_filter.status), **{name: str(value) for name, value in columns.items() if value}}


def job_view(job: MessageJob) -> MessageJobView:
    return MessageJobView(
        id=job.id,
        act=job.act,
        status="stopped" if job.stopped_by else "completed" if job.finished_at else "running",
        matched=max(job.matched, job.moved + job.skipped),
        moved=job.moved,
        skipped=job.skipped,
        by=job.by_name,
        created_at=job.created_at,
        finished_at=job.finished_at,
        stopped_by=job.stopped_by,
    )


class FittingCount(NamedTuple):
    """How many messages fit a filter; `at_least` when not all of them were looked at."""

    number: int
    at_least: bool = False


class MessageJobs:
    """Jobs of the principal's workspace."""

    def __init__(self, session: AsyncSession, principal: Principal) -> None:
        self.session, self.principal, self.tenant_id = session, principal, principal.tenant_id
        self.rows = MessageJobRepository(session, principal.tenant_id)

    async def get(self, job_id: UUID) -> MessageJob:
        job = await self.rows.get_one_or_none(MessageJob.id == job_id)
        if job is None:
            raise NotFound
        return job

    async def list(self, limit: int | None = None, cursor: str | None = None) -> pagination.Page[MessageJob]:
        """The newest first."""
        return await self.rows.page([MessageJob.id], cursor, pagination.clamp_limit(limit), newest=True)

    async def under_way(self) -> Sequence[MessageJob]:
        """Jobs that are not done, the newest first."""
        return await self.rows.under_way(UNDER_WAY)

    async def count(self, act: Act, message_filter: MessageFilter) -> FittingCount:
        """How many messages fit now, among the COUNTED latest that are failed or uncertain. A job goes on to all that fit."""
        parameters = parameters_of(self.tenant_id, act, stored_filter(message_filter, act), clock.now(), COUNTED)
        (row,) = await database.execute(self.session, decisions.COUNT_FITTING, **parameters)
        return FittingCount(row.fitting, at_least=row.seen >= COUNTED)

    async def stop(self, job_id: UUID) -> MessageJob:
        """Nothing more is done; what was done stays. A batch that is under way is waited for. One that is over is left as it is."""
        job = await self.rows.get_one_or_none(MessageJob.id == job_id, lock=True, fresh=True)
        if job is None:
            raise NotFound
        if job.finished_at is None:
            job.stopped_by, job.finished_at = self.principal.name, clock.now()
            await self.session.flush()
        return job

    async def start(self, act: Act, message_filter: MessageFilter) -> MessageJob:
        """Do `act` to all messages that fit and have failed or become uncertain until now. The first batch is done when this returns."""
        stored = stored_filter(message_filter, act)
        if len(await self.under_way()) >= UNDER_WAY:
            raise Invalid(gettext("%(under_way)s jobs are under way. Wait until one is done.", under_way=UNDER_WAY))
        job = MessageJob(
            tenant_id=self.tenant_id,
            act=act,
            wanted=stored,
            by_kind=self.principal.kind,
            by_id=self.principal.id,
            by_name=self.principal.name,
            matched=(await self.count(act, message_filter)).number,
            created_at=clock.now(),
        )
        await self.rows.add(job)
        await self.session.refresh(job)
        await step(self.session, job)
        if job.finished_at is None:
            jobs.enqueue(self.session, JOB)
        return job


async def step(session: AsyncSession, job: MessageJob) -> None:
    """One batch of `job`, which this transaction holds; the note of how far it came is written with it."""
    if job.act == "release":
        freed = await release_repository.release(session, job.tenant_id, job.wanted)
        moved, fitting, finished = freed, freed, freed < release_repository.AT_ONCE
    else:
        parameters = parameters_of(job.tenant_id, job.act, job.wanted, job.created_at, decisions.BATCH, job.reached)
        by = {"by_kind": job.by_kind, "by_id": job.by_id, "by_name": job.by_name, "shard": shards.PEOPLE}
        rows = await database.execute(session, decisions.BY_FILTER[job.act], **parameters, **by)
        moved, fitting, examined, job.reached = rows[0]
        finished = examined < decisions.BATCH
        if moved:
            jobs.enqueue(session, "deliver" if job.act == "resend" else inbox.ENGINE)
    job.moved += moved
    job.skipped += fitting - moved
    job.touched_at = clock.now()
    if finished:
        job.finished_at = clock.now()
    if job.act == "release" and freed:
        jobs.enqueue(session, "deliver")
    await session.flush()


async def step_of_any(session: AsyncSession) -> bool:
    """One batch of the job whose workspace has its turn. False when there is none."""
    job = await job_repository.lock_next(session, TURNS)
    if job is not None:
        await step(session, job)
    return job is not None
