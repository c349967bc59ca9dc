"""What a person's consent gave a connector (OAuth2, authorization code): sealed for workspace, connector and what was consented to."""

from __future__ import annotations

from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from app.connectors import repository
from app.connectors.senders import BOUND, present_seal
from app.lib import crypto
from app.messaging.channels import registry


class Grant(msgspec.Struct, frozen=True, omit_defaults=True):
    """`refresh` gets access tokens; a service without such gives one `access` token that does not end."""

    refresh: str = ""
    access: str = ""


def _aad(tenant_id: int, connector_id: UUID, terms: tuple[str, ...]) -> str:
    return f"grant:{tenant_id}:{connector_id}:{msgspec.json.encode(terms).decode()}"


def seal_grant(tenant_id: int, connector_id: UUID, terms: tuple[str, ...], grant: Grant) -> bytes:
    """`grant` for the table. `terms`: `ConnectorType.consent_terms`; with others it does not open."""
    return BOUND + crypto.seal(msgspec.json.encode(grant), _aad(tenant_id, connector_id, terms))


def open_grant(tenant_id: int, connector_id: UUID, terms: tuple[str, ...], sealed: bytes | None) -> Grant | None:
    """The same opened; None without one. Raises CannotUnseal."""
    if not sealed or not terms:
        return None
    opened = crypto.unseal(sealed.removeprefix(BOUND), _aad(tenant_id, connector_id, terms))
    return msgspec.json.decode(opened, type=Grant)


async def reseal_grants(session: AsyncSession) -> int:
    """Seal again, with the present secret key, what is not sealed so. Returns how many."""
    count = 0
    for tenant_id, connector_id, kind, config, sealed in await repository.consents_sealed_otherwise(
        session, present_seal()
    ):
        try:
            terms = registry.connector_type(kind).consent_terms(config)
            grant = open_grant(tenant_id, connector_id, terms, sealed)
        except (crypto.CannotUnseal, KeyError):
            continue  # a key that is not known here, or a type that is not installed: whoever uses it is told
        if grant:
            again = seal_grant(tenant_id, connector_id, terms, grant)
            count += await repository.replace_consent(session, tenant_id, connector_id, sealed, again)
    return count
