"""All SQL that finds trouble. Each query looks at the newest or oldest few of a partial index, never at all that there is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import case, func, or_, select, text, true
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncSession

from app import inbox, wakes
from app.connectors.stand_in_repository import CARRIER
from app.counters.parked_run_repository import parked_runs
from app.counters.run_counters import OF_WORKFLOW, RUNNING
from app.flow.performers import CONNECTOR_TARGET
from app.lib.heartbeat import DEAD_AFTER_S
from app.messaging.channels import registry
from app.models import (
    ActiveRun,
    CallIntent,
    Connector,
    Contact,
    DeadLetter,
    EndedRun,
    Message,
    NodeStat,
    Stall,
    WebhookEndpoint,
    Workflow,
)
from app.models.status import MessageStatus, RunStatus
from app.models.tenant_repository import TenantRepository, refers_to
from app.values.contact_view import name_of

FAILED_SEEN = 1_000
"""How many of the newest failed runs or messages are grouped by cause."""
DEEPEST = 10_000
"""Queues are counted up to here; beyond it the number no longer matters and counting would cost."""

_PULSES = """
select kind, count(*) filter (where at > now() - make_interval(secs => :dead)) as alive, max(at) as last from heartbeats group by kind
"""
_WAITING = {
    "events_late": f"select count(*) from (select from inbox where {inbox.READY_SQL} limit {DEEPEST}) as rows",  # noqa: S608  a constant
    "runs_late": f"""
      select count(*) from (
        select from ({wakes.DUE_WORKFLOWS}) h {wakes.DUE_RUNS.format(late=30, limit=DEEPEST)} limit {DEEPEST}) as rows
      """,  # noqa: S608  constants
}


class Pulse(NamedTuple):
    """How many processes of a kind live, and when the last one was heard of."""

    alive: int
    last: datetime


class InstallationTroubles:
    """Reads of all workspaces together: numbers and instants only, nothing of anybody's."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def pulses(self) -> dict[str, Pulse]:
        """By kind of process; a kind that never started is missing."""
        rows = await self.session.execute(text(_PULSES), {"dead": DEAD_AFTER_S})
        return {row.kind: Pulse(int(row.alive), row.last) for row in rows}

    async def waiting(self, kind: str) -> int:
        """How many events (`events_late`) or runs of active workflows (`runs_late`) wait, up to DEEPEST."""
        return int(await self.session.scalar(text(_WAITING[kind])) or 0)


