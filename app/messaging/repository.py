"""SQL of messages, but for lists of them (`list_repository`) and the set-based SQL of sending (`ledger`)."""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import Any
from uuid import UUID

from sqlalchemy import select, tuple_

from app.connectors.release_repository import release_now_or_soon
from app.connectors.stand_ins import meant_of
from app.messaging.channels.message_ids import MessageKey
from app.models import Connector, Contact, Message, Workflow, WorkflowVersion
from app.models.tenant_repository import TenantRepository

VersionKey = tuple[UUID, int]
"""Workflow and version that asked for a message."""


class MessageRepository(TenantRepository[Message]):
    """The send ledger of a workspace, and the names that its pages show beside it."""

    model = Message

    async def called(self, key: MessageKey) -> Message | None:
        return await self.get_one_or_none(Message.run_id == key[0], Message.seq == key[1])

    async def free_those_of(self, workflow_id: UUID) -> None:
        """Make due again what was held because the workflow was paused."""
        await release_now_or_soon(self.session, self.tenant_id, "workflow", workflow_id)

    async def workflow_names(self, ids: set[UUID]) -> dict[UUID, str]:
        query = select(Workflow.id, Workflow.name).where(Workflow.tenant_id == self.tenant_id, Workflow.id.in_(ids))
        return {row[0]: row[1] for row in (await self.session.execute(query)).all()}

    async def documents(self, pinned: Set[VersionKey]) -> dict[VersionKey, dict[str, Any]]:
        """The documents of versions; those that are known."""
        query = select(WorkflowVersion.workflow_id, WorkflowVersion.version, WorkflowVersion.graph).where(
            WorkflowVersion.tenant_id == self.tenant_id,
            tuple_(WorkflowVersion.workflow_id, WorkflowVersion.version).in_(list(pinned)),
        )
        return {(row[0], row[1]): row[2] for row in (await self.session.execute(query)).all()} if pinned else {}

    async def versions(self, workflow_id: UUID) -> Sequence[int]:
        """The numbers of a workflow's versions to filter by, the newest first."""
        query = (
            select(WorkflowVersion.version)
            .where(WorkflowVersion.tenant_id == self.tenant_id, WorkflowVersion.workflow_id == workflow_id)
            .order_by(WorkflowVersion.version.desc())
            .limit(100)
        )
        return (await self.session.scalars(query)).all()

    async def sending_workflows(self) -> list[tuple[str, str]]:
        """Workflows to filter by: id and name, those that were ever published."""
        query = (
            select(Workflow.id, Workflow.name)
            .where(
                Workflow.tenant_id == self.tenant_id,
                Workflow.deleted_at.is_(None),
                Workflow.live_version.is_not(None),
            )
            .order_by(Workflow.name)
            .limit(200)
        )
        return [(str(row[0]), row[1]) for row in (await self.session.execute(query)).all()]

    async def connector_of(self, message: Message) -> tuple[Connector | None, Connector | None]:
        """By which connector a message leaves or left, and the one that is meant: its step's, else the default now. None when not known."""
        query = select(Connector).where(Connector.tenant_id == self.tenant_id, Connector.channel == message.channel)
        rows = (await self.session.scalars(query)).all()
        by = next((row for row in rows if row.id == message.connector_id), None)
        return by, meant_of(rows, str((message.payload or {}).get("connectorId") or ""))

    async def connector_names(self) -> list[tuple[str, str]]:
        """Connectors to filter by: id and name."""
        query = (
            select(Connector.id, Connector.name)
            .where(Connector.tenant_id == self.tenant_id)
            .order_by(Connector.name)
            .limit(100)
        )
        return [(str(row[0]), row[1]) for row in (await self.session.execute(query)).all()]

    async def reasons(self) -> Sequence[str]:
        """Why messages failed or are uncertain, of the latest thousand: to filter by."""
        latest = (
            select(Message.reason)
            .where(self.own, Message.status.in_((8, 9)))
            .order_by(Message.settled_at.desc())
            .limit(1_000)
            .subquery()
        )
        query = select(latest.c.reason).where(latest.c.reason.is_not(None)).distinct().order_by(latest.c.reason)
        return (await self.session.scalars(query)).all()

    async def identifiers(self, contact_ids: set[UUID]) -> dict[UUID, dict[str, str | None]]:
        """What contacts are reached by, by id: `email`, `phone` and `external_id`, of which channels make an address."""
        query = select(Contact.id, Contact.email, Contact.phone, Contact.external_id).where(
            Contact.tenant_id == self.tenant_id, Contact.id.in_(contact_ids)
        )
        rows = (await self.session.execute(query)).all() if contact_ids else []
        return {row.id: {"email": row.email, "phone": row.phone, "external_id": row.external_id} for row in rows}
