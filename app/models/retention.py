"""What stays of rows that were removed because they are old: their sums, since when there are any, and months on their way out."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base


class RetiredStat(Base):
    """What removed runs and messages are counted as in `node_stats`, so that those counters can still be checked.

    Keys as there but `seconds`, and `started`: runs by the trigger that they began at (`app.counters.recount_repository`). `month` is
    empty, or the month on its way out whose sums may change until it is away.
    """

    __tablename__ = "retired_stats"

    tenant_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    workflow_id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    node_id: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    month: Mapped[str] = mapped_column(primary_key=True, server_default="")
    n: Mapped[int] = mapped_column(BigInteger)


class LeavingMonth(Base):
    """A month on its way out: its rows are counted in `retired_stats` and no longer part of what there is.

    There for seconds, or until the next round when the scheduler ended in between.
    """

    __tablename__ = "leaving_months"

    kind: Mapped[str] = mapped_column(primary_key=True)
    """What leaves together: `runs` or `events`."""
    suffix: Mapped[str] = mapped_column(primary_key=True)
    """How its tables end: `2026_12`."""
    first: Mapped[UUID]
    until: Mapped[UUID]
    """Its ids: from `first` to below `until`."""
    replaced: Mapped[bool]
    """An empty month takes its place."""


class HistoryStart(Base):
    """Since when a workspace has all of what a rule (`app.retention.rules`) keeps. There is no row before something was removed."""

    __tablename__ = "history_starts"

    tenant_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    rule: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime]
