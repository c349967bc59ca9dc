"""Why runs stand still that nobody holds, and what is done about it. Looked for by the scheduler, a bounded piece of each workspace.

A run that waits for an answer has somebody who brings it: a call, a message that comes to an outcome, a run that it called, or a note in
the inbox. All of them change in one transaction with the run, so a statement sees either the wait and who ends it, or neither. Where
nobody is left:

    its message is over, and the note of it is lost      the note is written once more
    nothing is left of what it waits for                 it is held, and a person decides
    it is to go on, and nothing says when                it goes on now
    it waits for a time, and nothing says when           it is held

Where held runs take the places that a workflow has for runs at the same time, and nobody has begun for an hour, the limit is named.
Workflows whose runs no wake stands for are mended by `wakes.sweep`, calls of workers that are gone by `calls.take_over`. What waits for
something that is not installed is written down in `stalls`, for people.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

import psycopg

from app import inbox, wakes
from app.engine import calls
from app.engine.newer_release import LATEST_S, LEFT_TO_NEWER
from app.engine.sub_run_integrity import AWAITS_CALLED
from app.flow import performers
from app.inbox import InboxKind
from app.lib.conversions import quoted
from app.lib.formats import counted, number
from app.lib.translation import gettext, translatable
from app.models.status import RunStatus

Connection = psycopg.Connection[Any]
PATIENCE_S = 300.0
"""How long a step is under way before anybody asks what it waits for."""
FULL_S = 3600.0
"""How long a workflow whose places are taken lets nobody begin before people are told that held runs take them."""
RUNS_AT_ONCE, RUNS_OF_A_LOOK, WORKFLOWS_OF_A_LOOK = 1_000, 20_000, 500
"""A look at a workspace ends with so many runs that wait for answers, or so many workflows; the next one goes on there."""
LOST_WHY = translatable(
    "This run waited for an answer, and nothing is left of what it had asked. Try the step again, or let "
    "the run continue without it."
)
TIMELESS_WHY = translatable(
    "This run waits for a time that is not known any more. Try the step again, or let the run continue without it."
)

_NEXT_WORKFLOW = """
select workflow_id from active_runs where tenant_id = %(tenant)s and (%(after)s::uuid is null or workflow_id > %(after)s)
order by workflow_id limit 1
"""
_NOBODY_ANSWERS = f"""
r.resume_at is null and r.step_started_at < clock_now() - make_interval(secs => %(patience)s)
and not exists (select from calls c where c.tenant_id = r.tenant_id and c.run_id = r.id and c.seq = r.seq + 1 and c.attempt = r.attempt)
and not exists (select from inbox i where i.tenant_id = r.tenant_id and i.run_id = r.id and i.kind = {InboxKind.SETTLED:d})
and not exists (select from messages m where m.tenant_id = r.tenant_id and m.run_id = r.id and m.seq = r.seq + 1
  and (m.status in (0, 1) or (m.status in (2, 9) and m.due_at is not null)))
and not {AWAITS_CALLED}
"""
_LOOKED = f"""
looked as materialized (
  select r.id, r.status = {RunStatus.CALLING:d} and {_NOBODY_ANSWERS} as lost from active_runs r
  where r.tenant_id = %(tenant)s and r.workflow_id = %(workflow)s and r.status = {RunStatus.CALLING:d}
    and (%(after)s::uuid is null or r.id > %(after)s)
  order by r.id limit %(limit)s)
"""
_OUTPUT = """
jsonb_strip_nulls(jsonb_build_object('recipient', recipient, 'reason', reason, 'status',
  case status when 8 then 'failed' when 9 then 'uncertain' when 10 then 'suppressed' else 'sent' end))
"""
_FAILED = "status in (6, 7, 8, 9)"
_NOTES = inbox.settled_sql(
    "over",
    port=f"case when {_FAILED} then 'error' else 'next' end",
    error=f"case when {_FAILED} then coalesce(error_message, 'Nobody knows whether the message left.') end",
    output=_OUTPUT,
)
# Asked once more under the lock: whoever answered meanwhile has answered.
_MEND = f"""
with {_LOOKED},
lost as materialized (
  select r.tenant_id, r.id, r.seq, r.attempt, r.fence from active_runs r
  where r.tenant_id = %(tenant)s and r.id in (select id from looked where lost) and r.status = {
    RunStatus.CALLING:d} and {_NOBODY_ANSWERS}
  order by r.id for update skip locked),
