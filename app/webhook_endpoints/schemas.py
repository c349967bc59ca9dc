"""What clients send and get about endpoints. A secret is shown when it is made, and never after."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from app.lib import single_line

Url = Annotated[str, Meta(min_length=1, max_length=2_000, pattern=single_line.PATTERN)]
Description = Annotated[str, Meta(max_length=200)]
EventTypes = Annotated[list[Annotated[str, Meta(max_length=80)]], Meta(min_length=1, max_length=60)]


class NewEndpoint(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    url: Url
    event_types: EventTypes
    description: Description = ""


class EndpointChange(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    url: Url | UnsetType = UNSET
    event_types: EventTypes | UnsetType = UNSET
    description: Description | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET


class SigningSecret(msgspec.Struct, rename="camel"):
    """`until` null: the present one."""

    hint: str
    until: datetime | None


class EndpointView(msgspec.Struct, rename="camel"):
    id: UUID
    url: str
    description: str
    event_types: list[str]
    enabled: bool
    disabled_reason: str | None
    """`person`; `failing`: nothing arrived for three days; `gone`: it answered 410."""
    failing_since: datetime | None
    last_error: str | None
    waiting: int
    """Deliveries that wait or are tried again, counted up to 10,000."""
    last_event_at: datetime | None
    secrets: list[SigningSecret]
    created_at: datetime
    updated_at: datetime


class EndpointWithSecret(msgspec.Struct, rename="camel"):
    """An endpoint and its new secret, which is not shown again."""

    endpoint: EndpointView
    secret: str


class TryView(msgspec.Struct, rename="camel"):
    at: datetime
    http_status: int | None
    error: str | None
    duration_ms: int


class DeliveryView(msgspec.Struct, rename="camel"):
    id: UUID
    """The id of the event, sent as `webhook-id` at each try."""
    type: str
    status: str
    """`waiting`, `delivered` or `failed`."""
    occurred_at: datetime
    attempt: int
    next_at: datetime | None
    settled_at: datetime | None
    http_status: int | None
    error: str | None


class DeliveryDetails(msgspec.Struct, rename="camel"):
    delivery: DeliveryView
    request: Any
    """The event as it is sent."""
    answer: str | None
    """The beginning of the last answer, without mail addresses."""
    tries: list[TryView]


class EventTypeView(msgspec.Struct, rename="camel"):
    name: str
    description: str
    version: int
    schema: Any
    """JSON Schema of the event's `data`."""
    example: Any
    """A whole event, as it is sent."""
