"""The writer: a batch becomes a handful of set-based statements. Large batches go by COPY BINARY, small ones by one pipeline."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from typing import Any

import psycopg

from app.engine import rows
from app.engine.changes import contact_updates
from app.engine.rows import NULL, UUID_HEAD, Int2s, Int4s, Int8s, Jsons, Stamps, Texts, Uuids
from app.engine.walk import COMPLETED, Batch, OddStep, Run
from app.models.status import MessageStatus, StepStatus
from app.nodes.base import Fail, Message, Outcome

TABLES: dict[str, dict[str, str]] = {
    "runs": {
        "id": "uuid", "contact_id": "uuid", "tenant_id": "int", "workflow_id": "uuid", "workflow_version": "int",
        "trigger_event": "jsonb", "started_at": "timestamptz", "completed_at": "timestamptz", "status": "smallint",
        "seq": "smallint", "current_node_id": "text", "entry_key": "text", "resume_at": "timestamptz", "resume_port": "text",
        "step_started_at": "timestamptz", "attempt": "smallint", "error_message": "text", "goal_reached_id": "text",
        "context": "jsonb", "resume_output": "jsonb",
    },
    "steps": {
        "run_id": "uuid", "seq": "smallint", "attempt": "smallint", "started_at": "timestamptz",
        "completed_at": "timestamptz", "node_id": "text", "status": "smallint", "port": "text", "output": "jsonb",
        "error_message": "text",
    },
    "messages": {
        "run_id": "uuid", "seq": "smallint", "tenant_id": "int", "workflow_id": "uuid", "contact_id": "uuid",
        "template_id": "uuid", "channel": "smallint", "status": "smallint", "payload": "jsonb", "due_at": "timestamptz",
        "created_at": "timestamptz",
    },
    "step_attempts": {
        "run_id": "uuid", "seq": "smallint", "attempt": "smallint", "error_message": "text", "at": "timestamptz",
        "next_at": "timestamptz",
    },
    "entry_refusals": {
        "tenant_id": "int", "workflow_id": "uuid", "contact_id": "uuid", "event_id": "uuid", "reason": "text",
        "detail": "jsonb", "at": "timestamptz",
    },
    "inbox": {
        "tenant_id": "int", "name": "text", "contact_id": "uuid", "workflow_id": "uuid", "depth": "smallint",
        "payload": "jsonb", "occurred_at": "timestamptz",
    },
}  # fmt: skip
STATS = """
insert into node_stats (workflow_id, version, node_id, key, shard, tenant_id, n)
select * from unnest(%s::uuid[], %s::int[], %s::text[], %s::text[], %s::smallint[], %s::int[], %s::bigint[])
on conflict (workflow_id, version, node_id, key, shard) do update set n = node_stats.n + excluded.n
"""
MOVED = """
with moved as (
  update runs r set status = u.status, seq = u.seq, current_node_id = u.node, resume_at = u.resume_at, resume_port = u.port,
    step_started_at = u.step_started, attempt = u.attempt, error_message = u.error, goal_reached_id = u.goal,
    context = u.context, resume_output = u.output, completed_at = u.completed, fence = r.fence + 1
  from unnest(%s::uuid[], %s::int[], %s::smallint[], %s::smallint[], %s::text[], %s::timestamptz[], %s::text[],
              %s::timestamptz[], %s::smallint[], %s::text[], %s::text[], %s::jsonb[], %s::jsonb[], %s::timestamptz[])
    as u(id, fence, status, seq, node, resume_at, port, step_started, attempt, error, goal, context, output, completed)
  where r.id = u.id and r.fence = u.fence returning 1)
