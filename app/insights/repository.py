"""All SQL of the numbers. Counters come from `node_stats`; lists are capped and walk small partial indexes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import Connector, Contact, Run, Template, Workflow, WorkflowVersion


class InsightRepository:
    """Reads of one workspace."""

    def __init__(self, session: AsyncSession, tenant_id: int) -> None:
        self.session, self.tenant_id = session, tenant_id

    async def workflow_exists(self, workflow_id: UUID) -> bool:
        """Is it a workflow of this workspace that was not deleted?"""
        query = select(Workflow.id).where(
            Workflow.id == workflow_id, Workflow.tenant_id == self.tenant_id, Workflow.deleted_at.is_(None)
        )
        return await self.session.scalar(query) is not None

    async def workflows_by_status(self) -> dict[str, int]:
        """How many workflows have each status."""
        query = (
            select(Workflow.status, func.count())
            .where(Workflow.tenant_id == self.tenant_id, Workflow.deleted_at.is_(None))
            .group_by(Workflow.status)
        )
        return dict((await self.session.execute(query)).all())

    async def workflows(self, statuses: Sequence[str], limit: int) -> Sequence[Workflow]:
        """Workflows of some statuses, last changed first."""
        query = (
            select(Workflow)
            .where(Workflow.tenant_id == self.tenant_id, Workflow.deleted_at.is_(None), Workflow.status.in_(statuses))
            .order_by(Workflow.updated_at.desc())
            .limit(limit)
        )
        return (await self.session.scalars(query)).all()

    async def publications(self, limit: int) -> Sequence[Any]:
        """(version, workflow name) of what was published last."""
        query = (
            select(WorkflowVersion, Workflow.name)
            .join(Workflow, Workflow.id == WorkflowVersion.workflow_id)
            .where(WorkflowVersion.tenant_id == self.tenant_id, Workflow.deleted_at.is_(None))
            .order_by(WorkflowVersion.created_at.desc())
            .limit(limit)
        )
        return (await self.session.execute(query)).all()

    async def has(self) -> tuple[bool, bool, bool]:
        """Is there any connector, contact and template in this workspace?"""
        query = select(*(exists().where(kind.tenant_id == self.tenant_id) for kind in (Connector, Contact, Template)))
        found: Any = (await self.session.execute(query)).one()
        return found[0], found[1], found[2]

    async def due(self, now: datetime, until: datetime, limit: int) -> Sequence[Any]:
        """Waits that end between `now` and `until`, by workflow, the fullest first."""
        query = (
            select(Run.workflow_id, Workflow.name, func.count().label("count"), func.min(Run.resume_at))
            .join(Workflow, Workflow.id == Run.workflow_id)
            .where(Run.tenant_id == self.tenant_id, Run.resume_at > now, Run.resume_at <= until)
            .group_by(Run.workflow_id, Workflow.name)
            .order_by(func.count().desc())
            .limit(limit)
        )
        return (await self.session.execute(query)).all()
