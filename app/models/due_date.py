"""Triggers that start runs at a date of contacts: which there are, and when each contact's date comes next."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, ForeignKeyConstraint, Index, text
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, Json
from app.models.personal import rows_go


class DateSchedule(Base):
    """A trigger of a live version that watches a date of contacts. `app.dates` keeps it as the live version says."""

    __tablename__ = "date_schedules"

    tenant_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True)
    workflow_id: Mapped[UUID] = mapped_column(primary_key=True)
    trigger_id: Mapped[str] = mapped_column(primary_key=True)
    trigger: Mapped[Json]
    """Type and data of the trigger, as the live version has them."""
    zone: Mapped[str]
    """The workspace's, for contacts without one."""
    active: Mapped[bool]
    """False while the workflow is paused."""
    since: Mapped[datetime]
    """What comes after this instant counts: when it was found to be new, or to say something else."""
    existing: Mapped[bool] = mapped_column(server_default=text("false"))
    """While dates are read: those that came up to `since` start a run, too, if the trigger wants them."""
    revision: Mapped[int] = mapped_column(server_default="0")
    """Rises when it says something else, so that nothing of the build before counts."""
    next_at: Mapped[datetime | None]
    """When the first of its contacts is due, or the next piece of those that are; never later than that, None: nobody is."""
    missed_before: Mapped[datetime | None]
    """Dates up to this instant came while nobody could act."""
    reached: Mapped[UUID | None]
    """Up to which contact dates were read."""
    done: Mapped[int] = mapped_column(BigInteger, server_default="0")
    total: Mapped[int] = mapped_column(BigInteger, server_default="0")
    """How many contacts there were when it began to read."""
    built_at: Mapped[datetime | None]
    """When the dates of all contacts had been read; from then on changes alone are followed, as they are before."""
    dropped_at: Mapped[datetime | None]
    """It is not live any more: what is due of it goes in pieces."""

    __table_args__ = (
        Index("date_schedules_due", "next_at", postgresql_where=text("active and next_at is not null")),
        Index("date_schedules_open", "tenant_id", postgresql_where=text("built_at is null or dropped_at is not null")),
        ForeignKeyConstraint(["tenant_id", "workflow_id"], ["workflows.tenant_id", "workflows.id"], ondelete="CASCADE"),
    )


class DueDate(Base):
    """When a contact's date is due for a trigger. Whoever writes one holds the contact's lock.

    No row: the contact has no such date. The contact leads in the key: whoever changes one reads all of its rows in one place.
    """

    __tablename__ = "due_dates"

    tenant_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    contact_id: Mapped[UUID] = mapped_column(primary_key=True)
    workflow_id: Mapped[UUID] = mapped_column(primary_key=True)
    trigger_id: Mapped[str] = mapped_column(primary_key=True)
    next_at: Mapped[datetime | None]
    """When a run starts; None: it has come and does not come back, or lies too far away."""
    fired_for: Mapped[datetime | None] = mapped_column(TIMESTAMP(timezone=False))
    """The date, as clocks showed it, for which a run was started last: it starts no second one."""
    unreadable: Mapped[bool] = mapped_column(server_default=text("false"))
    """There is something that is no date."""

    __table_args__ = (
        Index("due_dates_next", "tenant_id", "workflow_id", "trigger_id", "next_at"),
        Index(
            "due_dates_unreadable",
            "tenant_id",
            "workflow_id",
            "trigger_id",
            "contact_id",
            postgresql_where=text("unreadable"),
        ),
        ForeignKeyConstraint(
            ["tenant_id", "workflow_id", "trigger_id"],
            ["date_schedules.tenant_id", "date_schedules.workflow_id", "date_schedules.trigger_id"],
            ondelete="CASCADE",
        ),
        {"postgresql_with": {"fillfactor": "80"}, "info": rows_go()},
    )
