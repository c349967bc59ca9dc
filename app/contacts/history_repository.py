"""SQL of a contact's page: its events, runs, messages and refusals, and what is still to come."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Row, and_, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from app.flow.document import Trigger, triggers_of
from app.flow.trigger_registry import subscriptions, trigger_by_hand
from app.lib.database import execute
from app.models.event import Event
from app.models.message import Message
from app.models.message_job import MessageDecision
from app.models.pacing import WaitingStart
from app.models.run import ActiveRun, EntryRefusal, Run
from app.models.status import MessageStatus, WorkflowStatus
from app.models.template import Template
from app.models.tenant_repository import TenantRepository, refers_to
from app.models.workflow import Workflow, WorkflowVersion

CHANGES = ("contact.created", "contact.updated", "contact.attribute_changed")


COUNTED = 10_000
"""A contact that is a machine may have millions of events: nobody reads how many."""
_COUNTS = """
with few as materialized (select name from events where contact_id = %(id)s and tenant_id = %(tenant)s limit %(most)s)
select (select count(*) from (
          select from messages where contact_id = %(id)s and tenant_id = %(tenant)s limit %(most)s) as m) as messages,
       (select count(*) from (select from runs where contact_id = %(id)s and tenant_id = %(tenant)s limit %(most)s) as r) as runs,
       count(*) filter (where name <> all(%(changes)s::text[])) as events,
       count(*) filter (where name = any(%(changes)s::text[]) and name <> 'contact.attribute_changed') as changes,
       count(*) filter (where name = 'contact.created') as created, count(*) as all_events
