"""Enrolments: many contacts who are let into a workflow one piece after another."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, ForeignKeyConstraint, Index, SmallInteger, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, HasTenantKey, HasTimes, Json
from app.models.personal import personal


class Enrolment(HasTenantKey, HasTimes, Base):
    """Those of an audience enter a workflow at one of its triggers, in order of their ids, `per_minute` of them.

    `app.enrolments` moves it. `reached` is the last contact that was asked for: a piece and this column are of one transaction, so
    nobody is asked for twice, whoever dies.
    """

    __tablename__ = "enrolments"

    workflow_id: Mapped[UUID]
    trigger_id: Mapped[str]
    """The trigger of the live version at which the runs begin."""
    reason: Mapped[str]
    """Why, as people read it: `Everybody in VIPs when the workflow was activated`."""
    audience: Mapped[Json]
    """An `app.enrolments.audience.Audience`."""
    event: Mapped[Json] = mapped_column(info=personal("'{}'"))
    """The properties that the runs begin with; those of a call may come from the calling run's contact."""
    status: Mapped[str] = mapped_column(server_default="running")
    """An EnrolmentStatus."""
    expected: Mapped[int | None] = mapped_column(BigInteger)
    """How many there were when it began; None: not counted."""
    enrolled: Mapped[int] = mapped_column(BigInteger, server_default="0")
    """For how many a run was asked for; the workflow's rules may still refuse some. With `most` of a trigger: how many have entered."""
    most: Mapped[int | None] = mapped_column(BigInteger)
    """It ends with so many; None: all of them."""
    open_runs: Mapped[list[UUID] | None] = mapped_column(ARRAY(Uuid))
    """Runs that were asked for and are not counted yet, where `most` counts who enters."""
    firing: Mapped[str | None]
    """Of a date trigger: which firing this is, a day, or its going live for dates that had come. One row for each."""
    per_minute: Mapped[int]
    reached: Mapped[UUID | None]
    next_at: Mapped[datetime | None]
    """When the next piece is due; None: it is over."""
    ended_at: Mapped[datetime | None]
    started_by: Mapped[str]
    """Who or what caused it, in words."""
    stopped_by: Mapped[str | None]
    error: Mapped[str | None]
    run_id: Mapped[UUID | None]
    """The run whose step called the workflow for the audience; then there is no `trigger_id`, and each run has a row in `sub_runs`."""
    seq: Mapped[int | None] = mapped_column(SmallInteger)
    """The number of that step."""
    awaited: Mapped[bool] = mapped_column(server_default=text("false"))
    """That run goes on when all who were asked for are through. `next_at` of one that is over: when to look whether they are."""
    depth: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    """How many workflows lie between what happened outside and these runs."""
    lane: Mapped[int] = mapped_column(BigInteger, server_default="0")
    """Of the inbox, in which these runs wait: that of the run whose step called, else everybody's."""

    __table_args__ = (
        CheckConstraint("status in ('running', 'done', 'stopped', 'failed')", name="status"),
        CheckConstraint("per_minute > 0", name="per_minute"),
        Index("enrolments_workflow", "tenant_id", "workflow_id", "id"),
        Index("enrolments_run", "tenant_id", "run_id", "seq", postgresql_where=text("run_id is not null")),
        Index(
            "enrolments_firing",
            "tenant_id",
            "workflow_id",
            "trigger_id",
            "firing",
            unique=True,
            postgresql_where=text("firing is not null"),
        ),
        Index("enrolments_due", "next_at", postgresql_where=text("next_at is not null")),
        ForeignKeyConstraint(["tenant_id", "workflow_id"], ["workflows.tenant_id", "workflows.id"], ondelete="CASCADE"),
    )
