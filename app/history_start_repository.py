"""Since when there is all of what is kept for a time: lists say so at their end, and links into what was removed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from app.lib.ids import first_uuid7_of
from app.lib.translation import gettext, long_day
from app.models.retention import HistoryStart
from app.models.tenant_repository import TenantRepository

OF_RUNS, OF_EVENTS = "runs", "events"


class HistoryStartRepository(TenantRepository[HistoryStart]):
    """What retention has removed of one workspace."""

    model = HistoryStart

    async def of(self, rule: str) -> datetime | None:
        """Before this instant some of what the rule keeps was removed; None: nothing was."""
        row = await self.session.get(HistoryStart, (self.tenant_id, rule))
        return row.at if row else None

    async def why_missing(self, run_id: UUID, *, message: bool = False) -> str | None:
        """A sentence when the run, and so a `message` of it, may have been removed because it is old."""
        at = await self.of(OF_RUNS)
        if at is None or run_id >= first_uuid7_of(at):
            return None
        day = long_day(at.astimezone(UTC))
        if message:
            return gettext(
                "This message no longer exists: runs that began before %(day)s were removed with their steps and messages. Numbers stay.",
                day=day,
            )
        return gettext(
            "This run no longer exists: runs that began before %(day)s were removed with their steps and messages. Numbers stay.",
            day=day,
        )


def meta(at: datetime | None) -> dict[str, Any]:
    """What a list of the API says beside its rows when some were removed."""
    return {"removedBefore": at.isoformat()} if at else {}
