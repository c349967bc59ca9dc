"""SQL of the run pages and the runs API: runs of a workspace, and the rows of one run. Which runs a list has, `list_repository` says."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Row, Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.counters.run_counters import OF_WORKFLOW, RUNNING
from app.flow.performers import connector_of
from app.models import (
    ActiveRun,
    CallIntent,
    Connector,
    Contact,
    Message,
    MessageDecision,
    NodeStat,
    OutboundCall,
    Run,
    RunLog,
    Step,
    StepAttempt,
    Workflow,
    WorkflowVersion,
)
from app.models.status import RunStatus, WorkflowStatus
from app.models.tenant_repository import TenantRepository, refers_to
from app.runs import list_repository
from app.runs.list_repository import RunFilter
from app.web.pagination import Page, decode_cursor, encode_cursor


class LoadedRun(NamedTuple):
    """A run with all that its page is made of. `version` is the one that it is pinned to."""

    run: Run
    contact: Contact | None
    workflow: Workflow
    version: WorkflowVersion


class RunRepository(TenantRepository[Run]):
    """The runs of a workspace, read with what their pages show beside them."""

    model = Run

    def _with_contact(self) -> Select[Run, Contact | None]:
        return select(Run, Contact).join(Contact, refers_to(Run.contact_id, Contact), isouter=True).where(self.own)

    async def newest(self, wanted: RunFilter, limit: int, cursor: str | None) -> Page[Row[Run, Contact | None]]:
        """A page of runs, newest first or oldest (ids are time-ordered). Raises Invalid for a cursor that is not ours."""
        before = decode_cursor(cursor, UUID)[0] if cursor else None
        listed = await list_repository.ids_of_page(self.session, self.tenant_id, wanted, before, limit)
        order = Run.id.asc() if wanted.oldest_first else Run.id.desc()
        query = self._with_contact().where(Run.id.in_(listed.ids)).order_by(order)
        rows = (await self.session.execute(query)).all() if listed.ids else []
        return Page(list(rows), encode_cursor(listed.next_before) if listed.next_before else None)

    async def held_among(self, run_ids: Collection[UUID]) -> list[tuple[UUID, int]]:
        """Those of these runs that are held: id, and the number of the last step that is done."""
        query = select(ActiveRun.id, ActiveRun.seq).where(
            ActiveRun.tenant_id == self.tenant_id, ActiveRun.id.in_(run_ids), ActiveRun.status == RunStatus.HELD
        )
        return [(run_id, seq) for run_id, seq in (await self.session.execute(query)).all()]

    async def workflow_choices(self) -> list[tuple[str, str]]:
        """Workflows to filter by: id and name, those that were ever published."""
        query = select(Workflow.id, Workflow.name).where(
            Workflow.tenant_id == self.tenant_id, Workflow.deleted_at.is_(None), Workflow.live_version.is_not(None)
        )
        rows = await self.session.execute(query.order_by(Workflow.name).limit(200))
        return [(str(workflow_id), name) for workflow_id, name in rows.all()]

    async def load(self, run_id: UUID) -> LoadedRun | None:
        """The run with its contact, workflow and version; None when it is not of this workspace."""
        query = (
            self._with_contact()
            .add_columns(Workflow, WorkflowVersion)
            .join(Workflow, refers_to(Run.workflow_id, Workflow))
            .join(
                WorkflowVersion,
                (WorkflowVersion.tenant_id == Run.tenant_id)
                & (WorkflowVersion.workflow_id == Run.workflow_id)
                & (WorkflowVersion.version == Run.workflow_version),
            )
            .where(Run.id == run_id)
        )
        row = (await self.session.execute(query)).first()
        return None if row is None else LoadedRun(*row)

    async def neighbours(self, run: Run) -> tuple[UUID | None, UUID | None]:
        """The next newer and next older run of the same workflow, for the arrows of the run page."""
        return await list_repository.neighbours(self.session, self.tenant_id, run.workflow_id, run.id)


class RunMessageRepository(TenantRepository[Message]):
    """The messages that runs of a workspace sent."""

    model = Message

    async def of_run(self, run_id: UUID) -> dict[int, Message]:
        """The run's messages by the step's seq."""
        return {message.seq: message for message in await self.list(Message.run_id == run_id)}

    async def stood_in(self, messages: Iterable[Message]) -> dict[int, str]:
        """Seq → the connector's name, of messages of a run that left by another than their step names, or than the default is now."""
        by = {message.seq: message for message in messages if message.connector_id}
        if not by:
            return {}
        query = select(Connector.id, Connector.name, Connector.is_default).where(
            Connector.tenant_id == self.tenant_id, Connector.id.in_({message.connector_id for message in by.values()})
        )
        known = {row[0]: row for row in (await self.session.execute(query)).all()}
        names = dict[int, str]()
        for seq, message in by.items():
            meant = str((message.payload or {}).get("connectorId") or "").lower()
            row = known.get(message.connector_id) if message.connector_id else None
            if row is not None and (str(row[0]) != meant if meant else not row[2]):
                names[seq] = row[1]
        return names

    async def statuses(self, run_ids: Sequence[UUID]) -> dict[UUID, list[int]]:
        """The statuses of the messages of some runs; runs without messages are missing."""
        if not run_ids:
            return {}
        query = select(Message.run_id, Message.status).where(Message.run_id.in_(run_ids), self.own)
        statuses: dict[UUID, list[int]] = {}
        for run_id, status in (await self.session.execute(query)).all():
            statuses.setdefault(run_id, []).append(status)
        return statuses


