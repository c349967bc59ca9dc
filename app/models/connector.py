"""Credentials and settings of an outside service; the secret part is sealed."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Computed, DateTime, ForeignKeyConstraint, Index, SmallInteger, text
from sqlalchemy.dialects.postgresql import ARRAY
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
    callback_secret: Mapped[bytes | None]
    """Sealed: what verifies calls of its provider."""
    consent: Mapped[bytes | None]
    """Sealed: what a person's consent gave, of OAuth2 with one (`connectors.grants`)."""
    consented_at: Mapped[datetime | None]
    consent_pending: Mapped[bytes | None]
    """Sealed: the one consent that is being asked for now."""
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

    max_concurrent: Mapped[int | None]
    """How many calls or messages are under way by it at a time, of all workers together; null: as many as its type says."""
    rate: Mapped[int | None]
    """How many may begin in `rate_seconds`; null: as its type says."""
    rate_seconds: Mapped[int | None]
    burst: Mapped[int | None]
    """How many may begin at once after a rest; null: one second's worth of `rate`."""
    stand_in_id: Mapped[UUID | None]
    """The connector of its channel by which messages leave while this one does not work; null: they wait."""
    paused_until: Mapped[datetime | None]
    """Until when the service asked to be left alone (Retry-After)."""

    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "stand_in_id"], ["connectors.tenant_id", "connectors.id"]),
        Index("connectors_default", "tenant_id", "channel", unique=True, postgresql_where=text("is_default")),
        Index("connectors_name_key", "tenant_id", "name", unique=True),
        Index("connectors_probed", "probe_at", postgresql_where=text("probe_at is not null")),
    )


class ConnectorGate(Base):
    """What all workers count together for one connector: what may begin, failures in a row, the access token of now. Made when needed."""

    __tablename__ = "connector_gates"

    tenant_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    connector_id: Mapped[UUID] = mapped_column(primary_key=True)
    tokens: Mapped[float | None]
    """How many could begin at `tokens_at`; null: as many as ever may."""
    tokens_at: Mapped[datetime | None]
    tests_until: Mapped[list[datetime]] = mapped_column(ARRAY(DateTime(timezone=True)), server_default="{}")
    """When the calls under way that tests make are over at the latest: each has a place of `max_concurrent` until then."""
    failures_in_row: Mapped[int] = mapped_column(server_default="0")
    """Calls in a row of which the service was at fault."""
    used_at: Mapped[datetime | None]
    """When a call or message last began by it, to the minute."""
    refused_request: Mapped[str | None]
    """The request that was answered 401 since the last success, `*` when there were several."""
    refusals_in_row: Mapped[int] = mapped_column(server_default="0")
    """Answers of 401 in a row which may be about their request alone."""
    renewal_cut_at: Mapped[datetime | None]
    """When it was seen that a process had ended in the middle of renewing a consent, of which nothing came since."""
    access_token: Mapped[bytes | None]
    """Sealed, of OAuth2."""
    access_token_until: Mapped[datetime | None]
    access_token_lease: Mapped[datetime | None]
    """Until when a worker fetches another one, in real time; the others wait for it."""

    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "connector_id"], ["connectors.tenant_id", "connectors.id"], ondelete="CASCADE"
        ),
        {"postgresql_with": {"fillfactor": "50"}},
    )
