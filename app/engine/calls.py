"""Calls to the outside that steps asked for, as rows: the intent, the lease, the answer. `call_pass` makes them.

A row of `calls` is the intent: committed with the run that now waits (CALLING), taken under a lease, deleted with the answer in one
transaction. What a dead worker left under way is made again with the same key when its policy is `resend`; with `hold` the run is
held, because nobody knows whether the call went out. `lease_until` is real time, `due_at` the product's clock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import psycopg

from app.engine import rows
from app.engine.call_shares import CallLane
from app.engine.paths import SharedPath
from app.engine.rows import NULL, UUID_HEAD
from app.flow.performers import CONNECTOR_TARGET, PlacedCall
from app.lib.translation import translatable
from app.wakes import append_sql

Connection = psycopg.Connection[Any]
ANSWERED = "answered"
"""The `resume_port` of a run whose call was answered: the step is asked what that means."""
GRACE_S = 30
"""Seconds beyond its time-out for which a call is its worker's: so long the database may be away before an answer is lost."""
MOST_LOST = 3
"""So many workers may be lost over one call; then it is taken for the cause."""
LANES_AT_A_LOOK = 50
"""Targets of one workflow and kind that are looked at together; the next look goes on behind them."""
LOST_AT_A_TIME = 100
HELD_WHY = translatable(
    "A worker stopped while it made this call, so nobody knows whether it went out. Release the run to make it again."
)
HELD_LOST = translatable(
    "%(number)s workers stopped while they made this call, so it is not made again by itself. The log of the workers says more. "
    "Release the run when the cause is gone."
) % {"number": MOST_LOST}
COLUMNS = {
    "tenant_id": "int", "run_id": "uuid", "seq": "smallint", "attempt": "smallint", "workflow_id": "uuid", "node_id": "text",
    "kind": "text", "target": "text", "policy": "text", "timeout_s": "int", "request": "jsonb", "due_at": "timestamptz",
}  # fmt: skip

_SAME = "(c.tenant_id, c.run_id, c.seq, c.attempt) = ({0}.tenant_id, {0}.run_id, {0}.seq, {0}.attempt)"
# The row stands for the step that the run waits at: a cancelled run, or one that a goal ended, makes no call any more.
_STANDS = "r.id = {0}.run_id and r.tenant_id = {0}.tenant_id and r.status = 2 and r.seq = {0}.seq - 1 and r.attempt = {0}.attempt"

