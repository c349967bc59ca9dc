"""Something that is done with many rows of a list."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, HasTenantKey, Json


class BulkJob(HasTenantKey, Base):
    """One verb done to the rows that somebody chose, some hundred in each transaction.

    Which rows is settled when it begins (`target_ids`), so it is done to those that were counted. A batch, `reached` and its
    `BulkJobBatch` are of one transaction: no row is met twice, and what was changed can be taken back. The ids stay for a day, the row
    for a year: it says who did what, when.
    """

    __tablename__ = "bulk_jobs"

    list_name: Mapped[str]
    verb: Mapped[str]
    arguments: Mapped[Json]
    """Such as `{"tag": "vip"}`."""
    label: Mapped[str] = mapped_column(server_default="")
    """What the arguments are called, such as the name of a segment."""
    target_ids: Mapped[list[UUID]] = mapped_column(ARRAY(PG_UUID(as_uuid=True)))
    matched: Mapped[int]
    reached: Mapped[int] = mapped_column(server_default="0")
    """How many of the targets are done."""
    changed_ids: Mapped[list[UUID]] = mapped_column(ARRAY(PG_UUID(as_uuid=True)), server_default="{}")
    """Those that were otherwise before and are in no `BulkJobBatch`: what is left of a way back that was stopped, and of older releases."""
    before: Mapped[Json] = mapped_column(server_default="{}")
    """What those had, by id, and of a job that takes back another one, what each of its targets gets back."""
    done: Mapped[int] = mapped_column(server_default="0")
    refused: Mapped[int] = mapped_column(server_default="0")
    reason: Mapped[str | None]
    """Why the last of those was refused."""
    refused_names: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    """Some of those that were refused, with what stands in the way, for a reason that names them."""
    by_id: Mapped[UUID]
    by_name: Mapped[str]
    undoes: Mapped[UUID | None]
    """The job that this one takes back."""
    undone: Mapped[bool] = mapped_column(server_default="false")
    created_at: Mapped[datetime] = mapped_column(server_default=text("clock_now()"))
    next_at: Mapped[datetime | None]
    """When the next batch is due; None: it is over."""
    finished_at: Mapped[datetime | None]
    stopped_by: Mapped[str | None]
    """Who ended it before all was done."""

    __table_args__ = (
        CheckConstraint("(next_at is null) = (finished_at is not null)", name="over"),
        Index("bulk_jobs_due", "next_at", postgresql_where=text("next_at is not null")),
        Index("bulk_jobs_list", "tenant_id", "list_name", "created_at"),
    )


class BulkJobBatch(Base):
    """What one batch of a job changed, of a verb that can be taken back. Rows of their own: the job's row would grow with each batch and be
    written whole, so that ten times as many rows were a hundred times the work."""

    __tablename__ = "bulk_job_batches"

    tenant_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    job_id: Mapped[UUID] = mapped_column(primary_key=True)
    reached: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """How many of the targets were done before."""
    changed_ids: Mapped[list[UUID]] = mapped_column(ARRAY(PG_UUID(as_uuid=True)))
    """Those that were otherwise before."""
    before: Mapped[Json] = mapped_column(server_default="{}")
    """What those had, by id, of a verb that gives it back: each may have had something else."""

    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "job_id"], ["bulk_jobs.tenant_id", "bulk_jobs.id"], ondelete="CASCADE"),
    )
