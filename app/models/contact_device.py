"""A device that shows notifications to a contact."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, func
from sqlalchemy.orm import Mapped, mapped_column

from app.lib.ids import uuid7
from app.models.base import Base, Json
from app.models.personal import About, rows_go


class ContactDevice(Base):
    """`token`: the registration token of an app, or the endpoint of a browser's subscription, whose `keys` are `p256dh` and `auth`.

    `digest` is the SHA-256 of the token: a device belongs to one contact. `connector_id`: by which it was registered, if that was said.
    """

    __tablename__ = "contact_devices"

    tenant_id: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    contact_id: Mapped[UUID]
    digest: Mapped[bytes]
    token: Mapped[str]
    platform: Mapped[str]
    """web, android or ios"""
    app: Mapped[str] = mapped_column(server_default="")
    """What people call the app or the site."""
    keys: Mapped[Json | None]
    connector_id: Mapped[UUID | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_now())
    last_seen_at: Mapped[datetime] = mapped_column(server_default=func.clock_now())

    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "contact_id"],
            ["contacts.tenant_id", "contacts.id"],
            ondelete="CASCADE",
            name="contact_devices_contact",
        ),
        Index("contact_devices_digest", "tenant_id", "digest", unique=True),
        Index("contact_devices_contact_id", "tenant_id", "contact_id", "last_seen_at"),
        {"info": rows_go(About.CONTACT)},
    )
