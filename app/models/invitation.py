"""Invitations into a workspace, and the mails that carry them and one-time links."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, HasId, HasTenant, HasTimes, SmallInteger, small_letters


class Invitation(HasId, HasTenant, HasTimes, Base):
    """An open invitation; it goes when it is accepted or revoked. Its token is stored as SHA-256 only."""

    __tablename__ = "invitations"

    email: Mapped[str]
    name: Mapped[str] = mapped_column(server_default="")
    role: Mapped[str]
    token_hash: Mapped[bytes] = mapped_column(unique=True)
    invited_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    """Who made its latest link."""
    mailed: Mapped[bool] = mapped_column(server_default=text("false"))
    """Its latest link left by mail only; otherwise the inviter saw it."""
    expires_at: Mapped[datetime]

    __table_args__ = (
        UniqueConstraint("tenant_id", "email"),
        CheckConstraint(small_letters("email"), name="email_lower"),
    )


class AccountMail(HasId, HasTenant, Base):
    """A mail with a link, from the commit that made the link until it has left. Its text is sealed, and gone afterwards."""

    __tablename__ = "account_mails"

    about: Mapped[UUID]
    """The invitation, or the user that a sign-in link is for."""
    recipient: Mapped[str]
    sealed: Mapped[bytes | None]
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    due_at: Mapped[datetime | None]
    """When it is tried next; None when it has left or was given up."""
    expires_at: Mapped[datetime]
    """When its link ends; it is not sent after that."""
    sent_at: Mapped[datetime | None]
    error: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_now())

    __table_args__ = (
        Index("account_mails_about", "tenant_id", "about"),
        Index("account_mails_due", "due_at", postgresql_where=text("due_at IS NOT NULL")),
    )