class WorkspaceTroubles:
    """Reads of one workspace."""

    def __init__(self, session: AsyncSession, tenant_id: int) -> None:
        self.session, self.tenant_id = session, tenant_id

    async def troubled_connectors(self, limit: int) -> Sequence[Any]:
        """(connector, name, state, since, message, waiting (up to DEEPEST), is it a service, type, settings) of those that do not work."""
        waiting = (
            select(Message.run_id)
            .where(
                Message.tenant_id == self.tenant_id,
                Message.connector_id == Connector.id,
                Message.status == MessageStatus.QUEUED,
                Message.due_at.is_(None),
            )
            .limit(DEEPEST)
            .correlate(Connector)
            .subquery()
        )
        calls = (
            select(CallIntent.run_id)
            .where(
                CallIntent.tenant_id == self.tenant_id,
                CallIntent.target == func.concat(CONNECTOR_TARGET, Connector.id),
                CallIntent.lease_until.is_(None),
                Connector.channel == registry.SERVICE,
            )
            .limit(DEEPEST)
            .correlate(Connector)
            .subquery()
        )
        messages = select(func.count()).select_from(waiting).scalar_subquery()
        counted = select(
            (messages + select(func.count()).select_from(calls).scalar_subquery()).label("count")
        ).lateral()
        query = (
            select(
                Connector.id,
                Connector.name,
                Connector.state,
                Connector.state_since,
                Connector.state_message,
                counted.c.count,
                Connector.channel == registry.SERVICE,
                Connector.type,
                Connector.config,
            )
            .join(counted, true())
            .where(Connector.tenant_id == self.tenant_id, Connector.state != "ok")
            .order_by(Connector.state_since)
            .limit(limit)
        )
        return (await self.session.execute(query)).all()

    async def stood_in(self) -> dict[UUID, str]:
        """Connector → the name of the one by which its messages leave while it does not work."""
        sql = f"select d.id, v.name from connectors d {CARRIER} where d.tenant_id = :tenant and d.state <> 'ok' and v.id <> d.id"  # noqa: S608
        return {row[0]: row[1] for row in (await self.session.execute(text(sql), {"tenant": self.tenant_id})).all()}

    async def failing(self, since: datetime, limit: int) -> Sequence[Any]:
        """(workflow, name, node, count, last error, last time, whether there may be more) of runs that failed after `since`, the newest
        cause first.

        Looks at the newest FAILED_SEEN failed runs only, by their partial index, so a bad day costs what a good one does.
        """
        newest = (
            select(EndedRun.workflow_id, EndedRun.current_node_id, EndedRun.completed_at, EndedRun.error_message)
            .where(EndedRun.tenant_id == self.tenant_id, EndedRun.status == RunStatus.FAILED, EndedRun.status > 4)
            .order_by(EndedRun.id.desc())
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
                func.sum(func.count()).over() >= FAILED_SEEN,
            )
            .join(Workflow, (Workflow.tenant_id == self.tenant_id) & (Workflow.id == newest.c.workflow_id))
            .where(newest.c.completed_at > since, Workflow.deleted_at.is_(None))
            .group_by(newest.c.workflow_id, Workflow.name, newest.c.current_node_id)
            .order_by(last.desc())
            .limit(limit)
        )
        return (await self.session.execute(query)).all()

    async def troubled_messages(
        self, *, failed_since: datetime, uncertain_since: datetime, limit: int
    ) -> Sequence[Any]:
        """(status, workflow, name, count, last error, first time, whether there may be more) of messages that failed or are uncertain,
        the newest first.

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
                func.sum(func.count()).over() >= FAILED_SEEN,
            )
            .join(Workflow, (Workflow.tenant_id == self.tenant_id) & (Workflow.id == newest.c.workflow_id))
            .where(newest.c.settled_at > since)
            .group_by(newest.c.status, newest.c.workflow_id, Workflow.name)
            .order_by(last.desc())
            .limit(limit)
        )
        return (await self.session.execute(query)).all()

    async def overdue_messages(self, due_before: datetime, limit: int) -> Sequence[Any]:
        """(workflow, name, count, since, whether there may be more) of messages that should have left before `due_before`, paused
        workflows aside. Looks at DEEPEST of them, each queue's oldest first.
        """
        overdue = (
            select(Message.workflow_id, Message.due_at)
            .where(
                Message.tenant_id == self.tenant_id,
                Message.due_at < due_before,
                Message.lease_until.is_(None),
                Message.status == MessageStatus.QUEUED,
            )
            .limit(DEEPEST)
            .subquery()
        )
        query = (
            select(
                overdue.c.workflow_id,
                Workflow.name,
                func.count(),
                func.min(overdue.c.due_at),
                func.sum(func.count()).over() >= DEEPEST,
            )
            .join(Workflow, (Workflow.tenant_id == self.tenant_id) & (Workflow.id == overdue.c.workflow_id))
            .where(Workflow.status != "paused")
            .group_by(overdue.c.workflow_id, Workflow.name)
            .order_by(func.min(overdue.c.due_at))
            .limit(limit)
        )
        return (await self.session.execute(query)).all()

    async def late(self, due_before: datetime, limit: int) -> Sequence[Any]:
        """(workflow, name, count, since) of runs of active workflows that should have gone on before `due_before`."""
        runs = parked_runs(ActiveRun.resume_at < due_before)
        query = (
            select(Workflow.id, Workflow.name, runs.c.count, runs.c.first)
            .join(runs, runs.c.count > 0)
            .where(Workflow.tenant_id == self.tenant_id, Workflow.status == "active", Workflow.deleted_at.is_(None))
            .order_by(runs.c.first)
            .limit(limit)
        )
        return (await self.session.execute(query)).all()

    async def held(self, limit: int) -> Sequence[Any]:
        """(workflow, name, count, since, last error, whether there may be more) of runs that wait for a decision, most of them first.

        Looks at DEEPEST of them, those of the newest runs.
        """
        newest = (
            select(ActiveRun.id, ActiveRun.workflow_id, ActiveRun.error_message, ActiveRun.step_started_at)
            .where(ActiveRun.tenant_id == self.tenant_id, ActiveRun.status == RunStatus.HELD)
            .order_by(ActiveRun.id.desc())
            .limit(DEEPEST)
            .subquery()
        )
        query = (
            select(
                newest.c.workflow_id,
                Workflow.name,
                func.count(),
                func.min(newest.c.step_started_at),
                func.array_agg(aggregate_order_by(newest.c.error_message, newest.c.id.desc()))[1],
                func.sum(func.count()).over() >= DEEPEST,
            )
            .join(Workflow, (Workflow.tenant_id == self.tenant_id) & (Workflow.id == newest.c.workflow_id))
            .where(Workflow.deleted_at.is_(None))
            .group_by(newest.c.workflow_id, Workflow.name)
            .order_by(func.count().desc())
            .limit(limit)
        )
        return (await self.session.execute(query)).all()

    async def troubled_endpoints(self, failing_before: datetime, limit: int) -> Sequence[Any]:
        """(endpoint, url, enabled, since, last error) of those that the product switched off, or at which nothing arrives since then."""
        query = (
            select(
                WebhookEndpoint.id,
                WebhookEndpoint.url,
                WebhookEndpoint.enabled,
                WebhookEndpoint.failing_since,
                WebhookEndpoint.last_error,
            )
            .where(
                WebhookEndpoint.tenant_id == self.tenant_id,
                or_(
                    WebhookEndpoint.disabled_reason.in_(("failing", "gone")),
                    WebhookEndpoint.enabled & (WebhookEndpoint.failing_since < failing_before),
                ),
            )
            .order_by(WebhookEndpoint.failing_since)
            .limit(limit)
        )
        return (await self.session.execute(query)).all()

    async def stalled(self, limit: int) -> Sequence[Any]:
        """(workflow, name, reason, count, since) of what the scheduler saw standing still, most runs first."""
        query = (
            select(Stall.workflow_id, Workflow.name, Stall.reason, Stall.count, Stall.since)
            .join(Workflow, refers_to(Stall.workflow_id, Workflow))
            .where(Stall.tenant_id == self.tenant_id, Workflow.deleted_at.is_(None))
            .order_by(Stall.count.desc())
            .limit(limit)
        )
        return (await self.session.execute(query)).all()

    async def without_connector(self) -> tuple[int, datetime | None]:
        """How many messages wait because there is no connector for them, and since when the first."""
        held_messages = (
            select(Message.created_at)
            .where(
                Message.tenant_id == self.tenant_id,
                Message.connector_id.is_(None),
                Message.status == MessageStatus.QUEUED,
                Message.due_at.is_(None),
                Message.reason == "no_connector",
            )
            .limit(DEEPEST)
            .subquery()
        )
        count, since = (await self.session.execute(select(func.count(), func.min(held_messages.c.created_at)))).one()
        return int(count), since

    async def dead_letters(self) -> tuple[int, datetime | None, str]:
        """How many events were set aside, when the first one was, and what was wrong with the last one."""
        newest = (
            select(DeadLetter.id, DeadLetter.at, DeadLetter.error)
            .where(DeadLetter.tenant_id == self.tenant_id)
            .order_by(DeadLetter.id.desc())
            .limit(DEEPEST)
            .subquery()
        )
        error = func.array_agg(aggregate_order_by(newest.c.error, newest.c.id.desc()))[1]
        count, since, last = (await self.session.execute(select(func.count(), func.min(newest.c.at), error))).one()
        return int(count), since, last or ""

    async def in_flow_of_paused(self) -> dict[UUID, int]:
        """How many people stand still in each paused workflow, from the counters: who entered and did not end."""
        query = (
            select(NodeStat.workflow_id, RUNNING)
            .join(Workflow, refers_to(NodeStat.workflow_id, Workflow))
            .where(NodeStat.tenant_id == self.tenant_id, OF_WORKFLOW, Workflow.status == "paused")
            .group_by(NodeStat.workflow_id)
        )
        return {row[0]: int(row[1]) for row in await self.session.execute(query)}

    async def paused(self, limit: int) -> Sequence[Workflow]:
        """Paused workflows, the last changed first."""
        query = (
            select(Workflow)
            .where(Workflow.tenant_id == self.tenant_id, Workflow.deleted_at.is_(None), Workflow.status == "paused")
            .order_by(Workflow.updated_at.desc())
            .limit(limit)
        )
        return (await self.session.scalars(query)).all()


_TAKEN = """
with taken as (delete from dead_letters where tenant_id = :tenant and id = any(array(
  select id from dead_letters where tenant_id = :tenant and (:all or id = any(:ids)) order by id limit :limit for update skip locked))
returning *)
"""
_RETRY = f"""
{_TAKEN}
{inbox.retry_sql("taken")}
"""
_DISCARD = f"{_TAKEN} select id from taken"  # noqa: S608  constants


class DeadLetters(TenantRepository[DeadLetter]):
    """Events of one workspace that could not be handled."""

    model = DeadLetter

    async def contact_names(self, contact_ids: set[UUID]) -> dict[UUID, str]:
        """What each contact is called, of those that still exist."""
        query = select(Contact).where(Contact.tenant_id == self.tenant_id, Contact.id.in_(contact_ids))
        return {contact.id: name_of(contact) for contact in await self.session.scalars(query)}

    async def retry(self, ids: Sequence[int] | None, limit: int) -> int:
        """Put some, or with None all up to `limit`, back into the inbox as they arrived. Returns how many."""
        return await self._take(_RETRY, ids, limit)

    async def discard(self, ids: Sequence[int] | None, limit: int) -> int:
        """Forget them. Returns how many."""
        return await self._take(_DISCARD, ids, limit)

    async def _take(self, sql: str, ids: Sequence[int] | None, limit: int) -> int:
        values = {"tenant": self.tenant_id, "all": ids is None, "ids": list(ids or ()), "limit": limit}
        return len((await self.session.execute(text(sql), values)).all())
