"""The address at which the provider of a connector reports what became of messages: signed, so it is not stored and cannot be guessed."""

from __future__ import annotations

from uuid import UUID

import msgspec

from app.lib import crypto
from app.settings import settings
from app.web.rate_limit import CALLBACKS

_PURPOSE = "callbacks"


class CallbackAddress(msgspec.Struct, frozen=True, array_like=True):
    """Whose address it is."""

    tenant_id: int
    connector_id: UUID


def callback_url(tenant_id: int, connector_id: UUID) -> str:
    """What is entered at the provider."""
    token = crypto.sign(_PURPOSE, CallbackAddress(tenant_id, connector_id))
    return f"{settings().web.base_url}{CALLBACKS}{token}"


def read_callback_token(token: str) -> CallbackAddress | None:
    """Whose address this is; None when it is none of ours."""
    try:
        return msgspec.convert(crypto.unsign(_PURPOSE, token), CallbackAddress)
    except (crypto.CannotUnseal, msgspec.ValidationError):
        return None
