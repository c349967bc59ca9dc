"""Once an hour the counters of every workspace are written down, so that days can be compared."""

from __future__ import annotations

from datetime import datetime

from app.insights import activity_repository
from app.lib import clock, database
from app.lib.database_roles import DatabaseRole

AT_ONCE = 500
"""Workspaces of one transaction."""
_recorded: datetime | None = None
"""The hour that was written down last by this process; another that takes over writes only what is missing."""


async def record_activity() -> None:
    """Write down the counters of this hour, unless that was done."""
    global _recorded
    hour = clock.now().replace(minute=0, second=0, microsecond=0)
    if hour == _recorded:
        return
    after: int | None = 0
    while after is not None:
        async with database.transaction(DatabaseRole.ENGINE) as session:
            after = await activity_repository.record_totals(session, after, AT_ONCE)
    _recorded = hour


EACH_MINUTE = [record_activity]
