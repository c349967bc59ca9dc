"""Triggers that ask other programs for rows: what each asks next, how far it is, and which rows it knows."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKeyConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, Json
from app.models.webhook import OfTrigger


class Poll(OfTrigger, Base):
    """A trigger of a live version that asks for rows. `app.polls` keeps it as the live version says."""

    __tablename__ = "polls"

    trigger: Mapped[Json]
    """Type and data of the trigger, as the live version has them."""
    active: Mapped[bool]
    """False while the workflow is paused."""
    next_at: Mapped[datetime]
    cursor: Mapped[str | None]
    """The greatest value so far, as the source writes it."""
    primed: Mapped[bool] = mapped_column(server_default="false")
    """The rows that were there at the beginning are behind it."""
    lease: Mapped[UUID | None]
    """Of whoever asks now: nobody else may store rows."""
    lease_until: Mapped[datetime | None]
    polled_at: Mapped[datetime | None]
    """When it was answered last."""
    last_rows: Mapped[int] = mapped_column(server_default="0")
    """New rows of that answer."""
    total_rows: Mapped[int] = mapped_column(BigInteger, server_default="0")
    refused_rows: Mapped[int] = mapped_column(BigInteger, server_default="0")
    """Rows that started nothing, because they do not say what the trigger reads."""
    failures: Mapped[int] = mapped_column(server_default="0")
    """In a row."""
    failing_since: Mapped[datetime | None]
    error: Mapped[str | None]

    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "workflow_id"], ["workflows.tenant_id", "workflows.id"], ondelete="CASCADE"),
        Index("polls_due", "next_at", postgresql_where=text("active")),
        Index("polls_failing", "tenant_id", "failing_since", postgresql_where=text("failures > 0")),
    )


class PolledRow(OfTrigger, Base):
    """A row that a trigger knows, by the SHA-256 of its id."""

    __tablename__ = "polled_rows"

    row_key: Mapped[bytes] = mapped_column(primary_key=True)
    seen_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "workflow_id"], ["workflows.tenant_id", "workflows.id"], ondelete="CASCADE"),
        Index("polled_rows_seen", "tenant_id", "seen_at"),
    )
