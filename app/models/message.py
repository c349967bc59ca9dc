"""The send ledger: one row a message, keyed like the step that asked for it. And who must not be written to."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, Integer, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, HasTenant, Json, small_letters
from app.models.personal import About, personal, rows_go
from app.models.status import Channel, Priority


class Message(Base):
    """`status` is a MessageStatus, `channel` a Channel. `payload`: what the node asked for (sender, overrides, topic).

    `due_at` is set while the row waits to be sent or retried. With `lease_until` a queued row is claimed by a worker, and goes back by
    itself when that is over; one that is being sent is uncertain then. `fence` tells its owner from earlier ones.
    """

    __tablename__ = "messages"

    tenant_id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    workflow_id: Mapped[UUID]
    contact_id: Mapped[UUID]
    template_id: Mapped[UUID | None]
    channel: Mapped[int] = mapped_column(SmallInteger)
    status: Mapped[int] = mapped_column(SmallInteger)
    payload: Mapped[Json | None]
    recipient: Mapped[str | None] = mapped_column(info=personal())
    subject: Mapped[str | None] = mapped_column(info=personal())
    error_message: Mapped[str | None] = mapped_column(info=personal())
    attempt: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    due_at: Mapped[datetime | None]
    lease_until: Mapped[datetime | None]
    fence: Mapped[int] = mapped_column(Integer, server_default="0")
    created_at: Mapped[datetime]
    resent_at: Mapped[datetime | None]
    """When somebody, or the rule of its workflow, last put it back into the queue."""
    sent_at: Mapped[datetime | None]
    workflow_version: Mapped[int] = mapped_column(server_default="0")
    node_id: Mapped[str] = mapped_column(server_default="")
    """The step that asked for it: counters follow the message after the run has gone on."""
    connector_id: Mapped[UUID | None]
    """By which it leaves, known once it was made ready."""
    reason: Mapped[str | None]
    """A stable word for why it was suppressed or failed; `error_message` is the sentence."""
    settled_at: Mapped[datetime | None]
    """Since when `status` is an outcome: sent, failed, uncertain, suppressed."""
    priority: Mapped[int] = mapped_column(SmallInteger, server_default=str(int(Priority.NORMAL)))
    """A Priority: that of its workflow, which it follows while it is queued."""
    first_tried_at: Mapped[datetime | None]
    """When the first try that counts was over without an outcome."""
    provider_id: Mapped[str | None]
    """What the provider that took it calls it, by which it reports about it."""
    reported: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    """What was reported about it so far: a bit for each ReportKind, so that each counts once."""
    devices: Mapped[list[Any] | None] = mapped_column(info=personal())
    """Of a channel to devices: what became of it at each, as `app.messaging.channels.devices.DeviceResult`."""

    __table_args__ = (
        Index(
            "messages_open",
            "tenant_id",
            "contact_id",
            "channel",
            "created_at",
            "run_id",
            "seq",
            postgresql_where=text("status in (0, 1)"),
        ),
        Index(
            "messages_troubled",
            "tenant_id",
            text("settled_at desc"),
            postgresql_where=text("status in (8, 9)"),
        ),
        Index(
            "messages_held",
            "tenant_id",
            "connector_id",
            "created_at",
            postgresql_where=text("status = 0 and due_at is null"),
        ),
        Index(
            "messages_due",
            "tenant_id",
            "channel",
            text("coalesce(lower(payload ->> 'connectorId'), '')"),
            "priority",
            "due_at",
            postgresql_where=text("status = 0 and due_at is not null and lease_until is null"),
        ),
        Index("messages_undecided", "due_at", postgresql_where=text("status = 9 and due_at is not null")),
        Index(
            "messages_held_by_workflow",
            "tenant_id",
            "workflow_id",
            postgresql_where=text("status = 0 and due_at is null"),
        ),
        # Those that left, and whose run waits for what the provider reports.
        Index("messages_undelivered", "due_at", postgresql_where=text("status = 2 and due_at is not null")),
        Index("messages_leased", "lease_until", postgresql_where=text("lease_until is not null")),
        # Without more columns: equal keys share an entry. A unique one made the index several times as large.
        Index("messages_contact", "tenant_id", "contact_id"),
        Index("messages_workflow", "tenant_id", "workflow_id", "run_id", "seq"),
        # Most messages are sent: those write no entry here while they are queued, and none when they have left.
        Index("messages_ended", "tenant_id", "status", "run_id", "seq", postgresql_where=text("status > 2")),
        Index(
            "messages_ended_of_workflow",
            "tenant_id",
            "workflow_id",
            "status",
            "run_id",
            "seq",
            postgresql_where=text("status > 2"),
        ),
        Index(
            "messages_provider",
            "tenant_id",
            "provider_id",
            "connector_id",
            postgresql_where=text("provider_id is not null"),
        ),
        # By month of the run. Its parts have a fill factor of 80.
        {"postgresql_partition_by": "RANGE (run_id)"},
    )


class StoredReport(Base):
    """What a provider reported about a message: once each, however often it was told. `kind` is a ReportKind, `at` the provider's time."""

    __tablename__ = "message_reports"

    tenant_id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    kind: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    digest: Mapped[bytes] = mapped_column(primary_key=True)
    """Of what tells the event from others (`channels.reports`)."""
    at: Mapped[datetime]
    received_at: Mapped[datetime]
    detail: Mapped[str | None] = mapped_column(info=personal())
    url: Mapped[str | None] = mapped_column(info=personal())

    __table_args__ = ({"postgresql_partition_by": "RANGE (run_id)"},)


