"""The public id of a connector: signed, so that nothing is looked up for one that is none of ours."""

from __future__ import annotations

from uuid import UUID

import msgspec

from app.lib import crypto
from app.settings import settings

PUSH = "/push/"
_PURPOSE = "push site"


class SiteAddress(msgspec.Struct, frozen=True, array_like=True):
    """Whose site it is."""

    tenant_id: int
    connector_id: UUID


def site_url(tenant_id: int, connector_id: UUID) -> str:
    """What the addresses of a site begin with."""
    return f"{settings().web.base_url}{PUSH}{crypto.sign(_PURPOSE, SiteAddress(tenant_id, connector_id))}"


def read_site(token: str) -> SiteAddress | None:
    """Whose site this is; None when it is none of ours."""
    try:
        return msgspec.convert(crypto.unsign(_PURPOSE, token), SiteAddress)
    except (crypto.CannotUnseal, msgspec.ValidationError):
        return None
