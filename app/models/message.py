"""The send ledger: one row a message, keyed like the step that asked for it. And who must not be written to."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Integer, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, HasTenant, Json


class Message(Base):
    """`status` is a MessageStatus, `channel` a Channel. `payload`: what the node asked for (sender, overrides, topic).

    `due_at` is set while the row waits to be sent or retried; `lease_until` and `fence` guard the outside call.
    """

    __tablename__ = "messages"

    run_id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    tenant_id: Mapped[int]
    workflow_id: Mapped[UUID]
    contact_id: Mapped[UUID]
    template_id: Mapped[UUID | None]
    channel: Mapped[int] = mapped_column(SmallInteger)
    status: Mapped[int] = mapped_column(SmallInteger)
    payload: Mapped[Json | None]
    recipient: Mapped[str | None]
    subject: Mapped[str | None]
    error_message: Mapped[str | None]
    attempt: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    due_at: Mapped[datetime | None]
    lease_until: Mapped[datetime | None]
    fence: Mapped[int] = mapped_column(Integer, server_default="0")
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]

    __table_args__ = (
        Index("messages_due", "due_at", postgresql_where=text("due_at is not null")),
        Index("messages_leased", "lease_until", postgresql_where=text("lease_until is not null")),
        Index("messages_contact", "contact_id", "created_at"),
        Index("messages_newest", "tenant_id", text("run_id desc"), text("seq desc")),
        {"postgresql_with": {"fillfactor": "80"}},
    )


class Suppression(HasTenant, Base):
    """An address that asked not to be written to, or that does not exist."""

    __tablename__ = "suppressions"

    tenant_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True)
    channel: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    address: Mapped[str] = mapped_column(primary_key=True)
    reason: Mapped[str]
    at: Mapped[datetime] = mapped_column(server_default=text("clock_now()"))


class MailboxMessage(Base):
    """What the SMTP server of local mode was given, kept so that people can look at it."""

    __tablename__ = "mailbox_messages"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[int]
    message_id: Mapped[str] = mapped_column(server_default="")
    sender: Mapped[str]
    recipients: Mapped[list[str]]
    subject: Mapped[str] = mapped_column(server_default="")
    raw: Mapped[bytes]
    received_at: Mapped[datetime] = mapped_column(server_default=text("clock_now()"))

    __table_args__ = (Index("mailbox_messages_newest", "tenant_id", text("id desc")),)
