"""Answers already given to a POST with an `Idempotency-Key`, kept for a day for whoever asked."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, Json


class IdempotencyKey(Base):
    __tablename__ = "idempotency_keys"

    tenant_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True)
    principal_kind: Mapped[str] = mapped_column(primary_key=True, server_default="")
    principal_id: Mapped[UUID] = mapped_column(primary_key=True, server_default="00000000-0000-0000-0000-000000000000")
    """Keys of two principals never meet: neither reads the other's answer, nor stands in its way."""
    key: Mapped[str] = mapped_column(primary_key=True)
    request_hash: Mapped[bytes]
    status_code: Mapped[int | None]
    headers: Mapped[Json] = mapped_column(server_default="{}")
    body: Mapped[bytes | None]
    created_at: Mapped[datetime]

    __table_args__ = (Index("idempotency_keys_created_at", "created_at"),)
