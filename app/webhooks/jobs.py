"""What the scheduler does for addresses. They go with their triggers: not at once, because an edit may be taken back, but a day after."""

from __future__ import annotations

from datetime import timedelta

from app.lib import clock, database
from app.lib.database_roles import DatabaseRole
from app.webhooks import repository
from app.webhooks.service import reseal_webhooks

UNTOUCHED = timedelta(days=1)


async def remove_old_webhooks() -> None:
    """Delete the addresses of triggers that are in no draft and no live version any more."""
    async with database.transaction(DatabaseRole.ENGINE) as session:
        await repository.sweep(session, clock.now() - UNTOUCHED)


async def reseal_addresses() -> None:
    """What an old secret key sealed gets the present one, as the passwords of connectors do."""
    async with database.transaction(DatabaseRole.ENGINE) as session:
        await reseal_webhooks(session)


HOUSEKEEPING = [remove_old_webhooks, reseal_addresses]
