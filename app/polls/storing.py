"""What came of a poll: contacts, the starts of runs and the cursor, stored together. What is known is passed over, so a row starts once.

Rows are stored some at a time, each part in a transaction that holds the row of the poll and its lease; the last one moves the cursor. A
process that dies between two parts leaves rows that are known, and a cursor that still is before them.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from app import contact_inbox_repository, inbox, inbox_lane
from app.accounts.principal import Principal
from app.contact_inbox_repository import DatedStart
from app.contacts.body_mapping import mapped
from app.contacts.mapped_contacts import MappedContacts
from app.errors import AppError
from app.events import repository as event_repository
from app.events.repository import EventRow
from app.flow.row_poll import RowPoll
from app.lib import database
from app.lib.database_roles import scope_to
from app.lib.ids import uuid7
from app.lib.translation import gettext
from app.models.status import Role
from app.polls import repository
from app.polls.repository import DuePoll, PollEnd
from app.polls.sources import PollAnswer, PollFailed

PART = 100
"""Rows of one transaction."""
MOST_WAITING = 10_000
"""Starts of one trigger that may wait for the engine: above that it asks later."""
WAIT_S = 30.0


class LostLease(Exception):
    """Another process asks now, or the trigger is another one: nothing of this answer is stored any more."""


class StoredPart(NamedTuple):
    """How many rows began runs, how many say nothing, and how many were not known."""

    started: int = 0
    refused: int = 0
    fresh: int = 0


def row_key(poll: RowPoll, row: Any) -> bytes:
    """What a row is known by in the table; of one without an id nothing is known. Raises PollFailed."""
    key = poll.key_of(row)
    if not key:
        raise PollFailed(gettext("A row has no id at %(id)s.", id=poll.id))
    return hashlib.sha256(key.encode()).digest()


async def busy(engine: AsyncEngine, due: DuePoll) -> bool:
    """Does so much of this trigger wait for the engine that it asks for no more?"""
    async with database.committed(_session(engine, due)) as session:
        lane = inbox_lane.lane_of_trigger(due.workflow_id, due.trigger_id)
        return await inbox.waiting_in_lane(session, due.tenant_id, lane, MOST_WAITING) >= MOST_WAITING


async def store(engine: AsyncEngine, due: DuePoll, poll: RowPoll, answer: PollAnswer) -> PollEnd:
    """Store an answer. At the beginning of a trigger that is for new rows alone, rows are noted and start nothing.

    Raises LostLease, PollFailed.
    """
    skipped = not due.primed and poll.first == "new"
    keyed = {row_key(poll, row): row for row in answer.rows}
    keys = list(keyed)
    started = refused = fresh = 0
    for place in range(0, len(keys), PART):
        async with database.committed(_session(engine, due)) as session:
            now = await _hold(session, due)
            part = await _store_part(
                session, due, poll, {key: keyed[key] for key in keys[place : place + PART]}, now, skipped=skipped
            )
            started, refused, fresh = started + part.started, refused + part.refused, fresh + part.fresh
    cursor = _cursor(due, poll, answer)
    if answer.more and not fresh and cursor == due.cursor and poll.cursor:
        raise PollFailed(
            gettext(
                "Too many rows have the same value at %(path)s, so it cannot read on behind them.",
                path=poll.cursor.path,
            )
        )
    # A list without a cursor is whole in one answer; one whose cursor moves has been read to its end when it brings nothing new.
    primed = not skipped or not fresh or (cursor == due.cursor and not answer.more)
    end = PollEnd(cursor, primed, started, refused + answer.left_out, answer.more or not primed, poll.every_s)
    async with database.committed(_session(engine, due)) as session:
        await repository.go_on(session, due, end, await _hold(session, due))
    return end


def _session(engine: AsyncEngine, due: DuePoll) -> AsyncSession:
    """One that sees rows of the workspace alone."""
    session = AsyncSession(engine, expire_on_commit=False)
    scope_to(session, due.tenant_id)
    return session


async def _hold(session: AsyncSession, due: DuePoll) -> datetime:
    now = await repository.hold(session, due)
    if now is None:
        raise LostLease
    return now


async def _store_part(
    session: AsyncSession, due: DuePoll, poll: RowPoll, rows: dict[bytes, Any], now: datetime, *, skipped: bool
) -> StoredPart:
    fresh = await repository.see(session, due, list(rows), now)
    if skipped:
        return StoredPart(fresh=len(fresh))
    inbox_lane.use_lane(session, inbox_lane.lane_of_trigger(due.workflow_id, due.trigger_id))
    contacts = MappedContacts(session, _principal(due), create=poll.reception.create_contact, via="poll")
    starts = [await _start_of(session, contacts, due, poll, row, now) for key, row in rows.items() if key in fresh]
    begun = [start for start in starts if start is not None]
    # Before the starts: what a row is to others who wait for it or count it happens before the run that begins with it.
    events = [
        EventRow(one.event_id, due.tenant_id, one.contact_id, poll.event, text, None, None, one.occurred_at, now)
        for one in begun
        if one.event_id is not None and one.contact_id is not None
        for text in [msgspec.json.encode(one.properties).decode()]
    ]
    if events:
        await event_repository.insert(session, events)
    await contact_inbox_repository.start_each(
        session, due.tenant_id, workflow_id=due.workflow_id, trigger_id=due.trigger_id, starts=begun
    )
    return StoredPart(len(begun), len(fresh) - len(begun), len(fresh))


async def _start_of(
    session: AsyncSession, contacts: MappedContacts, due: DuePoll, poll: RowPoll, row: Any, now: datetime
) -> DatedStart | None:
    """The run that a row begins, with an event in the history of the contact that it names; None when it does not say what is read."""
    outcome = mapped(poll.reception, row, due.country)
    if outcome.errors:
        return None
    try:
        async with session.begin_nested():
            contact_id = await contacts.contact(outcome) if outcome.contact is not None else None
    except AppError:
        return None
    return DatedStart(contact_id, outcome.properties, poll.when(row, now), uuid7() if contact_id else None)


def _cursor(due: DuePoll, poll: RowPoll, answer: PollAnswer) -> str | None:
    if poll.cursor is None:
        return None
    texts = [text for row in answer.rows if (text := poll.cursor.text_of(row)) is not None]
    texts += [text for text in (due.cursor, answer.last) if text is not None and poll.cursor.order(text) is not None]
    return poll.cursor.greatest(texts) if texts else None


def _principal(due: DuePoll) -> Principal:
    return Principal(
        kind="product",
        id=due.workflow_id,
        tenant_id=due.tenant_id,
        role=Role.MARKETER,
        name="Poll",
        timezone=due.timezone,
        country=due.country,
    )
