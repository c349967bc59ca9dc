"""Contacts as programs send and read them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from app.models.contact import Contact


class ContactIn(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """A whole contact or a part of one. A field that is absent stays as it is; `null` empties it.

    `attributes` and `consent` are merged key by key, and a `null` value removes its key. `tags` replaces all tags;
    `addTags` and `removeTags` change some of them.
    """

    external_id: str | UnsetType | None = UNSET
    email: str | UnsetType | None = UNSET
    phone: Annotated[str | None, Meta(description="Any notation with a country code; stored as E.164.")] | UnsetType = (
        UNSET
    )
    source: str | UnsetType | None = UNSET
    timezone: (
        Annotated[str | None, Meta(description="A name of the IANA database, like Europe/Berlin.")] | UnsetType
    ) = UNSET
    locale: Annotated[str | None, Meta(description="A language with an optional region, like en-GB.")] | UnsetType = (
        UNSET
    )
    attributes: dict[str, Any] | UnsetType = UNSET
    tags: list[str] | UnsetType = UNSET
    add_tags: list[str] | UnsetType = UNSET
    remove_tags: list[str] | UnsetType = UNSET
    consent: (
        Annotated[dict[str, bool | None], Meta(description="Channel or topic to true or false; false stops messages.")]
        | UnsetType
    ) = UNSET


class ContactOut(msgspec.Struct, rename="camel"):
    id: UUID
    external_id: str | None
    email: str | None
    phone: str | None
    source: str | None
    attributes: dict[str, Any]
    tags: list[str]
    timezone: str | None
    locale: str | None
    consent: dict[str, bool]
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: Contact) -> ContactOut:
        return cls(**{name: getattr(row, name) for name in cls.__struct_fields__})


class Erased(msgspec.Struct):
    """The contact that was deleted."""

    id: UUID
