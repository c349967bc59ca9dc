"""All SQL of starting runs: what decides whether a contact may enter."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import func, select

from app.models import Entry, Run
from app.models.status import RunStatus
from app.models.tenant_repository import TenantRepository


class EarlierEntry(NamedTuple):
    """Is a run of a contact (and entry key) under way, and when did the last one start?"""

    active: bool
    last: datetime | None


class EntryRepository(TenantRepository[Run]):
    """The runs of a workspace, as far as they keep a contact from entering again."""

    model = Run

    async def earlier(self, workflow_id: UUID, contact_ids: Sequence[UUID], key: str) -> dict[UUID, EarlierEntry]:
        """What there was of each of these contacts (and this entry key); contacts without any are missing."""
        query = (
            select(Run.contact_id, func.bool_or(Run.status < RunStatus.COMPLETED), func.max(Run.started_at))
            .where(
                self.own,
                Run.contact_id.in_(contact_ids),
                Run.workflow_id == workflow_id,
                func.coalesce(Run.entry_key, "") == key,
            )
            .group_by(Run.contact_id)
        )
        remembered = select(Entry.contact_id, Entry.last_started).where(
            Entry.tenant_id == self.tenant_id,
            Entry.contact_id.in_(contact_ids),
            Entry.workflow_id == workflow_id,
            Entry.entry_key == key,
        )
        entries = {
            contact_id: EarlierEntry(bool(active), last)
            for contact_id, active, last in await self.session.execute(query)
        }
        for contact_id, last in await self.session.execute(remembered):
            known = entries.get(contact_id, EarlierEntry(False, None))
            entries[contact_id] = known._replace(last=max(known.last or last, last))
        return entries
