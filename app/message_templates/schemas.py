"""What clients send and get about templates."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from app.messaging.channels.email.channel import EmailChannel

TemplateName = Annotated[str, Meta(min_length=1, max_length=120)]
Subject = Annotated[str, Meta(max_length=1000)]
Source = Annotated[str, Meta(max_length=256 * 1024)]
ChannelWord = Annotated[str, Meta(max_length=60, description="The word of a channel: `email`")]


class NewTemplate(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    name: TemplateName
    subject: Subject = ""
    html: Source = ""
    text: Source = ""
    channel: ChannelWord = EmailChannel.type


class TemplateChange(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """What is absent stays."""

    name: TemplateName | UnsetType = UNSET
    subject: Subject | UnsetType = UNSET
    html: Source | UnsetType = UNSET
    text: Source | UnsetType = UNSET
    channel: ChannelWord | UnsetType = UNSET


class TemplateView(msgspec.Struct, rename="camel"):
    id: UUID
    name: str
    channel: str
    subject: str
    html: str
    text: str
    created_at: datetime
    updated_at: datetime


class PreviewRequest(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """As whom to render; without a contact a made-up one. Parts given here replace the stored ones."""

    contact_id: UUID | None = None
    event: dict[str, Any] = msgspec.field(default_factory=dict)
    subject: Subject | UnsetType = UNSET
    html: Source | UnsetType = UNSET
    text: Source | UnsetType = UNSET


class TemplateWarning(msgspec.Struct, frozen=True):
    """Something in a part (`subject`, `html`, `text`) that is no mistake, but most likely not meant."""

    path: str
    message: str


class PreviewView(msgspec.Struct, rename="camel"):
    """A rendered template. `contact` is whom it was rendered as; `warnings` name fields that no data has."""

    subject: str
    html: str
    text: str
    contact: str
    warnings: Sequence[TemplateWarning] = ()
