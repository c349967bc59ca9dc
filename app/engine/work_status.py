"""Does work move? What waits and for how long, what each worker says of itself, and who is in the way of whom, in words.

Asked by health, the list of troubles and metrics. Small indexes and views only; it reads and locks nothing.
"""

from __future__ import annotations

from typing import Any

import msgspec
from psycopg.errors import LockNotAvailable
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from app import wakes
from app.engine.inbox_lanes import HEADS
from app.inbox import READY_SQL
from app.lib.conversions import quoted
from app.lib.formats import duration
from app.lib.heartbeat import DEAD_AFTER_S
from app.lib.translation import gettext, ngettext

LATE_S = 30.0
"""Work that is due for longer than this, though a worker lives, is a trouble. Under normal load it is a second or two."""
_SHOWN = 200

# An event that is left for a newer process does not wait for us, and is told apart. Of each workspace, priority and lane some of
# the oldest are read.
_INBOX = f"""
with recursive {HEADS}
select extract(epoch from clock_now() - min(oldest.at) filter (where {READY_SQL})) as ours,
  extract(epoch from clock_now() - min(oldest.at) filter (where not {READY_SQL})) as left
from heads h cross join lateral (
  select i.kind, i.at from inbox i where i.tenant_id = h.tenant_id and i.priority = h.priority and i.lane = h.lane
  order by i.id limit 1 + 10000 / (select count(*) from heads)) oldest
"""
_DUE = f"""
select extract(epoch from clock_now() - min(due.resume_at)) as due from ({wakes.DUE_WORKFLOWS}) h {wakes.DUE_RUNS.format(late=0, limit=1)}
"""
LOOK_WAITS = "500ms"
"""How long the look itself waits for tables that somebody has locked: who asks whether things hang must not hang."""
_WORKERS = """
select process, kind, extract(epoch from now() - at)::float as silent, detail from heartbeats
where at > now() - interval '1 hour' order by process
"""
# Who waits for a lock, and who holds it. Of sessions of other users PostgreSQL may keep the query to itself.
_BLOCKING = """
select holder.pid, holder.application_name, holder.usename, holder.state, holder.query, holder.wait_event,
  extract(epoch from clock_timestamp() - holder.xact_start)::float as holds,
  max(extract(epoch from clock_timestamp() - waiter.query_start))::float as waits, count(distinct waiter.pid) as waiters
from pg_stat_activity waiter cross join lateral unnest(pg_blocking_pids(waiter.pid)) as blocking(pid)
join pg_stat_activity holder on holder.pid = blocking.pid
where waiter.wait_event_type = 'Lock' and waiter.datname = current_database()
group by 1, 2, 3, 4, 5, 6, 7 order by waits desc limit 10
"""


class Blocking(msgspec.Struct, rename="camel"):
    """A session of the database that others wait for. Times are seconds; `query` is its last statement, empty when it is secret."""

    pid: int
    who: str
    state: str
    query: str
    holds_seconds: float | None
    waits_seconds: float
    waiters: int

    @property
    def words(self) -> str:
        """For people, as a few sentences."""
        place = {"pid": self.pid, "who": self.who}
        sentences = [
            gettext("Session %(pid)s of the database (%(who)s) holds locks.", **place)
            if self.holds_seconds is None
            else gettext(
                "Session %(pid)s of the database (%(who)s) has held locks for %(time)s.",
                time=duration(self.holds_seconds),
                **place,
            )
        ]
        if self.state.startswith("idle in transaction"):
            sentences.append(gettext("It does nothing inside a transaction."))
        sentences.append(
            ngettext(
                "%(number)s other session waits for it, for %(time)s by now.",
                "%(number)s other sessions wait for it, the longest for %(time)s by now.",
                self.waiters,
                time=duration(self.waits_seconds),
            )
        )
        sentences.append(
            gettext("Its last statement was %(query)s.", query=quoted(self.query))
            if self.query
            else gettext("What it does may not be read.")
        )
        return " ".join(sentences)


class Worker(msgspec.Struct, rename="camel"):
    """A process as it says of itself; `silent_seconds` since its last sign of life. None: nothing of the kind so far."""

    process: str
    silent_seconds: float
    doing: str
    committed_seconds: float | None
    held_up: dict[str, float]
    """What it waits for (`events: turn`), and for how many seconds."""

    @property
    def alive(self) -> bool:
        return self.silent_seconds < DEAD_AFTER_S


