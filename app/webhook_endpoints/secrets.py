"""The secrets of an endpoint: sealed at rest, at most two, the present one first. While there are two, both sign."""

from __future__ import annotations

import base64
import secrets
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from app.lib import crypto

OVERLAP = timedelta(hours=24)
"""How long the secret before the present one signs too."""


class EndpointSecret(msgspec.Struct, frozen=True):
    """`until` None: it is the present one."""

    text: str
    until: datetime | None = None

    @property
    def hint(self) -> str:
        """Enough to tell it from another one."""
        return f"…{self.text[-4:]}"


class EndpointSecrets(msgspec.Struct, frozen=True):
    """What is sealed of an endpoint."""

    secrets: list[EndpointSecret]

    @classmethod
    def fresh(cls) -> EndpointSecrets:
        return cls([EndpointSecret(_random())])

    @property
    def present(self) -> EndpointSecret:
        return self.secrets[0]

    def live(self, now: datetime) -> list[EndpointSecret]:
        """Those that sign now."""
        return [secret for secret in self.secrets if secret.until is None or secret.until > now]

    def rotated(self, now: datetime) -> EndpointSecrets:
        """A new present secret; the one before it signs for OVERLAP longer."""
        before = msgspec.structs.replace(self.present, until=now + OVERLAP)
        return EndpointSecrets([EndpointSecret(_random()), before])

    def sealed(self, tenant_id: int, endpoint_id: UUID) -> bytes:
        """For the row of one endpoint. It opens for no other one."""
        return crypto.seal(msgspec.json.encode(self), _aad(tenant_id, endpoint_id))

    @classmethod
    def opened(cls, sealed: bytes, tenant_id: int, endpoint_id: UUID) -> EndpointSecrets:
        """Raises CannotUnseal when the secret key is another one."""
        return msgspec.json.decode(crypto.unseal(sealed, _aad(tenant_id, endpoint_id)), type=cls)


def _aad(tenant_id: int, endpoint_id: UUID) -> str:
    return f"webhook-endpoint:{tenant_id}:{endpoint_id}"


def _random() -> str:
    """In the form of Standard Webhooks."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()
