"""SQL of jobs that do something with many messages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, delete
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.job_turn_repository import JobTurns
from app.models.message_job import MessageJob
from app.models.tenant_repository import TenantRepository

ANY_UNFINISHED = "select 1 from message_jobs where finished_at is null limit 1"
"""Is there a job to go on with? For a connection without a session."""


class MessageJobRepository(TenantRepository[MessageJob]):
    """The jobs of a workspace that somebody asked for; those that free what a rest held are the product's own."""

    model = MessageJob

    @property
    def own(self) -> ColumnElement[bool]:
        return super().own & (MessageJob.act != "release")

    async def under_way(self, limit: int) -> Sequence[MessageJob]:
        """Those that are not done, the newest first."""
        return await self.list(MessageJob.finished_at.is_(None), order_by=[MessageJob.id.desc()], limit=limit)


async def lock_next(session: AsyncSession, turns: JobTurns) -> MessageJob | None:
    """The job of the workspace that has its turn: of several, the one that has rested longest."""
    return await turns.lock_next(session, MessageJob, MessageJob.finished_at.is_(None), MessageJob.touched_at)


async def forget_finished(session: AsyncSession, before: datetime) -> None:
    """Drop those that were done before an instant; what they decided stays with each message."""
    await session.execute(delete(MessageJob).where(MessageJob.finished_at < before))
