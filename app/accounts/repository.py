"""SQL of workspaces, users and memberships."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import exists, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.lib import addresses
from app.models.session import UserSession
from app.models.status import Role
from app.models.user import Membership, User
from app.models.workspace import Workspace


class Member(NamedTuple):
    """One line of the users page."""

    id: UUID
    email: str
    name: str
    role: Role
    has_password: bool
    elsewhere: bool
    seen_at: datetime | None


async def lock_workspace(session: AsyncSession, tenant_id: int) -> None:
    """Until the end of the transaction nobody else changes members here, so two owners cannot remove each other at once."""
    await session.execute(select(Workspace.id).where(Workspace.id == tenant_id).with_for_update())


async def lock_first_start(session: AsyncSession) -> None:
    """Two processes that start together do not both make the first admin."""
    await session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('accounts.first', 7))"))


async def any_user(session: AsyncSession) -> bool:
    return bool(await session.scalar(select(exists(select(User.id)))))


async def member_by_email(session: AsyncSession, tenant_id: int, email: str) -> User | None:
    """The member of a workspace with this address. There is one at most, though an address may have accounts elsewhere too."""
    member: User | None = await session.scalar(
        select(User)
        .join(Membership, Membership.user_id == User.id)
        .where(Membership.tenant_id == tenant_id, User.email == addresses.lookup_form(email))
    )
    return member


async def oldest_account(session: AsyncSession, email: str) -> User | None:
    """The account that had this address first."""
    account: User | None = await session.scalar(
        select(User).where(User.email == addresses.lookup_form(email)).order_by(User.created_at, User.id).limit(1)
    )
    return account


async def workspace(session: AsyncSession, tenant_id: int) -> Workspace:
    return await session.get_one(Workspace, tenant_id)


async def workspace_by_slug(session: AsyncSession, slug: str) -> Workspace | None:
    workspace: Workspace | None = await session.scalar(select(Workspace).where(Workspace.slug == slug))
    return workspace


async def first_workspace(session: AsyncSession) -> Workspace | None:
    workspace: Workspace | None = await session.scalar(select(Workspace).order_by(Workspace.id).limit(1))
    return workspace


async def free_slug(session: AsyncSession, wanted: str) -> str:
    """`wanted`, or the first of `wanted-2`, `wanted-3`, … that no workspace has."""
    used_slugs = set(await session.scalars(select(Workspace.slug).where(Workspace.slug.startswith(wanted))))
    number, slug = 1, wanted
    while slug in used_slugs:
        number += 1
        slug = f"{wanted}-{number}"
    return slug


async def membership(session: AsyncSession, tenant_id: int, user_id: UUID) -> Membership | None:
    return await session.get(Membership, (tenant_id, user_id), populate_existing=True)


async def owners(session: AsyncSession, tenant_id: int) -> int:
    count = select(func.count()).where(Membership.tenant_id == tenant_id, Membership.role == Role.OWNER.value)
    return await session.scalar(count) or 0


async def workspaces_of(session: AsyncSession, user_id: UUID) -> list[tuple[int, str, str, str]]:
    """(id, name, slug, role) of each workspace of a user, by name."""
    rows = await session.execute(
        select(Workspace.id, Workspace.name, Workspace.slug, Membership.role)
        .join(Membership, Membership.tenant_id == Workspace.id)
        .where(Membership.user_id == user_id)
        .order_by(func.lower(Workspace.name), Workspace.id)
    )
    return [(row[0], row[1], row[2], row[3]) for row in rows]


async def members(session: AsyncSession, tenant_id: int, only: UUID | None = None) -> list[Member]:
    """The workspace's people by name, with when they were last here."""
    in_workspace = Membership.tenant_id == tenant_id
    other = Membership.__table__.alias()
    query = (
        select(
            User.id,
            User.email,
            User.name,
            Membership.role,
            User.password_hash.is_not(None),
            exists().where(other.c.user_id == User.id, other.c.tenant_id != tenant_id),
            select(func.max(UserSession.seen_at))
            .where(UserSession.user_id == User.id, UserSession.tenant_id == tenant_id)
            .scalar_subquery(),
        )
        .join(Membership, Membership.user_id == User.id)
        .where(in_workspace)
        .order_by(func.lower(func.coalesce(func.nullif(User.name, ""), User.email)))
    )
    if only is not None:
        query = query.where(User.id == only)
    rows = await session.execute(query)
    return [Member(row[0], row[1], row[2], Role(row[3]), *row[4:]) for row in rows]


async def account_exists(session: AsyncSession, email: str) -> bool:
    """Is there any account with this address (in lower case)?"""
    return bool(await session.scalar(select(exists(select(User.id).where(User.email == email)))))


async def accounts_with_password(session: AsyncSession, email: str, limit: int) -> Sequence[Any]:
    """(id, password hash) of accounts of an address that may sign in by a password, the ones that were used lately first."""
    last_seen = select(func.max(UserSession.seen_at)).where(UserSession.user_id == User.id).scalar_subquery()
    query = (
        select(User.id, User.password_hash)
        .where(User.email == email, User.password_hash.is_not(None), User.disabled_at.is_(None))
        .order_by(last_seen.desc().nulls_last(), User.id)
        .limit(limit)
    )
    return (await session.execute(query)).all()


async def password_hash(session: AsyncSession, user_id: UUID) -> str | None:
    stored: str | None = await session.scalar(select(User.password_hash).where(User.id == user_id))
    return stored


async def shown_name(session: AsyncSession, user_id: UUID) -> str | None:
    """The name of a user, or the address of one without."""
    name: str | None = await session.scalar(
        select(func.coalesce(func.nullif(User.name, ""), User.email)).where(User.id == user_id)
    )
    return name
