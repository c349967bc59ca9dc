"""Rows about the product itself: heartbeats of its processes, and the clock that tests move."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Identity, Index, Integer, SmallInteger, Uuid, false, func
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, Json


class Heartbeat(Base):
    """One row a running process; older than 15 s means gone. Real time, not the virtual clock."""

    __tablename__ = "heartbeats"

    process: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    detail: Mapped[Json | None]


class WorkerBatch(Base):
    """What an engine walks now, written outside of the batch's transaction. Open, and its session gone: the worker died in it.

    Unlogged: a crash of the server empties it, and says nothing about the batches.
    """

    __tablename__ = "batches"

    process: Mapped[str] = mapped_column(primary_key=True)
    pid: Mapped[int]
    """Of the server's process that has the batch's transaction, with the start of that."""
    backend_start: Mapped[datetime]
    open: Mapped[bool] = mapped_column(server_default=false())
    tenants: Mapped[list[int] | None] = mapped_column(ARRAY(Integer))
    """The workspaces of both."""
    events: Mapped[list[int] | None] = mapped_column(ARRAY(BigInteger))
    """Ids of inbox rows."""
    lanes: Mapped[list[int] | None] = mapped_column(ARRAY(BigInteger))
    """Of the same rows; empty when all stand in everybody's."""
    runs: Mapped[list[UUID] | None] = mapped_column(ARRAY(Uuid))
    at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = ({"prefixes": ["UNLOGGED"]},)


class Crash(Base):
    """An inbox row or a run in whose batch a worker died; from the second time on it was alone. Held at the third."""

    __tablename__ = "crashes"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    tenant_id: Mapped[int]
    inbox_id: Mapped[int | None] = mapped_column(BigInteger)
    lane: Mapped[int] = mapped_column(BigInteger, server_default="0")
    run_id: Mapped[UUID | None]
    count: Mapped[int] = mapped_column(SmallInteger)
    at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (
        Index("crashes_inbox", "tenant_id", "inbox_id", unique=True),
        Index("crashes_run", "tenant_id", "run_id", unique=True),
    )


class VirtualClock(Base):
    """At most one row. While it is there, `clock_now()` answers with it. Production never writes it."""

    __tablename__ = "virtual_clock"

    one: Mapped[int] = mapped_column(SmallInteger, primary_key=True, server_default="1")
    at: Mapped[datetime]
