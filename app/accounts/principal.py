"""The principal of a request: a signed-in user or an API key, with one role in one workspace."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

import msgspec

from app.models.status import Role


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Every query of a request filters by `tenant_id`; never take a tenant from the input."""

    kind: Literal["user", "key", "product"]
    """`product`: Throughline itself, as when it fills the demo workspace; its id belongs to no row."""
    id: UUID
    tenant_id: int
    role: Role
    name: str
    email: str = ""
    workspace: str = ""
    timezone: str = "UTC"
    """Of the workspace: of dates and times that are written without a zone."""
    own_timezone: str = ""
    """Of the user, who chose another to read times in. Empty: the workspace's."""
    language: str = ""
    """That a user chose for the pages, as in `translation.LANGUAGES`. Empty: what the browser asks for."""
    theme: str = ""
    country: str | None = None
    """ISO 3166 alpha-2, of the workspace: of phone numbers that are written without a country code."""
    session_id: UUID | None = None
    scopes: frozenset[str] | None = None
    """What an API key may touch (`app.models.scope`). None: all that the role allows, as for everybody who signs in."""
    maker_id: UUID | None = None
    """Of an API key: the user who made it, or who made the key that made it. None: it was made on the command line."""
    standing: str = ""
    """Of an API key: a digest of all that `key_principal` judged (`key_repository.standing_sql`). While the database answers the same,
    and the key is not over, the same key has the same principal."""

    @property
    def reading_timezone(self) -> str:
        """In which times are shown."""
        return self.own_timezone or self.timezone

    def may(self, role: Role | str) -> bool:
        """Does this role cover `role`? Templates use it to leave out what would be refused."""
        return self.role.covers(Role(role))

    def may_touch(self, scope: str | None) -> bool:
        """Does this key hold `scope`? `None` is what every key may do."""
        return self.scopes is None or scope is None or scope in self.scopes

    @property
    def user_id(self) -> UUID | None:
        """The user to write down as author; None for an API key."""
        return self.id if self.kind == "user" else None

    @property
    def own_session(self) -> UUID:
        """The browser session that it came with. Only for routes that a key cannot reach."""
        assert self.session_id is not None  # noqa: S101  pages take no keys
        return self.session_id

    @property
    def key_id(self) -> UUID | None:
        """The API key to write down as maker; None for a user."""
        return self.id if self.kind == "key" else None
