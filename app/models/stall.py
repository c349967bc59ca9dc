"""What stands still in a workspace, as the scheduler saw it last."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base


class Stall(Base):
    """Runs of a workflow that stand still for one reason, which only people can mend. Written anew by each look (`engine.stale_runs`)."""

    __tablename__ = "stalls"

    tenant_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    workflow_id: Mapped[UUID] = mapped_column(primary_key=True)
    reason: Mapped[str] = mapped_column(primary_key=True)
    """A sentence."""
    count: Mapped[int]
    since: Mapped[datetime | None]
    seen_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "workflow_id"], ["workflows.tenant_id", "workflows.id"], ondelete="CASCADE"),
    )
