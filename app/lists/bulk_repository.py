"""All SQL of what is done with many rows of a list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import delete, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import defer

from app.lib.database import execute
from app.models.bulk_job import BulkJob, BulkJobBatch
from app.models.job_turn_repository import JobTurns
from app.models.tenant_repository import TenantRepository

IS_DUE = "exists (select from bulk_jobs where next_at <= clock_now())"
"""Is a batch due?"""
NEXT_DUE = "select min(next_at) from bulk_jobs where next_at > clock_now()"
ANY_DUE = f"select 1 where {IS_DUE}"
SHOWN = 5
"""Jobs that are shown above a list."""
_FORGET_BATCHES = """
delete from bulk_job_batches b using bulk_jobs j
where j.tenant_id = b.tenant_id and j.id = b.job_id and j.finished_at < %(before)s
"""
_FORGET_IDS = """
update bulk_jobs set target_ids = '{}', changed_ids = '{}', before = '{}', refused_names = '{}'
where finished_at < %(before)s and target_ids <> '{}'
"""


class JobChanges(NamedTuple):
    """Which rows a job changed, in order, and by id what those had."""

    ids: list[UUID]
    before: dict[str, Any]


class BulkJobRepository(TenantRepository[BulkJob]):
    """The jobs of a workspace."""

    model = BulkJob

    async def get(self, job_id: UUID, *, lock: bool = False) -> BulkJob | None:
        return await self.get_one_or_none(BulkJob.id == job_id, lock=lock, fresh=lock)

    async def number_under_way(self) -> int:
        return await self.count(BulkJob.next_at.is_not(None))

    async def changes(self, job: BulkJob) -> JobChanges:
        """Of all its batches so far."""
        of_job = select(BulkJobBatch).where(BulkJobBatch.tenant_id == self.tenant_id, BulkJobBatch.job_id == job.id)
        changes = JobChanges(list(job.changed_ids), dict(job.before))
        for batch in await self.session.scalars(of_job.order_by(BulkJobBatch.reached)):
            changes.ids.extend(batch.changed_ids)
            changes.before.update(batch.before)
        return changes

    async def replace_changes(self, job: BulkJob, changes: JobChanges) -> None:
        """Let these be its changes."""
        own = BulkJobBatch.tenant_id == self.tenant_id, BulkJobBatch.job_id == job.id
        await self.session.execute(delete(BulkJobBatch).where(*own))
        job.changed_ids, job.before = changes

    async def latest(self, list_name: str, by_id: UUID, since: datetime) -> Sequence[BulkJob]:
        """Those of a person since then, and whoever's are under way; without their ids."""
        query = self.query(
            BulkJob.list_name == list_name,
            BulkJob.created_at > since,
            or_(BulkJob.by_id == by_id, BulkJob.next_at.is_not(None)),
        )
        lean = query.options(defer(BulkJob.target_ids), defer(BulkJob.changed_ids), defer(BulkJob.before))
        return (
            await self.session.scalars(lean.order_by(BulkJob.created_at.desc(), BulkJob.id.desc()).limit(SHOWN))
        ).all()


async def lock_due(session: AsyncSession, turns: JobTurns) -> BulkJob | None:
    """The job whose batch is due and whose workspace has its turn."""
    return await turns.lock_next(session, BulkJob, BulkJob.next_at <= func.clock_now(), BulkJob.next_at)


def note_changes(session: AsyncSession, job: BulkJob, ids: Sequence[UUID], before: Mapping[UUID, str]) -> None:
    """What the batch changed that is done next, with the next flush."""
    had = {str(one): words for one, words in before.items()}
    batch = BulkJobBatch(tenant_id=job.tenant_id, job_id=job.id, reached=job.reached, changed_ids=list(ids), before=had)
    session.add(batch)


async def forget_ids(session: AsyncSession, before: datetime) -> None:
    """Of jobs that were over before this instant."""
    await execute(session, _FORGET_BATCHES, before=before)
    await execute(session, _FORGET_IDS, before=before)


async def forget_ended_jobs(session: AsyncSession, before: datetime) -> None:
    """Delete what was over before this instant."""
    await execute(session, "delete from bulk_jobs where finished_at < %(before)s", before=before)
