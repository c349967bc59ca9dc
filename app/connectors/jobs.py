"""What the scheduler does for connectors every few minutes."""

from __future__ import annotations

import structlog

from app.connectors import service
from app.lib import database

log = structlog.get_logger()


async def bind_passwords() -> None:
    """Passwords that an older release stored are sealed for where they go. Nothing to do once that is done."""
    async with database.transaction() as session:
        if bound := await service.bind_passwords(session):
            log.info("connector.passwords_bound", count=bound)


HOUSEKEEPING = [bind_passwords]