select count(*) from moved
"""
_MARKS = struct.Struct(">ihihiqiq").pack  # seq, attempt, started_at, completed_at with their lengths
_CUT_SHORT = (StepStatus.SKIPPED, StepStatus.CANCELLED)
_STEP_HEAD = struct.pack(">h", 10) + UUID_HEAD
Put = Callable[[str, list[bytes]], None]


class StaleOwner(Exception):
    """Somebody else moved one of these runs: nothing of this batch may be committed."""


def step_fields(outcome: Outcome, status: int) -> bytes:
    """status, port, output and error of a step; a plain outcome keeps them, so that it is encoded once."""
    error = outcome.error if isinstance(outcome, Fail) else None
    port = None if status in _CUT_SHORT else outcome.port
    return rows.int2(status) + rows.text(port) + rows.json(outcome.output) + rows.text(error)


def _plain(outcome: Outcome) -> bytes:
    outcome.row = row = step_fields(outcome, StepStatus.COMPLETED)
    return row


def step_rows(batch: Batch) -> list[bytes]:
    """Plain steps share their marks by seq: they began and ended at the batch's time."""
    head, now = _STEP_HEAD, batch.now
    last = max((step[1] for step in batch.steps), default=0)
    marks = [_MARKS(2, seq, 2, 1, 8, now, 8, now) for seq in range(last + 1)]
    plain = [
        head + run.id + marks[seq] + node.field + (outcome.row or _plain(outcome))
        for run, seq, node, outcome in batch.steps
    ]
    return plain + [_odd(step) for step in batch.odd_steps]


def _odd(step: OddStep) -> bytes:
    marks = _MARKS(2, step.seq, 2, step.attempt, 8, step.started, 8, step.ended)
    return _STEP_HEAD + step.run.id + marks + step.node.field + step_fields(step.outcome, step.status)


def run_rows(runs: Iterable[Run], now: int) -> list[bytes]:
    """Rows of new runs. Completed ones of a version share all but ids and event: one encoding per (version, node, seq)."""
    shared: dict[tuple[Any, ...], bytes] = {}
    out = []
    for run in runs:
        started = rows.stamp(run.started)
        if run.status == COMPLETED and not run.entry_key and run.context is None:
            key = (run.node, run.seq)
            tail = shared.get(key)
            if tail is None:
                tail = shared[key] = rows.stamp(now) + _state(run)
        else:
            tail = (rows.stamp(now) if run.status >= COMPLETED else NULL) + _state(run)
        out.append(
            b"\0\x14" + UUID_HEAD + run.id + UUID_HEAD + run.contact.id + run.graph.prefix
            + rows.raw_json(run.raw_event) + started + tail
        )  # fmt: skip
    return out


def _state(run: Run) -> bytes:
    return b"".join((
        rows.int2(run.status), rows.int2(run.seq), run.node.field if run.node else NULL, rows.text(run.entry_key),
        rows.stamp(run.resume_at), rows.text(run.resume_port), rows.stamp(run.step_started), rows.int2(run.attempt),
        rows.text(run.error), rows.text(run.goal), rows.json(run.context), rows.json(run.resume_output),
    ))  # fmt: skip


def message_rows(batch: Batch) -> list[bytes]:
    """One row each; what a node asks for is encoded once."""
    at = rows.stamp(batch.now)
    queued = rows.int2(MessageStatus.QUEUED)
    return [
        b"\0\x0b" + UUID_HEAD + run.id + rows.int2(seq) + rows.int4(run.graph.tenant_id) + UUID_HEAD
        + run.graph.workflow_id + UUID_HEAD + run.contact.id + _asked(message, awaited, queued) + at + at
        for run, seq, message, awaited in batch.messages
    ]  # fmt: skip


def _asked(message: Message, awaited: bool, status: bytes) -> bytes:
    known = message.encoded.get(awaited)
    if known is None:
        payload = {**message.payload, "awaited": True} if awaited else message.payload
        known = message.encoded[awaited] = (
            rows.uuid(message.template) + rows.int2(message.channel) + status + rows.json(payload or None)
        )
    return known


def attempt_rows(batch: Batch) -> list[bytes]:
    """Failed attempts that are tried again."""
    at = rows.stamp(batch.now)
    return [
        b"\0\x06" + UUID_HEAD + run.id + rows.int2(seq) + rows.int2(attempt) + rows.text(error) + at + rows.stamp(due)
        for run, seq, attempt, error, due in batch.attempts
    ]


