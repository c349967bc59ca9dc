"""Buses of the operator that hear what happens in workspaces, what each is still to hear, and what came in by one."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, Integer, func
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, Json
from app.models.personal import rows_go


class EventSink(Base):
    """A bus that the settings of a worker name. While its row is there, events of its types are written down for it."""

    __tablename__ = "event_sinks"

    name: Mapped[str] = mapped_column(primary_key=True)
    """`nats` or `redis`."""
    types: Mapped[list[str]]
    """Names of `app.domain_events.types`."""
    tenant_ids: Mapped[list[int] | None] = mapped_column(ARRAY(Integer))
    """The workspaces that it hears of; NULL: all."""
    seen_at: Mapped[datetime] = mapped_column(server_default=func.now())
    """When a worker that has it in its settings was last there, in real time."""
    failing_since: Mapped[datetime | None]
    """Since when it takes nothing, in real time; NULL while it does."""
    last_error: Mapped[str | None]
    waiting: Mapped[int | None] = mapped_column(BigInteger)
    """Of a bus by which messages come in: how many wait on it; NULL while nobody knows."""
    unacknowledged: Mapped[int | None] = mapped_column(BigInteger)
    """How many more were given to a worker and are not acknowledged."""
    behind_since: Mapped[datetime | None]
    """Since when there have always been some, in real time."""


class SinkEvent(Base):
    """An event for one bus: written in the transaction of what happened, deleted when the bus has it."""

    __tablename__ = "sink_events"

    tenant_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True)
    sink: Mapped[str] = mapped_column(primary_key=True)
    n: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    """Its place: what happens to one contact is in order."""
    id: Mapped[UUID]
    """The event's id: the same for all who hear of it, and for each try."""
    type: Mapped[str]
    contact_id: Mapped[UUID | None]
    data: Mapped[Json]
    occurred_at: Mapped[datetime]
    written_at: Mapped[datetime]

    __table_args__ = (
        Index("sink_events_contact", "tenant_id", "contact_id"),
        {"info": rows_go(names="data::text")},
    )


class InboundMessage(Base):
    """The id of a message of a bus that was handled, kept for days: the same again changes nothing."""

    __tablename__ = "inbound_messages"

    tenant_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(server_default=func.clock_now())

    __table_args__ = (Index("inbound_messages_at", "tenant_id", "at"),)
