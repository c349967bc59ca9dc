"""Keys of programs: a public prefix, a hash, a role and scopes; the key itself is shown once."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, HasId, HasTenant, HasTimes


class ApiKey(HasId, HasTenant, HasTimes, Base):
    __tablename__ = "api_keys"

    name: Mapped[str]
    prefix: Mapped[str] = mapped_column(unique=True)
    key_hash: Mapped[bytes]
    role: Mapped[str]
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    created_by: Mapped[UUID | None]
    """The user whose present role caps this key's; None for a key of the command line, which nobody's role caps. No foreign
    key: a user who is deleted must stay written down, or their keys would read as keys of the command line."""
    created_by_key: Mapped[UUID | None] = mapped_column(ForeignKey("api_keys.id", ondelete="SET NULL"))
    """The key that made this one over the API. `created_by` is then its maker."""
    scopes: Mapped[list[str] | None]
    """What it may touch (`app.models.scope`); None: all that its role allows."""
    replaced_by: Mapped[UUID | None] = mapped_column(ForeignKey("api_keys.id", ondelete="SET NULL"))
    """The key that a rotation made in its place; this one works until `expires_at`."""
