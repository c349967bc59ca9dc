"""Showing mails in a page: their parts, and HTML as a document of its own that can run nothing and see nothing."""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage

import msgspec
from litestar import Response
from litestar.enums import MediaType

from app.lib.html_tokens import pieces

POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src https: http: data:; font-src https: data:; form-action 'none'; "
    "base-uri 'self'; frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox"
)
"""The frame's own policy: a mail may look like a mail, and that is all. Links open in a new tab."""
_BASE = '<base target="_blank">'


class ShownMail(msgspec.Struct):
    """A stored mail taken apart for reading."""

    subject: str
    sender: str
    to: str
    html: str
    text: str
    headers: list[tuple[str, str]]
    size: int


def framed(html: str) -> Response[str]:
    """`html` as the document of a sandboxed frame."""
    at = next((piece.end for piece in pieces(html) if piece.tag == "head" and not piece.ends), 0)
    return Response(
        html[:at] + _BASE + html[at:],
        media_type=MediaType.HTML,
        headers={
            "Content-Security-Policy": POLICY,
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
        },
    )


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
