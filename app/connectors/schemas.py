"""What clients send and get about connectors. A password goes in and never comes out."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from app.lib import single_line
from app.messaging.channels.email.smtp_connection import Server
from app.models.base import Json

Host = Annotated[
    str,
    Meta(
        min_length=1, max_length=253, pattern=r"^[^\s\x00-\x1f\x7f/@%]+\Z", description="Name or address of the server"
    ),
]
Port = Annotated[int, Meta(ge=1, le=65535)]
Security = Literal["none", "starttls", "tls"]
Name = Annotated[str, Meta(min_length=1, max_length=120)]
Short = Annotated[str, Meta(max_length=320, pattern=single_line.PATTERN)]
Label = Annotated[str, Meta(max_length=120, pattern=single_line.PATTERN)]
Password = Annotated[str, Meta(max_length=1000, pattern=r"^[^\x00\r\n]*\Z")]


class SmtpConfig(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """Settings of a new SMTP connector."""

    host: Host
    from_email: Short
    port: Port = 587
    security: Security = "starttls"
    username: Short = ""
    password: Password = ""
    from_name: Label = ""


class SmtpChange(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """Settings to change; what is absent stays. An empty password removes it.

    A stored password goes to the server that it was entered for: another `host`, `port`, `security` or `username` asks for it again.
    """

    host: Host | UnsetType = UNSET
    from_email: Short | UnsetType = UNSET
    port: Port | UnsetType = UNSET
    security: Security | UnsetType = UNSET
    username: Short | UnsetType = UNSET
    password: Password | UnsetType = UNSET
    from_name: Label | UnsetType = UNSET


class NewConnector(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    name: Name
    config: SmtpConfig
    type: Literal["smtp"] = "smtp"
    is_default: bool = False


class ConnectorChange(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    name: Name | UnsetType = UNSET
    config: SmtpChange | UnsetType = UNSET
    is_default: bool | UnsetType = UNSET


class SmtpView(msgspec.Struct, rename="camel"):
    host: str
    port: int
    security: str
    username: str
    from_email: str
    from_name: str
    has_password: bool
    local: bool = False
    """The mailbox inside the product: its mails never leave the machine."""


class ConnectorView(msgspec.Struct, rename="camel"):
    id: UUID
    type: str
    name: str
    config: SmtpView
    is_default: bool
    state: str
    """`ok`; `away`: the server cannot be used for now, mail waits up to 24 hours; `paused`: the settings do not work, mail waits."""
    state_since: datetime | None
    state_message: str | None
    """The server's own words."""
    created_at: datetime
    updated_at: datetime


class TestMail(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    to: Short


class TestResult(msgspec.Struct, rename="camel"):
    """`sent`, or what became of it: `rejected`, `deferred`, `away`, `misconfigured`, `uncertain`, and the server's words."""

    result: str
    message: str


class Sender(msgspec.Struct, frozen=True):
    """A connector ready for use: the server, and who mails come from when a step names nobody else."""

    id: UUID
    server: Server
    from_email: str
    from_name: str


def stored(config: SmtpConfig) -> Json:
    """The part of the settings that is no secret, as it lies in the table."""
    made: Json = msgspec.to_builtins(config)
    made.pop("password")
    return made
