"""Fires triggers whose time has come: each minute once, and what was missed as the trigger wants it."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from app import inbox
from app.enrolments import service as enrolments
from app.flow.audience import Audience
from app.flow.document import Trigger
from app.flow.timetable import PUNCTUAL, Missed, Timetable
from app.lib.due_work import apart
from app.lib.translation import gettext, translatable
from app.lib.zones import zone_of
from app.schedules import repository
from app.schedules.repository import DueSchedule, TriggerKey
from app.schedules.upkeep import timetable_of

MOST_MISSED = 100
"""So many missed firings are made up for at most, the latest of them."""
MOST_COUNTED = 100_000
"""Missed firings that are looked through at once; a schedule of each minute has so many in ten weeks."""
BY = translatable("The schedule")


def to_fire(due: list[datetime], now: datetime, missed: Missed) -> list[datetime]:
    """Which of the instants that have come are fired. `due` is in order and not empty."""
    on_time = [instant for instant in due if instant > now - PUNCTUAL]
    if len(on_time) == len(due) or missed == "skip":
        return on_time
    return due[-1:] if missed == "once" else due[-MOST_MISSED:]


async def step(session: AsyncSession, broken: set[TriggerKey]) -> bool:
    """Fire one trigger that is due, in the caller's transaction. False: none was.

    One that breaks keeps none of the others: it is put among `broken`, which are left for the next look.
    """
    due = await repository.take_due(session, broken)
    if due is None:
        return False
    about = {"workflow_id": str(due.workflow_id), "trigger": due.trigger_id}
    async with apart(session, broken, due.key, "schedule.broke", **about):
        await _fire(session, due)
    return True


async def _fire(session: AsyncSession, due: DueSchedule) -> None:
    """Start what one trigger wants for the times that have come, and note the next."""
    timetable = timetable_of(msgspec.convert({"id": due.trigger_id, **due.trigger}, Trigger))
    if timetable is None:
        raise LookupError("A newer process wrote this trigger, and fires it.")
    zone = zone_of(due.zone)
    fires = timetable.fires(due.next_at - timedelta(microseconds=1), zone)
    come = itertools.takewhile(lambda instant: instant <= due.now, itertools.islice(fires, MOST_COUNTED))
    instants = list(come)
    fired: datetime | None = None
    for instant in to_fire(instants, due.now, timetable.missed) if instants else ():
        shown = instant.astimezone(zone)
        minute = shown.replace(tzinfo=None, fold=0) + timedelta(microseconds=shown.fold)
        if await repository.fire_once(session, due, instant, minute):
            await _start(session, due, timetable, instant)
            fired = instant
    await repository.go_on(session, due, next(timetable.fires(due.now, zone), None), fired)


async def _start(session: AsyncSession, due: DueSchedule, timetable: Timetable, instant: datetime) -> None:
    """One run without a contact, or an enrolment of those whom the trigger is for."""
    properties = {"scheduledAt": instant.astimezone(zone_of(due.zone)).isoformat()}
    if not timetable.of_contacts:
        await inbox.start_at(
            session,
            due.tenant_id,
            workflow_id=due.workflow_id,
            trigger_id=due.trigger_id,
            contact_ids=[None],
            properties=properties,
            occurred_at=due.now,
        )
        return
    moment = instant.astimezone(zone_of(due.zone))
    await enrolments.begin(
        session,
        due.tenant_id,
        workflow_id=due.workflow_id,
        trigger_id=due.trigger_id,
        audience=Audience(segment_id=timetable.segment_id),
        properties=properties,
        reason=gettext(
            "The schedule fired for %(moment)s (%(zone)s)", moment=f"{moment:%Y-%m-%d %H:%M}", zone=due.zone
        ),
        started_by=BY,
        most=timetable.most,
        even_if_gone=True,
    )
