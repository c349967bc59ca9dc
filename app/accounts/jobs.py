"""What the scheduler does for accounts every few minutes: sign-ins that are over leave no rows behind."""

from __future__ import annotations

from datetime import timedelta

from app.accounts import repository, throttle
from app.lib import clock, database

KEPT = timedelta(days=1)
"""For how long sessions and links that ran out can still be told from ones that never were."""


async def forget_sign_ins() -> None:
    """Drop sessions and links that ran out, and failed tries that no longer count."""
    async with database.transaction() as session:
        await throttle.forget_old(session)
        await repository.forget_ended(session, clock.now() - KEPT)


HOUSEKEEPING = [forget_sign_ins]
"""What the scheduler calls every few minutes."""
