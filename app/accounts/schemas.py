"""Bodies of the accounts API."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from app.accounts import keys
from app.accounts.principal import Principal
from app.accounts.service import WorkspaceChange
from app.errors import Invalid
from app.lib.translation import gettext
from app.messaging.channels.opt_words import STOP_WORDS
from app.models.scope import Scope
from app.models.status import Role
from app.models.workspace import Workspace
from app.values import contact_fields


class WorkspaceOut(msgspec.Struct, rename="camel"):
    id: int
    name: str
    timezone: str
    country: str | None
    """ISO 3166 alpha-2; phone numbers without a country code are of it."""


class WorkspaceSettingsOut(WorkspaceOut, rename="camel"):
    """The workspace of the key."""

    stop_words: list[str]
    """Further words that stop messages to the phone of whoever replies with one; STOP and its words in eight languages always do."""

    @classmethod
    def of(cls, row: Workspace) -> WorkspaceSettingsOut:
        country = contact_fields.country_of(row.settings)
        return cls(row.id, row.name, row.timezone, country, list(row.settings.get(STOP_WORDS) or []))


class WorkspaceChangeIn(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """What is left out stays as it is."""

    name: str | UnsetType = UNSET
    timezone: str | UnsetType = UNSET
    """An IANA time zone, such as `Europe/Berlin`."""
    country: str | UnsetType | None = UNSET
    """ISO 3166 alpha-2; null for none."""
    stop_words: list[str] | UnsetType = UNSET
    """All of the workspace's own words, at most 50 of 40 characters."""

    def change(self) -> WorkspaceChange:
        return WorkspaceChange(
            name=None if self.name is UNSET else self.name,
            timezone=None if self.timezone is UNSET else self.timezone,
            country=None if self.country is UNSET else self.country or "",
            stop_words=None if self.stop_words is UNSET else self.stop_words,
        )


class MeOut(msgspec.Struct, rename="camel"):
    """Who the key is, and what it may do."""

    kind: str
    id: UUID
    name: str
    role: Role
    """At most the present role of whoever made the key."""
    scopes: list[Scope] | None
    """null: all that the role allows."""
    workspace: WorkspaceOut

    @classmethod
    def of(cls, principal: Principal) -> MeOut:
        place = WorkspaceOut(principal.tenant_id, principal.workspace, principal.timezone, principal.country)
        return cls(principal.kind, principal.id, principal.name, principal.role, _scopes_out(principal.scopes), place)


class ApiKeyIn(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """Say `role` and `scopes`, or a `preset`, which is both."""

    name: str
    role: Role | None = None
    """At most the role of the key that asks; `viewer` when left out."""
    scopes: list[Scope] | None = None
    """What the key may touch. Left out or null: all that its role allows."""
    preset: Literal["ingest", "read-only"] | None = None
    """`ingest` may send events and nothing else; `read-only` may read all that a viewer sees."""
    expires_in_days: int | None = keys.DEFAULT_DAYS
    """1 to 3,650; null for a key that never expires, which is for programs that nobody can bring a new key."""

    def access(self) -> tuple[Role, list[Scope] | None]:
        """Role and scopes, from the preset when there is one. Invalid when both are given."""
        if self.preset is None:
            return self.role or Role.VIEWER, self.scopes
        if self.role is not None or self.scopes is not None:
            raise Invalid(
                errors=[{"path": "preset", "message": gettext("Send a preset, or role and scopes; not both.")}]
            )
        preset = keys.PRESETS[self.preset]
        return preset.role, list(preset.scopes)


class RotationIn(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    overlap_hours: int = keys.OVERLAP_HOURS
    """How long the old key works beside the new one, 0 to 720."""


class ApiKeyOut(msgspec.Struct, rename="camel"):
    """A key without its secret."""

    id: UUID
    name: str
    prefix: str
    role: Role
    """The role that it was given."""
    effective_role: Role | None
    """The role that it has today: at most its maker's. null: its maker left, and it opens nothing."""
    scopes: list[Scope] | None
    """null: all that the role allows."""
    maker: str | None
    """Who made it. null: the command line, or somebody who was deleted."""
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    replaced_by: UUID | None
    """The key that took its place when it was rotated."""

    @classmethod
    def of(cls, listed: keys.ListedKey) -> ApiKeyOut:
        return cls(**cls._values(listed))

    @staticmethod
    def _values(listed: keys.ListedKey) -> dict[str, Any]:
        row = listed.key
        return {
            "id": row.id,
            "name": row.name,
            "prefix": f"tl_{row.prefix}",
            "role": Role(row.role),
            "effective_role": listed.effective,
            "scopes": _scopes_out(row.scopes),
            "maker": listed.maker,
            "created_at": row.created_at,
            "expires_at": row.expires_at,
            "last_used_at": row.last_used_at,
            "replaced_by": row.replaced_by,
        }


class NewApiKeyOut(ApiKeyOut):
    """A new key; `key` is shown once, and null when the answer to an Idempotency-Key is repeated."""

    key: str | None = None

    @classmethod
    def with_key(cls, listed: keys.ListedKey, key: str) -> NewApiKeyOut:
        return cls(**cls._values(listed), key=key)


def _scopes_out(scopes: Iterable[str] | None) -> list[Scope] | None:
    return None if scopes is None else [scope for scope in Scope if scope in set(scopes)]
