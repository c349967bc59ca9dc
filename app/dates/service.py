"""Triggers of a workflow that watch dates, as people see them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.dates.repository import DateScheduleRepository
from app.dates.upkeep import stored_date
from app.enrolments.repository import EnrolmentRepository
from app.enrolments.service import NoSuchWorkflow
from app.errors import NotFound
from app.flow.document import Trigger
from app.flow.trigger_registry import typed
from app.lib import clock
from app.lib.conversions import printed, quoted
from app.lib.formats import counted
from app.lib.translation import ngettext
from app.models.due_date import DateSchedule

MOST_SHOWN = 1_000
"""Contacts are counted so far, for a page."""
EXAMPLES = 3


class NotADate(NamedTuple):
    """A contact, and what it has where a date should be, in quotes."""

    contact_id: UUID
    name: str
    value: str


class WatchedTrigger(NamedTuple):
    """A trigger that watches a date. `done` of `total` contacts were read so far, `reading` until all are. `unreadable`: how many have
    something there that is no date, up to MOST_SHOWN; some of them are `examples`."""

    trigger_id: str
    title: str
    reading: bool
    done: int
    total: int
    unreadable: int
    next_at: datetime | None
    row: DateSchedule
    examples: Sequence[NotADate] = ()


class DateNotWatched(NotFound):
    """The live version has no such trigger that watches a date of contacts."""

    code = "date_not_watched"


class DateService:
    """The triggers of the principal's workspace."""

    def __init__(self, session: AsyncSession, principal: Principal) -> None:
        self._rows = DateScheduleRepository(session, principal.tenant_id)
        self._workflows = EnrolmentRepository(session, principal.tenant_id)

    async def of_workflow(self, workflow_id: UUID) -> list[WatchedTrigger]:
        """Those of a workflow that read dates just now, or met some that are none. Raises NoSuchWorkflow."""
        return [
            one._replace(examples=await self._examples(one.row) if one.unreadable else [])
            for one in await self.watched(workflow_id)
            if one.unreadable or one.reading
        ]

    async def is_behind(self) -> bool:
        """Is there a change of a workflow whose dates will be read, of which nothing can be shown yet?"""
        return await self._rows.is_behind()

    async def watched(self, workflow_id: UUID) -> list[WatchedTrigger]:
        """All of a workflow, without examples. Raises NoSuchWorkflow."""
        if not await self._workflows.has_workflow(workflow_id):
            raise NoSuchWorkflow
        watched = []
        for row in await self._rows.of_workflow(workflow_id):
            unreadable = await self._rows.unreadable(row, MOST_SHOWN)
            reading, total = row.built_at is None, max(row.total, row.done)
            watched.append(
                WatchedTrigger(row.trigger_id, _title(row), reading, row.done, total, unreadable, row.next_at, row)
            )
        return watched

    async def coming(self, workflow_id: UUID, trigger_id: str, most: int) -> Sequence[tuple[UUID, datetime]]:
        """The next contacts for whom a trigger starts a run, and when. Raises NoSuchWorkflow and DateNotWatched."""
        row = next((one.row for one in await self.watched(workflow_id) if one.trigger_id == trigger_id), None)
        if row is None:
            raise DateNotWatched
        return await self._rows.coming(row, most)

    async def missed_in_words(self, workflow_id: UUID) -> str:
        """What becomes of dates that have come while a workflow was paused, when it goes on; empty when none has."""
        now, sentences = clock.now(), []
        for row in await self._rows.of_workflow(workflow_id):
            date, count = stored_date(row.trigger_id, row.trigger), await self._rows.due_until(row, now, MOST_SHOWN)
            if date is not None and count:
                contacts = counted(count, "contact", at_least=count == MOST_SHOWN)
                sentences.append(_come(date.missed == "once", count, row=_title(row), contacts=contacts))
        return " ".join(sentences)

    async def _examples(self, row: DateSchedule) -> list[NotADate]:
        date = stored_date(row.trigger_id, row.trigger)
        if date is None or date.attribute is None:
            return []
        rows = await self._rows.unreadable_contacts(row, date.attribute, EXAMPLES)
        return [
            NotADate(contact_id, name, _shown(date.value_of(clock.now(), {date.attribute: value})))
            for contact_id, name, value in rows
        ]


def _title(row: DateSchedule) -> str:
    kind, config = typed(msgspec.convert({"id": row.trigger_id, **row.trigger}, Trigger))
    return kind.title(config)


def _shown(value: Any) -> str:
    return quoted(printed(value), 60)


def _come(made_up_for: bool, count: int, **values: str) -> str:
    """Whose date has come, and whether they enter."""
    if made_up_for:
        return ngettext(
            "“%(row)s” has come for %(contacts)s meanwhile: it enters now.",
            "“%(row)s” has come for %(contacts)s meanwhile: they enter now.",
            count,
            **values,
        )
    return ngettext(
        "“%(row)s” has come for %(contacts)s meanwhile: it is left out.",
        "“%(row)s” has come for %(contacts)s meanwhile: they are left out.",
        count,
        **values,
    )
