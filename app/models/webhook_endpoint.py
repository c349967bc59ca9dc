"""Addresses of other programs that hear what happens in a workspace, and what each of them is still to hear, or heard lately."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, Integer, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, HasTenantKey, HasTimes, Json
from app.models.personal import rows_go


class WebhookEndpoint(HasTenantKey, HasTimes, Base):
    """An address that signed events are sent to. Only events of its `types` that happen while it is enabled are written down for it."""

    __tablename__ = "webhook_endpoints"

    url: Mapped[str]
    description: Mapped[str] = mapped_column(server_default="")
    types: Mapped[list[str]]
    """Names of `app.domain_events.types`."""
    sealed: Mapped[bytes]
    """JSON of `app.webhook_endpoints.secrets.EndpointSecrets`."""
    enabled: Mapped[bool] = mapped_column(server_default="true")
    disabled_reason: Mapped[str | None]
    """Why it is not enabled: `person`; `failing`: nothing arrived for days; `gone`: it answered that it is no more."""
    failing_since: Mapped[datetime | None]
    """Since when nothing arrived; NULL while the last delivery did."""
    last_error: Mapped[str | None]

    __table_args__ = (
        CheckConstraint("enabled = (disabled_reason is null)", name="disabled"),
        Index("webhook_endpoints_enabled", "tenant_id", "id", postgresql_where=text("enabled")),
    )


class EventDelivery(Base):
    """An event for one endpoint: written in the transaction of what happened, and kept a while after it arrived, as the log."""

    __tablename__ = "event_deliveries"

    tenant_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    endpoint_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    """The event's id: the same for all endpoints, and for each try."""
    type: Mapped[str]
    contact_id: Mapped[UUID | None]
    data: Mapped[Json]
    occurred_at: Mapped[datetime]
    status: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    """A DeliveryStatus."""
    attempt: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    next_at: Mapped[datetime | None]
    """When it is tried next; NULL: it is over."""
    lease_until: Mapped[datetime | None]
    """Until when a worker has it, in real time. What a lost worker had is sent again after that."""
    fence: Mapped[int] = mapped_column(Integer, server_default="0")
    settled_at: Mapped[datetime | None]
    http_status: Mapped[int | None]
    answer: Mapped[str | None]
    """What the endpoint answered last, cut and without addresses."""
    error: Mapped[str | None]
    tries: Mapped[list[Any]] = mapped_column(server_default="[]")
    """The last tries, oldest first: `{at, httpStatus, error, durationMs}`."""

    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "endpoint_id"], ["webhook_endpoints.tenant_id", "webhook_endpoints.id"], ondelete="CASCADE"
        ),
        Index(
            "event_deliveries_due",
            "tenant_id",
            "endpoint_id",
            "next_at",
            postgresql_where=text("next_at is not null"),
        ),
        Index("event_deliveries_log", "tenant_id", "endpoint_id", "occurred_at", "id"),
        Index("event_deliveries_contact", "tenant_id", "contact_id"),
        {"info": rows_go(names="data::text")},
    )
