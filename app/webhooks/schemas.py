"""What the API says of addresses that other programs call."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from app.errors import FieldError
from app.web.structs import Camel


class Received(Camel):
    """The run that a call started. `repeated`: the same delivery had come before; this is its run, and no second one starts."""

    run_id: UUID
    execution_id: UUID
    contact_id: UUID | None
    repeated: bool


class Challenge(Camel):
    """What a sender sent to ask whether the address is ours, given back. No run starts."""

    challenge: str


class Expectation(Camel):
    """What an address expects. `listening` false: `whyNot` says why a call starts no run now."""

    method: str
    content_type: str
    most_bytes: int
    signature: str
    identity: dict[str, str]
    attributes: dict[str, str]
    properties: dict[str, str] | Literal["all"]
    headers: dict[str, str]
    listening: bool
    why_not: str | None


class SecretView(Camel):
    """A secret that signs calls: its last characters, and until when it does. `until` null: it is the present one."""

    hint: str
    until: datetime | None


class WebhookView(Camel):
    """The address of a trigger. Secrets are shown once, when they are made."""

    url: str
    secrets: list[SecretView]


class NewSecret(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The secret that the sender has, where it makes one; left out, one is made here."""

    secret: Annotated[str, Meta(min_length=16, max_length=200, pattern=r"^[\x21-\x7e]+\Z")] | UnsetType = UNSET


class MadeSecret(Camel):
    """The secret, this once. The one before it signs until `previousUntil`."""

    secret: str
    previous_until: datetime | None


class SampleView(Camel):
    """A call that came in, redacted, and what became of it. `headers`: those that tell what it is about, by lower-case name; null: it is
    from before they were kept."""

    at: datetime
    payload: Any
    headers: dict[str, str] | None
    run_id: UUID | None
    contact_id: UUID | None
    error: str | None


class MappedView(Camel):
    """What the trigger of the draft would make of a body."""

    identity: dict[str, str]
    attributes: dict[str, Any]
    properties: dict[str, Any]
    errors: list[FieldError]


class PreviewBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """`payload`: a body to try, with `headers`; left out, the last calls that came in. `data`: a mapping to try instead of the draft's."""

    payload: Any = UNSET
    headers: Annotated[dict[str, str], Meta(max_length=100)] = {}
    data: dict[str, Any] | UnsetType = UNSET
