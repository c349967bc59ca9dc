"""Since when there is all of what is kept for a time: lists say so at their end, and links into what was removed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from app.lib.ids import first_uuid7_of
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

    async def why_missing(self, what: str, run_id: UUID) -> str | None:
        """A sentence when the run, and so `what` of it ("This run"), may have been removed because it is old."""
        at = await self.of(OF_RUNS)
        if at is None or run_id >= first_uuid7_of(at):
            return None
        day = f"{at.astimezone(UTC):%-d %B %Y}"
        return f"{what} is not there any more: runs that began before {day} were removed with their steps and messages. Numbers stay."


def meta(at: datetime | None) -> dict[str, Any]:
    """What a list of the API says beside its rows when some were removed."""
    return {"removedBefore": at.isoformat()} if at else {}