# From workflow to workflow and from target to target by an index probe each, so that no backlog is read for the sake of others.
_LANES = f"""
with recursive waiting as (
  (select tenant_id, workflow_id from calls where lease_until is null order by tenant_id, workflow_id limit 1)
  union all
  select n.tenant_id, n.workflow_id from waiting w cross join lateral (
    select c.tenant_id, c.workflow_id from calls c
    where c.lease_until is null and (c.tenant_id, c.workflow_id) > (w.tenant_id, w.workflow_id)
    order by c.tenant_id, c.workflow_id limit 1) n)
select w.tenant_id, w.workflow_id, k.kind, l.target, f.priority
from waiting w join workflows f on f.id = w.workflow_id and f.tenant_id = w.tenant_id and f.status = 'active' and f.deleted_at is null
cross join unnest(%(kinds)s::text[]) as k(kind)
left join unnest(%(after_workflows)s::uuid[], %(after_kinds)s::text[], %(after_targets)s::text[]) as a(workflow_id, kind, target)
  on a.workflow_id = w.workflow_id and a.kind = k.kind
cross join lateral (
  with recursive targets as (
    (select c.target, 1 as n from calls c
     where c.lease_until is null and c.tenant_id = w.tenant_id and c.workflow_id = w.workflow_id and c.kind = k.kind
       and c.target > coalesce(a.target, '') order by c.target limit 1)
    union all
    select t.target, l.n + 1 from targets l cross join lateral (
      select c.target from calls c
      where c.lease_until is null and c.tenant_id = w.tenant_id and c.workflow_id = w.workflow_id and c.kind = k.kind
        and c.target > l.target order by c.target limit 1) t
    where l.n < {LANES_AT_A_LOOK})
  select target from targets) l
"""
_CLAIM = f"""
with wanted as (
  select * from unnest(%(tenants)s::int[], %(workflows)s::uuid[], %(kinds)s::text[], %(targets)s::text[], %(counts)s::int[])
    as q(tenant_id, workflow_id, kind, target, most)),
taken as materialized (
  select d.tenant_id, d.run_id, d.seq, d.attempt from wanted q cross join lateral (
    select c.tenant_id, c.run_id, c.seq, c.attempt from calls c
    where c.lease_until is null and c.tenant_id = q.tenant_id and c.workflow_id = q.workflow_id and c.kind = q.kind
      and c.target = q.target and c.due_at <= clock_now()
    order by c.due_at limit q.most for update skip locked) d),
standing as materialized (select t.* from taken t join active_runs r on {_STANDS.format("t")}),
void as (
  delete from calls c using taken t where {_SAME.format("t")}
    and not exists (select from standing s where (s.tenant_id, s.run_id, s.seq, s.attempt) = (t.tenant_id, t.run_id, t.seq, t.attempt))),
begun as (
  update calls c set lease_until = now() + make_interval(secs => c.timeout_s + {GRACE_S}), fence = c.fence + 1
  from standing s where {_SAME.format("s")} returning c.*)
select c.tenant_id, c.workflow_id, c.run_id, c.node_id, c.seq, c.attempt, c.kind, c.target, c.request, c.timeout_s, c.fence > 1,
  c.policy, c.fence, clock_now()
from taken t left join begun c on {_SAME.format("t")}
"""
_ENDS = """
ends as (
  select * from unnest(%(tenants)s::int[], %(runs)s::uuid[], %(seqs)s::int[], %(attempts)s::int[], %(fences)s::int[], %(texts)s::text[],
    %(records)s::text[]) with ordinality as g(tenant_id, run_id, seq, attempt, fence, text, record, n)),
free as (
  select r.id from ends g join active_runs r on r.tenant_id = g.tenant_id and r.id = g.run_id order by r.id for update of r skip locked),
ended as (
  delete from calls c using ends g where {same} and c.fence = g.fence
    and (g.run_id in (select id from free) or not exists (select from active_runs r where r.tenant_id = g.tenant_id and r.id = g.run_id))
  returning c.tenant_id, c.run_id, c.seq, c.attempt, c.node_id, c.kind, c.target, c.due_at, c.fence, g.n, g.text,
    coalesce(g.record::jsonb, jsonb_build_object('request', c.request -> 'shown')) as detail,
    g.record is not null or c.request ? 'shown' as recorded),
recorded as (
  insert into outbound_calls (tenant_id, run_id, seq, attempt, node_id, kind, target, status, times, detail, asked_at, ended_at)
  select tenant_id, run_id, seq, attempt, node_id, kind, target, {{status}}, (fence + 1) / 2, {{detail}}, due_at, clock_now()
  from ended where recorded on conflict do nothing)
""".format(same=_SAME.format("g"))
_OUTCOMES = f"""
select exists (select from results t where t.n = g.n),
  not exists (select from ended o where o.n = g.n)
    and exists (select from calls c where {_SAME.format("g")} and c.fence = g.fence)
from ends g order by g.n
"""
_STATUS = "case when (text::jsonb ->> 'ok')::boolean then 'answered' else 'failed' end"
_WITH_ERROR = "detail || case when (text::jsonb ->> 'ok')::boolean then '{}' else jsonb_build_object('error', text::jsonb ->> 'error') end"
# A run that somebody holds just now is left for the next time: the others must not wait for it.
_ANSWER = f"""
with {_ENDS.format(status=_STATUS, detail=_WITH_ERROR)}, results as (
  update active_runs r set status = 0, resume_at = (select clock_now()), resume_port = '{ANSWERED}', resume_output = o.text::jsonb,
    fence = r.fence + 1
  from ended o where {_STANDS.format("o")} returning o.n, r.tenant_id, r.workflow_id, r.resume_at),
woken as ({append_sql("results")})
{_OUTCOMES}
"""
_HOLD = f"""
with {_ENDS.format(status="'uncertain'", detail="detail || jsonb_build_object('error', text)")}, results as (
  update active_runs r set status = 3, resume_at = null, resume_port = null, error_message = o.text, attempt = r.attempt + 1,
    waits_since = (select clock_now()), fence = r.fence + 1
  from ended o where {_STANDS.format("o")} returning o.n)
{_OUTCOMES}
"""
_REQUEUE = f"""
update calls c set lease_until = null, fence = c.fence + 1
from unnest(%(tenants)s::int[], %(runs)s::uuid[], %(seqs)s::int[], %(attempts)s::int[], %(fences)s::int[])
  as g(tenant_id, run_id, seq, attempt, fence)
where {_SAME.format("g")} and c.fence = g.fence
"""
_UNDER_WAY = """
select tenant_id, target, count(*) from calls
where tenant_id = any(%(tenants)s::int[]) and lease_until is not null and target = any(%(targets)s::text[]) group by 1, 2
"""
# Of connectors, and hosts, that have been away for a day: what has waited for them as long. Hosts come from the data of contacts, so there
# may be thousands: what waits is read once for all of them, and not once for each.
_GIVEN_UP = f"""
with late as materialized (
  select c.tenant_id, c.run_id, c.seq, c.attempt, k.state_message
  from {{services}} join calls c on c.tenant_id = k.tenant_id and c.target = {{target}}
  where k.probe_at is not null and k.state = 'away' and k.state_since < clock_now() - %(hours)s * interval '1 hour'
    and c.lease_until is null and c.due_at < clock_now() - %(hours)s * interval '1 hour' limit {LOST_AT_A_TIME})
select c.tenant_id, c.run_id, c.seq, c.attempt, c.fence, l.state_message
from calls c join late l on {_SAME.format("l")} and c.lease_until is null
for update of c skip locked
"""
_GIVEN_UP_BY_CONNECTOR = _GIVEN_UP.format(services="connectors k", target="%(prefix)s || k.id")
_GIVEN_UP_BY_HOST = _GIVEN_UP.format(services="service_hosts k", target="k.host")
_EXPIRED = f"""
with expired as materialized (
  select tenant_id, run_id, seq, attempt, policy = 'resend' and lost + 1 < {MOST_LOST} as again
  from calls where lease_until < now() limit {LOST_AT_A_TIME} for update skip locked),
again as (
  update calls c set lease_until = null, lost = c.lost + 1, fence = c.fence + 1 from expired g where {_SAME.format("g")} and g.again)
select c.tenant_id, c.run_id, c.seq, c.attempt, c.fence, c.policy
from calls c join expired g on {_SAME.format("g")} where not g.again
"""


