"""Sweeping: sessions, links and counted tries that are over. The scheduler calls HOUSEKEEPING every few minutes."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete

from app.accounts import throttle
from app.lib import clock, database
from app.models.session import SignInLink, UserSession

_KEPT = timedelta(days=1)
"""How long what is over stays to be looked at."""


async def sweep() -> None:
    """Nothing here was still good for anything."""
    before = clock.now() - _KEPT
    async with database.transaction() as session:
        await session.execute(delete(UserSession).where(UserSession.expires_at < before))
        await session.execute(delete(SignInLink).where(SignInLink.expires_at < before))
        await throttle.forget_old(session)


HOUSEKEEPING = [sweep]
