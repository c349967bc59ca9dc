"""Triggers that start runs by the clock: when each fires next, and when it has fired."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, ForeignKeyConstraint, Index, text
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, Json


def _of_workflow() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["tenant_id", "workflow_id"], ["workflows.tenant_id", "workflows.id"], ondelete="CASCADE"
    )


class Schedule(Base):
    """A trigger of a live version that has a timetable. `app.schedules` keeps it as the live version says."""

    __tablename__ = "schedules"

    tenant_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True)
    workflow_id: Mapped[UUID] = mapped_column(primary_key=True)
    trigger_id: Mapped[str] = mapped_column(primary_key=True)
    trigger: Mapped[Json]
    """Type and data of the trigger, as the live version has them."""
    zone: Mapped[str]
    """Whose clocks count: an IANA name."""
    active: Mapped[bool]
    """False while the workflow is paused."""
    next_at: Mapped[datetime | None]
    """When it fires next; in the past for what was missed, None when it never does again."""
    fired_at: Mapped[datetime | None]

    __table_args__ = (
        Index("schedules_due", "next_at", postgresql_where=text("active and next_at is not null")),
        _of_workflow(),
    )


class ScheduleFiring(Base):
    """A trigger has fired for a minute that clocks of a zone showed. The key lets it do so once, whoever fires and however often.

    A minute that comes twice is a microsecond later the second time."""

    __tablename__ = "schedule_firings"

    tenant_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True)
    workflow_id: Mapped[UUID] = mapped_column(primary_key=True)
    trigger_id: Mapped[str] = mapped_column(primary_key=True)
    zone: Mapped[str] = mapped_column(primary_key=True)
    minute: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=False), primary_key=True)
    """As the clocks showed it."""
    scheduled_at: Mapped[datetime]
    fired_at: Mapped[datetime]

    __table_args__ = (Index("schedule_firings_old", "tenant_id", "fired_at"), _of_workflow())


class ScheduleEpoch(Base):
    """The epoch of a workspace (`WorkflowEpoch`) that its schedules were last compared with."""

    __tablename__ = "schedule_epochs"

    tenant_id: Mapped[int] = mapped_column(
        ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    n: Mapped[int] = mapped_column(BigInteger)
