"""The SQL of endpoints and of their log, for one workspace; and what concerns the seals of all."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.lib.database import execute
from app.models import EventDelivery, WebhookEndpoint
from app.models.status import DeliveryStatus
from app.models.tenant_repository import TenantRepository
from app.web.pagination import Page

_COUNTS = """
select e.id,
  (select count(*) from (select from event_deliveries d where d.tenant_id = e.tenant_id and d.endpoint_id = e.id
    and d.next_at is not null limit %(most)s) as waiting),
  (select max(d.occurred_at) from event_deliveries d where d.tenant_id = e.tenant_id and d.endpoint_id = e.id)
from webhook_endpoints e where e.tenant_id = %(tenant)s
"""
COUNTED = 10_000
"""Waiting deliveries are counted up to here."""


class EndpointRepository(TenantRepository[WebhookEndpoint]):
    """The endpoints of a workspace."""

    model = WebhookEndpoint

    async def standings(self) -> dict[UUID, tuple[int, datetime | None]]:
        """How many deliveries wait for each endpoint, up to COUNTED, and when the last event for it happened."""
        rows = await execute(self.session, _COUNTS, tenant=self.tenant_id, most=COUNTED)
        return {row[0]: (row[1], row[2]) for row in rows}


class EventDeliveryRepository(TenantRepository[EventDelivery]):
    """The log of endpoints."""

    model = EventDelivery

    async def log(
        self, endpoint_id: UUID, status: DeliveryStatus | None, cursor: str | None, limit: int
    ) -> Page[EventDelivery]:
        """Deliveries of an endpoint, what happened last first."""
        filters = [EventDelivery.endpoint_id == endpoint_id]
        if status is not None:
            filters.append(EventDelivery.status == int(status))
        return await self.page([EventDelivery.occurred_at, EventDelivery.id], cursor, limit, *filters, newest=True)

    async def find(self, endpoint_id: UUID, delivery_id: UUID, *, lock: bool = False) -> EventDelivery | None:
        return await self.get_one_or_none(
            EventDelivery.endpoint_id == endpoint_id, EventDelivery.id == delivery_id, lock=lock
        )

    async def resend(self, endpoint_id: UUID, delivery_id: UUID) -> None:
        """Send it again now, as if it had not been tried; its log stays."""
        await self.session.execute(
            update(EventDelivery)
            .where(self.own, EventDelivery.endpoint_id == endpoint_id, EventDelivery.id == delivery_id)
            .values(
                status=int(DeliveryStatus.WAITING),
                attempt=0,
                next_at=func.clock_now(),
                lease_until=None,
                settled_at=None,
                fence=EventDelivery.fence + 1,
            )
        )


class SettledTry:
    """A test that was sent: a row of the log, and what it says of the endpoint."""

    def __init__(self, session: AsyncSession, endpoint: WebhookEndpoint) -> None:
        self._session, self._endpoint = session, endpoint

    async def write(self, row: dict[str, Any], error: str | None) -> None:
        """Keep it; a test that arrived ends what was said of a failing endpoint."""
        self._session.add(EventDelivery(tenant_id=self._endpoint.tenant_id, endpoint_id=self._endpoint.id, **row))
        if error is None:
            await self._session.execute(
                update(WebhookEndpoint)
                .where(WebhookEndpoint.tenant_id == self._endpoint.tenant_id, WebhookEndpoint.id == self._endpoint.id)
                .values(failing_since=None, last_error=None)
            )
        await self._session.flush()


async def with_other_seals(
    session: AsyncSession, after: tuple[int, UUID] | None, seal: bytes, limit: int = 200
) -> Sequence[WebhookEndpoint]:
    """Endpoints of all workspaces whose secrets are not sealed with `seal`, by key after `after`, locked."""
    query = (
        select(WebhookEndpoint)
        .where(func.substring(WebhookEndpoint.sealed, 1, len(seal)) != seal)
        .order_by(WebhookEndpoint.tenant_id, WebhookEndpoint.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    if after is not None:
        query = query.where(tuple_(WebhookEndpoint.tenant_id, WebhookEndpoint.id) > after)
    return (await session.scalars(query)).all()
