"""All SQL of starting runs: what decides whether a contact may enter."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import func, select

from app.counters.run_counters import ENTRIES, OF_WORKFLOW
from app.models import Entry, NodeStat, Run
from app.models.status import RunStatus
from app.models.tenant_repository import TenantRepository


class EarlierEntry(NamedTuple):
    """Is a run of a contact (and entry key) under way, and when did the last one start?"""

    active: bool
    last: datetime | None
    ended: datetime | None = None
    """When the last one ended."""


class EntryRepository(TenantRepository[Run]):
    """The runs of a workspace, as far as they keep a contact from entering again."""

    model = Run

    async def earlier(self, workflow_id: UUID, keys: Mapping[UUID, str]) -> dict[UUID, EarlierEntry]:
        """What there was of each of these contacts, with its entry key (or ''); contacts without any are missing."""
        key = func.coalesce(Run.entry_key, "")
        query = (
            select(
                Run.contact_id,
                key,
                func.bool_or(Run.status < RunStatus.COMPLETED),
                func.max(Run.started_at),
                func.max(Run.completed_at),
            )
            .where(self.own, Run.contact_id.in_(keys), Run.workflow_id == workflow_id, key.in_(set(keys.values())))
            .group_by(Run.contact_id, key)
        )
        remembered = select(Entry.contact_id, Entry.entry_key, Entry.last_started, Entry.last_ended).where(
            Entry.tenant_id == self.tenant_id,
            Entry.contact_id.in_(keys),
            Entry.workflow_id == workflow_id,
            Entry.entry_key.in_(set(keys.values())),
        )
        entries = {
            contact_id: EarlierEntry(bool(active), last, ended)
            for contact_id, own_key, active, last, ended in await self.session.execute(query)
            if keys[contact_id] == own_key
        }
        for contact_id, own_key, last, ended in await self.session.execute(remembered):
            if keys[contact_id] == own_key:
                known = entries.get(contact_id, EarlierEntry(False, None))
                entries[contact_id] = EarlierEntry(known.active, _later(known.last, last), _later(known.ended, ended))
        return entries

    async def entered(self, workflow_id: UUID) -> int:
        """How often somebody entered the workflow."""
        of_workflow = NodeStat.tenant_id == self.tenant_id, NodeStat.workflow_id == workflow_id
        query = select(func.coalesce(ENTRIES, 0)).where(*of_workflow, OF_WORKFLOW)
        return int(await self.session.scalar(query) or 0)


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    return max(filter(None, (one, other)), default=None)
