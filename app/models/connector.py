"""Credentials and settings of an outside service; the secret part is sealed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, HasId, HasTenant, HasTimes, Json


class Connector(HasId, HasTenant, HasTimes, Base):
    __tablename__ = "connectors"

    type: Mapped[str]
    name: Mapped[str]
    config: Mapped[Json] = mapped_column(server_default="{}")
    secret: Mapped[bytes | None]
    is_default: Mapped[bool] = mapped_column(server_default="false")
    state: Mapped[str] = mapped_column(server_default="ok")
    """ok; away: its server cannot be used for now; paused: its settings do not work, so nothing is sent until somebody mends them."""
    state_since: Mapped[datetime | None]
    state_message: Mapped[str | None]

    __table_args__ = (
        Index("connectors_default", "tenant_id", "type", unique=True, postgresql_where=text("is_default")),
        Index("connectors_name_key", "tenant_id", "name", unique=True),
    )
