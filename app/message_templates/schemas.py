"""What clients send and get about templates."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from app.folders.tags import TagList
from app.messaging.channels.email.channel import EmailChannel
from app.messaging.channels.parts import Parts
from app.messaging.channels.sms_segments import SegmentCount

TemplateName = Annotated[str, Meta(min_length=1, max_length=120)]
Subject = Annotated[str, Meta(max_length=1000)]
Source = Annotated[str, Meta(max_length=256 * 1024)]
ChannelWord = Annotated[str, Meta(max_length=60, description="The word of a channel: `email`, `sms`, `whatsapp`")]
ContentFields = Annotated[
    dict[str, Any],
    Meta(
        description="What templates of the channel have beside their parts. `sms`: `optOut`, the line that marketing messages end with."
        " `whatsapp`: `kind`, `name`, `language`, `contentSid`, `header`, `headerValue`, `variables`, `buttons`."
    ),
]


InTemplateFolder = Annotated[UUID, Meta(description="One of `GET /template-folders`; null: in none.")]


class NewTemplate(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    name: TemplateName
    subject: Subject = ""
    html: Source = ""
    text: Source = ""
    channel: ChannelWord = EmailChannel.type
    content: ContentFields = msgspec.field(default_factory=dict)
    folder_id: InTemplateFolder | UnsetType | None = UNSET
    tags: TagList | UnsetType = UNSET


class TemplateChange(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """What is absent stays."""

    name: TemplateName | UnsetType = UNSET
    subject: Subject | UnsetType = UNSET
    html: Source | UnsetType = UNSET
    text: Source | UnsetType = UNSET
    channel: ChannelWord | UnsetType = UNSET
    content: ContentFields | UnsetType = UNSET
    folder_id: InTemplateFolder | UnsetType | None = UNSET
    tags: TagList | UnsetType = UNSET

    @property
    def only_files(self) -> bool:
        """Does nothing change but where it lies and its tags?"""
        return {name for name in self.__struct_fields__ if getattr(self, name) is not UNSET} <= {"folder_id", "tags"}


class TemplateView(msgspec.Struct, rename="camel"):
    id: UUID
    name: str
    channel: str
    subject: str
    html: str
    text: str
    content: dict[str, Any]
    """What templates of the channel have beside their parts; empty for emails."""
    folder_id: UUID | None
    tags: list[str]
    created_at: datetime
    updated_at: datetime


class PreviewRequest(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """As whom to render; without a contact a made-up one. Parts given here replace the stored ones."""

    contact_id: UUID | None = None
    event: dict[str, Any] = msgspec.field(default_factory=dict)
    subject: Subject | UnsetType = UNSET
    html: Source | UnsetType = UNSET
    text: Source | UnsetType = UNSET
    content: ContentFields | UnsetType = UNSET


class TemplateWarning(msgspec.Struct, frozen=True):
    """Something in a part (`subject`, `html`, `text`, `content.variables[0]`) that is no mistake, but most likely not meant."""

    path: str
    message: str


class PreviewView(msgspec.Struct, rename="camel"):
    """A rendered template. `contact` is whom it was rendered as; `warnings` name fields that no data has."""

    subject: str
    html: str
    text: str
    contact: str
    warnings: Sequence[TemplateWarning] = ()
    content: dict[str, Any] = msgspec.field(default_factory=dict)
    segments: SegmentCount | None = None
    """The SMS that a provider makes of it and charges for: an estimate, since other contacts have other values."""

    @property
    def parts(self) -> Parts:
        """The rendered template as its channel takes it."""
        return Parts(self.subject, self.html, self.text, self.content)
