"""All SQL of starting runs: what decides whether a contact may enter."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select

from app.models import Entry, Run
from app.models.status import RunStatus
from app.models.tenant_repository import TenantRepository


class EntryRepository(TenantRepository[Run]):
    """The runs of a workspace, as far as they keep a contact from entering again."""

    model = Run

    async def earlier(self, workflow_id: UUID, contact_id: UUID, key: str) -> tuple[bool, datetime | None]:
        """Is a run of this contact (and entry key) active, and when did the last one start?"""
        query = select(func.bool_or(Run.status < RunStatus.COMPLETED), func.max(Run.started_at)).where(
            self.own,
            Run.contact_id == contact_id,
            Run.workflow_id == workflow_id,
            func.coalesce(Run.entry_key, "") == key,
        )
        active, last = (await self.session.execute(query)).one()
        remembered = await self.session.get(Entry, (self.owner, contact_id, workflow_id, key))
        if remembered is not None:
            last = max(last or remembered.last_started, remembered.last_started)
        return bool(active), last
