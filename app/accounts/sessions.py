"""Signing in and out: browser sessions and one-time links. Tokens are 32 random bytes, stored as SHA-256 only."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts import passwords, throttle
from app.accounts.principal import Principal
from app.errors import AppError, Forbidden, NotFound
from app.lib import clock, crypto
from app.lib.ids import uuid7
from app.models.session import SignInLink, UserSession
from app.models.user import Membership, User

OpenSession = Callable[[], AbstractAsyncContextManager[AsyncSession]]
LASTING, SHORT = timedelta(days=30), timedelta(hours=12)
"""How long a session lives at most, however much it is used: with "keep me signed in", and without."""
IDLE_LASTING, IDLE_SHORT = timedelta(days=7), timedelta(hours=2)
"""How long it lives without being used. The short one outlives a lunch and a meeting, not a night on somebody's desk."""
LINK_LIFE, INVITATION_LIFE = timedelta(hours=1), timedelta(days=7)


class WrongPassword(AppError):
    """Email or password is wrong."""

    status_code = 401
    code = "wrong_password"


class LinkOver(AppError):
    """This link was used already or is too old. Ask for a new one."""

    status_code = 410
    code = "link_over"


def end_of(created_at: datetime, seen_at: datetime, *, lasting: bool) -> datetime:
    """When a session ends that is not used after `seen_at`."""
    life, idle = (LASTING, IDLE_LASTING) if lasting else (SHORT, IDLE_SHORT)
    return min(created_at + life, seen_at + idle)


async def check_password(own_session: OpenSession, email: str, password: str, address: str) -> UUID:
    """The user with this email and password. Raises WrongPassword or TooMany.

    It takes sessions of its own: tries must count although the request is refused, and nobody may hold a database
    connection while waiting for Argon2.
    """
    async with own_session() as session:
        left = await throttle.take(session, email, address)
        found = (
            await session.execute(
                select(User.id, User.password_hash, User.disabled_at).where(
                    func.lower(User.email) == email.strip().lower()
                )
            )
        ).one_or_none()
    right = await passwords.verify(found.password_hash if found else None, password)
    if found is None or not right or found.disabled_at is not None:
        raise WrongPassword(f"Email or password is wrong.{throttle.remaining(left)}")
    renewed = await passwords.hashed(password) if passwords.outdated(found.password_hash) else None
    async with own_session() as session:
        await throttle.give_back(session, email, address)
        if renewed:
            await session.execute(update(User).where(User.id == found.id).values(password_hash=renewed))
    user_id: UUID = found.id
    return user_id


async def start(
    session: AsyncSession,
    user_id: UUID,
    *,
    lasting: bool = True,
    address: str = "",
    user_agent: str = "",
    instead_of: UUID | None = None,
) -> str:
    """Begin a session in the workspace the user was in last and return its token, always a new one.

    `instead_of` is the session that the browser had before; it ends here.
    """
    tenant_id = await session.scalar(
        select(Membership.tenant_id)
        .outerjoin(
            UserSession,
            (UserSession.user_id == Membership.user_id) & (UserSession.tenant_id == Membership.tenant_id),
        )
        .where(Membership.user_id == user_id)
        .group_by(Membership.tenant_id)
        .order_by(func.max(UserSession.seen_at).desc().nulls_last(), Membership.tenant_id)
        .limit(1)
    )
    if tenant_id is None:
        raise Forbidden("You are not a member of any workspace. Ask an admin to add you.")
    now = clock.now()
    if instead_of is not None:
        await session.execute(delete(UserSession).where(UserSession.id == instead_of))
    await session.execute(delete(UserSession).where(UserSession.user_id == user_id, UserSession.expires_at <= now))
    token = secrets.token_urlsafe(32)
    await session.execute(
        insert(UserSession).values(
            id=uuid7(),
            token_hash=crypto.fingerprint(token),
            user_id=user_id,
            tenant_id=tenant_id,
            created_at=now,
            seen_at=now,
            expires_at=end_of(now, now, lasting=lasting),
            lasting=lasting,
            address=address[:64],
            user_agent=user_agent[:300],
        )
    )
    return token


async def listed(session: AsyncSession, principal: Principal) -> list[UserSession]:
    """The user's own open sessions, in every workspace, the latest first."""
    rows = await session.scalars(
        select(UserSession)
        .where(UserSession.user_id == principal.id, UserSession.expires_at > clock.now())
        .order_by(UserSession.seen_at.desc())
    )
    return list(rows)


async def end(session: AsyncSession, principal: Principal, session_id: UUID) -> None:
    """End one of the user's own sessions; NotFound when it is not theirs."""
    ended = await session.execute(
        delete(UserSession)
        .where(UserSession.id == session_id, UserSession.user_id == principal.id)
        .returning(UserSession.id)
    )
    if ended.scalar() is None:
        raise NotFound


async def end_others(session: AsyncSession, user_id: UUID, keep: UUID | None) -> int:
    """End all sessions of a user but one; after a change of password nobody else stays signed in."""
    ended = await session.execute(
        delete(UserSession)
        .where(UserSession.user_id == user_id, UserSession.id.is_distinct_from(keep))
        .returning(UserSession.id)
    )
    return len(ended.all())


async def switch(session: AsyncSession, principal: Principal, tenant_id: int) -> None:
    """Move this session to another workspace of the user; NotFound when they are not a member."""
    member = await session.scalar(
        select(Membership.tenant_id).where(Membership.user_id == principal.id, Membership.tenant_id == tenant_id)
    )
    if member is None:
        raise NotFound
    await session.execute(update(UserSession).where(UserSession.id == principal.session_id).values(tenant_id=tenant_id))


async def create_sign_in_link(session: AsyncSession, user_id: UUID, *, life: timedelta = LINK_LIFE) -> str:
    """The token of a new link that signs this user in once: `<base URL>/sign-in/link/<token>`. Older links end."""
    await session.execute(delete(SignInLink).where(SignInLink.user_id == user_id))
    token = secrets.token_urlsafe(32)
    await session.execute(
        insert(SignInLink).values(
            token_hash=crypto.fingerprint(token), user_id=user_id, expires_at=clock.now() + life, used_at=None
        )
    )
    return token


async def link_owner(session: AsyncSession, token: str) -> tuple[User, datetime]:
    """Whom a link would sign in, and until when it can; LinkOver when it cannot. It uses nothing up."""
    row = (
        await session.execute(
            select(User, SignInLink.expires_at)
            .join(SignInLink, SignInLink.user_id == User.id)
            .where(
                SignInLink.token_hash == crypto.fingerprint(token),
                SignInLink.used_at.is_(None),
                SignInLink.expires_at > clock.now(),
                User.disabled_at.is_(None),
            )
        )
    ).one_or_none()
    if row is None:
        raise LinkOver
    return row[0], row[1]


async def use_link(session: AsyncSession, token: str) -> UUID:
    """Use a link up and return its user. Of two at once, one gets LinkOver."""
    now = clock.now()
    user_id: UUID | None = await session.scalar(
        update(SignInLink)
        .where(
            SignInLink.token_hash == crypto.fingerprint(token),
            SignInLink.used_at.is_(None),
            SignInLink.expires_at > now,
            SignInLink.user_id.in_(select(User.id).where(User.disabled_at.is_(None))),
        )
        .values(used_at=now)
        .returning(SignInLink.user_id)
    )
    if user_id is None:
        raise LinkOver
    return user_id