def refusal_rows(batch: Batch) -> list[bytes]:
    """Who was not let in, and why."""
    at = rows.stamp(batch.now)
    return [
        b"\0\x07" + rows.int4(tenant_id) + UUID_HEAD + workflow_id + UUID_HEAD + contact_id
        + rows.uuid(event_id) + rows.text(reason) + rows.json(detail) + at
        for tenant_id, workflow_id, contact_id, event_id, reason, detail in batch.refusals
    ]  # fmt: skip


def echo_rows(batch: Batch) -> list[bytes]:
    """Events that this batch gives rise to; they go into the inbox."""
    at = rows.stamp(batch.now)
    return [
        b"\0\x07" + rows.int4(echo.tenant_id) + rows.text(echo.name) + UUID_HEAD + echo.contact_id + UUID_HEAD
        + echo.workflow_id + rows.int2(echo.depth) + rows.json(echo.properties) + at
        for echo in batch.echoes
    ]  # fmt: skip


def moved_arguments(runs: list[Run], now: int) -> tuple[Any, ...]:
    """Arguments of MOVED."""
    return (
        Uuids([run.id for run in runs]),
        Int4s([rows.int4(run.fence or 0) for run in runs]),
        Int2s([rows.int2(run.status) for run in runs]),
        Int2s([rows.int2(run.seq) for run in runs]),
        Texts([run.node.field if run.node else NULL for run in runs]),
        Stamps([rows.stamp(run.resume_at) for run in runs]),
        Texts([rows.text(run.resume_port) for run in runs]),
        Stamps([rows.stamp(run.step_started) for run in runs]),
        Int2s([rows.int2(run.attempt) for run in runs]),
        Texts([rows.text(run.error) for run in runs]),
        Texts([rows.text(run.goal) for run in runs]),
        Jsons([rows.json(run.context) for run in runs]),
        Jsons([rows.json(run.resume_output) for run in runs]),
        Stamps([rows.stamp(now) if run.status >= COMPLETED else NULL for run in runs]),
    )


def stats_arguments(batch: Batch, shard: int) -> tuple[Any, ...] | None:
    """Arguments of STATS, in one order for all workers; None when nothing was counted."""
    lines = sorted(
        (graph.workflow_id, graph.version, edge.node_id, edge.key, graph.tenant_id, count)
        for graph, tally in batch.tallies.items()
        for edge, count in zip(graph.edges, tally, strict=True)
        if count
    )
    if not lines:
        return None
    return (
        Uuids([line[0] for line in lines]),
        Int4s([rows.int4(line[1]) for line in lines]),
        Texts([rows.text(line[2]) for line in lines]),
        Texts([rows.text(line[3]) for line in lines]),
        Int2s([rows.int2(shard)] * len(lines)),
        Int4s([rows.int4(line[4]) for line in lines]),
        Int8s([rows.int8(line[5]) for line in lines]),
    )


def write(cursor: psycopg.Cursor[Any], batch: Batch, shard: int, *, pipelined: bool) -> None:
    """Write all of a batch. Raises StaleOwner when a run was moved by somebody else."""

    def put(table: str, encoded: list[bytes]) -> None:
        columns = TABLES[table]
        if pipelined:
            rows.insert(cursor, table, ", ".join(columns), list(columns.values()), encoded)
        else:
            rows.copy(cursor, table, ", ".join(columns), encoded)

    moved = [run for run in batch.runs if run.fence is not None]
    # First of all: a run that a goal ended makes room for the one that the same contact starts in this batch.
    answer = cursor.connection.cursor()
    if moved:
        answer.execute(MOVED, moved_arguments(moved, batch.now))
    put("runs", run_rows([run for run in batch.runs if run.fence is None], batch.now))
    put("steps", step_rows(batch))
    put("messages", message_rows(batch))
    put("step_attempts", attempt_rows(batch))
    put("entry_refusals", refusal_rows(batch))
    put("inbox", echo_rows(batch))
    for sql, arguments in contact_updates(batch):
        cursor.execute(sql, arguments)
    if counted := stats_arguments(batch, shard):
        cursor.execute(STATS, counted)
    if moved and answer.fetchone() != (len(moved),):
        raise StaleOwner
