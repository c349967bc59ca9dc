"""Keeps the rows of schedules as the live versions of workflows are."""

from __future__ import annotations

from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from app.dates import upkeep as dates
from app.dates.upkeep import PublishedTrigger
from app.flow.document import Trigger, triggers_of
from app.flow.timetable import Timetable
from app.flow.trigger_registry import typed
from app.polls import upkeep as polls
from app.schedules import repository
from app.schedules.repository import LiveTriggers, StoredSchedule

Key = tuple[UUID, str]


def timetable_of(trigger: Trigger) -> Timetable | None:
    """When a trigger starts runs by the clock."""
    kind, config = typed(trigger)
    return kind.timetable(config)


async def compare(session: AsyncSession, tenant_id: int, epoch: int) -> None:
    """Bring the schedules of one workspace, and its triggers that watch dates or ask for rows, to what its workflows are
    now, at this epoch or later.

    A trigger that is new, or says something else than before, fires from now on; of one that is the same nothing is forgotten.
    """
    before_epoch, now = await repository.hold(session, tenant_id)
    if before_epoch == epoch:
        return
    every = [one for version in await repository.live_triggers(session, tenant_id) for one in _triggers(version)]
    live = [one for one in every if one.trigger.enabled]
    await dates.compare(session, tenant_id, live)
    await polls.compare(session, tenant_id, every)
    wanted: dict[Key, tuple[StoredSchedule, Timetable]] = {}
    for one in live:
        if (timetable := timetable_of(one.trigger)) is not None:
            plain = {"type": one.trigger.type, "data": one.trigger.data}
            zone = str(timetable.zone_in(one.timezone))
            row = StoredSchedule(one.workflow_id, one.trigger.id, plain, zone, one.active)
            wanted[row.workflow_id, row.trigger_id] = row, timetable
    existing = {(row.workflow_id, row.trigger_id): row for row in await repository.stored(session, tenant_id)}
    await repository.drop(session, tenant_id, [row for key, row in existing.items() if key not in wanted])
    for key, (row, timetable) in wanted.items():
        before = existing.get(key)
        if before is None or (before.trigger, before.zone) != (row.trigger, row.zone):
            next_at = next(timetable.fires(now, timetable.zone_in(row.zone)), None)
            await repository.store(session, tenant_id, row, next_at)
        elif before.active != row.active:
            await repository.switch(session, tenant_id, row)
    await repository.compared(session, tenant_id, epoch)


def _triggers(live: LiveTriggers) -> list[PublishedTrigger]:
    """The triggers of a version, those that are switched off too. What this process does not understand is left to another."""
    try:
        triggers = triggers_of(live.document)
    except msgspec.ValidationError:
        return []
    return [PublishedTrigger(live.workflow_id, one, live.active and one.enabled, live.timezone) for one in triggers]
