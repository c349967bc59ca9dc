"""People who sign in, and the role they have in each workspace."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, func
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, HasId, HasTenant, HasTimes, small_letters


class User(HasId, HasTimes, Base):
    """An account: what the link of one workspace made. Nobody proved its address to other workspaces, so an address may have several."""

    __tablename__ = "users"

    email: Mapped[str]
    name: Mapped[str] = mapped_column(server_default="")
    password_hash: Mapped[str | None]
    disabled_at: Mapped[datetime | None]
    language: Mapped[str | None]
    """Of the pages, as in `translation.LANGUAGES`. Null: what the browser asks for."""

    timezone: Mapped[str | None]
    """In which times are shown to this person. Null: the workspace's."""

    theme: Mapped[str | None]
    """`light` or `dark`. Null: as the device is set."""

    __table_args__ = (Index("users_email", "email"), CheckConstraint(small_letters("email"), name="email_lower"))


class Membership(HasTenant, Base):
    __tablename__ = "memberships"

    tenant_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, index=True)
    role: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_now())
