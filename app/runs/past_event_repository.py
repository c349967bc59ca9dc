"""What contacts did since runs of theirs began."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, literal, select, tuple_

from app.lib.ids import oldest_since
from app.models import Event
from app.models.tenant_repository import TenantRepository

_MOST = 100
"""Of a contact, the earliest: as many as are looked at of whoever enters."""
_NO_EVENT = UUID(int=0)


class PastEventRepository(TenantRepository[Event]):
    """The events of a workspace, by contact and by when they happened."""

    model = Event

    async def since(
        self, names: Collection[str], contact_id: UUID, since: datetime, after: UUID | None
    ) -> list[tuple[str, dict[str, Any]]]:
        """(name, properties) of a contact's events of these names from an instant on, in order; of that instant those after `after`."""
        happened = func.least(Event.occurred_at, Event.received_at)
        query = (
            select(Event.name, Event.properties)
            .where(
                self.own,
                Event.contact_id == contact_id,
                Event.id >= oldest_since(since),
                Event.occurred_at >= since,
                Event.name.in_(names),
                tuple_(happened, Event.id) > tuple_(literal(since), literal(after or _NO_EVENT)),
            )
            .order_by(Event.occurred_at)
            .limit(_MOST)
        )
        return [(name, properties or {}) for name, properties in await self.session.execute(query)]
