"""What workers and the scheduler do for endpoints."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta

import psycopg
import structlog

from app.lib import clock, database
from app.lib.database_roles import DatabaseRole
from app.webhook_endpoints import delivery_repository
from app.webhook_endpoints.delivery import DeliveryPass
from app.webhook_endpoints.service import reseal_endpoints

log = structlog.get_logger()
KEPT = timedelta(days=7)
"""How long a delivery stays in the log of its endpoint."""
AT_A_TIME = 10_000
_delivering = threading.Lock()


def deliver_events() -> None:
    """Deliver events to endpoints until the process ends or the database is away. One pass at a time in a process."""
    if not _delivering.acquire(blocking=False):
        return
    try:
        with database.connect("webhooks") as connection:
            asyncio.run(DeliveryPass(connection).run())
    except psycopg.OperationalError as error:
        log.warning("webhooks.database_away", error=type(error).__name__)
    finally:
        _delivering.release()


async def forget_deliveries() -> None:
    """What is over leaves the log after a week."""
    removed = AT_A_TIME
    while removed == AT_A_TIME:
        async with database.transaction(DatabaseRole.ENGINE) as session:
            removed = await delivery_repository.forget_settled(session, clock.now() - KEPT, AT_A_TIME)


async def reseal_secrets() -> None:
    """What an old secret key sealed gets the present one, as the passwords of connectors do."""
    async with database.transaction(DatabaseRole.ENGINE) as session:
        await reseal_endpoints(session)


POLLS = [deliver_events]
HOUSEKEEPING = [forget_deliveries, reseal_secrets]
