"""SQL of API keys."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Text, cast, func, literal_column, or_, select, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app.models.api_key import ApiKey
from app.models.tenant_repository import TenantRepository
from app.models.user import Membership, User
from app.models.workspace import Workspace


class KeyRepository(TenantRepository[ApiKey]):
    """The keys of a workspace."""

    model = ApiKey

    async def with_makers(self, *filters: ColumnElement[bool]) -> Sequence[Any]:
        """(key, its maker's name, the name of the key that made it, the maker's role here), the newest first."""
        parent = aliased(ApiKey)
        query = (
            select(ApiKey, func.coalesce(func.nullif(User.name, ""), User.email), parent.name, Membership.role)
            .outerjoin(User, User.id == ApiKey.created_by)
            .outerjoin(Membership, _is_maker_here())
            .outerjoin(parent, parent.id == ApiKey.created_by_key)
            .where(self.own, *filters)
            .order_by(ApiKey.created_at.desc(), ApiKey.id.desc())
        )
        rows: Sequence[Any] = (await self.session.execute(query)).all()
        return rows

    async def made_with(self, key_id: UUID) -> Sequence[ApiKey]:
        """The keys that a key made over the API, and those that these made, as far as they were not revoked; by name."""
        top = select(ApiKey.id).where(ApiKey.created_by_key == key_id).cte("made", recursive=True)
        below = aliased(ApiKey)
        tree = top.union(select(below.id).join(top, below.created_by_key == top.c.id))
        return await self.list(ApiKey.id.in_(select(tree.c.id)), ApiKey.revoked_at.is_(None), order_by=[ApiKey.name])

    async def working(self, now: datetime, *filters: ColumnElement[bool]) -> Sequence[ApiKey]:
        """Those that are neither revoked nor over, by name."""
        lasts = or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > now)
        by_name = (func.lower(ApiKey.name), ApiKey.id)
        return await self.list(ApiKey.revoked_at.is_(None), lasts, *filters, order_by=by_name)


def _is_maker_here() -> ColumnElement[bool]:
    """The condition that joins a key (outer-joined with its maker's User) to the maker's membership of its workspace."""
    return (
        (Membership.tenant_id == ApiKey.tenant_id)
        & (Membership.user_id == ApiKey.created_by)
        & User.id.is_not(None)
        & User.disabled_at.is_(None)
    )


_STANDING = func.md5(
    cast(
        func.row(
            ApiKey.tenant_id, ApiKey.revoked_at, ApiKey.expires_at, ApiKey.role, ApiKey.scopes, ApiKey.created_by,
            Membership.role,
        ),
        Text,
    )
)  # fmt: skip
"""What decides whom a key stands for, in a few bytes."""


def standing_sql(key_id: str) -> str:
    """SELECT of `standing` and `expires_at` of the key whose id the SQL `key_id` says; no row when there is none.

    For statements that write for a principal read earlier: with the same standing, and before `expires_at`, nothing has changed.
    """
    query = (
        select(_STANDING.label("standing"), ApiKey.expires_at)
        .select_from(ApiKey)
        .outerjoin(User, User.id == ApiKey.created_by)
        .outerjoin(Membership, _is_maker_here())
        .where(ApiKey.id == literal_column(key_id))
    )
    return str(query.compile(dialect=postgresql.dialect()))  # type: ignore[no-untyped-call]


async def key_standings(session: AsyncSession, key_ids: Sequence[UUID], now: datetime) -> dict[UUID, str]:
    """What decides whom these keys stand for, of those that are not over."""
    query = (
        select(ApiKey.id, _STANDING)
        .outerjoin(User, User.id == ApiKey.created_by)
        .outerjoin(Membership, _is_maker_here())
        .where(ApiKey.id.in_(key_ids), or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > now))
    )
    return {row[0]: row[1] for row in (await session.execute(query)).all()}


async def key_by_prefix(session: AsyncSession, prefix: str) -> Any | None:
    """A key of any workspace with its workspace, and the role that its maker has there (`maker_role`)."""
    query = (
        select(
            ApiKey.id,
            ApiKey.tenant_id,
            ApiKey.role,
            ApiKey.scopes,
            ApiKey.name,
            ApiKey.key_hash,
            ApiKey.expires_at,
            ApiKey.revoked_at,
            ApiKey.last_used_at,
            ApiKey.created_by,
            Membership.role.label("maker_role"),
            Workspace.name.label("workspace"),
            Workspace.timezone,
            Workspace.settings["country"].astext.label("country"),
            _STANDING.label("standing"),
        )
        .join(Workspace, Workspace.id == ApiKey.tenant_id)
        .outerjoin(User, User.id == ApiKey.created_by)
        .outerjoin(Membership, _is_maker_here())
        .where(ApiKey.prefix == prefix)
    )
    return (await session.execute(query)).one_or_none()


async def note_use(session: AsyncSession, key_id: UUID, now: datetime) -> None:
    """The key was used now. That is no change of the key, so `updated_at` stays."""
    await session.execute(
        update(ApiKey).where(ApiKey.id == key_id).values(last_used_at=now, updated_at=ApiKey.updated_at)
    )
