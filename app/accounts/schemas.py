"""Bodies of the accounts API."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from app.accounts.principal import Principal
from app.models.api_key import ApiKey
from app.models.status import Role


class WorkspaceOut(msgspec.Struct, rename="camel"):
    id: int
    name: str
    timezone: str
    country: str | None
    """ISO 3166 alpha-2; phone numbers without a country code are of it."""


class MeOut(msgspec.Struct, rename="camel"):
    """Who the key is, and what it may do."""

    kind: str
    id: UUID
    name: str
    role: Role
    workspace: WorkspaceOut

    @classmethod
    def of(cls, principal: Principal) -> MeOut:
        place = WorkspaceOut(principal.tenant_id, principal.workspace, principal.timezone, principal.country)
        return cls(principal.kind, principal.id, principal.name, principal.role, place)


class ApiKeyIn(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    name: str
    role: Role = Role.VIEWER
    expires_in_days: int | None = None


class ApiKeyOut(msgspec.Struct, rename="camel"):
    """A key without its secret."""

    id: UUID
    name: str
    prefix: str
    role: Role
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None

    @classmethod
    def of(cls, row: ApiKey) -> ApiKeyOut:
        return cls(
            row.id, row.name, f"tl_{row.prefix}", Role(row.role), row.created_at, row.expires_at, row.last_used_at
        )


class NewApiKeyOut(ApiKeyOut):
    """A new key; `key` is never shown again."""

    key: str = ""
