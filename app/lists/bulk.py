"""Doing something with many rows of a list: a job, so that no request and no transaction takes on more than some hundred.

A job is a row with the ids that were counted. Each step does one batch of them and notes in the same transaction how far it came, so that
whoever is killed loses nothing and repeats nothing. Between two batches it rests, so that it never floods the workers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.errors import Conflict, Forbidden, Invalid, NotFound
from app.lib import clock, jobs
from app.lib.ids import uuid7
from app.lib.translation import gettext, translatable
from app.lists import bulk_repository
from app.lists.bulk_repository import BulkJobRepository, JobChanges
from app.lists.bulk_verbs import SILENTLY, BulkVerb, FittingIds, bulk_verb, verbs_of
from app.models.bulk_job import BulkJob
from app.models.job_turn_repository import JobTurns
from app.models.status import Role

log = structlog.get_logger()
JOB = "do_with_many"
"""The actor that moves jobs."""
MOST = 10_000
"""Rows of one job. More are done by several, each counted before."""
NAMED = 5
"""Rows that could not be done, which are named."""
REST_S = 1.0
"""Between two batches."""
UNDER_WAY = 5
"""Jobs of a workspace at the same time; more is somebody who presses again and again."""
AFTER_FAILURE = timedelta(minutes=1)
GIVEN_UP_AFTER = timedelta(hours=1)
"""A job that began so long ago and fails is over: who waits for it is told, and the workspace has its place again."""
FAILED_AGAIN = translatable("It failed again and again.")
TURNS = JobTurns()
"""Of this process: a batch of one workspace, then one of the next."""
UNDO_FOR = timedelta(hours=1)
"""How long a job can be taken back, and is shown above its list."""


class BulkJobNotFound(NotFound):
    """There is nothing to take back any more."""

    code = "bulk_job_not_found"


class CannotUndo(Conflict):
    """This cannot be taken back."""

    code = "cannot_undo"


class BulkJobs:
    """Jobs of the principal's workspace. Flushes, never commits."""

    def __init__(self, session: AsyncSession, principal: Principal) -> None:
        self.session, self.principal, self.tenant_id = session, principal, principal.tenant_id
        self.rows = BulkJobRepository(session, principal.tenant_id)

    async def fitting(self, list_name: str, filters: Mapping[str, str], most: int = MOST) -> FittingIds:
        """The first rows that fit."""
        return await verbs_of(list_name).fitting(self.session, self.principal, filters, most)

    async def tags(self, list_name: str, letters: str) -> Sequence[str]:
        """Tags of rows of this list in which these letters are, some of many."""
        return await verbs_of(list_name).tags(self.session, self.principal, letters)

    async def start(self, list_name: str, verb_name: str, ids: Sequence[UUID], sent: Mapping[str, str]) -> BulkJob:
        """Do it to these rows. The first batch is done when this returns. Raises Invalid, Forbidden."""
        verb = bulk_verb(list_name, verb_name)
        self._check(verb.role)
        arguments, label = await verb.check(self.session, self.principal, sent)
        rows = await verb.arrange(self.session, self.principal, list(dict.fromkeys(ids)))
        await verb.check_rows(self.session, self.principal, rows[: verb.most], arguments)
        return await self._begin(list_name, verb, rows, arguments, label)

    async def start_for_all(
        self, list_name: str, verb_name: str, filters: Mapping[str, str], sent: Mapping[str, str], *, counted: int
    ) -> BulkJob:
        """The same to the first rows that fit, up to what the verb takes on at once; never to more than were `counted` for whoever asks."""
        verb = bulk_verb(list_name, verb_name)
        self._check(verb.role_for_all)
        targets = await self.fitting(list_name, filters, verb.most)
        if len(targets.ids) > counted:
            raise Invalid(gettext("More fit now than were counted. Look again."))
        return await self.start(list_name, verb_name, targets.ids, sent)

    async def undo(self, job_id: UUID) -> BulkJob:
        """Take back what a job has changed; no workflow hears of it. Raises BulkJobNotFound, CannotUndo."""
        job = await self.rows.get(job_id, lock=True)
        if job is None or job.created_at < clock.now() - UNDO_FOR:
            raise BulkJobNotFound
        verb = bulk_verb(job.list_name, job.verb)
        if not verb.reversible or job.undone or job.next_at is not None:
            raise CannotUndo
        changes = await self.rows.changes(job)
        if not changes.ids:
            raise CannotUndo
        inverse = verb if verb.restore else bulk_verb(job.list_name, verb.undo)
        self._check(inverse.role)
        job.undone = True
        arguments = {**job.arguments, SILENTLY: "1"}
        return await self._begin(
            job.list_name, inverse, changes.ids, arguments, job.label, undoes=job, before=changes.before
        )

    async def stop(self, job_id: UUID) -> BulkJob:
        """Nothing more is done; what was done stays, and can be taken back as ever. One that is over is left as it is.

        Of one that takes back another, that one can be taken back again: from those that were not reached. A batch that is under way is
        waited for. Raises BulkJobNotFound, Forbidden.
        """
        job = await self.rows.get(job_id, lock=True)
        if job is None:
            raise BulkJobNotFound
        self._check(bulk_verb(job.list_name, job.verb).role)
        if job.next_at is not None:
            job.stopped_by, job.next_at, job.finished_at = self.principal.name, None, clock.now()
            # `undo` locks the first job alone, and only while it is not undone: nobody waits for the two in the other order.
            if job.undoes and (first := await self.rows.get(job.undoes, lock=True)):
                first.undone = False
                await self.rows.replace_changes(first, JobChanges(job.target_ids[job.reached :], job.before))
            await self.session.flush()
            log.info("lists.bulk_stopped", job_id=str(job.id), reached=job.reached, tenant_id=self.tenant_id)
        return job

    async def latest(self, list_name: str) -> Sequence[BulkJob]:
        """What the principal has just done with many rows of a list, and what is under way, the newest first."""
        return await self.rows.latest(list_name, self.principal.id, clock.now() - UNDO_FOR)

    def _check(self, role: Role) -> None:
        if not self.principal.may(role):
            raise Forbidden(gettext("Only admins do this with all that fit. Choose some of them instead."))

    async def _check_room(self, verb: BulkVerb, number: int) -> None:
        if not number:
            raise Invalid(gettext("Choose some rows first."))
        if number > verb.most:
            message = gettext("At most %(most)s at once; these are more. Choose fewer.", most=f"{verb.most:,}")
            raise Invalid(message)
        if await self.rows.number_under_way() >= UNDER_WAY:
            raise Invalid(gettext("Much is under way already. Wait until some of it is done."))

    async def _begin(
        self,
        list_name: str,
        verb: BulkVerb,
        ids: Sequence[UUID],
        arguments: dict[str, str],
        label: str,
        undoes: BulkJob | None = None,
        before: Mapping[str, Any] | None = None,
    ) -> BulkJob:
        await self._check_room(verb, len(ids))
        now = clock.now()
        job = BulkJob(
            id=uuid7(),
            tenant_id=self.tenant_id,
            list_name=list_name,
            verb=verb.name,
            arguments=arguments,
            label=label,
            target_ids=list(ids),
            matched=len(ids),
            reached=0,
            changed_ids=[],
            done=0,
            refused=0,
            by_id=self.principal.id,
            by_name=self.principal.name,
            undoes=undoes.id if undoes else None,
            before=dict(before or {}),
            refused_names=[],
            undone=False,
            created_at=now,
            next_at=now,
        )
        await self.rows.add(job)
        await self.session.flush()
        log.info(
            "lists.bulk",
            job_id=str(job.id),
            verb=job.verb,
            rows=job.matched,
            tenant_id=self.tenant_id,
            by=str(job.by_id),
        )
        await step(self.session, job)
        if job.next_at is not None:
            jobs.enqueue(self.session, JOB)
        return job


