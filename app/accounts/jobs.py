"""Housekeeping of accounts: deletes expired sessions, links and failures."""

from __future__ import annotations

from datetime import timedelta

from app.accounts import invitation_repository, session_repository, throttle
from app.lib import clock, database
from app.lib.database_roles import DatabaseRole

KEPT = timedelta(days=1)
"""For how long sessions that ran out can still be told from ones that never were."""
SHOWN = timedelta(days=90)
"""How long expired sign-in links and invitations are kept."""


async def forget_sign_ins() -> None:
    """Drop sessions, links and invitations that ran out, and failed tries that no longer count."""
    async with database.transaction(DatabaseRole.AUTH) as session:
        await throttle.forget_old(session)
        now = clock.now()
        await session_repository.forget_ended(session, now - KEPT, now - SHOWN)
        await invitation_repository.forget_invitations(session, now - SHOWN)


HOUSEKEEPING = [forget_sign_ins]
"""What the scheduler calls every few minutes."""
