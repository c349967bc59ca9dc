"""Triggers that other programs call: their addresses, what came in lately, and which deliveries were taken."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKeyConstraint, Identity, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, Json
from app.models.personal import rows_go


class OfTrigger:
    """By the trigger of a workflow, whichever version has it."""

    tenant_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, sort_order=-13)
    workflow_id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-12)
    trigger_id: Mapped[str] = mapped_column(primary_key=True, sort_order=-11)


class Webhook(OfTrigger, Base):
    """The address of a trigger, with its secrets. It is no part of the document: copies, versions and exports do not have it."""

    __tablename__ = "webhooks"

    token_hash: Mapped[bytes]
    """SHA-256 of the token, by which a call finds it."""
    sealed: Mapped[bytes]
    """JSON of `app.webhooks.keys.WebhookKeys`."""
    created_at: Mapped[datetime] = mapped_column(server_default=text("clock_now()"))
    full_at: Mapped[datetime | None]
    """When as many calls may come at once again as ever may (`app.webhooks.pace`); real time."""

    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "workflow_id"], ["workflows.tenant_id", "workflows.id"], ondelete="CASCADE"),
        Index("webhooks_token", "tenant_id", "token_hash", unique=True),
    )


class WebhookPayload(OfTrigger, Base):
    """One of the last bodies that came to an address, redacted; with the run that it started, or why it started none."""

    __tablename__ = "webhook_payloads"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    at: Mapped[datetime]
    payload: Mapped[Json | None]
    headers: Mapped[Json | None]
    """Those of its headers that are kept, by lower-case name (`app.webhooks.samples`); None: from before they were."""
    error: Mapped[str | None]
    run_id: Mapped[UUID | None]
    contact_id: Mapped[UUID | None]

    __table_args__ = ({"info": rows_go(names="concat(payload::text, headers::text)")},)


class WebhookDelivery(OfTrigger, Base):
    """The id of a delivery that was taken, and its run: the same one again starts nothing."""

    __tablename__ = "webhook_deliveries"

    message_id: Mapped[str] = mapped_column(primary_key=True)
    run_id: Mapped[UUID]
    at: Mapped[datetime]

    __table_args__ = (Index("webhook_deliveries_at", "tenant_id", "workflow_id", "trigger_id", "at"),)