class Claim(NamedTuple):
    """A call that is this worker's to make, until its lease is over."""

    call: PlacedCall
    policy: str
    fence: int
    began: datetime
    """When it was claimed, by the clock of the database."""

    @property
    def lane(self) -> CallLane:
        call = self.call
        return CallLane(call.tenant_id, call.workflow_id, call.kind, call.target)

    @property
    def row(self) -> CallRow:
        call = self.call
        return CallRow(call.tenant_id, call.run_id, call.seq, call.attempt, self.fence)


class CallRow(NamedTuple):
    """A row of `calls`, as its owner knows it: with another fence it is somebody else's."""

    tenant_id: int
    run_id: UUID
    seq: int
    attempt: int
    fence: int


class CallResult(NamedTuple):
    """What became of an answer, or of a run to be held. Neither: the row is somebody else's by now, or nobody waits any more."""

    written: bool
    busy: bool
    """Somebody holds the run; to be tried again."""


def call_rows(paths: list[SharedPath], now: int) -> list[bytes]:
    """The intents of a batch: a row for each run that came to stand at a call."""
    at, out, count = rows.stamp(now), list[bytes](), rows.pack(">h", len(COLUMNS))
    for path in paths:
        end = path.end
        call = end.call
        if call is None or end.node is None or not path.runs:
            continue
        head = count + rows.int4(path.flow.tenant_id) + UUID_HEAD
        behind = b"".join((
            rows.int2(end.seq + 1), rows.int2(end.attempt), UUID_HEAD + path.flow.workflow_id, end.node.field,
            rows.text(call.kind), rows.text(call.target), rows.text(call.policy), rows.int4(end.node.timeout_s or call.timeout_s),
            rows.json(call.request) if call.request is not None else NULL, at,
        ))  # fmt: skip
        out += [head + run.id + behind for run in path.runs]
    return out


