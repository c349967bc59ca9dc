"""Calls to the outside that steps asked for: done apart from the batches, each written down before it is made.

A row of `calls` is the intent: committed with the run that now waits (CALLING), taken under a lease, deleted with the answer in one
transaction. What a dead worker left under way is made again with the same key when its policy is `resend`; with `hold` the run is
held, because nobody knows whether the call went out. A round takes at most `PER_WORKSPACE` calls of a workspace: nobody waits for
the slow answers of another one for longer than a round.
"""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
import structlog
from psycopg.types.json import Jsonb

from app.engine import failpoints, rows
from app.engine.paths import SharedPath
from app.engine.rows import NULL, UUID_HEAD
from app.flow import performers
from app.flow.performers import CallFailed
from app.lib import database

log = structlog.get_logger()
ANSWERED = "answered"
"""The `resume_port` of a run whose call was answered: the step is asked what that means."""
PER_WORKSPACE = 20
GRACE_S = 15
"""Seconds beyond its time-out after which a call counts as lost with its worker."""
HELD_WHY = (
    "A worker stopped while it made this call, so nobody knows whether it went out. Release the run to make it again."
)
COLUMNS = {
    "run_id": "uuid", "seq": "smallint", "attempt": "smallint", "tenant_id": "int", "workflow_id": "uuid", "node_id": "text",
    "kind": "text", "policy": "text", "timeout_s": "int", "request": "jsonb", "due_at": "timestamptz",
}  # fmt: skip

# The row stands for the step that the run waits at: a cancelled run, or one that a goal ended, makes no call any more.
_STANDS = "r.id = c.run_id and r.status = 2 and r.seq = c.seq - 1 and r.attempt = c.attempt"
_VOID = f"""
delete from calls c where (c.run_id, c.seq, c.attempt) in (
  select c.run_id, c.seq, c.attempt from calls c where c.due_at <= clock_now() and not exists (select from runs r where {_STANDS})
  limit 1000 for update skip locked)
"""
_LOST = """
with lost as (select * from calls where lease_until < clock_now() limit 1000 for update skip locked),
again as (
  update calls c set lease_until = null, due_at = clock_now(), fence = c.fence + 1 from lost l
  where (c.run_id, c.seq, c.attempt) = (l.run_id, l.seq, l.attempt) and l.policy = 'resend'),
over as (
  delete from calls c using lost l where (c.run_id, c.seq, c.attempt) = (l.run_id, l.seq, l.attempt) and l.policy = 'hold' returning c.*)
update runs r set status = 3, resume_at = null, error_message = %s, attempt = r.attempt + 1, fence = r.fence + 1
from over where r.id = over.run_id and r.status = 2 and r.seq = over.seq - 1
"""
# The index is walked from workspace to workspace, so that a long queue of one is not read for the sake of others.
_CLAIM = f"""
with recursive workspaces as (
  (select tenant_id from calls where lease_until is null order by tenant_id limit 1)
  union all
  select (select c.tenant_id from calls c where c.lease_until is null and c.tenant_id > w.tenant_id order by c.tenant_id limit 1)
  from workspaces w where w.tenant_id is not null),
taken as (
  select d.* from workspaces w cross join lateral (
    select c.run_id, c.seq, c.attempt from calls c
    join runs r on {_STANDS} join workflows f on f.id = c.workflow_id and f.status = 'active' and f.deleted_at is null
    where c.tenant_id = w.tenant_id and c.lease_until is null and c.due_at <= clock_now() and c.kind = any(%(kinds)s)
    order by c.due_at limit %(most)s for update of c skip locked) d
  where w.tenant_id is not null)
update calls c set lease_until = clock_now() + make_interval(secs => c.timeout_s + {GRACE_S}), fence = c.fence + 1
from taken t where (c.run_id, c.seq, c.attempt) = (t.run_id, t.seq, t.attempt)
returning c.run_id, c.seq, c.attempt, c.kind, c.request, c.timeout_s, c.fence
"""
_ANSWER = f"""
with over as (delete from calls where (run_id, seq, attempt) = (%(run)s, %(seq)s, %(attempt)s) and fence = %(fence)s returning *)
update runs r set status = 0, resume_at = clock_now(), resume_port = '{ANSWERED}', resume_output = %(output)s, fence = r.fence + 1
from over where r.id = over.run_id and r.status = 2 and r.seq = over.seq - 1 and r.attempt = over.attempt
"""


