"""Rows about the product itself: heartbeats of its processes, and the clock that tests move."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import SmallInteger, func
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, Json


class Heartbeat(Base):
    """One row a running process; older than 15 s means gone. Real time, not the virtual clock."""

    __tablename__ = "heartbeats"

    process: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    detail: Mapped[Json | None]


class VirtualClock(Base):
    """At most one row. While it is there, `clock_now()` answers with it. Production never writes it."""

    __tablename__ = "virtual_clock"

    one: Mapped[int] = mapped_column(SmallInteger, primary_key=True, server_default="1")
    at: Mapped[datetime]
