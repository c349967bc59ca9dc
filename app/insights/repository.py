"""All SQL of the numbers. Counters come from `node_stats`; lists are capped and walk small partial indexes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import case, exists, func, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncSession

from app.messaging.counters import PREFIX
from app.models import Connector, Contact, Message, NodeStat, Run, Template, Workflow, WorkflowVersion
from app.models.status import MessageStatus, RunStatus

FAILED_SEEN = 1_000
"""How many of the newest failed runs the home page groups by cause."""


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

    async def counters(self, workflow_id: UUID, version: int | None) -> Sequence[Any]:
        """All counters of a workflow, summed over shards and, without `version`, over versions."""
        query = (
            select(NodeStat.node_id, NodeStat.key, func.sum(NodeStat.n))
            .where(NodeStat.workflow_id == workflow_id, NodeStat.tenant_id == self.tenant_id)
            .group_by(NodeStat.node_id, NodeStat.key)
        )
        if version is not None:
            query = query.where(NodeStat.version == version)
        return (await self.session.execute(query)).all()

    async def workflow_counters(self, workflow_ids: Sequence[UUID] | None = None) -> Sequence[Any]:
        """(workflow, key, count) of the workflow-level counters and of messages, of all workflows or of some."""
        query = (
            select(NodeStat.workflow_id, NodeStat.key, func.sum(NodeStat.n))
            .where(NodeStat.tenant_id == self.tenant_id, (NodeStat.node_id == "") | NodeStat.key.startswith(PREFIX))
            .group_by(NodeStat.workflow_id, NodeStat.key)
        )
        if workflow_ids is not None:
            query = query.where(NodeStat.workflow_id.in_(workflow_ids))
        return (await self.session.execute(query)).all()

    async def workflows_by_status(self) -> dict[str, int]:
        """How many workflows have each status."""
        query = (
            select(Workflow.status, func.count())
            .where(Workflow.tenant_id == self.tenant_id, Workflow.deleted_at.is_(None))
            .group_by(Workflow.status)
        )
        return dict((await self.session.execute(query)).all())

    async def failing(self, since: datetime, limit: int) -> Sequence[Any]:
        """(workflow, name, node, count, last error, last time) of runs that failed after `since`, the newest cause first.

        Looks at the newest FAILED_SEEN failed runs only, by their partial index, so a bad day costs what a good one does.
        """
        newest = (
            select(Run.workflow_id, Run.current_node_id, Run.completed_at, Run.error_message)
            .where(Run.tenant_id == self.tenant_id, Run.status == RunStatus.FAILED)
            .order_by(Run.id.desc())
            .limit(FAILED_SEEN)
            .subquery()
        )
        last = func.max(newest.c.completed_at)
        query = (
            select(
                newest.c.workflow_id,
                Workflow.name,
                newest.c.current_node_id,
                func.count(),
                func.array_agg(aggregate_order_by(newest.c.error_message, newest.c.completed_at.desc()))[1],
                last,
            )
            .join(Workflow, Workflow.id == newest.c.workflow_id)
            .where(newest.c.completed_at > since, Workflow.deleted_at.is_(None))
            .group_by(newest.c.workflow_id, Workflow.name, newest.c.current_node_id)
            .order_by(last.desc())
            .limit(limit)
        )
        return (await self.session.execute(query)).all()

    async def late(self, due_before: datetime, limit: int) -> Sequence[Any]:
        """(workflow, name, count, since) of runs of active workflows that should have gone on before `due_before`."""
        query = (
            select(Run.workflow_id, Workflow.name, func.count(), func.min(Run.resume_at))
            .join(Workflow, Workflow.id == Run.workflow_id)
            .where(Run.tenant_id == self.tenant_id, Run.resume_at < due_before, Workflow.status == "active")
            .group_by(Run.workflow_id, Workflow.name)
            .order_by(func.min(Run.resume_at))
            .limit(limit)
        )
        return (await self.session.execute(query)).all()

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

    async def troubled_messages(
        self, *, failed_since: datetime, uncertain_since: datetime, limit: int
    ) -> Sequence[Any]:
        """(status, workflow, name, count, last error, first time) of messages that failed or are uncertain, the newest first.

        Looks at the newest FAILED_SEEN of them, by the partial index of those.
        """
        kinds = (MessageStatus.FAILED, MessageStatus.UNCERTAIN)
        newest = (
            select(Message.status, Message.workflow_id, Message.settled_at, Message.error_message)
            .where(
                Message.tenant_id == self.tenant_id,
                Message.status.in_(kinds),
                Message.settled_at > min(failed_since, uncertain_since),
            )
            .order_by(Message.settled_at.desc())
            .limit(FAILED_SEEN)
            .subquery()
        )
        since = case((newest.c.status == MessageStatus.FAILED, failed_since), else_=uncertain_since)
        last = func.max(newest.c.settled_at)
        query = (
            select(
                newest.c.status,
                newest.c.workflow_id,
                Workflow.name,
                func.count(),
                func.array_agg(aggregate_order_by(newest.c.error_message, newest.c.settled_at.desc()))[1],
                func.min(newest.c.settled_at),
            )
            .join(Workflow, Workflow.id == newest.c.workflow_id)
            .where(newest.c.settled_at > since)
            .group_by(newest.c.status, newest.c.workflow_id, Workflow.name)
            .order_by(last.desc())
            .limit(limit)
        )
        return (await self.session.execute(query)).all()

    async def overdue_messages(self, due_before: datetime, limit: int) -> Sequence[Any]:
        """(workflow, name, count, since) of messages that should have left before `due_before`, paused workflows aside."""
        query = (
            select(Message.workflow_id, Workflow.name, func.count(), func.min(Message.due_at))
            .join(Workflow, Workflow.id == Message.workflow_id)
            .where(
                Message.tenant_id == self.tenant_id,
                Message.due_at < due_before,
                Message.status == MessageStatus.QUEUED,
                Workflow.status != "paused",
            )
            .group_by(Message.workflow_id, Workflow.name)
            .order_by(func.min(Message.due_at))
            .limit(limit)
        )
        return (await self.session.execute(query)).all()

    async def troubled_connectors(self, limit: int) -> Sequence[Any]:
        """(connector, name, state, since, message, waiting) of connectors that do not work, with how many messages wait for them."""
        waiting = (
            select(func.count())
            .select_from(Message)
            .where(
                Message.tenant_id == self.tenant_id,
                Message.connector_id == Connector.id,
                Message.status == MessageStatus.QUEUED,
                Message.due_at.is_(None),
            )
            .correlate(Connector)
            .scalar_subquery()
        )
        query = (
            select(
                Connector.id, Connector.name, Connector.state, Connector.state_since, Connector.state_message, waiting
            )
            .where(Connector.tenant_id == self.tenant_id, Connector.state != "ok")
            .order_by(Connector.state_since)
            .limit(limit)
        )
        return (await self.session.execute(query)).all()
