"""Reading events back. Writing goes through `record` (in a transaction) and `ingest` (the API)."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.events.repository import EventRepository
from app.models.event import Event
from app.web.pagination import Page, clamp_limit


class EventService:
    def __init__(self, session: AsyncSession, principal: Principal) -> None:
        self.session, self.principal = session, principal

    async def list(
        self,
        *,
        contact_id: UUID | None = None,
        name: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Page[Event]:
        """Events of the workspace, the last received first."""
        rows = EventRepository(self.session, self.principal.tenant_id)
        return await rows.newest(cursor, clamp_limit(limit), contact_id=contact_id, name=name)
