"""What the engine asks before somebody enters, looked up for one contact by its own statements: who stands there, who was there, limits."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import NamedTuple
from uuid import UUID

from app.engine import history, rows, waiting_starts
from app.engine.entry import Key
from app.flow.entry_limits import EntryLimits
from app.lib import database
from app.lib.connection_thread import Connection, ConnectionThread


class EntryFacts(NamedTuple):
    """Of one contact and one workflow. `standing`: its runs under way; `waiting`: whether it waits to enter; `started`, `ended`: when it
    last did; each by entry key. `inside`, `entered`: runs of everybody, under way (counted up to the limit) and ever begun."""

    standing: frozenset[Key] = frozenset()
    waiting: frozenset[Key] = frozenset()
    started: Mapping[Key, int] = {}
    ended: Mapping[Key, int] = {}
    inside: int = 0
    entered: int = 0


NOTHING_KNOWN = EntryFacts()


async def entry_facts(tenant_id: int, workflow_id: UUID, contact_id: UUID | None, limits: EntryLimits) -> EntryFacts:
    """Look them up, in one short transaction on a connection of its own: these statements are the engine's."""

    def read(connection: Connection) -> EntryFacts:
        place, workflows = (tenant_id, workflow_id.bytes), [workflow_id.bytes]
        with connection.cursor(binary=True) as cursor:
            inside, entered = waiting_starts.standing(cursor, [(place, limits.at_once, limits.most)]).get(place, (0, 0))
            if contact_id is None:
                return EntryFacts(inside=inside, entered=entered)
            contacts = [(tenant_id, contact_id.bytes)]
            return EntryFacts(
                frozenset(history.standing(cursor, contacts, workflows)),
                frozenset(waiting_starts.waiting(cursor, contacts, workflows)),
                history.last_started(cursor, contacts, workflows),
                history.last_ended(cursor, contacts, workflows),
                inside,
                entered,
            )

    connection = await asyncio.to_thread(_connect)
    thread = ConnectionThread(connection, _connect, "test-entry")
    try:
        return await thread.transaction(read)
    finally:
        thread.close()
        await asyncio.to_thread(connection.close)


def _connect() -> Connection:
    connection = database.connect("test entry")
    rows.register(connection)
    return connection
