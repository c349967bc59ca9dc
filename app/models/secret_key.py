"""The secret keys of the installation by their fingerprints: what is sealed in this database was sealed with one of them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base


class SecretKey(Base):
    __tablename__ = "secret_keys"

    fingerprint: Mapped[str] = mapped_column(primary_key=True)
    first_used_at: Mapped[datetime] = mapped_column(server_default=func.clock_now())
    retired_at: Mapped[datetime | None]
    """Since when nothing is sealed with it any more; a process need not know it then."""
