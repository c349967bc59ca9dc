"""What runs of a workspace do, for those who watch it: written while somebody does, and gone after minutes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Identity, func, text
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import UserDefinedType

from app.models.base import Base


class Xid8(UserDefinedType[str]):
    """The id of a transaction, of PostgreSQL."""

    cache_ok = True

    def get_col_spec(self, **_arguments: Any) -> str:
        return "XID8"


class LiveListener(Base):
    """Until when moves of a workspace are written down, in real time: somebody watches it, or did a while ago."""

    __tablename__ = "live_listeners"

    tenant_id: Mapped[int] = mapped_column(
        ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    until: Mapped[datetime]


class LiveMove(Base):
    """What one transaction did to runs of a workspace (`app.live_moves`): ids of runs and steps, statuses, ports.

    By transaction, because that is how a reader goes on: with all that was not visible at its last look, whatever was committed first.
    """

    __tablename__ = "live_moves"

    tenant_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    xid: Mapped[str] = mapped_column(Xid8, primary_key=True, server_default=text("pg_current_xact_id()"))
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    at: Mapped[datetime]
    written_at: Mapped[datetime] = mapped_column(server_default=func.now())
    """In real time, unlike `at`."""
    moves: Mapped[list[Any]]
    left_out: Mapped[int] = mapped_column(server_default="0")
    """Runs that the transaction moved besides those that are listed."""