class AwaitedCall(NamedTuple):
    """A call that a run waits for. `target`: the name of the connector, else the host."""

    target: str
    asked_at: datetime
    under_way: bool


class CallRepository(TenantRepository[CallIntent]):
    """The calls that runs of a workspace wait for."""

    model = CallIntent

    async def of_runs(self, runs: Sequence[Run]) -> dict[UUID, AwaitedCall]:
        """The call of each of these runs that waits for one, with who is called as people know it."""
        calling = {run.id: (run.seq + 1, run.attempt) for run in runs if run.status == RunStatus.CALLING}
        rows = await self.list(CallIntent.run_id.in_(calling)) if calling else ()
        calls = {call.run_id: call for call in rows if (call.seq, call.attempt) == calling[call.run_id]}
        ids = {connector_id for call in calls.values() if (connector_id := connector_of(call.target))}
        names = await self._connector_names(ids) if ids else {}
        return {
            run_id: AwaitedCall(
                names.get(connector_of(call.target), "the service of its connector")
                if connector_of(call.target)
                else call.target,
                call.due_at,
                call.lease_until is not None,
            )
            for run_id, call in calls.items()
        }

    async def _connector_names(self, ids: Collection[UUID]) -> dict[UUID | None, str]:
        query = select(Connector.id, Connector.name).where(Connector.tenant_id == self.tenant_id, Connector.id.in_(ids))
        return {row.id: row.name for row in await self.session.execute(query)}


class StepRepository(TenantRepository[Step]):
    """The steps that runs of a workspace have behind them."""

    model = Step

    async def finished(self, run_id: UUID) -> Sequence[Step]:
        """The finished steps of a run in order."""
        return await self.list(Step.run_id == run_id, order_by=[Step.seq])


class AttemptRepository(TenantRepository[StepAttempt]):
    """The failed attempts of steps of a workspace."""

    model = StepAttempt

    async def by_step(self, run_id: UUID) -> dict[int, list[StepAttempt]]:
        """Failed attempts of a run by the step's seq."""
        attempts: dict[int, list[StepAttempt]] = {}
        for attempt in await self.list(StepAttempt.run_id == run_id, order_by=[StepAttempt.seq, StepAttempt.attempt]):
            attempts.setdefault(attempt.seq, []).append(attempt)
        return attempts


class OutboundCallRepository(TenantRepository[OutboundCall]):
    """What came of the calls that runs of a workspace made."""

    model = OutboundCall

    async def by_step(self, run_id: UUID) -> dict[int, list[OutboundCall]]:
        """The calls of a run by the step's seq, in order."""
        calls: dict[int, list[OutboundCall]] = {}
        for call in await self.list(OutboundCall.run_id == run_id, order_by=[OutboundCall.seq, OutboundCall.attempt]):
            calls.setdefault(call.seq, []).append(call)
        return calls


class RunLogRepository(TenantRepository[RunLog]):
    """What steps of runs of a workspace said in the logs of those."""

    model = RunLog

    async def by_step(self, run_id: UUID) -> dict[int, list[RunLog]]:
        """The parts of a run's log by the step's seq, in order."""
        parts: dict[int, list[RunLog]] = {}
        for part in await self.list(RunLog.run_id == run_id, order_by=[RunLog.fence, RunLog.part]):
            parts.setdefault(part.seq, []).append(part)
        return parts


class DecisionRepository(TenantRepository[MessageDecision]):
    model = MessageDecision

    async def last_by_step(self, run_id: UUID) -> dict[int, MessageDecision]:
        """The last decision about each message of the run, by the step's seq."""
        decisions = await self.list(MessageDecision.run_id == run_id, order_by=[MessageDecision.fence])
        return {decision.seq: decision for decision in decisions}


async def removed_workflows(session: AsyncSession) -> Sequence[tuple[int, UUID]]:
    """(workspace, workflow) of archived and deleted workflows that somebody is still in, by the roll-up counters."""
    query = (
        select(Workflow.tenant_id, Workflow.id)
        .join(
            NodeStat,
            (NodeStat.tenant_id == Workflow.tenant_id) & (NodeStat.workflow_id == Workflow.id) & OF_WORKFLOW,
        )
        .where((Workflow.status == WorkflowStatus.ARCHIVED.value) | Workflow.deleted_at.is_not(None))
        .group_by(Workflow.tenant_id, Workflow.id)
        .having(RUNNING > 0)
    )
    return [(tenant_id, workflow_id) for tenant_id, workflow_id in (await session.execute(query)).all()]


async def active_run_ids(
    session: AsyncSession, tenant_id: int, workflow_id: UUID, after: UUID | None, limit: int
) -> Sequence[UUID]:
    """Runs of a workflow that are not over, oldest first, after run `after`."""
    query = select(ActiveRun.id).where(ActiveRun.tenant_id == tenant_id, ActiveRun.workflow_id == workflow_id)
    if after is not None:
        query = query.where(ActiveRun.id > after)
    return (await session.scalars(query.order_by(ActiveRun.id).limit(limit))).all()
