"""Events: the history of what happened, and the inbox of what the engine has not looked at yet."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Identity, Index, SmallInteger, func, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, BigInteger, Json
from app.models.personal import About, rows_go
from app.models.status import Priority


class Event(Base):
    """Kept for timelines. `key` is the client's idempotency id; `StoredEventKey` keeps it unique in its workspace."""

    __tablename__ = "events"

    tenant_id: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    contact_id: Mapped[UUID | None]
    name: Mapped[str]
    properties: Mapped[Json | None]
    key: Mapped[str | None]
    occurred_at: Mapped[datetime]
    received_at: Mapped[datetime] = mapped_column(server_default=func.clock_now())

    __table_args__ = (
        Index("events_contact", "tenant_id", "contact_id", text("occurred_at desc")),
        Index("events_name", "tenant_id", "name", "id"),
        {"info": rows_go(), "postgresql_partition_by": "RANGE (id)"},
    )


class StoredEventKey(Base):
    """What an event is known by, once in its workspace: the id that its sender gave it, or with `of_request` the request's
    `Idempotency-Key` and the event's place in it.

    Apart from the events, because those may be cut by their time and a key must hold over all of it. It comes and goes in the
    transaction of its event.
    """

    __tablename__ = "event_keys"

    tenant_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    of_request: Mapped[bool] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    event_id: Mapped[UUID]

    __table_args__ = (
        Index("event_keys_event", "tenant_id", "event_id"),
        {"info": rows_go(About.EVENT)},
    )


class Inbox(Base):
    """Deleted in the transaction that handles it. `kind` is an `app.inbox.InboxKind`, which is written there alone.

    Only a start (`START`, `AT_TRIGGER`, `CALLED`) may have no contact.
    """

    __tablename__ = "inbox"

    tenant_id: Mapped[int] = mapped_column(primary_key=True)
    priority: Mapped[int] = mapped_column(SmallInteger, primary_key=True, server_default=str(int(Priority.NORMAL)))
    """A Priority: that of the workflow which `workflow_id` names, in most kinds; events from outside are normal."""
    lane: Mapped[int] = mapped_column(BigInteger, primary_key=True, server_default="0")
    """Of a sender that may not hold up others (`app.inbox_lane.lane_of_trigger`); 0 is everybody's."""
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    kind: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    name: Mapped[str]
    contact_id: Mapped[UUID | None]
    event_id: Mapped[UUID | None]
    workflow_id: Mapped[UUID | None]
    run_id: Mapped[UUID | None]
    payload: Mapped[Json | None]
    occurred_at: Mapped[datetime]
    at: Mapped[datetime] = mapped_column(server_default=func.clock_now())
    """When it arrived: a workflow that was activated later is not started by it."""
    depth: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    """How many workflows lie between what happened outside and this change of a contact, which `workflow_id` made."""

    __table_args__ = (
        # Whoever looks back at stored events leaves out those that still stand here.
        Index("inbox_event", "tenant_id", "event_id", postgresql_where=text("event_id is not null")),
        # Of starts alone, so that events write no entry: has a run begun?
        Index("inbox_asked", "tenant_id", "run_id", postgresql_where=text("kind in (1, 6, 7)")),
        {"info": rows_go(names="payload::text")},
    )


class DeadLetter(Base):
    """An inbox row that could not be handled even alone, with the reason, and all that it takes to try it again."""

    __tablename__ = "dead_letters"

    tenant_id: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    kind: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    name: Mapped[str]
    contact_id: Mapped[UUID | None]
    event_id: Mapped[UUID | None]
    workflow_id: Mapped[UUID | None]
    run_id: Mapped[UUID | None]
    payload: Mapped[Json | None]
    depth: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    occurred_at: Mapped[datetime | None]
    arrived_at: Mapped[datetime | None]
    error: Mapped[str]
    at: Mapped[datetime] = mapped_column(server_default=func.clock_now())
    """When it was set aside."""
    lane: Mapped[int] = mapped_column(BigInteger, server_default="0")
    """Of the inbox, in which it waits again when it is tried once more."""

    __table_args__ = (
        Index("dead_letters_contact", "tenant_id", "contact_id"),
        {"info": rows_go(names="payload::text")},
    )