class WorkStatus(msgspec.Struct, rename="camel"):
    """How work stands. Ages are seconds, None when nothing waits."""

    inbox_seconds: float | None
    left_for_newer_seconds: float | None
    due_seconds: float | None
    locked: list[str]
    """Tables that somebody holds so that nobody can even read them."""
    workers: list[Worker]
    blocking: list[Blocking]

    @property
    def stuck(self) -> bool:
        """Does work wait far too long, though there is somebody to do it?"""
        late = max(self.inbox_seconds or 0, self.due_seconds or 0)
        return bool(self.locked) or (late > LATE_S and any(worker.alive for worker in self.workers))

    def words(self) -> list[str]:
        """What is not well, for people, the gravest first; empty when work moves."""
        sentences = [
            gettext("Nothing moves: the table %(table)s is locked by somebody.", table=table) for table in self.locked
        ]
        alive = any(worker.alive for worker in self.workers)
        if (self.inbox_seconds or 0) > LATE_S:
            text = (
                gettext("Events wait for %(time)s, although a worker runs.", time=duration(self.inbox_seconds))
                if alive
                else gettext("Events wait for %(time)s, and no worker runs.", time=duration(self.inbox_seconds))
            )
            sentences.append(text)
        if (self.due_seconds or 0) > LATE_S:
            text = (
                gettext("Runs are late by up to %(time)s, although a worker runs.", time=duration(self.due_seconds))
                if alive
                else gettext("Runs are late by up to %(time)s, and no worker runs.", time=duration(self.due_seconds))
            )
            sentences.append(text)
        if self.left_for_newer_seconds is not None:
            sentences.append(
                gettext(
                    "Events wait for %(duration)s for a worker of a newer release, because their workflow uses what this "
                    "one does not know. Update all workers.",
                    duration=duration(self.left_for_newer_seconds),
                )
            )
        if sentences or any(worker.held_up for worker in self.workers if worker.alive):
            sentences += [session.words for session in self.blocking]
        return sentences


async def work_status(session: AsyncSession) -> WorkStatus:
    """How work stands now. Answers within a second or two also when tables are locked."""
    workers = [_worker(row) for row in await session.execute(text(_WORKERS)) if row.kind == "worker"]
    blocking = [_blocking(row) for row in await session.execute(text(_BLOCKING))]
    before = await session.scalar(text("select current_setting('lock_timeout')"))
    locked = []
    ages: dict[str, Any] = {}
    for table, sql in (("inbox", _INBOX), ("active_runs", _DUE)):
        try:
            async with session.begin_nested():
                await session.execute(text(f"set local lock_timeout = '{LOOK_WAITS}'"))
                row = (await session.execute(text(sql))).one_or_none()
                ages |= row._mapping if row is not None else {}
        except DBAPIError as error:
            if not isinstance(error.orig, LockNotAvailable):
                raise
            locked.append(table)
    await session.execute(text("select set_config('lock_timeout', :before, true)"), {"before": before})
    return WorkStatus(
        inbox_seconds=_age(ages.get("ours")),
        left_for_newer_seconds=_age(ages.get("left")),
        due_seconds=_age(ages.get("due")),
        locked=locked,
        workers=workers,
        blocking=blocking,
    )


def _age(value: Any) -> float | None:
    return None if value is None else max(round(float(value), 1), 0.0)


def _worker(row: Any) -> Worker:
    detail = (row.detail or {}).get("engine") or {}
    silent = float(row.silent)
    committed = detail.get("committed")
    return Worker(
        process=row.process,
        silent_seconds=round(silent, 1),
        doing=str(detail.get("doing") or "idle"),
        committed_seconds=None if committed is None else round(committed + silent, 1),
        held_up={
            f"{kind}: {holder['by']}": round(holder["for"] + silent, 1)
            for kind, holder in (detail.get("heldUp") or {}).items()
        },
    )


def _blocking(row: Any) -> Blocking:
    return Blocking(
        pid=row.pid,
        who=" ".join(filter(None, (row.application_name, f"as {row.usename}" if row.usename else ""))),
        state=row.state or "",
        query=" ".join((row.query or "").split())[:_SHOWN] if row.query != "<insufficient privilege>" else "",
        holds_seconds=_age(row.holds),
        waits_seconds=_age(row.waits) or 0.0,
        waiters=int(row.waiters),
    )
