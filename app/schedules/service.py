"""What schedules of a workflow will do, told before it happens."""

from __future__ import annotations

import itertools
from datetime import timedelta
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.dates.service import DateService
from app.flow.document import Trigger
from app.flow.trigger_registry import typed
from app.lib import clock
from app.lib.formats import counted
from app.lib.translation import gettext, translatable
from app.lib.zones import zone_of
from app.schedules.firing import to_fire
from app.schedules.repository import ScheduleRepository

MOST_SHOWN = 1_000
"""Times that have passed are counted so far, for a page."""


class ScheduleService:
    """The schedules of the principal's workspace."""

    def __init__(self, session: AsyncSession, principal: Principal) -> None:
        self._rows = ScheduleRepository(session, principal.tenant_id)
        self._dates = DateService(session, principal)

    async def missed_in_words(self, workflow_id: UUID) -> str:
        """What becomes of times that have passed while a workflow was paused, when it goes on; empty when none has."""
        now = clock.now()
        sentences = []
        for row in await self._rows.of_workflow(workflow_id):
            kind, config = typed(msgspec.convert({"id": row.trigger_id, **row.trigger}, Trigger))
            timetable = kind.timetable(config)
            if timetable is None or row.next_at is None or row.next_at > now:
                continue
            fires = timetable.fires(row.next_at - timedelta(microseconds=1), zone_of(row.zone))
            due = list(itertools.islice(itertools.takewhile(lambda instant: instant <= now, fires), MOST_SHOWN))
            if due:
                count = counted(len(due), "time", at_least=len(due) == MOST_SHOWN)
                number = len(to_fire(due, now, timetable.missed))
                starts = (
                    gettext(_STARTS[number])
                    if number in _STARTS
                    else gettext("it starts %(number)s times at once", number=number)
                )
                sentences.append(
                    gettext(
                        "“%(config)s” has come %(count)s meanwhile: %(starts)s.",
                        config=kind.title(config),
                        count=count,
                        starts=starts,
                    )
                )
        dates = await self._dates.missed_in_words(workflow_id)
        return " ".join([*sentences, dates] if dates else sentences)


_STARTS = {0: translatable("they are left out"), 1: translatable("it starts once for that")}
