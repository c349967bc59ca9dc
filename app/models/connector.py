"""Credentials and settings of an outside service; the secret part is sealed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Computed, Index, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, HasTenantKey, HasTimes, Json

SERVER = """
case when config ? 'host' or config ? 'local'
then lower(coalesce(config ->> 'host', 'local')) || ' ' || coalesce(config ->> 'port', '') || ' '
|| coalesce(config ->> 'security', '') || ' ' || coalesce(config ->> 'username', '') else type || ' ' || id::text end
"""
"""A connector to a host shares it with others to the same one; any other is by itself."""


class Connector(HasTenantKey, HasTimes, Base):
    __tablename__ = "connectors"

    type: Mapped[str]
    channel: Mapped[int] = mapped_column(SmallInteger, server_default="1")
    """The number of the channel that its type serves."""
    name: Mapped[str]
    config: Mapped[Json] = mapped_column(server_default="{}")
    secret: Mapped[bytes | None]
    is_default: Mapped[bool] = mapped_column(server_default="false")
    state: Mapped[str] = mapped_column(server_default="ok")
    """ok; away: its server cannot be used for now; paused: its settings do not work, so nothing is sent until somebody mends them."""
    state_since: Mapped[datetime | None]
    state_message: Mapped[str | None]
    server: Mapped[str] = mapped_column(Computed(SERVER, persisted=True))
    """Connectors of a workspace with the same one share what is known about the server: whether it is away, and how much it takes."""
    probe_at: Mapped[datetime | None]
    """Of an away server: when one mail may try it next. Otherwise set while mail that it held is still being freed."""
    failures: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    """How often in a row it was found away; the pause before the next try grows with it."""
    room: Mapped[int | None] = mapped_column(SmallInteger)
    """How many connections each worker keeps to it for now; null for as many as there may be."""

    __table_args__ = (
        Index("connectors_default", "tenant_id", "channel", unique=True, postgresql_where=text("is_default")),
        Index("connectors_name_key", "tenant_id", "name", unique=True),
        Index("connectors_probed", "probe_at", postgresql_where=text("probe_at is not null")),
    )
