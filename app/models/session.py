"""Browser sessions, one-time sign-in links and failed sign-ins. Tokens are stored as SHA-256 only."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Identity, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, BigInteger, HasId


class UserSession(HasId, Base):
    __tablename__ = "sessions"

    token_hash: Mapped[bytes] = mapped_column(unique=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    tenant_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"))
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    """When it ends if it is not used before; it never lies behind the session's last end."""
    lasting: Mapped[bool] = mapped_column(server_default=text("false"))
    """Begun with "keep me signed in"."""
    address: Mapped[str] = mapped_column(server_default="")
    user_agent: Mapped[str] = mapped_column(server_default="")

    __table_args__ = (Index("sessions_tenant_id_user_id", "tenant_id", "user_id"),)


class SignInLink(Base):
    __tablename__ = "sign_in_links"

    token_hash: Mapped[bytes] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_now())
    created_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    """Who made it for this person; None when the server did (`./dev run`, `./dev user create`)."""
    mailed: Mapped[bool] = mapped_column(server_default=text("false"))
    """It left by mail only; otherwise whoever made it saw it."""
    told_at: Mapped[datetime | None]
    """When the person was told after signing in that somebody had made it."""


class SignInFailure(Base):
    __tablename__ = "sign_in_failures"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    key: Mapped[str]
    at: Mapped[datetime]

    __table_args__ = (Index("sign_in_failures_key_at", "key", "at"),)
