"""The signed link at the foot of a message by which its recipient unsubscribes."""

from __future__ import annotations

from uuid import UUID

import msgspec

from app.lib import crypto
from app.settings import settings

UNSUBSCRIBE = "unsubscribe"
"""Purpose of the signed tokens in unsubscribe links."""


class Unsubscribe(msgspec.Struct, frozen=True, array_like=True):
    """What an unsubscribe link says: who, for which message, and what about."""

    tenant_id: int
    contact_id: UUID
    run_id: UUID
    seq: int
    topic: str | None = None


def unsubscribe_url(link: Unsubscribe) -> str:
    """The address of the page where `link` is decided about."""
    return f"{settings().web.base_url}/u/{crypto.sign(UNSUBSCRIBE, link)}"
