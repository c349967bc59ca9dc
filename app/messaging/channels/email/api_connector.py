"""Providers of mail by an HTTP API: what their connectors share, and a mail as it is told to them."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from email.headerregistry import Address
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta

from app.lib import single_line
from app.lib.http_url import read_url
from app.lib.translation import translatable
from app.messaging.channels.connector import ConnectorSummary, Settings
from app.messaging.channels.email import mime
from app.messaging.channels.email.mime import MailHeaders
from app.messaging.channels.email.sender import MailSender, sender_address, sender_refusal
from app.messaging.channels.filling import one_line
from app.messaging.channels.http_api import HttpApiConnector
from app.messaging.channels.parts import Parts

Token = Annotated[str, Meta(min_length=1, max_length=1000, pattern=r"^[\x21-\x7e]*\Z")]
"""A key of a provider: printable, without blanks."""
BaseUrl = Annotated[str, Meta(max_length=500, pattern=single_line.PATTERN)]
Address320 = Annotated[str, Meta(min_length=1, max_length=320, pattern=single_line.PATTERN)]
Label120 = Annotated[str, Meta(max_length=120, pattern=single_line.PATTERN)]
WORDS = {
    "baseUrl": translatable(
        "Leave it empty for the provider’s own address, or write one like https://api.example.com."
    ),
    "fromEmail": translatable("Write the address that emails come from."),
    "fromName": single_line.SENTENCE,
}
"""Of the fields that all of them have."""


class ApiMail(msgspec.Struct, frozen=True):
    """The packet: a filled mail in its parts."""

    headers: MailHeaders
    parts: Parts
    own_sender: bool
    """It comes from the connector's own address, so a provider that refuses it would refuse every mail."""
    reference: str
    """What the provider is told to report about it by."""

    @property
    def recipient(self) -> str:
        return self.headers.recipient

    @property
    def sender(self) -> str:
        """`From` with its name, quoted where it has to be."""
        return display(self.headers.sender_name, self.headers.sender)

    @property
    def subject(self) -> str:
        return one_line(self.parts.subject)

    def own_headers(self) -> Iterator[tuple[str, str]]:
        """The headers that providers have no field for."""
        yield "Auto-Submitted", "auto-generated"
        if self.headers.unsubscribe_url:
            yield "List-Unsubscribe", f"<{self.headers.unsubscribe_url}>"
            yield "List-Unsubscribe-Post", "List-Unsubscribe=One-Click"

    def mime(self) -> bytes:
        """The same as a whole mail."""
        return mime.build(self.headers, self.parts)


@functools.lru_cache(maxsize=512)
def display(name: str, address: str) -> str:
    """`"Shop, Ltd." <hello@example.com>`; the address alone without a name."""
    local, _, domain = address.rpartition("@")
    return str(Address(one_line(name), local.strip('"'), domain)) if name.strip() else address


class MailApiSender(MailSender, frozen=True):
    """An account at a provider, ready for use."""

    def packet(self, headers: MailHeaders, parts: Parts, *, own_sender: bool = True, reference: str = "") -> ApiMail:
        return ApiMail(headers, parts, own_sender, reference)


class MailApiConnector(HttpApiConnector):
    """Base of the connectors of mail by an HTTP API: `Config` has `fromEmail`, `fromName` and `baseUrl` beside the key."""

    @classmethod
    def checked(cls, settings: Settings) -> Settings:
        return {**super().checked(settings), "fromEmail": sender_address(settings["fromEmail"])}

    @classmethod
    def stand_in_refusal(
        cls, settings: Settings, first: Settings, options: Mapping[str, Any], content: Mapping[str, Any] | None
    ) -> str:
        return sender_refusal(
            settings["fromEmail"], str(first.get("fromEmail", "")), str(options.get("fromEmail") or "")
        )

    @classmethod
    def summary(cls, settings: Settings) -> ConnectorSummary:
        return ConnectorSummary(
            place=read_url(cls.base_url(settings)).authority,
            detail=cls.label,
            sender=settings.get("fromName", ""),
            address=settings["fromEmail"],
        )

    @classmethod
    def sender(cls, connector_id: UUID, settings: Settings, secret: str) -> MailApiSender:
        account: Any = cls.account(settings, secret)
        return MailApiSender(connector_id, account, settings["fromEmail"], settings.get("fromName", ""))
