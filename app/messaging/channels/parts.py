"""What a template has and a message says."""

from __future__ import annotations

import msgspec


class Parts(msgspec.Struct, frozen=True):
    """The three parts of a mail, as source or rendered."""

    subject: str
    html: str
    text: str
