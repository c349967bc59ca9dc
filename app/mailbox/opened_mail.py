"""Taking a stored mail apart for reading. Headers are read by the standard library, which is slow for strange ones: use the sandbox."""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage

import msgspec


class ShownMail(msgspec.Struct):
    """A stored mail taken apart for reading."""

    subject: str
    sender: str
    to: str
    html: str
    text: str
    headers: list[tuple[str, str]]
    size: int


def readable(header: object) -> str:
    """A header as text. Raw UTF-8 in it (allowed by SMTPUTF8) comes out of the parser as surrogates, which nothing can store."""
    return str(header or "").encode("utf-8", "surrogateescape").decode("utf-8", "replace").replace("\x00", "").strip()


def _content(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    if part is None:
        return ""
    try:
        return readable(part.get_content()) + "\n"
    except (LookupError, ValueError):
        return bytes(part.get_payload(decode=True) or b"").decode("utf-8", "replace")


def opened(raw: bytes) -> ShownMail:
    """Take a mail apart. Never raises: a mail that is broken is shown as far as it goes."""
    mail = email.message_from_bytes(raw, _class=EmailMessage, policy=email.policy.default)
    headers = []
    for name in dict.fromkeys(mail.keys()):
        for value in mail.get_all(name, []):
            headers.append((name, readable(value)))
    return ShownMail(
        subject=readable(mail["Subject"]),
        sender=readable(mail["From"]),
        to=readable(mail["To"]),
        html=_content(mail, "html"),
        text=_content(mail, "plain"),
        headers=headers,
        size=len(raw),
    )