over as materialized (
  select m.* from lost l join messages m on m.tenant_id = l.tenant_id and m.run_id = l.id and m.seq = l.seq + 1),
told as ({_NOTES}),
held as (
  update active_runs r set status = {
    RunStatus.HELD:d}, error_message = %(why)s, attempt = r.attempt + 1, waits_since = clock_now(),
    fence = r.fence + 1
  from lost l where r.tenant_id = l.tenant_id and r.id = l.id and r.fence = l.fence
    and not exists (select from over o where o.run_id = l.id)
  returning 1)
select (select count(*) from looked), (select id from looked order by id desc limit 1), (select count(*) from told),
  (select count(*) from held)
"""
_TIMELESS = f"""
with mended as (
  update active_runs r set resume_at = case when r.status = 0 then clock_now() end, fence = r.fence + 1,
    status = case when r.status = 0 then 0 else {RunStatus.HELD:d} end,
    waits_since = case when r.status = 0 then r.waits_since else coalesce(r.waits_since, clock_now()) end,
    error_message = case when r.status = 0 then r.error_message else %(why)s end
  where r.tenant_id = %(tenant)s and r.id = any(array(
    select id from active_runs where tenant_id = %(tenant)s and status in (0, 1) and resume_at is null order by id limit %(limit)s
    for update skip locked))
  returning r.tenant_id, r.workflow_id, r.resume_at),
woken as ({wakes.append_sql("mended")})
select count(*) filter (where resume_at is not null), count(*) filter (where resume_at is null) from mended
"""
_LEFT = f"""
select left(error_message, 300), count(*), min(step_started_at) from (
  select error_message, step_started_at from active_runs
  where tenant_id = %(tenant)s and workflow_id = %(workflow)s and resume_at <= clock_now() + make_interval(secs => {LATEST_S})
  order by resume_at limit %(limit)s) as next
where error_message like %(left)s group by 1
"""
_UNPERFORMED = """
select kind, count(*), min(due_at) from (
  select kind, due_at from calls where tenant_id = %(tenant)s and workflow_id = %(workflow)s and lease_until is null
    and kind <> all(%(kinds)s::text[]) and due_at < clock_now() - make_interval(secs => %(patience)s) limit %(limit)s) as waiting
group by 1
"""
# Runs that are held keep their places: nobody else begins until a person decides. Where others still come and go nothing stands still.
_FULL = f"""
select v.most, h.held, w.waiting, w.since from (
  select nullif(v.graph->'settings'->>'rateLimitMaxConcurrent', '')::int as most from workflows f join workflow_versions v
    on v.tenant_id = f.tenant_id and v.workflow_id = f.id and v.version = f.live_version
  where f.tenant_id = %(tenant)s and f.id = %(workflow)s and f.status = 'active' and f.deleted_at is null) v
cross join lateral (
  select count(*) as waiting, min(since) as since from (
    select since from waiting_starts where tenant_id = %(tenant)s and workflow_id = %(workflow)s order by id limit %(limit)s) w) w
cross join lateral (
  select count(*) as runs, max(started_at) as last, count(*) filter (where status = {RunStatus.HELD:d}) as held from (
    select started_at, status from active_runs where tenant_id = %(tenant)s and workflow_id = %(workflow)s
    order by status desc, id limit v.most) r) h
where w.since < clock_now() - make_interval(secs => %(full)s) and h.last < clock_now() - make_interval(secs => %(full)s)
  and h.held > 0 and h.runs = v.most
"""
_FORGET = "delete from stalls where tenant_id = %(tenant)s and workflow_id = %(workflow)s"
_NOTE = """
insert into stalls (tenant_id, workflow_id, reason, count, since, seen_at)
select %(tenant)s, %(workflow)s, reason, n, since, clock_now() from unnest(%(reasons)s::text[], %(counts)s::int[], %(since)s::timestamptz[])
  as s(reason, n, since)
"""
_FORGET_WITHOUT_RUNS = """
delete from stalls s where tenant_id = %(tenant)s
  and not exists (select from active_runs r where r.tenant_id = s.tenant_id and r.workflow_id = s.workflow_id)
