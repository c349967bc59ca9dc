"""Building one MIME mail: text and HTML, a stable Message-ID, one-click unsubscribe.

The email package of the standard library takes 1.5 to 3.5 ms for a mail, nearly all of it to take headers apart that are already
what they have to be. Headers and bodies that say so of themselves are written as they stand, byte for byte as the package would;
everything else (encoded words, folding, quotes, addresses beyond ASCII) is left to the package.
"""

from __future__ import annotations

import binascii
import random
import re
import sys
from datetime import datetime
from email import policy, quoprimime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from functools import lru_cache

import msgspec

from app.messaging.channels.filling import one_line
from app.messaging.channels.parts import Parts

LONGEST_LINE = 900
"""Long lines, because the standard library turns a folded URL (List-Unsubscribe) into an encoded word. 998 is the law."""
_POLICY = policy.SMTP.clone(cte_type="7bit", max_line_length=LONGEST_LINE)
_LONGEST_PLAIN = LONGEST_LINE - 100
"""Of a header's text, its name aside: far from where it would be folded."""
_PLAIN_TEXT = re.compile(r"[!-~]+(?: [!-~]+)*")
_PLAIN_ADDRESS = re.compile(r"[\w+-]+(?:\.[\w+-]+)*@[\w-]+(?:\.[\w-]+)*", re.ASCII)
_BOUNDARY = f"{'=' * 15}%0{len(repr(sys.maxsize - 1))}d=="
_SNIFFED = 10
"""Lines by which the package chooses between quoted-printable and base64."""


class MailHeaders(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about a mail that is not its text."""

    message_id: str
    sender: str
    sender_name: str
    reply_to: str
    recipient: str
    unsubscribe_url: str
    at: datetime


def build(envelope: MailHeaders, parts: Parts) -> bytes:
    """The mail as bytes with CRLF line ends. The addresses of the envelope are such as `wire_address` makes."""
    if not (parts.html and envelope.recipient.isascii() and envelope.sender.isascii()):
        return build_by_package(envelope, parts)
    lines = [
        _text_header("Message-ID", envelope.message_id),
        f"Date: {format_datetime(envelope.at)}\r\n",
        _address_header("From", envelope.sender_name, envelope.sender),
        f"To: {envelope.recipient}\r\n" if _is_plain(envelope.recipient) else _folded("To", "", envelope.recipient),
        _address_header("Reply-To", "", envelope.reply_to) if envelope.reply_to else "",
        _text_header("Subject", one_line(parts.subject)),
    ]
    if envelope.unsubscribe_url:
        lines.append(_text_header("List-Unsubscribe", f"<{envelope.unsubscribe_url}>"))
        lines.append("List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n")
    text, html = _part("plain", parts.text or "\n"), _part("html", parts.html, "MIME-Version: 1.0\r\n")
    boundary = _boundary(text, html)
    lines.append("Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n")
    lines.append(f'Content-Type: multipart/alternative; boundary="{boundary}"\r\n\r\n')
    return f"{''.join(lines)}--{boundary}\r\n{text}\r\n--{boundary}\r\n{html}\r\n--{boundary}--\r\n".encode("ascii")


def build_by_package(envelope: MailHeaders, parts: Parts) -> bytes:
    """The same by the email package: for what `build` does not write itself, and what its tests compare with."""
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


# Headers -----------------------------------------------------------------------------------------------------------


def _address(name: str, address: str) -> Address:
    local, _, domain = address.rpartition("@")
    return Address(one_line(name), local.strip('"'), domain)  # which writes the quotes that it needs itself


def _is_plain(address: str) -> bool:
    """Is it without anything that a header quotes, folds or encodes?"""
    return len(address) <= _LONGEST_PLAIN and _PLAIN_ADDRESS.fullmatch(address) is not None


@lru_cache(maxsize=512)
def _address_header(header: str, name: str, address: str) -> str:
    """`From` and `Reply-To`: a few of each installation, which all mails of a step share."""
    return _folded(header, name, address)


def _folded(header: str, name: str, address: str) -> str:
    return str(_POLICY.header_factory(header, _address(name, address)).fold(policy=_POLICY))


def _text_header(name: str, value: str) -> str:
    """`value`, of one line, as the package folds and encodes it."""
    if len(value) <= _LONGEST_PLAIN and "=?" not in value and _PLAIN_TEXT.fullmatch(value):
        return f"{name}: {value}\r\n"
    return str(_POLICY.header_factory(name, value).fold(policy=_POLICY))


# Bodies ------------------------------------------------------------------------------------------------------------


def _part(subtype: str, text: str, more_headers: str = "") -> str:
    encoding, body = _encoded(text)
    head = f'Content-Type: text/{subtype}; charset="utf-8"\r\nContent-Transfer-Encoding: {encoding}\r\n'
    return f"{head}{more_headers}\r\n{body}"


def _encoded(text: str) -> tuple[str, str]:
    """The transfer encoding that the package chooses, and the text in it with CRLF line ends."""
    lines = text.encode().splitlines()
    if text.isascii() and len(max(lines, key=len, default=b"")) <= LONGEST_LINE:
        return "7bit", b"\r\n".join([*lines, b""] if lines else [b"", b""]).decode("ascii")
    head = b"\r\n".join([*lines[:_SNIFFED], b""])
    printable = quoprimime.body_encode(head.decode("latin-1"), LONGEST_LINE)
    if len(printable) > len(binascii.b2a_base64(head)):
        whole, size = b"\r\n".join([*lines, b""]), LONGEST_LINE // 4 * 3
        pieces = [binascii.b2a_base64(whole[at : at + size], newline=False) for at in range(0, len(whole), size)]
        return "base64", b"\r\n".join([*pieces, b""]).decode("ascii")
    if len(lines) > _SNIFFED:
        printable = quoprimime.body_encode(b"\n".join([*lines, b""]).decode("latin-1"), LONGEST_LINE)
    return "quoted-printable", printable.replace("\n", "\r\n")


def _boundary(*bodies: str) -> str:
    """A line that none of the bodies holds."""
    while True:
        boundary = _BOUNDARY % random.randrange(sys.maxsize)  # noqa: S311  no secret
        if not any(boundary in body for body in bodies):
            return boundary
