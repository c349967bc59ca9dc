"""The channel email: whom a mail goes to, what it says, and how it is built."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from app.errors import FieldError, Invalid
from app.lib import addresses, clock, single_line
from app.lib.addresses import BadAddress, wire_address
from app.lib.ids import uuid7
from app.lib.translation import countable, gettext, translatable
from app.messaging.channels import registry
from app.messaging.channels.channel import ChannelType, Composed, Letter, Unsendable
from app.messaging.channels.email import content, mime
from app.messaging.channels.email.mailgun import MailgunConnector
from app.messaging.channels.email.postmark import PostmarkConnector
from app.messaging.channels.email.sender import MailSender
from app.messaging.channels.email.sendgrid import SendGridConnector
from app.messaging.channels.email.ses import SesConnector
from app.messaging.channels.email.smtp_connector import SmtpConnector
from app.messaging.channels.message_ids import message_id, wire_message_id
from app.messaging.channels.parts import Parts
from app.messaging.channels.result import Packet
from app.models.status import Channel

ADDRESS_SHAPE = r"^[^\s<>]+@[^\s<>@]+$"
"""What a mail header can carry at all; Python and PostgreSQL read it alike. The doors of a contact check more than this."""
_SHAPE = re.compile(ADDRESS_SHAPE)

_UNSUBSCRIBES = re.compile(r"unsubscribe_?url", re.IGNORECASE)


@registry.channel
class EmailChannel(ChannelType):
    type, number, label, noun, icon = "email", int(Channel.EMAIL), "Email", countable("email"), "mail"
    identifier = "email"
    connectors = (SmtpConnector, SesConnector, PostmarkConnector, SendGridConnector, MailgunConnector)
    parts = ("subject", "html", "text")
    no_address = translatable("The contact has no email address.")
    not_an_address = translatable("The address of the contact is not an email address.")
    passes = frozenset({"unsubscribed"})
    look_up = translatable("Look at the mail server’s log")
    arrived = translatable("What was sent is in the recipient’s inbox.")

    @classmethod
    def is_address(cls, text: str) -> bool:
        return _SHAPE.match(text) is not None

    @classmethod
    def comparable(cls, address: str) -> str:
        return addresses.comparable(address)

    @classmethod
    def normal(cls, address: str) -> str:
        return addresses.email(address)

    @classmethod
    def wire(cls, address: str) -> str:
        return wire_address(address)

    @classmethod
    def recipient_of(cls, text: str) -> str:
        try:
            if single_line.fits(text := text.strip()) and "@" in text:
                return wire_address(text)
        except BadAddress:
            pass
        raise Invalid(errors=[FieldError(path="to", message=gettext("Write one email address, like ada@example.com."))])

    @classmethod
    def part_doubts(cls, template: Parts) -> list[tuple[str, str]]:
        if any(_UNSUBSCRIBES.search(text) for text in (template.html, template.text)):
            return []
        part = "html" if template.html.strip() else "text"
        return [
            (
                part,
                gettext(
                    "No link to unsubscribe, which marketing wants: {{ unsubscribe_url }}. A transactional email needs "
                    "none."
                ),
            )
        ]

    @classmethod
    def rendering(cls) -> tuple[Callable[..., Parts], tuple[Any, ...]]:
        return content.render, ()

    @classmethod
    def compose(cls, letter: Letter, sender: MailSender) -> Composed:
        options, source = letter.options, letter.source
        parts = content.render(Parts(options.get("subject") or source.subject, source.html, source.text), letter.data)
        of_step = cls.sender_for(sender, options)
        envelope = mime.MailHeaders(
            message_id=wire_message_id(letter.run_id, letter.seq),
            sender=_wire(of_step.from_email, "invalid_sender"),
            sender_name=of_step.from_name,
            reply_to=_wire(of_step.reply_to, "invalid_sender") if of_step.reply_to else "",
            recipient=_wire(str(letter.contact["email"]), "invalid_address"),
            unsubscribe_url="" if options.get("class") == "transactional" else letter.unsubscribe_url,
            at=letter.at,
        )
        own = not options.get("fromEmail") or envelope.sender == _wire(sender.from_email, "invalid_sender")
        reference = message_id(letter.run_id, letter.seq)
        return Composed(parts.subject, sender.packet(envelope, parts, own_sender=own, reference=reference))

    @classmethod
    def sender_for(cls, sender: MailSender, options: Mapping[str, Any]) -> MailSender:
        own: MailSender = msgspec.structs.replace(
            sender,
            from_email=options.get("fromEmail") or sender.from_email,
            from_name=options.get("fromName") or sender.from_name,
            reply_to=options.get("replyTo") or sender.reply_to,
        )
        return own

    @classmethod
    def sample(cls, parts: Parts, sender: MailSender, recipient: str) -> Packet:
        return letter(parts, sender, recipient, f"<test.{uuid7()}@throughline>")


def letter(parts: Parts, sender: MailSender, recipient: str, wire_id: str) -> Packet:
    """A mail to one person that nobody subscribed to: no link to unsubscribe. Raises BadAddress for the sender's."""
    own = wire_address(sender.from_email)
    headers = mime.MailHeaders(
        message_id=wire_id,
        sender=own,
        sender_name=sender.from_name,
        reply_to=wire_address(sender.reply_to) if sender.reply_to else "",
        recipient=recipient,
        unsubscribe_url="",
        at=clock.now(),
    )
    return sender.packet(headers, parts)


def _wire(address: str, reason: str) -> str:
    try:
        return wire_address(address)
    except BadAddress as error:
        raise Unsendable(reason, str(error)) from error
