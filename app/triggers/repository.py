"""All SQL of starting runs: what decides whether a contact may enter."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import Contact, Run
from app.models.status import RunStatus


class TriggerRepository:
    """Rows of one workspace."""

    def __init__(self, session: AsyncSession, tenant_id: int) -> None:
        self._session, self._tenant_id = session, tenant_id

    async def contact(self, contact_id: UUID) -> Contact | None:
        query = select(Contact).where(Contact.id == contact_id, Contact.tenant_id == self._tenant_id)
        return await self._session.scalar(query)

    async def earlier(self, workflow_id: UUID, contact_id: UUID, key: str) -> tuple[bool, datetime | None]:
        """Is a run of this contact (and entry key) active, and when did the last one start?"""
        query = select(func.bool_or(Run.status < RunStatus.COMPLETED), func.max(Run.started_at)).where(
            Run.tenant_id == self._tenant_id,
            Run.contact_id == contact_id,
            Run.workflow_id == workflow_id,
            func.coalesce(Run.entry_key, "") == key,
        )
        active, last = (await self._session.execute(query)).one()
        return bool(active), last
