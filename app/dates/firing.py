"""Fires dates of contacts whose time has come: each once, and what was missed as the trigger wants it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app import contact_inbox_repository
from app.contact_inbox_repository import DatedStart
from app.dates import firing_repository, repository
from app.dates.firing_repository import EXISTING, Firings
from app.dates.repository import DueContact, DueDateSchedule, FiredDate, TriggerKey
from app.dates.upkeep import firing_of, stored_date
from app.enrolments import repository as enrolment_repository
from app.enrolments.service import PER_MINUTE
from app.flow.contact_date import ZONES_APART, ContactDate, NoDate, date_word
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
    """What becomes of a contact whose time has come. `start` None: nothing starts, because its date has moved, or was missed.
    `firing`: the day, or the going live, for which it starts."""

    start: Occurrence | None
    next_at: datetime | None
    fired_for: datetime | None
    firing: str = ""


def judge(date: ContactDate, contact: DueContact, due: DueDateSchedule, missed_before: datetime | None) -> Judged:
    """Ask the contact as it is now: what was written when it was different counts no more.

    Of several dates that have come the last one counts. Those up to `missed_before` came while nobody could act; what had come when the
    trigger went live, and is due all the same, was not missed, also where its contact has moved to another zone since.
    """
    value = date.value_of(contact.created_at, contact.attributes or {})
    come, following = list[Occurrence](), None
    waits = date.existing != "ignore" and contact.next_at <= due.since
    since = contact.next_at - (ZONES_APART if waits else timedelta())
    try:
        dates = date.occurrences(value, date.zone_in(contact.timezone, due.zone), since - timedelta(microseconds=1))
        for one in dates:
            if one.local == contact.fired_for:
                continue
            if one.at > due.now or len(come) == MOST_MISSED:
                moved = waits and not come and one.at <= contact.next_at + ZONES_APART
                following = one.at if date.existing != "only" or moved else None
                break
            come.append(one)
    except NoDate:
        return Judged(None, None, contact.fired_for)  # whoever handles the change of the contact notes why
    if not come:
        return Judged(None, following, contact.fired_for)
    existing = waits and (come[-1].at <= due.since or len(come) == 1)
    on_time = existing or date.missed == "once" or missed_before is None or come[-1].at > missed_before
    firing = EXISTING if existing else come[-1].local.date().isoformat()
    return Judged(come[-1] if on_time else None, following, come[-1].local, firing)


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
    await firing_repository.count_existing(session, due)
    count, contacts = await repository.due_contacts(session, due, date.attribute, PIECE)
    judged = {contact.contact_id: judge(date, contact, due, missed_before) for contact in contacts}
    several = Firings(due, *firing_of(due.trigger_id, due.trigger))
    await several.load(session, {one.firing for one in judged.values() if one.start is not None} | {EXISTING})
    started, postponed = await _start(session, due, date.field, judged, several)
    rows = [FiredDate(key, one.next_at, one.fired_for) for key, one in judged.items() if key not in postponed]
    await repository.fired(session, due, rows)
    await several.save(session)
    pause = timedelta(seconds=60 * started / PER_MINUTE)
    if count > len(contacts) or postponed or several.undecided:
        await repository.look_again(session, due, due.now + max(pause, HELD_AGAIN), missed_before)
    elif count == PIECE:
        await repository.look_again(session, due, due.now + pause, missed_before)
    elif not await repository.settle(session, due, missed_before):
        await repository.look_again(session, due, due.now + HELD_AGAIN, missed_before)


async def _start(
    session: AsyncSession, due: DueDateSchedule, field: str, judged: Mapping[UUID, Judged], several: Firings
) -> tuple[int, set[UUID]]:
    """Ask for the runs that there is room for. Answers how many, and whose turn is only known when those before them are decided."""
    by_firing: dict[str, list[tuple[UUID, Occurrence]]] = {}
    for contact_id, one in judged.items():
        if one.start is not None:
            by_firing.setdefault(one.firing, []).append((contact_id, one.start))
    count, postponed, left_out = 0, set[UUID](), dict[UUID, str]()
    for firing, comers in by_firing.items():
        room = several.room(firing, len(comers))
        starts = [
            DatedStart(contact_id, {"date": date_word(one.local), "field": field}, _occurred(one.at, due.now))
            for contact_id, one in comers[: room or 0]
        ]
        run_ids = await contact_inbox_repository.start_each(
            session, due.tenant_id, workflow_id=due.workflow_id, trigger_id=due.trigger_id, starts=starts
        )
        several.ask(firing, run_ids)
        count += len(starts)
        others = [contact_id for contact_id, _ in comers[len(starts) :]]
        if room == 0 and not several.is_stopped(firing):
            left_out |= dict.fromkeys(others, "firing_used_up")
        elif not several.is_stopped(firing):
            postponed |= set(others)
    await enrolment_repository.refuse(session, due.tenant_id, due.workflow_id, due.trigger_id, left_out)
    return count, postponed


def _occurred(at: datetime, now: datetime) -> datetime:
    """When the run's event happened: what came long ago is a run of today."""
    return at if at > now - LONG_AGO else now
