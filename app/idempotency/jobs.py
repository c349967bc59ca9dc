"""What the scheduler does for idempotency keys every few minutes."""

from __future__ import annotations

from app.idempotency import repository
from app.lib import database
from app.lib.database_roles import DatabaseRole


async def forget_answers() -> None:
    """Answers kept for repeated requests go after a day."""
    async with database.transaction(DatabaseRole.ENGINE) as session:
        await repository.delete_old(session)


HOUSEKEEPING = [forget_answers]
