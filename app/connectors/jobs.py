"""What the scheduler does for connectors every few minutes."""

from __future__ import annotations

import structlog

from app.connectors import service
from app.lib import database
from app.lib.database_roles import DatabaseRole

log = structlog.get_logger()


async def reseal_passwords() -> None:
    """Passwords of an older release or an older secret key are sealed as new ones are. Nothing to do once that is done."""
    async with database.transaction(DatabaseRole.ENGINE) as session:
        if bound := await service.reseal_passwords(session):
            log.info("connector.passwords_resealed", count=bound)


HOUSEKEEPING = [reseal_passwords]
