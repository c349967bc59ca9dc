"""Reads the dates of all contacts for triggers that watch one, when they go live or say something else: piece by piece, under the
contacts' locks.

Whoever changes a contact meanwhile follows it by the same function (`due_dates`), so it does not matter who comes first. A piece and how
far it came are one transaction: stopping, crashing, or a second builder do no harm.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import psycopg
import structlog

from app.dates.firing_repository import DONE_SQL
from app.engine import claim, rows
from app.engine.claim_lock import let_claims_pass
from app.engine.due_dates import DueDates, WatchedDate
from app.engine.stored_rows import NOW
from app.flow.document import Trigger
from app.flow.trigger_registry import typed
from app.lib import polling

log = structlog.get_logger()
PIECE = 1_000
FORGOTTEN_AT_ONCE = 5_000
MOST_TRIES = 20
OPEN = "built_at is null or dropped_at is not null"
IS_DUE = f"exists (select from date_schedules where {OPEN})"
_KEY = "tenant_id = %(tenant)s and workflow_id = %(workflow)s and trigger_id = %(trigger)s"
_UNREAD = """
select tenant_id, workflow_id, trigger_id, trigger, zone, since, revision, reached, existing from date_schedules
where built_at is null and dropped_at is null order by 1, 2, 3
"""
_NEXT = """
select uuid_send(id) from contacts where tenant_id = %(tenant)s and id > %(reached)s::uuid order by id limit %(limit)s
"""
_REACHED = f"""
update date_schedules set reached = %(reached)s, done = done + %(count)s
where {_KEY} and revision = %(revision)s and built_at is null and dropped_at is null
"""
_BUILT = f"""
update date_schedules set built_at = clock_now(), total = done where {_KEY} and revision = %(revision)s and dropped_at is null
"""
_DROPPED = "select tenant_id, workflow_id, trigger_id from date_schedules where dropped_at is not null order by 1, 2, 3 limit 1"
_FORGET = f"""
delete from due_dates where {_KEY} and contact_id = any(array(
  select d.contact_id from due_dates d join date_schedules s using (tenant_id, workflow_id, trigger_id)
  where d.tenant_id = %(tenant)s and d.workflow_id = %(workflow)s and d.trigger_id = %(trigger)s and s.dropped_at is not null
  limit {FORGOTTEN_AT_ONCE} for update of d skip locked))
"""
_FORGOTTEN = f"""
delete from date_schedules s where {_KEY} and dropped_at is not null and not exists (
  select from due_dates d where d.tenant_id = s.tenant_id and d.workflow_id = s.workflow_id and d.trigger_id = s.trigger_id)
"""


class _Unread(NamedTuple):
    """A trigger for which the dates of contacts are still to be read."""

    tenant_id: int
    workflow_id: UUID
    trigger_id: str
    trigger: dict[str, Any]
    zone: str
    since: datetime
    revision: int
    reached: UUID | None
    existing: bool

    @property
    def key(self) -> dict[str, Any]:
        return {
            "tenant": self.tenant_id,
            "workflow": self.workflow_id,
            "trigger": self.trigger_id,
            "revision": self.revision,
        }

    @property
    def watched(self) -> WatchedDate | None:
        """What it watches; None when this process does not understand it."""
        kind, config = typed(msgspec.convert({"id": self.trigger_id, **self.trigger}, Trigger))
        date = kind.contact_date(config)
        return None if date is None else WatchedDate(self.workflow_id.bytes, self.trigger_id, date)


class _Overtaken(Exception):
    """The trigger says something else by now."""


class DateBuilder:
    """One pass over one connection."""

    def __init__(self, connection: psycopg.Connection[Any], *, piece: int = PIECE) -> None:
        self.connection, self.piece = connection, piece
        rows.register(connection)

    def run(self) -> int:
        """Read until nothing is left to read, then forget what was dropped. Answers how many contacts were read here."""
        count = 0
        unread = [_Unread(*row) for row in self.connection.execute(_UNREAD)]
        if unread and let_claims_pass(self.connection):
            for one in unread:
                count += self._read(one)
        while not polling.stopping.is_set() and self._forget():
            pass
        return count

    def _read(self, one: _Unread) -> int:
        """All contacts of its workspace behind the one that was reached."""
        watched, reached, count, tries = one.watched, one.reached or UUID(int=0), 0, 0
        while watched is not None and not polling.stopping.is_set():
            try:
                with self.connection.transaction():
                    ids = self._piece(self.connection.cursor(binary=True), one, watched, reached)
            except _Overtaken:
                break
            except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected) as error:
                tries += 1
                if tries == MOST_TRIES:
                    log.warning("dates.read_held_up", tenant_id=one.tenant_id, error=type(error).__name__)
                    break
                continue
            if not ids:
                break
            tries, reached, count = 0, UUID(bytes=ids[-1]), count + len(ids)
        return count

    def _piece(self, cursor: psycopg.Cursor[Any], one: _Unread, watched: WatchedDate, reached: UUID) -> list[bytes]:
        """Read the next contacts; none: all were. Raises _Overtaken."""
        place = {"tenant": one.tenant_id, "reached": reached, "limit": self.piece}
        ids = [row[0] for row in cursor.execute(_NEXT, place)]
        if not ids:
            cursor.execute(_BUILT, one.key)
            cursor.execute(DONE_SQL, one.key)  # there may be nobody whose date had come
            return []
        stored = claim.contacts(cursor, [(one.tenant_id, contact_id) for contact_id in ids], ())
        (now,) = cursor.execute(f"select {NOW}").fetchone() or (0,)
        since = rows.microseconds(one.since)
        due_dates = DueDates(cursor, one.tenant_id, one.zone, now)
        due_dates.follow([watched], dict.fromkeys(stored, since), existing=one.existing)
        if not cursor.execute(_REACHED, {**one.key, "reached": UUID(bytes=ids[-1]), "count": len(ids)}).rowcount:
            raise _Overtaken
        return ids

    def _forget(self) -> bool:
        """Delete a piece of what is due of a trigger that is not live any more; False: there is none, or somebody holds what is left."""
        dropped = self.connection.execute(_DROPPED).fetchone()
        if dropped is None:
            return False
        key = dict(zip(("tenant", "workflow", "trigger"), dropped, strict=True))
        if self.connection.execute(_FORGET, key).rowcount:
            return True
        return bool(self.connection.execute(_FORGOTTEN, key).rowcount)
