"""Fires dates of contacts whose time has come: each once, and what was missed as the trigger wants it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncSession

from app import contact_inbox_repository
from app.contact_inbox_repository import DatedStart
from app.dates import repository
from app.dates.repository import DueContact, DueDateSchedule, FiredDate, TriggerKey
from app.dates.upkeep import stored_date
from app.enrolments.service import PER_MINUTE
from app.flow.contact_date import ContactDate, NoDate, date_word
from app.flow.timetable import PUNCTUAL
from app.lib.due_work import apart
from app.values.schedule import Occurrence

PIECE = 1_000
"""Contacts at once: a transaction of some 50 ms."""
HELD_AGAIN = timedelta(milliseconds=500)
"""After which contacts that somebody else held are looked at again."""
LONG_AGO = timedelta(days=6)
"""What came before is a run of today: the engine starts nothing for what happened more than a week ago."""
MOST_MISSED = 1_000
"""Dates of one contact that are looked through at once; of one that comes back each month so many come in eighty years."""


class Judged(NamedTuple):
    """What becomes of a contact whose time has come. `start` None: nothing starts, because its date has moved, or was missed."""

    start: Occurrence | None
    next_at: datetime | None
    fired_for: datetime | None


def judge(date: ContactDate, contact: DueContact, due: DueDateSchedule, missed_before: datetime | None) -> Judged:
    """Ask the contact as it is now: what was written when it was different counts no more.

    Of several dates that have come the last one counts. Those up to `missed_before` came while nobody could act; what had come when the
    trigger went live, and is due all the same, was not missed.
    """
    value = date.value_of(contact.created_at, contact.attributes or {})
    come, following = list[Occurrence](), None
    try:
        dates = date.occurrences(
            value, date.zone_in(contact.timezone, due.zone), contact.next_at - timedelta(microseconds=1)
        )
        for one in dates:
            if one.local == contact.fired_for:
                continue
            if one.at > due.now or len(come) == MOST_MISSED:
                following = one.at if date.existing != "only" else None
                break
            come.append(one)
    except NoDate:
        return Judged(None, None, contact.fired_for)  # whoever handles the change of the contact notes why
    if not come:
        return Judged(None, following, contact.fired_for)
    existing = date.existing != "ignore" and come[-1].at <= due.since
    on_time = existing or date.missed == "once" or missed_before is None or come[-1].at > missed_before
    return Judged(come[-1] if on_time else None, following, come[-1].local)


async def step(session: AsyncSession, broken: set[TriggerKey]) -> bool:
    """Fire a piece of one trigger that is due, in the caller's transaction. False: none was.

    One that breaks keeps none of the others: it is put among `broken`, which are left for the next look.
    """
    due = await repository.take_due(session, broken)
    if due is None:
        return False
    async with apart(session, broken, due.key, "date.broke", workflow_id=str(due.workflow_id), trigger=due.trigger_id):
        await _fire(session, due)
    return True


async def _fire(session: AsyncSession, due: DueDateSchedule) -> None:
    """Start runs of contacts whose time has come, and note when they, and the trigger, are due next."""
    date = stored_date(due.trigger_id, due.trigger)
    if date is None:
        raise LookupError("A newer process wrote this trigger, and fires it.")
    late = due.next_at < due.now - PUNCTUAL
    missed_before = due.now - PUNCTUAL if late else due.missed_before
    count, contacts = await repository.due_contacts(session, due, date.attribute, PIECE)
    starts, rows = list[DatedStart](), list[FiredDate]()
    for contact in contacts:
        judged = judge(date, contact, due, missed_before)
        rows.append(FiredDate(contact.contact_id, judged.next_at, judged.fired_for))
        if judged.start is not None:
            properties = {"date": date_word(judged.start.local), "field": date.field}
            at = judged.start.at if judged.start.at > due.now - LONG_AGO else due.now
            starts.append(DatedStart(contact.contact_id, properties, at))
    await contact_inbox_repository.start_each(
        session, due.tenant_id, workflow_id=due.workflow_id, trigger_id=due.trigger_id, starts=starts
    )
    await repository.fired(session, due, rows)
    pause = timedelta(seconds=60 * len(starts) / PER_MINUTE)
    if count > len(contacts):
        await repository.look_again(session, due, due.now + max(pause, HELD_AGAIN), missed_before)
    elif count == PIECE:
        await repository.look_again(session, due, due.now + pause, missed_before)
    elif not await repository.settle(session, due, missed_before):
        await repository.look_again(session, due, due.now + HELD_AGAIN, missed_before)
