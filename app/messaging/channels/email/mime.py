"""Building one MIME mail: text and HTML, a stable Message-ID, one-click unsubscribe."""

from __future__ import annotations

from datetime import datetime
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime

import msgspec

from app.messaging.channels.filling import one_line
from app.messaging.channels.parts import Parts

_POLICY = policy.SMTP.clone(cte_type="7bit", max_line_length=900)
"""Long lines, because the standard library turns a folded URL (List-Unsubscribe) into an encoded word. 998 is the law."""


class MailHeaders(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about a mail that is not its text."""

    message_id: str
    sender: str
    sender_name: str
    reply_to: str
    recipient: str
    unsubscribe_url: str
    at: datetime


def _address(name: str, address: str) -> Address:
    local, _, domain = address.rpartition("@")
    return Address(one_line(name), local.strip('"'), domain)  # which writes the quotes that it needs itself


def build(envelope: MailHeaders, parts: Parts) -> bytes:
    """The mail as bytes with CRLF line ends. The addresses of the envelope are such as `wire_address` makes."""
    mail = EmailMessage(_POLICY)
    mail["Message-ID"] = envelope.message_id
    mail["Date"] = format_datetime(envelope.at)
    mail["From"] = _address(envelope.sender_name, envelope.sender)
    mail["To"] = _address("", envelope.recipient)
    if envelope.reply_to:
        mail["Reply-To"] = _address("", envelope.reply_to)
    mail["Subject"] = one_line(parts.subject)
    if envelope.unsubscribe_url:
        mail["List-Unsubscribe"] = f"<{envelope.unsubscribe_url}>"
        mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(parts.text or "\n")
    if parts.html:
        mail.add_alternative(parts.html, subtype="html")
    wide = not (envelope.recipient.isascii() and envelope.sender.isascii())
    return mail.as_bytes(policy=_POLICY.clone(utf8=True) if wide else _POLICY)
