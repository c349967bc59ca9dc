"""The claim of due runs: workspaces, priorities and workflows take turns (`app.turns`), each with the runs that have waited longest.

Runs are found by workspace and workflow, of those that have wakes that are due (`app.wakes`): the runs of a paused workflow, and those
that are only parked, cost nothing, however many there are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from app import wakes
from app.engine import inbox_lanes, rows
from app.engine.claim import Cursor, Place, loaded
from app.engine.rows import Int4s, Texts, Uuids
from app.engine.stored_rows import NOW, RUN, RUN_WIDTH, RunRow, run_row
from app.models.status import Priority
from app.turns import MOST_DEALS, Claimant, RoundRobin
from app.wakes import FOLDED_FROM, Head, append_sql

_SHARED = """
select r.* from unnest(%(tenants)s::int[], %(workflows)s::uuid[], %(shares)s::int[]) as s(tenant_id, workflow_id, share)
cross join lateral (
  select * from active_runs r where r.tenant_id = s.tenant_id and r.workflow_id = s.workflow_id and r.resume_at <= clock_now()
    and r.id <> all(%(but)s::uuid[])
  order by r.resume_at limit s.share for update skip locked) r
limit %(limit)s
"""
_ASKED = "(r.tenant_id, r.id) in (select * from unnest(%(tenants)s::int[], %(ids)s::uuid[]))"
_FIRST_OF = f"""
select r.* from active_runs r join workflows f on f.tenant_id = r.tenant_id and f.id = r.workflow_id and {wakes.ACTIVE}
where {_ASKED} and r.resume_at <= clock_now() order by r.resume_at limit 1 for update of r skip locked
"""
_THESE = f"select r.* from active_runs r where {_ASKED} for update"
# A run of nobody has no contact to lock; a run whose contact somebody holds is left out. Each contact is found by its key, whatever
# the planner thinks of the number of runs.
_LOADED = f"""
with due as materialized ({{due}})
select r.contact_id is null or c.id is not null, {RUN}, {NOW}, coalesce(e.n, 0){{contact}}
from due r left join workflow_epochs e on e.tenant_id = r.tenant_id left join lateral (
  select c.* from contacts c where c.tenant_id = r.tenant_id and c.id = r.contact_id for no key update skip locked) c on true
"""
_POSTPONE = f"""
with postponed as (
  update active_runs r set resume_at = (select clock_now()) + interval '1 minute', error_message = u.why, fence = r.fence + 1
  from unnest(%s::int[], %s::uuid[], %s::text[]) as u(tenant_id, id, why) where r.tenant_id = u.tenant_id and r.id = u.id
  returning r.tenant_id, r.workflow_id, r.resume_at)
{append_sql("postponed")}
"""


class DueRun(NamedTuple):
    """A run whose time has come, with the fields of its contact as stored; those of nobody are nothing."""

    run: RunRow
    now: int
    epoch: int
    contact: tuple[Any, ...]


def shared_out(contact: str) -> str:
    """The statement that takes runs by shares; `contact` is SQL for more columns, of the contact `c`."""
    return _LOADED.format(due=_SHARED, contact=contact)


def take(
    cursor: Cursor,
    limit: int,
    names: tuple[str, ...],
    turns: RoundRobin,
    but: Sequence[Place] = (),
    events_before: datetime | None = None,
) -> list[DueRun]:
    """Take up to `limit` runs of active workflows whose time has come, in order of contact, with the contact's fields `names`.

    None of `but`, and none of workspaces where events wait that arrived before `events_before`. What a workflow does not use of its
    part goes to the others, so a batch is full while there are runs.
    """
    heads = {head.place: head for head in wakes.due(cursor)}
    waiting = {claimant_of(head) for head in heads.values() if head.active}
    if events_before is not None and waiting:
        first = inbox_lanes.older(cursor, {one.tenant_id for one in waiting}, events_before)
        waiting = {one for one in waiting if one.tenant_id not in first}
    to_settle = {place for place, head in heads.items() if not head.active or len(head.read) >= FOLDED_FROM}
    claimed, passed_by, deals = list[DueRun](), [run_id for _, run_id in but], 0
    sql = shared_out(loaded(names))
    while waiting and len(claimed) < limit and deals < MOST_DEALS:
        deals += 1
        room = limit - len(claimed)
        shares = turns.deal(waiting, room, again=deals > 1) if deals < MOST_DEALS else dict.fromkeys(waiting, room)
        taken_rows = cursor.execute(sql, _shares(shares, room, passed_by)).fetchall()
        counts = Counter((row[1], row[3]) for row in taken_rows)
        empty = {one for one, share in shares.items() if counts[one.tenant_id, one.key] < share}
        if deals < MOST_DEALS or len(taken_rows) < room:  # else they were perhaps not asked
            to_settle |= {(one.tenant_id, one.key) for one in empty}
        waiting -= empty
        passed_by += [row[2] for row in taken_rows]
        claimed += _due_runs(taken_rows)
    wakes.settle(cursor, [heads[place] for place in to_settle], [due.run.id for due in claimed])
    return _in_order(claimed)


def claimant_of(head: Head) -> Claimant:
    """A workflow that has something due, as one of those that take turns."""
    return Claimant(head.tenant_id, head.workflow_id, Priority(head.priority), head.weight)


def take_one_of(cursor: Cursor, places: Sequence[Place], names: tuple[str, ...]) -> list[DueRun]:
    """The one of these runs that is due longest, when its workflow is active and nobody holds it."""
    return _of(cursor, _FIRST_OF, places, names)


def load(cursor: Cursor, claimed: Sequence[DueRun], names: tuple[str, ...]) -> list[DueRun]:
    """The same runs, which this transaction has taken, with other fields of their contacts."""
    return _of(cursor, _THESE, [(due.run.tenant_id, due.run.id) for due in claimed], names)


def _of(cursor: Cursor, due: str, places: Sequence[Place], names: tuple[str, ...]) -> list[DueRun]:
    arguments = {
        "tenants": Int4s([rows.int4(tenant_id) for tenant_id, _ in places]),
        "ids": Uuids([run_id for _, run_id in places]),
    }
    return _in_order(_due_runs(cursor.execute(_LOADED.format(due=due, contact=loaded(names)), arguments).fetchall()))


def _shares(shares: Mapping[Claimant, int], limit: int, but: Sequence[bytes]) -> dict[str, Any]:
    return {
        "tenants": Int4s([rows.int4(one.tenant_id) for one in shares]),
        "workflows": Uuids([one.key for one in shares]),
        "shares": Int4s([rows.int4(share) for share in shares.values()]),
        "limit": limit,
        "but": Uuids(but),
    }


def _due_runs(taken_rows: Iterable[tuple[Any, ...]]) -> list[DueRun]:
    """Without those whose contact somebody holds."""
    width = 1 + RUN_WIDTH
    return [DueRun(run_row(row[1:width]), row[width], row[width + 1], row[width + 2 :]) for row in taken_rows if row[0]]


def _in_order(claimed: list[DueRun]) -> list[DueRun]:
    """By contact, then by how long they waited."""
    return sorted(claimed, key=lambda due: (due.run.contact_id or b"", due.run.resume_at or 0))


def postpone(cursor: Cursor, reasons: Mapping[Place, str]) -> None:
    """Leave claimed runs to others, each for a reason, and look again in a minute."""
    if reasons:
        tenants = Int4s([rows.int4(tenant_id) for tenant_id, _ in reasons])
        why = Texts([rows.text(why) for why in reasons.values()])
        cursor.execute(_POSTPONE, (tenants, Uuids([run_id for _, run_id in reasons]), why))