def lanes(
    connection: Connection, kinds: Sequence[str], after: Mapping[tuple[UUID, str], str]
) -> tuple[list[CallLane], dict[tuple[UUID, str], str]]:
    """What waits to be called of active workflows, and behind which target the next look goes on, by workflow and kind."""
    arguments = {
        "kinds": list(kinds),
        "after_workflows": [workflow_id for workflow_id, _ in after],
        "after_kinds": [kind for _, kind in after],
        "after_targets": list(after.values()),
    }
    listed = [CallLane._make(row) for row in connection.execute(_LANES, arguments).fetchall()]
    targets: dict[tuple[UUID, str], list[str]] = {}
    for lane in listed:
        targets.setdefault((lane.workflow_id, lane.kind), []).append(lane.target)
    return listed, {
        key: listed_targets[-1] for key, listed_targets in targets.items() if len(listed_targets) == LANES_AT_A_LOOK
    }


def claim(connection: Connection, quotas: Mapping[CallLane, int]) -> tuple[list[Claim], int]:
    """Take up to so many calls of each lane, the oldest first. Also how many rows were taken out of the way, which nobody waits for."""
    tenants, workflows, kinds, targets, _ = map(list, zip(*quotas, strict=True))
    arguments = {
        "tenants": tenants, "workflows": workflows, "kinds": kinds, "targets": targets, "counts": list(quotas.values()),
    }  # fmt: skip
    claimed_rows = connection.execute(_CLAIM, arguments).fetchall()
    claims = [Claim(PlacedCall(*row[:-3]), *row[-3:]) for row in claimed_rows if row[0] is not None]
    return claims, len(claimed_rows) - len(claims)


Ended = tuple[CallRow, str] | tuple[CallRow, str, str | None]
"""A call, with its answer or the reason, and what is kept of it besides (JSON)."""


def answer(connection: Connection, answers: Sequence[Ended]) -> list[CallResult]:
    """Hand runs the answers (JSON text) to their calls: they go on when the engine is notified afterwards."""
    return _results(connection, _ANSWER, answers)


def hold(connection: Connection, calls: Sequence[Ended]) -> list[CallResult]:
    """Hold the runs of calls of which nobody knows whether they went out, each with the reason. A release makes a new call."""
    return _results(connection, _HOLD, calls)


def _results(connection: Connection, sql: str, calls: Sequence[Ended]) -> list[CallResult]:
    return [CallResult._make(row) for row in connection.execute(sql, _arguments(calls)).fetchall()] if calls else []


def requeue(connection: Connection, calls: Sequence[CallRow]) -> None:
    """Leave calls to whoever takes them next, in their old place."""
    if calls:
        arguments = _arguments([(row, "") for row in calls])
        del arguments["texts"], arguments["records"]
        connection.execute(_REQUEUE, arguments)


def take_over(connection: Connection) -> int:
    """Look after what lost workers left under way: made again, or its run is held. How many were held."""
    expired_rows = connection.execute(_EXPIRED).fetchall()
    calls_to_hold = [(CallRow._make(row[:-1]), HELD_WHY if row[-1] == "hold" else HELD_LOST) for row in expired_rows]
    return sum(result.written for result in hold(connection, calls_to_hold))


def under_way(connection: Connection, targets: Sequence[tuple[int, str]]) -> dict[tuple[int, str], int]:
    """How many calls of all workers are under way to these targets of workspaces; those with none are missing."""
    if not targets:
        return {}
    arguments = {
        "tenants": sorted({tenant_id for tenant_id, _ in targets}),
        "targets": [target for _, target in targets],
    }
    return {(row[0], row[1]): row[2] for row in connection.execute(_UNDER_WAY, arguments).fetchall()}


def waited_for_days(connection: Connection, hours: int) -> list[Any]:
    """Rows of calls, each with the words of its service, that have waited so long for one that is away."""
    by_connector = connection.execute(_GIVEN_UP_BY_CONNECTOR, {"hours": hours, "prefix": CONNECTOR_TARGET}).fetchall()
    return [*by_connector, *connection.execute(_GIVEN_UP_BY_HOST, {"hours": hours}).fetchall()]


def _arguments(calls: Sequence[Ended]) -> dict[str, Any]:
    tenants, runs, seqs, attempts, fences = map(list, zip(*[call[0] for call in calls], strict=True))
    texts, records = [call[1] for call in calls], [call[2] if len(call) > 2 else None for call in calls]
    return {
        "tenants": tenants,
        "runs": runs,
        "seqs": seqs,
        "attempts": attempts,
        "fences": fences,
        "texts": texts,
        "records": records,
    }
