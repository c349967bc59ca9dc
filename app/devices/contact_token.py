"""What proves to a browser's registration whose device it is: a token that the product signed, or an external id that the site signed."""

from __future__ import annotations

import hashlib
import hmac
from uuid import UUID

import msgspec

from app.lib import clock, crypto

PURPOSE = "device of contact"


class ContactClaim(msgspec.Struct, frozen=True, array_like=True):
    """Whose token it is, and until when it holds, in seconds since 1970."""

    tenant_id: int
    contact_id: UUID
    until: int


def contact_of(token: str, tenant_id: int) -> UUID | None:
    """The contact that a token of this workspace names; None when it is none, or over."""
    try:
        claim = msgspec.convert(crypto.unsign(PURPOSE, token), ContactClaim)
    except (crypto.CannotUnseal, msgspec.ValidationError):
        return None
    if claim.tenant_id != tenant_id or claim.until < clock.now().timestamp():
        return None
    return claim.contact_id


def is_signed(external_id: str, signature: str, key: str) -> bool:
    """Did the site sign this id? HMAC-SHA256 with its identity key, in hexadecimal digits."""
    expected = hmac.new(key.encode(), external_id.encode(), hashlib.sha256).hexdigest()
    return bool(key) and hmac.compare_digest(expected.encode(), signature.strip().lower().encode("utf-8", "replace"))
