"""What clients send and get about messages."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from app.messaging.channels.devices import DeviceResult


class MessageView(msgspec.Struct, rename="camel"):
    id: str
    run_id: UUID
    workflow_id: UUID
    contact_id: UUID
    template_id: UUID | None
    channel: str
    status: str
    recipient: str | None
    subject: str | None
    error_message: str | None
    attempt: int
    due_at: datetime | None
    created_at: datetime
    sent_at: datetime | None
    workflow_version: int
    node_id: str
    """The step that asked for it."""
    connector_id: UUID | None
    reason: str | None
    """A word that programs can rely on; `error_message` is the sentence."""
    settled_at: datetime | None
    """Since when `status` is an outcome."""
    resent_at: datetime | None
    """When it was last put back into the queue."""
    provider_id: str | None = None
    """What the provider that took it calls it."""
    devices: list[DeviceResult] | None = None
    """Of a channel to devices: what became of it at each."""
    decisions: list[DecisionView] | None = None
    """Of one message: what was decided about it, the first first. Lists leave it out."""
    reports: list[ReportView] | None = None
    """Of one message: what its provider reported about it, the first first. Lists leave it out."""


class MessageFilter(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """Which messages of those that failed or are uncertain. What is absent does not matter; `since` and `until` are about `settledAt`."""

    status: Annotated[list[Literal["failed", "uncertain"]], Meta(min_length=1, max_length=2)]
    workflow_id: UUID | None = None
    version: Annotated[int, Meta(ge=1, le=2_000_000_000)] | None = None
    node_id: Annotated[str, Meta(max_length=100)] | None = None
    connector_id: UUID | None = None
    contact_id: UUID | None = None
    reason: Annotated[str, Meta(max_length=100)] | None = None
    since: Annotated[datetime, Meta(tz=True)] | None = None
    until: Annotated[datetime, Meta(tz=True)] | None = None


MessageIds = Annotated[list[Annotated[str, Meta(max_length=60)]], Meta(min_length=1, max_length=100)]


class ResendRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Messages by id, at most 100, or all that fit a filter."""

    ids: MessageIds | None = None
    filter: MessageFilter | None = None


class SettleRequest(msgspec.Struct, forbid_unknown_fields=True):
    """What became of uncertain messages: some by id, at most 100, or all that fit a filter."""

    outcome: Literal["sent", "failed"] = msgspec.field(name="as")
    ids: MessageIds | None = None
    filter: MessageFilter | None = None


class MovedView(msgspec.Struct, rename="camel"):
    """How many messages were moved; `skipped` are those that were not there, or not in a state to move."""

    moved: int
    skipped: int
    job: MessageJobView | None = None
    """Of a filter: the job that does it; more may be moved than were when this was answered."""


class MessageJobView(msgspec.Struct, rename="camel"):
    """Something that is done for many messages. `matched` is how many fitted when it began, counted up to 10,000."""

    id: UUID
    act: str
    """resend, sent or failed"""
    status: str
    """running, completed or stopped"""
    matched: int
    moved: int
    skipped: int
    """Fitted, but somebody else had moved them when it was their turn."""
    by: str
    created_at: datetime
    finished_at: datetime | None
    stopped_by: str | None = None
    """Who ended it before all was done."""


class DecisionView(msgspec.Struct, rename="camel"):
    """What somebody, or the rule of the workflow, decided about a message, and what it was before."""

    act: str
    """sent, failed or resent"""
    by: str
    """A name; empty for the rule of the workflow."""
    by_kind: str
    """user, key or rule"""
    at: datetime
    was: str
    was_reason: str | None
    was_error: str | None
    was_since: datetime | None
    tries: int


class ReportView(msgspec.Struct, rename="camel"):
    """What the provider reported. `at` is its time, `receivedAt` ours; `detail` are its words, `url` the link that was clicked."""

    kind: str
    """delivered, opened, clicked, bounced, complained, failed, replied or unsubscribed"""
    at: datetime
    received_at: datetime
    detail: str | None
    url: str | None


class Settlement(msgspec.Struct, forbid_unknown_fields=True):
    """What became of a message whose fate was uncertain."""

    outcome: Literal["sent", "failed"] = msgspec.field(name="as")