class UnmatchedReport(Base):
    """A report about a message that is not known by its provider's id (yet). `report`: JSON of a MessageReport."""

    __tablename__ = "unmatched_reports"

    tenant_id: Mapped[int] = mapped_column(primary_key=True)
    connector_id: Mapped[UUID] = mapped_column(primary_key=True)
    provider_id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    digest: Mapped[bytes] = mapped_column(primary_key=True)
    report: Mapped[bytes]
    received_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "connector_id"],
            ["connectors.tenant_id", "connectors.id"],
            name="unmatched_reports_connector",
            ondelete="CASCADE",
        ),
        Index("unmatched_reports_received", "tenant_id", "received_at"),
    )


class Suppression(HasTenant, Base):
    """An address that asked not to be written to, or that does not exist."""

    __tablename__ = "suppressions"

    tenant_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True)
    channel: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    address: Mapped[str] = mapped_column(primary_key=True)
    reason: Mapped[str]
    detail: Mapped[str | None] = mapped_column(info=personal(about=About.ADDRESS))
    """What the mail server said, or what somebody wrote."""
    at: Mapped[datetime] = mapped_column(server_default=text("clock_now()"))
    barred: Mapped[bool] = mapped_column(server_default="false")
    """Stands anything against it besides the person's own word, which may be the weightier reason?"""
    lifted_at: Mapped[datetime | None]
    """Set when it no longer holds: the contact came back by itself, or an admin lifted it with a reason."""
    lifted_by: Mapped[str | None]
    lifted_reason: Mapped[str | None] = mapped_column(info=personal(about=About.ADDRESS))

    __table_args__ = (
        CheckConstraint(f"channel <> {Channel.EMAIL:d} or {small_letters('address')}", name="address_lower"),
        Index(
            "suppressions_newest", "tenant_id", "at", "channel", "address", postgresql_where=text("lifted_at is null")
        ),
        Index(
            "suppressions_lifted",
            "tenant_id",
            "at",
            "channel",
            "address",
            postgresql_where=text("lifted_at is not null"),
        ),
        Index(
            "suppressions_reason",
            "tenant_id",
            "reason",
            "at",
            "channel",
            "address",
            postgresql_where=text("lifted_at is null"),
        ),
        Index(
            "suppressions_channel", "tenant_id", "channel", "at", "address", postgresql_where=text("lifted_at is null")
        ),
        Index(
            "suppressions_search",
            "tenant_id",
            "address",
            postgresql_using="gin",
            postgresql_ops={"address": "gin_trgm_ops"},
            postgresql_with={"gin_pending_list_limit": "1024"},
        ),
    )


class MailboxMessage(Base):
    """What the SMTP server of local mode was given, kept so that people can look at it."""

    __tablename__ = "mailbox_messages"

    tenant_id: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    message_id: Mapped[str] = mapped_column(server_default="")
    sender: Mapped[str]
    recipients: Mapped[list[str]]
    subject: Mapped[str] = mapped_column(server_default="")
    raw: Mapped[bytes]
    received_at: Mapped[datetime] = mapped_column(server_default=text("clock_now()"))

    __table_args__ = ({"info": rows_go(About.RECIPIENTS)},)


class MailCount(Base):
    """How many mails of a workspace were begun in each hour (UTC), for the ceilings that the operator sets."""

    __tablename__ = "mail_counts"

    tenant_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True)
    hour: Mapped[datetime] = mapped_column(primary_key=True)
    n: Mapped[int]
