"""What the scheduler does for live events."""

from __future__ import annotations

from app.lib import database
from app.lib.database_roles import DatabaseRole
from app.live import live_repository


async def forget_moves() -> None:
    """Moves that nobody can come back for leave."""
    async with database.transaction(DatabaseRole.ENGINE) as session:
        await live_repository.forget(session)


EACH_MINUTE = [forget_moves]
