"""What clients send and get about the suppression list."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from app.messaging.channels.email.channel import EmailChannel

ChannelWord = Annotated[str, Meta(max_length=60, description="The word of a channel: `email`")]
SuppressionReason = Literal["unsubscribed", "complained", "bounced", "invalid", "manual"]


class NewSuppression(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """An address that must not be written to. `detail` is what stands behind it: a note, or what a mail server said."""

    address: Annotated[str, Meta(max_length=320)]
    reason: SuppressionReason = "manual"
    detail: Annotated[str, Meta(max_length=1000)] = ""
    channel: ChannelWord = EmailChannel.type


class LiftRequest(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """Which address may be written to again, and why."""

    address: Annotated[str, Meta(max_length=320)]
    reason: Annotated[str, Meta(min_length=1, max_length=1000)]
    channel: ChannelWord = EmailChannel.type


class SuppressionView(msgspec.Struct, rename="camel"):
    """`contactId`: who has the address now. `liftedAt` is set when the entry holds no more."""

    address: str
    channel: str
    reason: str
    detail: str | None
    since: datetime
    lifted_at: datetime | None
    lifted_by: str | None
    lifted_reason: str | None
    contact_id: UUID | None
