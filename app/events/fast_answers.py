"""What `POST /api/v1/events` answers when all was stored before the framework: the bytes of `api.receipts_answer`."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import msgspec

from app.events.fast_reading import PlainRequest
from app.web.envelope import ok


class Stored(NamedTuple):
    """The events of a request as they were stored, in its order; `contact_ids` as text, `now` is when they arrived."""

    ids: list[bytes]
    contact_ids: list[str]
    now: datetime


class _Receipt(msgspec.Struct, rename="camel"):
    """As `schemas.EventReceipt`, with ids that are text already: an object for each costs more than to read the event."""

    id: str
    contact_id: str
    name: str
    occurred_at: datetime
    client_id: str | None
    duplicate: bool = False


def content_of(plain: PlainRequest, stored: Stored) -> bytes:
    """The answer's content."""
    now = stored.now
    receipts = [
        _Receipt(_as_text(raw), contact_id, event.name, event.at or now, event.key)
        for event, raw, contact_id in zip(plain.events, stored.ids, stored.contact_ids, strict=True)
    ]
    if plain.many:
        return _encode(ok(receipts, accepted=len(receipts), duplicates=0))
    return _encode(ok(receipts[0]))


_encode = msgspec.json.Encoder().encode


def _as_text(raw: bytes) -> str:
    digits = raw.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
