"""Contacts as programs send and read them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from app.models.contact import Contact
from app.subscriptions.permission import Permission


class ContactIn(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """A whole contact or a part of one. A field that is absent stays as it is; `null` empties it.

    What is sent is merged into what is there. `attributes` and `consent` are merged name by name: a value takes the place of
    the whole value of its name, and `null` removes the name. `tags` and `addTags` add, `removeTags` takes away, and only
    `replaceTags` drops the tags that it does not name.
    """

    external_id: str | UnsetType | None = UNSET
    email: str | UnsetType | None = UNSET
    phone: (
        Annotated[
            str | None,
            Meta(description="With a country code, or as written in the workspace's country; stored as E.164."),
        ]
        | UnsetType
    ) = UNSET
    source: str | UnsetType | None = UNSET
    timezone: (
        Annotated[str | None, Meta(description="A name of the IANA database, like Europe/Berlin, or a usual one.")]
        | UnsetType
    ) = UNSET
    locale: (
        Annotated[str | None, Meta(description="A language with an optional region, like en-GB, or its name.")]
        | UnsetType
    ) = UNSET
    attributes: dict[str, Any] | UnsetType = UNSET
    tags: Annotated[list[str], Meta(description="Tags to add, as addTags.")] | UnsetType = UNSET
    add_tags: list[str] | UnsetType = UNSET
    remove_tags: list[str] | UnsetType = UNSET
    replace_tags: (
        Annotated[list[str], Meta(description="The tags that take the place of all that are there.")] | UnsetType
    ) = UNSET
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
    permissions: Annotated[
        dict[str, Permission],
        Meta(
            description="May messages be sent now, by channel: what the consent and the suppression list say together."
        ),
    ]
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: Contact, email: Permission) -> ContactOut:
        """The contact with the permission for its email."""
        texts = {name: getattr(row, name) for name in cls.__struct_fields__ if name != "permissions"}
        return cls(**texts, permissions={"email": email})


class Erased(msgspec.Struct):
    """The contact that was deleted."""

    id: UUID


class ResubscribeRequest(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """Why a contact may be written to again. With a `topic` that one is allowed again too."""

    reason: Annotated[str, Meta(min_length=1, max_length=1000)]
    topic: Annotated[str, Meta(min_length=1, max_length=100)] | None = None
    channel: Literal["email"] = "email"
