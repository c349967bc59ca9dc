"""Which batches ended with their worker, and what in them did it.

Before a batch is walked its ids are written down outside of its transaction; the commit takes the note back. A note whose session is
gone tells of a worker that died in it. Everything of that batch is then handled alone, one after the other, so the next death names
one of them; what has stopped workers three times is held (a run) or set aside (an event), and a person decides.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

import psycopg
import structlog

from app.engine.claim import ANY_PRIORITY, Cursor, InboxPlace, Place, set_aside
from app.engine.rows import Int4s, Int8s, Uuids, int4, int8, register
from app.lib.translation import translatable

log = structlog.get_logger()
MOST = 3
HELD_WHY = translatable(
    "This run stopped a worker %(times)s times, so it is held. The log of the workers says more. Release it when the cause is gone."
) % {"times": MOST}
SET_ASIDE_WHY = translatable("It stopped a worker %(times)s times.") % {"times": MOST}

_REGISTER = """
insert into batches (process, pid, backend_start) select %s, pid, backend_start from pg_stat_get_activity(%s)
"""
# One round trip: note, and hear whether anybody died or is suspected. The table is unlogged, so it costs no flush.
_NOTE = """
with noted as (update batches set open = true, tenants = %s, events = %s, lanes = %s, runs = %s, at = now() where process = %s)
select exists (select from crashes where count < 3), exists (
  select from batches b where b.open and not exists (
    select from pg_stat_get_activity(b.pid) a where a.backend_start = b.backend_start))
"""
OVER = "update batches set open = false where process = %s"
# After a restart of the server every session is gone; that says nothing about the batches.
_DEAD = """
delete from batches b where not exists (select from pg_stat_get_activity(b.pid) a where a.backend_start = b.backend_start)
returning process, open and at > pg_postmaster_start_time(), tenants, events, lanes, runs
"""
_SUSPECT_EVENTS = f"""
insert into crashes (tenant_id, inbox_id, lane, count, at)
select i.tenant_id, i.id, i.lane, 1, now() from unnest(%s::int[], %s::bigint[], %s::bigint[]) as b(tenant_id, id, lane)
join inbox i on i.tenant_id = b.tenant_id and i.{ANY_PRIORITY} and i.lane = coalesce(b.lane, 0) and i.id = b.id
on conflict (tenant_id, inbox_id) do update set count = crashes.count + %s, at = now()
"""
_SUSPECT_RUNS = """
insert into crashes (tenant_id, run_id, count, at)
select r.tenant_id, r.id, 1, now() from unnest(%s::int[], %s::uuid[]) as b(tenant_id, id)
join active_runs r on r.tenant_id = b.tenant_id and r.id = b.id and r.status < 3
on conflict (tenant_id, run_id) do update set count = crashes.count + %s, at = now()
"""
# Whoever was moved on by another worker since then is not what stopped this one.
_HOLD = """
update active_runs r set status = 3, resume_at = null, error_message = %s, waits_since = coalesce(r.waits_since, clock_now()),
  fence = fence + 1 from crashes c
where c.count >= 3 and r.tenant_id = c.tenant_id and r.id = c.run_id and r.status < 3 and r.resume_at <= clock_now()
returning r.id
"""
_BAD_EVENTS = "delete from crashes where count >= 3 and inbox_id is not null returning tenant_id, lane, inbox_id"
# Others may have handled it meanwhile, or it waits for something else by now.
_SUSPECTS = f"""
with cleared as (
  delete from crashes c where not exists (
      select from active_runs r where r.tenant_id = c.tenant_id and r.id = c.run_id and r.status = 3)
    and not exists (
      select from inbox i where i.tenant_id = c.tenant_id and i.{ANY_PRIORITY} and i.lane = c.lane and i.id = c.inbox_id)
    and not exists (
      select from active_runs r where r.tenant_id = c.tenant_id and r.id = c.run_id and r.status < 3 and r.resume_at <= clock_now())
  returning c.id)
