"""Hosts that steps call by their URL, without a connector."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, SmallInteger, func
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base


class ServiceHost(Base):
    """What all workers know of one host that a workspace calls: a row from the first failure until a day after the last sign."""

    __tablename__ = "service_hosts"

    tenant_id: Mapped[int] = mapped_column(
        ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    host: Mapped[str] = mapped_column(primary_key=True)
    """As the target of its calls says it: `api.example.com`, with the port where that is no usual one."""
    state: Mapped[str] = mapped_column(server_default="ok")
    """ok; away: it cannot be used for now, so its calls wait and one tries it (`connectors.breaker_repository` has the rules)."""
    state_since: Mapped[datetime | None]
    state_message: Mapped[str | None]
    failures_in_row: Mapped[int] = mapped_column(server_default="0")
    """Calls in a row of which the host was at fault."""
    failures: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    """How often in a row it was found away; the pause before the next try grows with it."""
    probe_at: Mapped[datetime | None]
    """Of an away host: when one call may try it next."""
    paused_until: Mapped[datetime | None]
    """Until when it asked to be left alone (Retry-After)."""
    noted_at: Mapped[datetime] = mapped_column(server_default=func.clock_now())
    """When a call last said something that was written here."""

    __table_args__ = ({"postgresql_with": {"fillfactor": "50"}},)
