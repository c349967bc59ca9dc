"""A text message as it leaves."""

from __future__ import annotations

import msgspec


class TextMessage(msgspec.Struct, frozen=True):
    """`id`: the message as the product calls it, for providers that give it back; `recipient`: E.164."""

    id: str
    recipient: str
    text: str