select tenant_id, lane, inbox_id, uuid_send(run_id) from crashes where count < 3 and id not in (select id from cleared) order by id
"""
_CLEARED_EVENTS = "delete from crashes where (tenant_id, inbox_id) in (select * from unnest(%s::int[], %s::bigint[]))"
_CLEARED_RUNS = "delete from crashes where (tenant_id, run_id) in (select * from unnest(%s::int[], %s::uuid[]))"


class Suspected(Exception):
    """Somebody died, or something is suspected: to be looked at before this batch is walked."""


class Crashes:
    """One engine's notes. `connection` moves the batches; the notes go over one of their own, which commits at once."""

    def __init__(self, connection: psycopg.Connection[Any], notes: psycopg.Connection[Any]) -> None:
        self.process = f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"
        self.notes = notes
        register(notes)
        self.events: list[InboxPlace] = []
        """Inbox rows that are suspected, by workspace, lane and id: until they are over, events are handled one by one, in order."""
        self.runs: list[Place] = []
        self._noted = False
        notes.execute(_REGISTER, (self.process, connection.info.backend_pid))
        self.examine()

    @property
    def suspect(self) -> bool:
        """Is anything suspected, as far as this engine knows?"""
        return bool(self.events or self.runs)

    def close(self) -> None:
        """Whoever ends in order is missed by nobody."""
        with contextlib.suppress(psycopg.Error):
            self.notes.execute("delete from batches where process = %s", (self.process,))
        self.notes.close()

    def note(self, events: Sequence[InboxPlace] = (), runs: Sequence[Place] = ()) -> None:
        """Write down what is walked now: events, or runs. Raises Suspected when something has to be looked at first."""
        self._noted = True
        tenants, inbox_ids, lanes, run_ids = (
            Int4s([int4(one) for one, *_ in events] + [int4(one) for one, _ in runs]),
            Int8s([int8(inbox_id) for *_, inbox_id in events]),
            Int8s([int8(lane) for _, lane, _ in events] if any(lane for _, lane, _ in events) else []),
            Uuids([run_id for _, run_id in runs]),
        )
        row = self.notes.execute(_NOTE, (tenants, inbox_ids, lanes, run_ids, self.process)).fetchone()
        suspected, died = row or (False, False)
        if died or bool(suspected) is not self.suspect:
            raise Suspected

    def clear(self, cursor: Cursor, events: Sequence[InboxPlace] = (), runs: Sequence[Place] = ()) -> None:
        """In the transaction of the batch: delete the note, and clear the suspicion of what is committed."""
        cursor.execute(OVER, (self.process,))
        if self.suspect:
            if events:
                cursor.execute(_CLEARED_EVENTS, ([one for one, *_ in events], [one for *_, one in events]))
            if runs:
                cursor.execute(_CLEARED_RUNS, ([one for one, _ in runs], [UUID(bytes=one) for _, one in runs]))
            cleared_events, cleared_runs = set(events), set(runs)
            self.events = [one for one in self.events if one not in cleared_events]
            self.runs = [one for one in self.runs if one not in cleared_runs]

    def clear_note(self) -> None:
        """There is no work: delete the note of a batch that was not committed, since it did not end this process."""
        if self._noted:
            self._noted = False
            self.notes.execute(OVER, (self.process,))

    def examine(self) -> None:
        """Look who died in what, count it, and hold or set aside what did it too often."""
        with self.notes.transaction():
            for process, counts, tenants, events, lanes, runs in self.notes.execute(_DEAD).fetchall():
                if not counts:
                    continue
                ids = len(events or ()) + len(runs or ())
                log.error("worker.died_in_batch", process=process, size=ids)
                if events:
                    self.notes.execute(_SUSPECT_EVENTS, (tenants, events, lanes or [], int(ids == 1)))
                if runs:
                    self.notes.execute(_SUSPECT_RUNS, (tenants, runs, int(ids == 1)))
            for (run_id,) in self.notes.execute(_HOLD, (HELD_WHY,)).fetchall():
                log.error("run.held", run_id=str(run_id), crashes=MOST)
            for place in self.notes.execute(_BAD_EVENTS).fetchall():
                set_aside(self.notes, place, SET_ASIDE_WHY)
                log.error("engine.dead_letter", inbox_id=place[-1], crashes=MOST)
            suspects = self.notes.execute(_SUSPECTS).fetchall()
        self.events = [(tenant_id, lane, inbox_id) for tenant_id, lane, inbox_id, _ in suspects if inbox_id is not None]
        self.runs = [(tenant_id, run_id) for tenant_id, *_, run_id in suspects if run_id is not None]
