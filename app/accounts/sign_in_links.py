"""One-time links that sign an account in. Tokens are 32 random bytes, stored as SHA-256 only; used ones stay listed for a while."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts import repository, session_repository, sessions
from app.accounts.session_repository import SignInLinkRepository
from app.errors import AppError
from app.lib import clock, crypto
from app.models.session import SignInLink
from app.models.user import User

LINK_LIFE = timedelta(hours=1)
LISTED = 20
"""Links that a profile shows of those that others made for it."""


class LinkOver(AppError):
    """This link was used already or is too old. Ask for a new one."""

    status_code = 410
    code = "link_over"


async def create_sign_in_link(
    session: AsyncSession, user_id: UUID, *, created_by: UUID | None = None, mailed: bool = False
) -> str:
    """The token of a new link that signs this user in once: `<base URL>/sign-in/link#<token>`. Older links end.

    `created_by` is the admin who makes it for them, None for the server; `mailed`: nobody but the person will see it.
    """
    await end_links(session, user_id)
    token, now = secrets.token_urlsafe(32), clock.now()
    await SignInLinkRepository(session, user_id).add(
        SignInLink(
            token_hash=crypto.fingerprint(token),
            expires_at=now + LINK_LIFE,
            used_at=None,
            created_at=now,
            created_by=created_by,
            mailed=mailed,
        )
    )
    return token


async def end_links(session: AsyncSession, user_id: UUID) -> None:
    """No link that was made for this user works any more. They stay listed for a while."""
    await SignInLinkRepository(session, user_id).end(clock.now())


class LinkMade(NamedTuple):
    """A one-time link made for this person by another user."""

    made_at: datetime
    by: str
    """Name or address; empty for the server."""
    mailed: bool
    used_at: datetime | None


async def links_made_for(session: AsyncSession, user_id: UUID) -> list[LinkMade]:
    """The one-time links that admins made for a user, the latest first."""
    return [LinkMade(*row) for row in await SignInLinkRepository(session, user_id).made_by_others(LISTED)]


async def untold_link(session: AsyncSession, user_id: UUID) -> str | None:
    """Who made a link for this user since they last signed in with their password; told once."""
    made_by = await SignInLinkRepository(session, user_id).tell_of_others(clock.now())
    return None if made_by is None else await repository.shown_name(session, made_by)


async def link_owner(session: AsyncSession, token: str) -> tuple[User, datetime]:
    """Whom a link would sign in, and until when it can; LinkOver when it cannot. It uses nothing up."""
    row = await session_repository.link_by_token(session, crypto.fingerprint(token), clock.now())
    if row is None:
        raise LinkOver
    return row[0], row[1]


async def use_link(session: AsyncSession, token: str) -> UUID:
    """Use a link up and return its user. Of two at once, one gets LinkOver."""
    used = await session_repository.use_link_up(session, crypto.fingerprint(token), clock.now())
    if used is None:
        raise LinkOver
    user_id: UUID = used.user_id
    if used.created_by is not None:  # sessions that began since it was made are ended
        await sessions.end_others(session, user_id, None)
    return user_id
