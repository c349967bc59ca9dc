"""What is due, by workflow, so that nobody who looks for due runs reads those that are not."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Identity, Index
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base


class Wake(Base):
    """A workflow has a run that goes on at `at`, or had when this was written. Rows are added and deleted by `app.wakes` alone."""

    __tablename__ = "wakes"

    tenant_id: Mapped[int] = mapped_column(primary_key=True)
    workflow_id: Mapped[UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    n: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)

    __table_args__ = (Index("wakes_at", "at"),)
