"""Signing in and out: passwords and browser sessions. Tokens are 32 random bytes, stored as SHA-256 only."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts import passwords, repository, throttle
from app.accounts.principal import Principal
from app.accounts.session_repository import SessionRepository, drop_session
from app.accounts.throttle import Budget
from app.errors import AppError, Forbidden, Invalid, NotFound, TooMany
from app.lib import addresses, clock, crypto
from app.lib.translation import gettext
from app.models.session import UserSession
from app.models.user import User

log = structlog.get_logger()
OpenSession = Callable[[], AbstractAsyncContextManager[AsyncSession]]
LASTING, SHORT = timedelta(days=30), timedelta(hours=12)
"""How long a session lives at most, however much it is used: with "keep me signed in", and without."""
IDLE_LASTING, IDLE_SHORT = timedelta(days=7), timedelta(hours=2)
"""How long it lives without being used. The short one outlasts a break at work, but not a night."""
ACCOUNTS_TRIED = 8
"""Accounts of one address that a password is tried on; each costs the work of a hash. A link helps who has more."""


class WrongPassword(AppError):
    """Email or password is wrong."""

    status_code = 401
    code = "wrong_password"


def end_of(created_at: datetime, seen_at: datetime, *, lasting: bool) -> datetime:
    """When a session ends that is not used after `seen_at`."""
    life, idle = (LASTING, IDLE_LASTING) if lasting else (SHORT, IDLE_SHORT)
    return min(created_at + life, seen_at + idle)


async def check_password(short_transaction: OpenSession, email: str, password: str, budgets: Sequence[Budget]) -> UUID:
    """The account with this email and password. Raises WrongPassword or TooMany.

    It takes sessions of its own: tries must count although the request is refused, and nobody may hold a database
    connection while waiting for Argon2.
    """
    async with short_transaction() as session:
        wait = await throttle.take(session, budgets)
        accounts = await repository.accounts_with_password(session, addresses.lookup_form(email), ACCOUNTS_TRIED)
    account = await _whose(password, accounts)
    if account is None:
        raise WrongPassword(gettext("Email or password is wrong.%(wait)s", wait=throttle.in_words(wait)))
    renewed = await passwords.hashed(password) if passwords.outdated(account.password_hash) else None
    async with short_transaction() as session:
        await throttle.record_success(session, budgets)
        if renewed:
            (await session.get_one(User, account.id)).password_hash = renewed
    user_id: UUID = account.id
    return user_id


async def check_current(short_transaction: OpenSession, principal: Principal, password: str) -> None:
    """Does the signed-in person know their password? Raises Invalid, or TooMany like a sign-in; who has none need not know it."""
    budgets = throttle.of_own_password(principal.id)
    async with short_transaction() as session:
        stored = await repository.password_hash(session, principal.id)
        if stored is None:
            return
        try:
            wait = await throttle.take(session, budgets)
        except TooMany as error:
            error.errors = [{"path": "current", "message": error.message}]
            raise
    if not await passwords.verify(stored, password):
        log.warning("password.wrong", user_id=str(principal.id))
        text = gettext("This is not your current password.%(wait)s", wait=throttle.in_words(wait))
        raise Invalid(text, errors=[{"path": "current", "message": text}])
    async with short_transaction() as session:
        await throttle.record_success(session, budgets)


async def _whose(password: str, accounts: Sequence[Row[Any]]) -> Row[Any] | None:
    """The account that this is the password of. An address without any costs the work of one."""
    for account in accounts:
        if await passwords.verify(account.password_hash, password):
            return account
    if not accounts:
        await passwords.verify(None, password)
    return None


async def start(
    session: AsyncSession,
    user_id: UUID,
    *,
    tenant_id: int | None = None,
    lasting: bool = True,
    address: str = "",
    user_agent: str = "",
    instead_of: UUID | None = None,
) -> str:
    """Begin a session in `tenant_id`, or the workspace the user was in last, and return its token, always a new one.

    `instead_of` is the session that the browser had before; it ends here.
    """
    rows, now = SessionRepository(session, user_id), clock.now()
    tenant_id = await rows.last_workspace(tenant_id)
    if tenant_id is None:
        raise Forbidden(gettext("You are not a member of any workspace. Ask an admin to invite you."))
    if instead_of is not None:
        await drop_session(session, instead_of)
    await rows.delete_where(UserSession.expires_at <= now)
    token = secrets.token_urlsafe(32)
    await rows.add(
        UserSession(
            token_hash=crypto.fingerprint(token),
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


async def listed(session: AsyncSession, principal: Principal) -> Sequence[UserSession]:
    """The user's own open sessions, in every workspace, the latest first."""
    return await SessionRepository(session, principal.id).open(clock.now())


async def end(session: AsyncSession, principal: Principal, session_id: UUID) -> None:
    """End one of the user's own sessions; NotFound when it is not theirs."""
    if not await SessionRepository(session, principal.id).delete_where(UserSession.id == session_id):
        raise NotFound


async def end_others(session: AsyncSession, user_id: UUID, keep: UUID | None) -> int:
    """End all sessions of a user but one; after a change of password all other devices are signed out."""
    return await SessionRepository(session, user_id).delete_where(UserSession.id.is_distinct_from(keep))


async def of_member(session: AsyncSession, tenant_id: int, user_id: UUID) -> Sequence[UserSession]:
    """A member's open sessions in one workspace, the latest first."""
    return await SessionRepository(session, user_id).open(clock.now(), tenant_id)


async def end_of_member(session: AsyncSession, tenant_id: int, user_id: UUID, only: UUID | None = None) -> int:
    """End a member's sessions in one workspace, or only one of them; how many there were."""
    which = [] if only is None else [UserSession.id == only]
    return await SessionRepository(session, user_id).delete_where(UserSession.tenant_id == tenant_id, *which)


async def switch(session: AsyncSession, principal: Principal, tenant_id: int) -> None:
    """Move this session to another workspace of the user; NotFound when they are not a member."""
    rows = SessionRepository(session, principal.id)
    if await rows.last_workspace(tenant_id) is None:
        raise NotFound
    row = await rows.get_one_or_none(UserSession.id == principal.session_id)
    if row is not None:
        row.tenant_id = tenant_id
        await session.flush()
