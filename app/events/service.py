"""Reading events back. Writing goes through `record` (in a transaction) and `ingest` (the API)."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.events import repository
from app.models.event import Event
from app.web.pagination import Page, clamp_limit, cut, decode_cursor


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
        size = clamp_limit(limit)
        before: UUID | None = decode_cursor(cursor, UUID)[0] if cursor else None
        rows = await repository.page(
            self.session, self.principal.tenant_id, contact_id=contact_id, name=name, before=before, limit=size
        )
        return cut(rows, size, key=lambda event: (event.id,))
