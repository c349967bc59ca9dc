"""What a mail says: subject, HTML and text filled for one contact. Needs no database: a child of the sandbox imports it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from app.messaging.channels.email import plain_text
from app.messaging.channels.filling import fill, one_line
from app.messaging.channels.parts import Parts


def render(parts: Parts, data: Mapping[str, Any]) -> Parts:
    """Subject, HTML and text for `data`; whichever of HTML and text is missing is made from the other. Raises PartError."""
    html = fill("html", parts.html, data, html=True) if parts.html.strip() else ""
    text = fill("text", parts.text, data) if parts.text.strip() else ""
    return msgspec.structs.replace(
        parts,
        subject=one_line(fill("subject", parts.subject, data)),
        html=html or (plain_text.as_html(text) if text else ""),
        text=text or (plain_text.of_html(html) if html else ""),
    )
