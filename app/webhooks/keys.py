"""The token of an address and the secrets that sign what comes to it. Sealed at rest; a call finds the address by the token's hash."""

from __future__ import annotations

import base64
import re
import secrets
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from app.lib import crypto

TOKEN = re.compile(r"([0-9]{1,9})-([A-Za-z0-9_-]{43})")
OVERLAP = timedelta(hours=24)
"""How long the secret before the present one still signs."""
PREFIX = "whsec_"


class Secret(msgspec.Struct, frozen=True):
    """`until` None: it is the present one."""

    text: str
    until: datetime | None = None

    @property
    def hint(self) -> str:
        """Enough to tell it from another one."""
        return f"…{self.text[-4:]}"


class WebhookKeys(msgspec.Struct, frozen=True):
    """What is sealed of an address. At most two secrets: the present one first."""

    token: str
    secrets: list[Secret] = []

    def live(self, now: datetime) -> list[str]:
        """The secrets that sign now."""
        return [secret.text for secret in self.secrets if secret.until is None or secret.until > now]

    def with_secret(self, text: str, now: datetime) -> WebhookKeys:
        """A new present secret; the one before it signs for OVERLAP longer."""
        before = [msgspec.structs.replace(secret, until=now + OVERLAP) for secret in self.secrets[:1]]
        return msgspec.structs.replace(self, secrets=[Secret(text), *before])

    def sealed(self, place: tuple[int, UUID, str]) -> bytes:
        """For the row of `place`: workspace, workflow, trigger. It opens for no other one."""
        return crypto.seal(msgspec.json.encode(self), _aad(place))

    @classmethod
    def opened(cls, sealed: bytes, place: tuple[int, UUID, str]) -> WebhookKeys:
        """Raises CannotUnseal when the secret key is another one."""
        return msgspec.json.decode(crypto.unseal(sealed, _aad(place)), type=cls)


def _aad(place: tuple[int, UUID, str]) -> str:
    tenant_id, workflow_id, trigger_id = place
    return f"webhook:{tenant_id}:{workflow_id}:{trigger_id}"


def new_token(tenant_id: int) -> str:
    """256 random bits behind the number of the workspace, by which a call is looked for among the rows of that one alone."""
    return f"{tenant_id}-{secrets.token_urlsafe(32)}"


def new_secret() -> str:
    """A secret in the form of Standard Webhooks."""
    return PREFIX + base64.b64encode(secrets.token_bytes(24)).decode()


def tenant_of(token: str) -> int | None:
    """The workspace of an address; None when this is no token."""
    match = TOKEN.fullmatch(token)
    return int(match[1]) if match is not None and int(match[1]) < 2**31 else None
