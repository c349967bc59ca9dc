"""SQL of browser sessions and one-time links, which belong to an account and not to a workspace.

A token says whom its row belongs to; those who look one up have nobody yet, so that is done by functions across all accounts.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app.models.owned_repository import OwnedRepository, RowT
from app.models.session import SignInLink, UserSession
from app.models.user import Membership, User
from app.models.workspace import Workspace


class AccountRepository(OwnedRepository[RowT]):
    """Rows of one account, in whatever workspace; `owner` is the user's id."""

    owner_column = "user_id"


class SessionRepository(AccountRepository[UserSession]):
    """Where an account is signed in."""

    model = UserSession

    async def open(self, now: datetime, tenant_id: int | None = None) -> Sequence[UserSession]:
        """Those that have not ended, the latest first; with `tenant_id` of that workspace only."""
        of_workspace = [] if tenant_id is None else [UserSession.tenant_id == tenant_id]
        return await self.list(UserSession.expires_at > now, *of_workspace, order_by=[UserSession.seen_at.desc()])

    async def last_workspace(self, wanted: int | None = None) -> int | None:
        """The workspace that the user was in last, `wanted` if it is given; None when they are not a member of it, or of any."""
        query = (
            select(Membership.tenant_id)
            .outerjoin(
                UserSession,
                (UserSession.user_id == Membership.user_id) & (UserSession.tenant_id == Membership.tenant_id),
            )
            .where(Membership.user_id == self.owner)
            .group_by(Membership.tenant_id)
            .order_by(func.max(UserSession.seen_at).desc().nulls_last(), Membership.tenant_id)
            .limit(1)
        )
        tenant_id: int | None = await self.session.scalar(
            query if wanted is None else query.where(Membership.tenant_id == wanted)
        )
        return tenant_id


class SignInLinkRepository(AccountRepository[SignInLink]):
    """The links that were made for an account."""

    model = SignInLink

    async def end(self, now: datetime) -> None:
        """Let none work any more."""
        await self.session.execute(
            update(SignInLink).where(self.own, SignInLink.expires_at > now).values(expires_at=now)
        )

    async def made_by_others(self, limit: int) -> Sequence[Any]:
        """(made at, name or address of who made it, mailed, used at) of links that admins made, the latest first."""
        maker = aliased(User)
        query = (
            select(
                SignInLink.created_at,
                func.coalesce(func.nullif(maker.name, ""), maker.email),
                SignInLink.mailed,
                SignInLink.used_at,
            )
            .join(maker, maker.id == SignInLink.created_by)
            .where(self.own, SignInLink.created_by != self.owner)
            .order_by(SignInLink.created_at.desc())
            .limit(limit)
        )
        rows: Sequence[Any] = (await self.session.execute(query)).all()
        return rows

    async def tell_of_others(self, now: datetime) -> UUID | None:
        """Note that the account is told now of the links that others made for it; the id of one who made a link untold so far."""
        made_by: UUID | None = await self.session.scalar(
            update(SignInLink)
            .where(self.own, SignInLink.created_by != self.owner, SignInLink.told_at.is_(None))
            .values(told_at=now)
            .returning(SignInLink.created_by)
        )
        return made_by


async def session_by_token(session: AsyncSession, token_hash: bytes, now: datetime) -> Any | None:
    """The open session of a token with its user, role and workspace; None also when the user is disabled or no member any more."""
    query = (
        select(
            UserSession.id,
            UserSession.tenant_id,
            UserSession.user_id,
            UserSession.created_at,
            UserSession.seen_at,
            UserSession.lasting,
            User.name,
            User.email,
            Membership.role,
            Workspace.name.label("workspace"),
            Workspace.timezone,
            Workspace.settings["country"].astext.label("country"),
            User.language,
            User.timezone.label("own_timezone"),
            User.theme,
        )
        .join(User, User.id == UserSession.user_id)
        .join(Membership, (Membership.user_id == UserSession.user_id) & (Membership.tenant_id == UserSession.tenant_id))
        .join(Workspace, Workspace.id == UserSession.tenant_id)
        .where(UserSession.token_hash == token_hash, UserSession.expires_at > now, User.disabled_at.is_(None))
    )
    return (await session.execute(query)).one_or_none()


async def note_seen(session: AsyncSession, session_id: UUID, now: datetime, expires_at: datetime) -> None:
    """The session was used now, and ends at `expires_at` if it is not used again."""
    await session.execute(
        update(UserSession).where(UserSession.id == session_id).values(seen_at=now, expires_at=expires_at)
    )


async def drop_session(session: AsyncSession, session_id: UUID) -> None:
    """End a session, whosever it is: that of a browser in which somebody signs in anew."""
    await session.execute(delete(UserSession).where(UserSession.id == session_id))


async def link_by_token(session: AsyncSession, token_hash: bytes, now: datetime) -> Row[User, datetime] | None:
    """(user, end) of a link that would sign somebody in."""
    query = (
        select(User, SignInLink.expires_at)
        .join(SignInLink, SignInLink.user_id == User.id)
        .where(
            SignInLink.token_hash == token_hash,
            SignInLink.used_at.is_(None),
            SignInLink.expires_at > now,
            User.disabled_at.is_(None),
        )
    )
    return (await session.execute(query)).one_or_none()


async def use_link_up(session: AsyncSession, token_hash: bytes, now: datetime) -> Row[UUID, UUID | None] | None:
    """(user, who made it) of a link that is used now; None when it works no more. Of two at once, one gets it."""
    used = await session.execute(
        update(SignInLink)
        .where(
            SignInLink.token_hash == token_hash,
            SignInLink.used_at.is_(None),
            SignInLink.expires_at > now,
            SignInLink.user_id.in_(select(User.id).where(User.disabled_at.is_(None))),
        )
        .values(used_at=now)
        .returning(SignInLink.user_id, SignInLink.created_by)
    )
    return used.one_or_none()


async def forget_ended(session: AsyncSession, sessions_before: datetime, links_before: datetime) -> None:
    """Drop sessions and sign-in links that ran out before these instants."""
    await session.execute(delete(UserSession).where(UserSession.expires_at < sessions_before))
    await session.execute(delete(SignInLink).where(SignInLink.expires_at < links_before))
