"""What clients send and get about connectors. A password goes in and never comes out. What settings there are, each type says."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from app.connectors.limits import ConnectorLimits, LimitsView
from app.lib import single_line
from app.models.base import Json

Name = Annotated[str, Meta(min_length=1, max_length=120)]
Short = Annotated[str, Meta(max_length=320, pattern=single_line.PATTERN)]


class NewConnector(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    name: Name
    config: Json
    """Settings of its type: each type has its own."""
    type: Annotated[str, Meta(max_length=60)] = ""
    """That of the first channel when it is not said."""
    is_default: bool = False
    stand_in_id: UUID | None = None
    """The connector of the same channel by which messages leave while this one does not work."""
    limits: ConnectorLimits = ConnectorLimits()


class ConnectorChange(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    name: Name | UnsetType = UNSET
    config: Json | UnsetType = UNSET
    """Settings to change; what is absent stays."""
    is_default: bool | UnsetType = UNSET
    stand_in_id: UUID | UnsetType | None = UNSET
    """The connector of the same channel by which messages leave while this one does not work; null: none, they wait."""
    limits: ConnectorLimits | UnsetType = UNSET


class ConnectorView(msgspec.Struct, rename="camel"):
    id: UUID
    type: str
    name: str
    config: Any
    """Settings of its type, without the secret."""
    is_default: bool
    state: str
    """`ok`; `away`: the server cannot be used for now, messages and calls wait up to 24 hours; `paused`: the settings do not work."""
    state_since: datetime | None
    state_message: str | None
    """The server's own words."""
    next_try_at: datetime | None
    """Of one that is away: when one message or call tries it next."""
    paused_until: datetime | None
    """Until when the service asked to be left alone (Retry-After); what waits for it is not failed."""
    limits: LimitsView
    created_at: datetime
    updated_at: datetime
    last_used_at: datetime | None = None
    """When a call or message last began by it, to the minute; null: never, or not since this is written."""
    stand_in_id: UUID | None = None
    """The connector by which its messages leave while it does not work."""
    carried_by: UUID | None = None
    """By which they leave now, when it does not work and a stand-in does; null otherwise."""
    needs_consent: bool = False
    """A person has to consent to it at its service (OAuth2), from the connector's page."""
    consented_at: datetime | None = None
    """When somebody last did; null: not yet, or not to these settings."""
    callback_url: str | None = None
    """Where its provider is to report what became of messages: a secret address; null for types that get no reports."""


class TestMail(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """`to`: who gets a test message; left out for connectors to services, which are called once instead."""

    to: Short = ""


class TestResult(msgspec.Struct, rename="camel"):
    """`sent`, or what became of it: `rejected`, `deferred`, `away`, `misconfigured`, `uncertain`, and the server's words."""

    result: str
    message: str
