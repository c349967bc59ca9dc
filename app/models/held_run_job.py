"""The work of doing something with many held runs."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, HasTenantKey, Json


class HeldRunJob(HasTenantKey, Base):
    """Something to do with all held runs that fit a filter, some hundred in each transaction. Kept afterwards: it says who did what, when.

    `reached` is the last run that was looked at: a batch and this column are of one transaction, so no run is met twice.
    """

    __tablename__ = "held_run_jobs"

    act: Mapped[str]
    """retry, skip, move or cancel."""
    wanted: Mapped[Json]
    """Which runs: a `HeldRunFilter`."""
    port: Mapped[str | None]
    """Of `skip`: the way on; None is the first one of each step."""
    node_id: Mapped[str | None]
    """Of `move`: the step, with the version that it is of; None is that of each run."""
    version: Mapped[int | None]
    by_kind: Mapped[str]
    by_id: Mapped[UUID | None]
    by_name: Mapped[str]
    matched: Mapped[int]
    """How many fitted when it began, up to a limit."""
    done: Mapped[int] = mapped_column(server_default="0")
    refused: Mapped[int] = mapped_column(server_default="0")
    """It could not be done to them: their step has no such way on, or they cannot be moved there."""
    reason: Mapped[str | None]
    """Why the last of those was refused."""
    reached: Mapped[UUID | None]
    created_at: Mapped[datetime] = mapped_column(server_default=text("clock_now()"))
    next_at: Mapped[datetime | None]
    """When the next batch is due; None: it is over."""
    finished_at: Mapped[datetime | None]
    stopped_by: Mapped[str | None]

    __table_args__ = (
        CheckConstraint("act in ('retry', 'skip', 'move', 'cancel')", name="act"),
        CheckConstraint("(next_at is null) = (finished_at is not null)", name="over"),
        Index("held_run_jobs_due", "next_at", postgresql_where=text("next_at is not null")),
    )