from few
"""


LOOKED_AT = 1_000
"""Newest events of a contact among which changes of its attributes are looked for."""


class AttributeChange(NamedTuple):
    """What an attribute was set to, and when."""

    value: Any
    at: datetime


class ContactHistory:
    """Everything is read for one contact of one workspace."""

    def __init__(self, session: AsyncSession, tenant_id: int, contact_id: UUID) -> None:
        self.session, self.tenant_id, self.contact_id = session, tenant_id, contact_id

    def _mine(self, model: Any) -> ColumnElement[bool]:
        return and_(model.contact_id == self.contact_id, model.tenant_id == self.tenant_id)

    async def events(self, before: datetime | None, limit: int, *, changes: bool | None) -> Sequence[Event]:
        """The last events; only changes of the contact, only others, or (None) both. Newest first."""
        query = select(Event).where(self._mine(Event), Event.name != "contact.attribute_changed")
        if changes is not None:
            among = Event.name.in_(CHANGES)
            query = query.where(among if changes else ~among)
        if before is not None:
            query = query.where(Event.occurred_at < before)
        return (await self.session.scalars(query.order_by(Event.occurred_at.desc()).limit(limit))).all()

    async def runs(self, moment: Any, before: datetime | None, limit: int) -> Sequence[Row[Run, str]]:
        """The last runs by `moment` (when they started or ended) with the names of their workflows."""
        query = (
            select(Run, Workflow.name)
            .join(Workflow, refers_to(Run.workflow_id, Workflow))
            .where(self._mine(Run), moment.is_not(None))
        )
        if before is not None:
            query = query.where(moment < before)
        return (await self.session.execute(query.order_by(moment.desc()).limit(limit))).all()

    async def messages(self, before: datetime | None, limit: int) -> Sequence[Row[Message, str, str]]:
        """The last messages with the names of their workflows and templates."""
        moment = func.coalesce(Message.sent_at, Message.settled_at, Message.created_at)
        query = (
            select(Message, Workflow.name, Template.name)
            .join(Workflow, refers_to(Message.workflow_id, Workflow))
            .outerjoin(Template, refers_to(Message.template_id, Template))
            .where(self._mine(Message))
        )
        if before is not None:
            query = query.where(moment < before)
        return (await self.session.execute(query.order_by(moment.desc()).limit(limit))).all()

    async def decisions(self, messages: Sequence[Message]) -> dict[tuple[UUID, int], MessageDecision]:
        """The last decision of somebody, or of a rule, about each of these messages."""
        keys = [(message.run_id, message.seq) for message in messages]
        if not keys:
            return {}
        query = (
            select(MessageDecision)
            .where(
                MessageDecision.tenant_id == self.tenant_id,
                tuple_(MessageDecision.run_id, MessageDecision.seq).in_(keys),
            )
            .order_by(MessageDecision.fence)
        )
        return {(one.run_id, one.seq): one for one in await self.session.scalars(query)}

    async def attribute_changes(self) -> dict[str, AttributeChange]:
        """Of each attribute the last change that is among the newest events of the contact. What workflows change is not among them."""
        newest = (
            select(Event.name, Event.properties, Event.occurred_at)
            .where(self._mine(Event))
            .order_by(Event.occurred_at.desc())
            .limit(LOOKED_AT)
            .subquery()
        )
        query = select(newest.c.properties, newest.c.occurred_at).where(newest.c.name == "contact.attribute_changed")
        changes: dict[str, AttributeChange] = {}
        for properties, at in (await self.session.execute(query.order_by(newest.c.occurred_at.desc()))).all():
            for name, value in ((properties or {}).get("attributes") or {}).items():
                changes.setdefault(name, AttributeChange(value, at))
        return changes

    async def refusals(self, before: datetime | None, limit: int) -> Sequence[Row[EntryRefusal, str]]:
        """Workflows that did not let the contact in."""
        query = (
            select(EntryRefusal, Workflow.name)
            .join(Workflow, refers_to(EntryRefusal.workflow_id, Workflow))
            .where(self._mine(EntryRefusal))
        )
        last = func.coalesce(EntryRefusal.last_at, EntryRefusal.at)
        if before is not None:
            query = query.where(last < before)
        return (await self.session.execute(query.order_by(last.desc()).limit(limit))).all()

    async def active_runs(self) -> Sequence[Row[ActiveRun, str, dict[str, Any]]]:
        """Runs that are under way, the next to move first, with workflow name and graph."""
        query = (
            select(ActiveRun, Workflow.name, WorkflowVersion.graph)
            .join(Workflow, refers_to(ActiveRun.workflow_id, Workflow))
            .join(
                WorkflowVersion,
                and_(
                    WorkflowVersion.tenant_id == ActiveRun.tenant_id,
                    WorkflowVersion.workflow_id == ActiveRun.workflow_id,
                    WorkflowVersion.version == ActiveRun.workflow_version,
                ),
            )
            .where(self._mine(ActiveRun))
            .order_by(ActiveRun.resume_at.nulls_last(), ActiveRun.id)
            .limit(50)
        )
        return (await self.session.execute(query)).all()

    async def waiting_starts(self) -> Sequence[Row[WaitingStart, str]]:
        """Starts that workflows have taken and that wait for their turn, the oldest first, with the workflow's name."""
        query = (
            select(WaitingStart, Workflow.name)
            .join(Workflow, refers_to(WaitingStart.workflow_id, Workflow))
            .where(self._mine(WaitingStart))
            .order_by(WaitingStart.since, WaitingStart.id)
            .limit(50)
        )
        return (await self.session.execute(query)).all()

    async def queued_messages(self) -> Sequence[Row[Message, str, str]]:
        """Messages that are still to leave."""
        query = (
            select(Message, Workflow.name, Template.name)
            .join(Workflow, refers_to(Message.workflow_id, Workflow))
            .outerjoin(Template, refers_to(Message.template_id, Template))
            .where(self._mine(Message), Message.status.in_((MessageStatus.QUEUED, MessageStatus.SENDING)))
            .order_by(Message.due_at.nulls_last(), Message.created_at)
            .limit(20)
        )
        return (await self.session.execute(query)).all()

    async def counts(self) -> dict[str, int]:
        """How much there is of each kind, counted up to COUNTED, and `created`: whether there is a beginning."""
        (row,) = await execute(
            self.session, _COUNTS, id=self.contact_id, tenant=self.tenant_id, changes=list(CHANGES), most=COUNTED
        )
        return dict(row._mapping)


class EnterableWorkflows(TenantRepository[Workflow]):
    """The active workflows of a workspace, which contacts may enter."""

    model = Workflow

    async def startable(self) -> list[tuple[UUID, str]]:
        """(id, name) of those that a person may let contacts into, by name."""
        return [
            (id_, name) for id_, name, triggers in await self._active() if trigger_by_hand(triggers, of_contact=True)
        ]

    async def listening(self, events: Sequence[str]) -> list[tuple[UUID, str, str]]:
        """Those that start on one of `events`: (id, name, event)."""
        return [
            (id_, name, event)
            for id_, name, triggers in await self._active()
            for event in subscriptions(triggers)
            if event in events
        ]

    async def _active(self) -> list[tuple[UUID, str, tuple[Trigger, ...]]]:
        """By name, with the triggers of their live versions."""
        graph = WorkflowVersion.graph
        query = (
            select(Workflow.id, Workflow.name, graph["trigger"], graph["triggers"])
            .join(
                WorkflowVersion,
                and_(
                    WorkflowVersion.tenant_id == Workflow.tenant_id,
                    WorkflowVersion.workflow_id == Workflow.id,
                    WorkflowVersion.version == Workflow.live_version,
                ),
            )
            .where(self.own, Workflow.status == WorkflowStatus.ACTIVE.value, Workflow.deleted_at.is_(None))
            .order_by(Workflow.name)
        )
        return [
            (workflow_id, name, triggers_of({"trigger": one, "triggers": several}))
            for workflow_id, name, one, several in await self.session.execute(query)
        ]
