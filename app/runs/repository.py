"""All SQL of the run pages and the runs API. Every query starts from the workspace."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Row, Select, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from app.flow.document import Trigger, triggers_of
from app.models import Contact, Message, MessageDecision, NodeStat, Run, Step, StepAttempt, Workflow, WorkflowVersion
from app.models.status import RunStatus, WorkflowStatus
from app.web.pagination import Page, cut, keyset
from app.workflows.run_counters import OF_WORKFLOW, RUNNING


class RunFilter(NamedTuple):
    """What a list is narrowed to; None leaves a field open. `started_from` is included, `started_to` is not."""

    workflow_id: UUID | None = None
    contact_id: UUID | None = None
    statuses: Sequence[RunStatus] | None = None
    started_from: datetime | None = None
    started_to: datetime | None = None
    node_id: str | None = None


class RunRepository:
    """Reads of one workspace."""

    def __init__(self, session: AsyncSession, tenant_id: int) -> None:
        self.session, self.tenant_id = session, tenant_id

    def _listing(self) -> Select[Run, Contact | None]:
        return (
            select(Run, Contact)
            .join(Contact, Contact.id == Run.contact_id, isouter=True)
            .where(Run.tenant_id == self.tenant_id)
        )

    async def page(self, wanted: RunFilter, limit: int, cursor: str | None) -> Page[Row[Run, Contact | None]]:
        """A page of runs, newest first (ids are time-ordered)."""
        query = keyset(self._listing(), [Run.id], cursor, descending=True).limit(limit + 1)
        if wanted.workflow_id is not None:
            query = query.where(Run.workflow_id == wanted.workflow_id)
        if wanted.contact_id is not None:
            query = query.where(Run.contact_id == wanted.contact_id)
        if wanted.statuses:
            query = query.where(Run.status.in_(wanted.statuses))
        if wanted.started_from is not None:
            query = query.where(Run.started_at >= wanted.started_from)
        if wanted.started_to is not None:
            query = query.where(Run.started_at < wanted.started_to)
        if wanted.node_id is not None:
            query = query.where(Run.current_node_id == wanted.node_id)
        return cut((await self.session.execute(query)).all(), limit, lambda row: (row[0].id,))

    async def one(self, run_id: UUID) -> Row[Run, Contact | None, Workflow, WorkflowVersion] | None:
        """The run with its contact, workflow and pinned version; None when it is not of this workspace."""
        query = (
            self._listing()
            .add_columns(Workflow, WorkflowVersion)
            .join(Workflow, Workflow.id == Run.workflow_id)
            .join(
                WorkflowVersion,
                (WorkflowVersion.workflow_id == Run.workflow_id) & (WorkflowVersion.version == Run.workflow_version),
            )
            .where(Run.id == run_id)
        )
        return (await self.session.execute(query)).first()

    async def steps(self, run_id: UUID) -> Sequence[Step]:
        """The finished steps in order."""
        return (await self.session.scalars(select(Step).where(Step.run_id == run_id).order_by(Step.seq))).all()

    async def attempts(self, run_id: UUID) -> dict[int, list[StepAttempt]]:
        """Failed attempts by the step's seq."""
        query = select(StepAttempt).where(StepAttempt.run_id == run_id).order_by(StepAttempt.seq, StepAttempt.attempt)
        found: dict[int, list[StepAttempt]] = {}
        for attempt in await self.session.scalars(query):
            found.setdefault(attempt.seq, []).append(attempt)
        return found

    async def messages(self, run_id: UUID) -> dict[int, Message]:
        """The run's messages by the step's seq."""
        return {m.seq: m for m in await self.session.scalars(select(Message).where(Message.run_id == run_id))}

    async def decisions(self, run_id: UUID) -> dict[int, MessageDecision]:
        """The last decision about each message of the run, by the step's seq."""
        query = select(MessageDecision).where(MessageDecision.run_id == run_id).order_by(MessageDecision.fence)
        return {decision.seq: decision for decision in await self.session.scalars(query)}

    async def message_statuses(self, run_ids: Sequence[UUID]) -> dict[UUID, list[int]]:
        """The statuses of the messages of some runs; runs without messages are missing."""
        if not run_ids:
            return {}
        query = select(Message.run_id, Message.status).where(
            Message.run_id.in_(run_ids), Message.tenant_id == self.tenant_id
        )
        found: dict[UUID, list[int]] = {}
        for run_id, status in (await self.session.execute(query)).all():
            found.setdefault(run_id, []).append(status)
        return found

    async def neighbours(self, run: Run) -> tuple[UUID | None, UUID | None]:
        """The next newer and next older run of the same workflow, for the arrows of the run page."""
        same = (Run.tenant_id == self.tenant_id, Run.workflow_id == run.workflow_id)
        newer = await self.session.scalar(select(Run.id).where(*same, Run.id > run.id).order_by(Run.id).limit(1))
        older = await self.session.scalar(select(Run.id).where(*same, Run.id < run.id).order_by(Run.id.desc()).limit(1))
        return newer, older

    async def workflow_names(self, ids: set[UUID]) -> dict[UUID, str]:
        """Names for a list that mixes workflows."""
        query = select(Workflow.id, Workflow.name).where(Workflow.tenant_id == self.tenant_id, Workflow.id.in_(ids))
        return dict((await self.session.execute(query)).all())

    async def workflow_exists(self, workflow_id: UUID) -> bool:
        """Is it a workflow of this workspace that was not deleted?"""
        query = select(Workflow.id).where(
            Workflow.tenant_id == self.tenant_id, Workflow.id == workflow_id, Workflow.deleted_at.is_(None)
        )
        return await self.session.scalar(query) is not None

    async def contact(self, contact_id: UUID) -> Contact | None:
        """The contact that a list is narrowed to."""
        query = select(Contact).where(Contact.tenant_id == self.tenant_id, Contact.id == contact_id)
        return (await self.session.scalars(query)).one_or_none()

    async def triggers(self, pinned: set[tuple[UUID, int]]) -> dict[tuple[UUID, int], tuple[Trigger, ...]]:
        """The triggers of some (workflow, version) pairs."""
        key = tuple_(WorkflowVersion.workflow_id, WorkflowVersion.version)
        graph = WorkflowVersion.graph
        query = select(WorkflowVersion.workflow_id, WorkflowVersion.version, graph["trigger"], graph["triggers"]).where(
            WorkflowVersion.tenant_id == self.tenant_id, key.in_(pinned)
        )
        return {
            (workflow_id, version): triggers_of({"trigger": one, "triggers": several})
            for workflow_id, version, one, several in await self.session.execute(query)
        }

    async def graphs(self, pinned: set[tuple[UUID, int]]) -> dict[tuple[UUID, int], dict[str, Any]]:
        """The graphs of some (workflow, version) pairs: lists name the steps that runs stand on by them."""
        key = tuple_(WorkflowVersion.workflow_id, WorkflowVersion.version)
        query = select(WorkflowVersion.workflow_id, WorkflowVersion.version, WorkflowVersion.graph).where(
            WorkflowVersion.tenant_id == self.tenant_id, key.in_(pinned)
        )
        return {(row.workflow_id, row.version): row.graph for row in (await self.session.execute(query)).all()}


async def removed_workflows(session: AsyncSession) -> Sequence[tuple[int, UUID]]:
    """(workspace, workflow) of archived and deleted workflows that somebody is still in, by the roll-up counters."""
    query = (
        select(Workflow.tenant_id, Workflow.id)
        .join(NodeStat, (NodeStat.workflow_id == Workflow.id) & OF_WORKFLOW)
        .where((Workflow.status == WorkflowStatus.ARCHIVED.value) | Workflow.deleted_at.is_not(None))
        .group_by(Workflow.tenant_id, Workflow.id)
        .having(RUNNING > 0)
    )
    return [(tenant_id, workflow_id) for tenant_id, workflow_id in (await session.execute(query)).all()]


async def active_run_ids(session: AsyncSession, workflow_id: UUID, after: UUID | None, limit: int) -> Sequence[UUID]:
    """Runs of a workflow that are not over, oldest first, after run `after`."""
    query = select(Run.id).where(Run.workflow_id == workflow_id, Run.status < RunStatus.COMPLETED)
    if after is not None:
        query = query.where(Run.id > after)
    return (await session.scalars(query.order_by(Run.id).limit(limit))).all()