class OpenCall(NamedTuple):
    """A call that is ours to make."""

    run_id: UUID
    seq: int
    attempt: int
    kind: str
    request: dict[str, Any]
    timeout_s: int
    fence: int

    @property
    def key(self) -> str:
        """The same whoever makes this call, and however often; a retry of the step is another call."""
        return f"{self.run_id}-{self.seq}" + (f"-{self.attempt}" if self.attempt > 1 else "")


def call_rows(tracks: list[SharedPath], now: int) -> list[bytes]:
    """The intents of a batch: a row for each run that came to stand at a call."""
    at, out, head = rows.stamp(now), list[bytes](), rows.pack(">h", len(COLUMNS)) + UUID_HEAD
    for track in tracks:
        rest = track.rest
        call = rest.call
        if call is None or rest.node is None or not track.runs:
            continue
        behind = b"".join((
            rows.int2(rest.seq + 1), rows.int2(rest.attempt), rows.int4(track.graph.tenant_id),
            UUID_HEAD + track.graph.workflow_id, rest.node.field, rows.text(call.kind), rows.text(call.policy),
            rows.int4(call.timeout_s), rows.json(call.request) if call.request is not None else NULL, at,
        ))  # fmt: skip
        out += [head + run.id + behind for run in track.runs]
    return out


class Calls:
    """One worker's hands on the calls. The connection is its own: nothing waits outside while a transaction is open."""

    def __init__(self, connection: psycopg.Connection[Any] | None = None) -> None:
        self.connection = connection or database.connect("calls")

    def close(self) -> None:
        self.connection.close()

    def perform(self) -> int:
        """Make one round of calls; returns how many were answered. Runs go on when the engine is notified afterwards."""
        kinds = performers.performed_kinds()
        if not kinds:
            return 0
        with self.connection.transaction():
            self.connection.execute(_LOST, (HELD_WHY,))
            self.connection.execute(_VOID)
            claimed = self.connection.execute(_CLAIM, {"kinds": kinds, "most": PER_WORKSPACE}).fetchall()
        failpoints.reach("call_claimed")
        return asyncio.run(self._all([OpenCall._make(row) for row in claimed])) if claimed else 0

    async def _all(self, calls: list[OpenCall]) -> int:
        return sum(await asyncio.gather(*[self._one(call) for call in calls]))

    async def _one(self, call: OpenCall) -> int:
        """Make a call and commit its answer; 0 when somebody else has it by now."""
        try:
            async with asyncio.timeout(call.timeout_s):
                value = await performers.performer_of(call.kind)(call.request, call.key)
            answer = {"ok": True, "value": value}
        except TimeoutError:
            answer = {"ok": False, "error": f"There was no answer within {call.timeout_s} seconds."}
        except CallFailed as error:
            answer = {"ok": False, "error": str(error), "permanent": error.permanent}
        except Exception as error:  # of this call alone
            log.error("call.broke", kind=call.kind, run_id=str(call.run_id), exc_info=error)
            answer = {
                "ok": False,
                "error": "This call stopped on a fault in the program. The log of the worker says more.",
            }
        failpoints.reach("call_made")
        return self._commit(call, answer)

    def _commit(self, call: OpenCall, answer: dict[str, Any]) -> int:
        arguments = {"run": call.run_id, "seq": call.seq, "attempt": call.attempt, "fence": call.fence}
        try:
            return self.connection.execute(_ANSWER, {**arguments, "output": Jsonb(answer)}).rowcount
        except (psycopg.DataError, TypeError, ValueError):
            refused = {"ok": False, "permanent": True, "error": "The answer to this call cannot be stored."}
            return self.connection.execute(_ANSWER, {**arguments, "output": Jsonb(refused)}).rowcount