"""


def _full_words(most: int, held: int) -> str:
    """Why starts wait for places that held runs take."""
    runs = counted(most, "run")
    if most == 1:
        text = translatable(
            "The workflow lets %(runs)s be under way at a time, and it is held, so starts wait. "
            "Decide about what is held, or raise the limit."
        )
        return gettext(text, runs=runs)
    text = translatable(
        "The workflow lets %(runs)s be under way at a time, and all places are taken, %(number)s of them by held runs, "
        "so starts wait. Decide about what is held, or raise the limit."
    )
    return gettext(text, runs=runs, number=number(held))


class Mended(NamedTuple):
    """What a look came to: runs that were answered their outcome, that go on, and that are held for a person."""

    answered: int = 0
    woken: int = 0
    held: int = 0

    def plus(self, answered: int, held: int) -> Mended:
        """With some more."""
        return Mended(self.answered + answered, self.woken, self.held + held)


class StaleRuns:
    """Looks at the workspaces, one after the other; remembers where the last look at each ended."""

    def __init__(self) -> None:
        self._reached: dict[int, tuple[UUID, UUID | None]] = {}

    def look(self, connection: Connection, tenant_id: int) -> Mended:
        """A bounded look at one workspace. `connection` is in autocommit mode: each workflow is a transaction."""
        row = self._one(connection, _TIMELESS, tenant=tenant_id, why=TIMELESS_WHY, limit=RUNS_AT_ONCE)
        mended = Mended(0, row[0], row[1])
        workflow_id, after = self._reached.pop(tenant_id, (None, None))
        runs = workflows = 0
        while True:
            if after is None:
                next_row = connection.execute(_NEXT_WORKFLOW, {"tenant": tenant_id, "after": workflow_id}).fetchone()
                if next_row is None:
                    break
                workflow_id, workflows = next_row[0], workflows + 1
                self._note_stalls(connection, tenant_id, next_row[0])
            looked, after, answered, held = self._one(
                connection,
                _MEND,
                tenant=tenant_id,
                workflow=workflow_id,
                after=after,
                limit=RUNS_AT_ONCE,
                patience=PATIENCE_S,
                why=LOST_WHY,
            )
            mended, runs = mended.plus(answered, held), runs + looked
            after = after if looked == RUNS_AT_ONCE else None
            if workflow_id is not None and (runs >= RUNS_OF_A_LOOK or workflows >= WORKFLOWS_OF_A_LOOK):
                self._reached[tenant_id] = workflow_id, after
                break
        connection.execute(_FORGET_WITHOUT_RUNS, {"tenant": tenant_id})
        return mended

    def look_everywhere(self, connection: Connection) -> dict[int, Mended]:
        """All workspaces, and what was done in those where something was."""
        calls.take_over(connection)
        tenants = [row[0] for row in connection.execute("select id from workspaces order by id").fetchall()]
        looked = {tenant_id: self.look(connection, tenant_id) for tenant_id in tenants}
        return {tenant_id: mended for tenant_id, mended in looked.items() if any(mended)}

    def _note_stalls(self, connection: Connection, tenant_id: int, workflow_id: UUID) -> None:
        """Write down what of a workflow waits for something that is not installed here."""
        place = {"tenant": tenant_id, "workflow": workflow_id, "limit": RUNS_AT_ONCE}
        stalls: list[tuple[Any, ...]] = connection.execute(_LEFT, {**place, "left": f"%{LEFT_TO_NEWER}"}).fetchall()
        kinds = list(performers.performed_kinds())
        unperformed = connection.execute(_UNPERFORMED, {**place, "kinds": kinds, "patience": PATIENCE_S}).fetchall()
        stalls += [
            (
                gettext(
                    "No worker makes calls of the kind %(kind)s. Install what makes them, or cancel the runs.",
                    kind=quoted(kind),
                ),
                count,
                since,
            )
            for kind, count, since in unperformed
        ]
        full = connection.execute(_FULL, {**place, "full": FULL_S}).fetchall()
        stalls += [(_full_words(most, held), waiting, since) for most, held, waiting, since in full]
        with connection.transaction():
            connection.execute(_FORGET, place)
            if stalls:
                reasons, counts, since = map(list, zip(*stalls, strict=True))
                connection.execute(_NOTE, {**place, "reasons": reasons, "counts": counts, "since": since})

    def _one(self, connection: Connection, sql: str, **parameters: Any) -> Sequence[Any]:
        (row,) = connection.execute(sql, parameters).fetchall()
        answer: Sequence[Any] = row
        return answer