async def step(session: AsyncSession, job: BulkJob) -> None:
    """One batch of `job`, which this transaction holds; the note of how far it came is written with it."""
    by = Principal(kind="user", id=job.by_id, tenant_id=job.tenant_id, role=Role.MARKETER, name=job.by_name)
    verb = bulk_verb(job.list_name, job.verb)
    batch = job.target_ids[job.reached : job.reached + verb.batch]
    if job.undoes and verb.restore:
        before = {one: str(job.before[str(one)]) for one in batch}
        outcome = await verb.restore(session, by, before, job.arguments)
    else:
        outcome = await verb.do(session, by, batch, job.arguments)
    job.done += outcome.done
    job.refused += outcome.refused
    job.reason = outcome.reason or job.reason
    job.refused_names = [*job.refused_names, *outcome.refused_names][:NAMED]
    if verb.reversible and outcome.changed:
        bulk_repository.note_changes(session, job, outcome.changed, outcome.before)
    job.reached += len(batch)
    if job.reached < job.matched:
        job.next_at = clock.now() + timedelta(seconds=REST_S)
    else:
        job.next_at, job.finished_at = None, clock.now()
    await session.flush()


async def step_of_any(session: AsyncSession) -> bool:
    """One batch of the job whose workspace has its turn. False when none is due.

    One that cannot be done waits, so that others have their turn, also one that the database stopped for its time or its locks; one that
    cannot be done for an hour is over.
    """
    job = await bulk_repository.lock_due(session, TURNS)
    if job is None:
        return False
    try:
        async with session.begin_nested():
            await step(session, job)
    except Exception:
        log.exception("lists.bulk_failed", job_id=str(job.id), verb=job.verb, tenant_id=job.tenant_id)
        # Where the connection itself is gone, this raises.
        await session.refresh(job)
        if clock.now() - job.created_at > GIVEN_UP_AFTER:
            job.refused += job.matched - job.reached
            job.reason, job.next_at, job.finished_at = FAILED_AGAIN, None, clock.now()
        else:
            job.next_at = clock.now() + AFTER_FAILURE
        await session.flush()
    return True
