"""How much a workspace has done, hour by hour."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base


class ActivityHour(Base):
    """The counters of a workspace as they were at `at`, soon after `hour` (UTC) began: sums since the workspace exists.

    An hour in which nothing had moved since the row before has none. `app.insights.activity` reads differences out of them.
    """

    __tablename__ = "activity_hours"

    tenant_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True)
    hour: Mapped[datetime] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    entered: Mapped[int] = mapped_column(BigInteger)
    completed: Mapped[int] = mapped_column(BigInteger)
    failed: Mapped[int] = mapped_column(BigInteger)
    goal_reached: Mapped[int] = mapped_column(BigInteger)
    sent: Mapped[int] = mapped_column(BigInteger)
