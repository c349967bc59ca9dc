"""Connectors to mail servers (SMTP): their settings, their rules, and the mailbox inside the product."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args
from uuid import UUID

import msgspec
from msgspec import Meta

from app.errors import FieldError, Invalid
from app.lib import egress, single_line
from app.lib.translation import gettext, translatable
from app.messaging.channels.connector import ConnectorForm, ConnectorSummary, ConnectorType, Settings
from app.messaging.channels.email import mime
from app.messaging.channels.email.mime import MailHeaders
from app.messaging.channels.email.sender import MailSender, sender_address, sender_refusal
from app.messaging.channels.email.smtp import SmtpPool
from app.messaging.channels.email.smtp_connection import Mail, MailServer
from app.messaging.channels.parts import Parts
from app.settings import settings as app_settings

Host = Annotated[
    str,
    Meta(
        min_length=1, max_length=253, pattern=r"^[^\s\x00-\x1f\x7f/@%]+\Z", description="Name or address of the server"
    ),
]
Port = Annotated[int, Meta(ge=1, le=65535)]
Security = Literal["none", "starttls", "tls"]
Short = Annotated[str, Meta(max_length=320, pattern=single_line.PATTERN)]
Label = Annotated[str, Meta(max_length=120, pattern=single_line.PATTERN)]
Password = Annotated[str, Meta(max_length=1000, pattern=r"^[^\x00\r\n]*\Z")]


_ENCRYPTION = {"starttls": "STARTTLS", "tls": "TLS", "none": translatable("No encryption")}


class SmtpConfig(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """A mail server. A stored password goes to the server that it was entered for: another `host`, `port`, `security` or `username`
    asks for it again, and an empty one removes it."""

    host: Host
    from_email: Short
    port: Port = 587
    security: Security = "starttls"
    username: Short = ""
    password: Password = ""
    from_name: Label = ""


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


class SmtpSender(MailSender, frozen=True):
    """A mail server ready for use."""

    def packet(self, headers: MailHeaders, parts: Parts, *, own_sender: bool = True, reference: str = "") -> Mail:
        return Mail(headers.sender, headers.recipient, mime.build(headers, parts), own_sender)


class SmtpConnector(ConnectorType):
    type, label, Config = "smtp", "SMTP", SmtpConfig
    secret = "password"  # noqa: S105  the name of a field
    asks_again = translatable(
        "Enter the password again: a stored one is not sent to another server, port or user name, or with "
        "other encryption."
    )
    form = ConnectorForm(
        title=translatable("Mail server"),
        about=translatable("Emails by any mail server that you have an account on."),
        place="Server",
        trial_title=translatable("Send a test email"),
        trial_to="email",
        trial_taken=translatable("The server took it. Look into the inbox of {to}."),
        local_fields=("fromEmail", "fromName"),
        words={
            "host": translatable("Name the server, for example smtp.example.com."),
            "port": translatable("A number from 1 to 65535."),
            "security": translatable("One of %(words)s.") % {"words": ", ".join(get_args(Security))},
            "fromEmail": translatable("Write the address that emails come from."),
            "fromName": single_line.SENTENCE,
            "username": single_line.SENTENCE,
            "password": translatable("A password holds no line breaks."),
        },
        choices={
            "security": [
                ("starttls", translatable("STARTTLS (port 587)")),
                ("tls", translatable("TLS (port 465)")),
                ("none", translatable("None (without sign-in)")),
            ]
        },
        defaults={"port": "587", "security": "starttls"},
    )

    @classmethod
    def checked(cls, settings: Settings) -> Settings:
        settings = {**settings, "host": checked_host(settings["host"])}
        check_encryption(settings)
        settings["fromEmail"] = sender_address(settings["fromEmail"])
        return settings

    @classmethod
    def changed(cls, before: Settings, new_settings: Settings, *, secret_given: bool) -> Settings:
        """The mailbox has only a sender to change; another server is looked at like a new one."""
        if before.get("local") and (secret_given or new_settings.keys() - {"fromEmail", "fromName"}):
            raise Invalid(
                errors=[FieldError(path="config", message=gettext("The mailbox has only a sender to change."))]
            )
        new_settings = dict(new_settings)
        if "host" in new_settings and new_settings["host"] != before.get("host"):
            new_settings["host"] = checked_host(new_settings["host"])
        if "fromEmail" in new_settings:
            new_settings["fromEmail"] = sender_address(new_settings["fromEmail"])
        settings = {**before, **new_settings}
        if secret_given or cls.aim_of(settings) != cls.aim_of(before):
            check_encryption(settings)
        return settings

    @classmethod
    def aim_of(cls, settings: Settings) -> tuple[Any, ...]:
        return settings.get("host"), settings.get("port"), settings.get("security"), settings.get("username", "")

    @classmethod
    def wants_secret(cls, settings: Settings) -> bool:
        return bool(settings.get("username"))

    @classmethod
    def view(cls, settings: Settings, *, has_secret: bool) -> SmtpView:
        local, mailbox = cls.is_local(settings), app_settings().mailbox
        return SmtpView(
            host=mailbox.host if local else settings["host"],
            port=mailbox.port if local else settings["port"],
            security=settings["security"],
            username=settings.get("username", ""),
            from_email=settings["fromEmail"],
            from_name=settings.get("fromName", ""),
            has_password=local or has_secret,
            local=local,
        )

    @classmethod
    def summary(cls, settings: Settings) -> ConnectorSummary:
        shown = cls.view(settings, has_secret=False)
        encryption = gettext(_ENCRYPTION[shown.security])
        return ConnectorSummary(
            place=f"{shown.host}:{shown.port}",
            detail=gettext("%(encryption)s, signs in", encryption=encryption) if shown.username else encryption,
            sender=shown.from_name,
            address=shown.from_email,
        )

    @classmethod
    def is_local(cls, settings: Settings) -> bool:
        return bool(settings.get("local"))

    @classmethod
    def local(cls, tenant_id: int) -> tuple[str, Settings]:
        """The connector of the mailbox inside the product."""
        return gettext("Mailbox on this machine"), {
            "local": True,
            "security": "none",
            "username": f"workspace-{tenant_id}",
            "fromEmail": "hello@throughline.example",
            "fromName": "Throughline",
        }

    @classmethod
    def stand_in_refusal(
        cls, settings: Settings, first: Settings, options: Mapping[str, Any], content: Mapping[str, Any] | None
    ) -> str:
        return sender_refusal(
            settings["fromEmail"], str(first.get("fromEmail", "")), str(options.get("fromEmail") or "")
        )

    @classmethod
    def sender(cls, connector_id: UUID, settings: Settings, secret: str) -> SmtpSender:
        """The local one follows the settings of this process."""
        if cls.is_local(settings):
            mailbox = app_settings().mailbox
            server = MailServer(
                host=mailbox.host,
                port=mailbox.port,
                security="none",
                username=str(settings.get("username", "")),
                password=mailbox.password,
            )
        else:
            server = MailServer(
                host=settings["host"],
                port=settings["port"],
                security=settings["security"],
                username=settings.get("username", ""),
                password=secret,
            )
        return SmtpSender(connector_id, server, settings["fromEmail"], settings.get("fromName", ""))

    @classmethod
    def transport(cls, deadline_s: float | None = None) -> SmtpPool:
        return SmtpPool(deadline_s)


def checked_host(text: str) -> str:
    """The server's name in its one form. Raises Invalid for `config.host`: it is none, or one that may not be connected to."""
    try:
        host = egress.host_name(text)
        problem = egress.egress_refusal(host)
    except ValueError as error:
        host, problem = "", str(error)
    if problem:
        raise Invalid(errors=[FieldError(path="config.host", message=problem)])
    return host


def check_encryption(settings: Settings) -> None:
    """A sign-in needs encryption, but on this machine. Raises Invalid for `config.security`."""
    if settings["security"] != "none" or not settings.get("username") or egress.is_this_machine(settings["host"]):
        return
    message = gettext("A user name and password need encryption. Choose STARTTLS or TLS, or leave both empty.")
    raise Invalid(errors=[FieldError(path="config.security", message=message)])
