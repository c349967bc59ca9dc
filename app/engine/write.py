"""The writer: a batch becomes a handful of set-based statements. Large batches go by COPY BINARY, small ones by one pipeline."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Any

import psycopg

from app import wakes
from app.counters.message_counters import AWAITED
from app.engine import assignments, rows, run_logs, sub_runs, waiting_starts
from app.engine.calls import COLUMNS as CALL_COLUMNS
from app.engine.calls import call_rows
from app.engine.changes import contact_updates
from app.engine.compiled import CompiledFlow
from app.engine.compiled_node import StatCounter
from app.engine.emitted import COLUMNS as EMITTED_COLUMNS
from app.engine.emitted import emitted_in, event_rows, inbox_rows
from app.engine.moves import moved_runs
from app.engine.paths import FinishedStep, PathEnd
from app.engine.refusals import REFUSE, refuse_arguments
from app.engine.rows import NULL, UUID_HEAD, Int2s, Int4s, Int8s, Stamps, Texts, Uuids
from app.engine.segment_moves import move_segments
from app.engine.state import COMPLETED, RunState
from app.engine.walk import HELD, Batch
from app.flow.effects import SendMessage
from app.flow.outcomes import Done, Fail, Outcome
from app.inbox import CHANGE_EVENT_COLUMNS
from app.models.status import MessageStatus, RunOrigin, StepStatus

_BEGUN = {
    "tenant_id": "int", "id": "uuid", "contact_id": "uuid", "workflow_id": "uuid", "workflow_version": "int", "trigger_id": "text",
    "trigger_event": "jsonb", "event_id": "uuid", "occurred_at": "timestamptz", "started_at": "timestamptz",
    "entry_key": "text", "context": "jsonb",
}  # fmt: skip
TABLES: dict[str, dict[str, str]] = {
    "active_runs": {
        **_BEGUN, "status": "smallint", "seq": "smallint", "current_node_id": "text", "resume_at": "timestamptz",
        "resume_port": "text", "step_started_at": "timestamptz", "attempt": "smallint", "error_message": "text",
        "resume_output": "jsonb", "waits_for": "text", "waits_since": "timestamptz", "origin": "smallint",
    },
    "ended_runs": {
        **_BEGUN, "completed_at": "timestamptz", "status": "smallint", "seq": "smallint", "current_node_id": "text",
        "attempt": "smallint", "error_message": "text", "goal_reached_id": "text", "origin": "smallint",
    },
    "steps": {
        "tenant_id": "int", "run_id": "uuid", "seq": "smallint", "attempt": "smallint", "occurrence": "smallint",
        "started_at": "timestamptz", "completed_at": "timestamptz", "node_id": "text", "status": "smallint", "port": "text",
        "output": "jsonb", "error_message": "text",
    },
    "messages": {
        "tenant_id": "int", "run_id": "uuid", "seq": "smallint", "workflow_id": "uuid", "workflow_version": "int",
        "node_id": "text", "contact_id": "uuid", "template_id": "uuid", "channel": "smallint", "status": "smallint",
        "payload": "jsonb", "due_at": "timestamptz", "created_at": "timestamptz", "priority": "smallint",
    },
    "calls": CALL_COLUMNS,
    "step_attempts": {
        "tenant_id": "int", "run_id": "uuid", "seq": "smallint", "attempt": "smallint", "error_message": "text", "at": "timestamptz",
        "next_at": "timestamptz",
    },
    "events": EMITTED_COLUMNS,
    "inbox": CHANGE_EVENT_COLUMNS,
    "waiting_starts": waiting_starts.COLUMNS,
    "run_logs": run_logs.COLUMNS,
}  # fmt: skip
STATS = """
insert into node_stats (workflow_id, version, node_id, key, shard, tenant_id, n)
select * from unnest(%s::uuid[], %s::int[], %s::text[], %s::text[], %s::smallint[], %s::int[], %s::bigint[])
on conflict (tenant_id, workflow_id, version, node_id, key, shard) do update set n = node_stats.n + excluded.n
"""
REMEMBER = """
insert into entries (tenant_id, contact_id, workflow_id, entry_key, last_started)
select * from unnest(%s::int[], %s::uuid[], %s::uuid[], %s::text[], %s::timestamptz[])
on conflict (tenant_id, contact_id, workflow_id, entry_key)
do update set last_started = greatest(entries.last_started, excluded.last_started)
"""
_BEGINNING = struct.Struct(">i16siq").pack  # event_id, occurred_at with their lengths
_MARKS = struct.Struct(">ihihihiqiq").pack  # seq, attempt, occurrence, started_at, completed_at with their lengths
_CUT_SHORT = (StepStatus.SKIPPED, StepStatus.CANCELLED)
_ORIGINS = [rows.int2(origin) for origin in RunOrigin]
_COUNTS = {table: struct.pack(">h", len(columns)) for table, columns in TABLES.items()}


class StaleOwner(Exception):
    """Somebody else moved one of these runs: nothing of this batch may be committed."""


def _head(table: str, tenant_id: int) -> bytes:
    """What rows of a workspace begin with, up to the id that is their second column."""
    return _COUNTS[table] + rows.int4(tenant_id) + UUID_HEAD


def step_fields(outcome: Outcome, status: int) -> bytes:
    """status, port, output and error of a step."""
    error = outcome.error if isinstance(outcome, Fail) else None
    port = None if status in _CUT_SHORT and not isinstance(outcome, Done) else outcome.port
    output = rows.json(outcome.output) if outcome.json is None else rows.raw_json(outcome.json)
    return rows.int2(status) + rows.text(port) + output + rows.text(error)


def _fields(step: FinishedStep) -> bytes:
    """The same, kept with an outcome that ended well, so that it is encoded once however many runs return it."""
    outcome = step.outcome
    if step.status != StepStatus.COMPLETED:
        return step_fields(outcome, step.status)
    if outcome.row is None:
        outcome.row = step_fields(outcome, step.status)
    return outcome.row


def step_rows(batch: Batch) -> list[bytes]:
    """All rows of a path differ in the run's id alone, save where the first step has times of its own."""
    now, out = batch.now, list[bytes]()
    encoded: dict[int, list[bytes]] = {}
    for path in batch.paths:
        own_parts = [
            _MARKS(2, s.seq, 2, 1, 2, s.occurrence, 8, now, 8, now) + s.node.field + _fields(s) for s in path.steps
        ]
        encoded[id(path)] = own_parts
        if not path.runs:
            continue
        stretches, head = path.from_start(), _head("steps", path.flow.tenant_id)
        parts = [part for one in stretches for part in encoded[id(one)]]
        if not parts:
            continue
        first = next(one for one in stretches if one.steps)
        if first.has_own_times:
            out += _own_rows(head, first.steps[0], path.runs, now)
            parts = parts[1:]
        if parts:
            # The id goes between the parts: head ID part, head ID part… in one call for a run.
            pieces = [head, *[part + head for part in parts[:-1]], parts[-1]]
            out += [run.id.join(pieces) for run in path.runs]
    return out


def _own_rows(head: bytes, step: FinishedStep, runs: list[RunState], now: int) -> list[bytes]:
    """A step that began before this batch: each run knows when, and how often it was tried."""
    behind, seq = step.node.field + _fields(step), step.seq
    return [
        head + run.id
        + _MARKS(2, seq, 2, run.attempt, 2, step.occurrence, 8, now if run.step_started is None else run.step_started, 8, now) + behind
        for run in runs
    ]  # fmt: skip


def run_rows(batch: Batch) -> tuple[list[bytes], list[bytes]]:
    """Rows of new runs, of those that wait and of those that are over. Those of a path share all but ids, event, entry key and context."""
    waiting, ended = list[bytes](), list[bytes]()
    now, plain, join = rows.stamp(batch.now), rows.text("") + NULL, b"".join
    for path in batch.paths:
        fresh = [run for run in path.runs if run.fence is None]
        if fresh:
            is_ended, awaits = path.end.status >= COMPLETED, path.end.waits_for is not None
            unless_awaits = now if path.end.status == HELD else NULL
            head = _head("ended_runs" if is_ended else "active_runs", path.flow.tenant_id)
            tail = _ended(path.end, now) if is_ended else _waiting(path.end)
            out = ended if is_ended else waiting
            out += [
                join((
                    head, run.id, run.contact.field, run.start.prefix, rows.raw_json(run.raw_event),
                    NULL + rows.stamp(run.occurred_at) if run.event_id is None
                    else _BEGINNING(16, run.event_id, 8, run.occurred_at), now,
                    plain if run.entry_key == "" and run.context is None else rows.text(run.entry_key) + rows.json(run.context),
                    tail, b"" if is_ended else rows.stamp(run.moved_at) if awaits else unless_awaits, _ORIGINS[run.origin],
                ))
                for run in fresh
            ]  # fmt: skip
    return waiting, ended


def _waiting(end: PathEnd) -> bytes:
    return b"".join((
        rows.int2(end.status), rows.int2(end.seq), end.node.field if end.node else NULL, rows.stamp(end.resume_at),
        rows.text(end.resume_port), rows.stamp(end.step_started), rows.int2(end.attempt), rows.text(end.error),
        rows.json(end.resume_output), rows.text(end.waits_for),
    ))  # fmt: skip


def _ended(end: PathEnd, now: bytes) -> bytes:
    return b"".join((
        now, rows.int2(end.status), rows.int2(end.seq), end.node.field if end.node else NULL, rows.int2(end.attempt),
        rows.text(end.error), rows.text(end.goal),
    ))  # fmt: skip


def message_rows(batch: Batch) -> list[bytes]:
    """One row a run and message; what is asked for is encoded once."""
    at, out = rows.stamp(batch.now), list[bytes]()
    queued = rows.int2(MessageStatus.QUEUED)
    for path in batch.paths:
        if path.runs:
            flow = path.flow
            head, place = _head("messages", flow.tenant_id), UUID_HEAD + flow.workflow_id + rows.int4(flow.version)
            for one in [message for stretch in path.from_start() for message in stretch.messages]:
                middle = rows.int2(one.seq) + place + one.node.field
                tail = _message_fields(one.message, one.awaited, queued) + at + at + rows.int2(flow.priority)
                out += [head + run.id + middle + run.contact.field + tail for run in path.runs]
    return out


def _message_fields(message: SendMessage, awaited: bool, status: bytes) -> bytes:
    fields = message.encoded.get(awaited)
    if fields is None:
        payload = {**message.payload, AWAITED: True} if awaited else message.payload
        fields = message.encoded[awaited] = (
            rows.uuid(message.template) + rows.int2(message.channel) + status + rows.json(payload or None)
        )
    return fields


def attempt_rows(batch: Batch) -> list[bytes]:
    """Failed attempts that are tried again."""
    at = rows.stamp(batch.now)
    return [
        _head("step_attempts", run.flow.tenant_id) + run.id
        + rows.int2(seq) + rows.int2(attempt) + rows.text(error) + at + rows.stamp(due)
        for run, seq, attempt, error, due in batch.attempts
    ]  # fmt: skip


def counter_increments(batch: Batch) -> Iterable[tuple[CompiledFlow, StatCounter, int]]:
    """What the runs of this batch add to the counters."""
    for path in reversed(batch.paths):
        path.count += len(path.runs)
        if path.parent is not None:
            path.parent.count += path.count
    for path in batch.paths:
        flow, count = path.flow, path.count
        for counter in path.counters:
            yield flow, counter, count
        for message in path.messages:
            yield flow, message.node.queued_counter, count
        if path.departed is not None:
            yield flow, path.departed, -count
        if path.runs and path.end.status >= COMPLETED:
            seconds = sum((batch.now - run.started) // 1_000_000 for run in path.runs if run.fence is not None)
            yield flow, flow.seconds_counter, seconds


def stats_arguments(batch: Batch, shard: int) -> tuple[Any, ...] | None:
    """Arguments of STATS, in one order for all workers; None when nothing was counted."""
    counts: dict[tuple[CompiledFlow, StatCounter], int] = {}
    for flow, counter, count in counter_increments(batch):
        counts[flow, counter] = counts.get((flow, counter), 0) + count
    lines = sorted(
        (flow.workflow_id, flow.version, counter.node_id, counter.key, flow.tenant_id, count)
        for (flow, counter), count in counts.items()
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


def remember_arguments(batch: Batch) -> tuple[Any, ...]:
    """Arguments of REMEMBER, in the order in which others write them too. Of two starts in one batch the last one counts."""
    last = {(one.tenant_id, one.contact_id, one.workflow_id, one.entry_key): one.started for one in batch.remembered}
    places = sorted(last)
    return (
        Int4s([rows.int4(tenant_id) for tenant_id, *_ in places]),
        Uuids([contact_id for _, contact_id, *_ in places]),
        Uuids([workflow_id for *_, workflow_id, _ in places]),
        Texts([rows.text(key) for *_, key in places]),
        Stamps([rows.stamp(last[place]) for place in places]),
    )


def room_makers(batch: Batch) -> list[tuple[int, bytes]]:
    """Workflows that let in so many at once and some of whose runs this batch ends."""
    ending = [path for path in batch.paths if path.end.status >= COMPLETED and path.flow.limits.at_once and path.runs]
    return list({(path.flow.tenant_id, path.flow.workflow_id): None for path in ending})


def wakes_of(batch: Batch) -> list[tuple[int, bytes, int]]:
    """When the first of the runs that this batch leaves parked goes on: workspace, workflow and instant."""
    first: dict[tuple[int, bytes], int] = {}
    for path in batch.paths:
        at = path.end.resume_at
        if at is not None and path.runs:
            place = path.flow.tenant_id, path.flow.workflow_id
            first[place] = min(first.get(place, at), at)
    return [(*place, at) for place, at in first.items()]


def write(cursor: psycopg.Cursor[Any], batch: Batch, shard: int, *, pipelined: bool) -> None:
    """Write all of a batch. Raises StaleOwner when a run was moved by somebody else."""

    def put(table: str, encoded: list[bytes]) -> None:
        columns = TABLES[table]
        if pipelined:
            rows.insert(cursor, table, ", ".join(columns), list(columns.values()), encoded)
        else:
            rows.copy(cursor, table, ", ".join(columns), encoded)

    logs = run_logs.log_rows(batch)
    # First of all: a run that a goal ended makes room for the one that the same contact starts in this batch.
    moves = moved_runs(batch)
    answers = [cursor.connection.cursor().execute(sql, arguments) for sql, arguments, _ in moves]
    waiting, ended = run_rows(batch)
    put("active_runs", waiting)
    put("ended_runs", ended)
    wakes.append(cursor, wakes_of(batch))
    put("steps", step_rows(batch))
    put("run_logs", logs)
    put("messages", message_rows(batch))
    put("calls", call_rows(batch.paths, batch.now))
    put("step_attempts", attempt_rows(batch))
    events = emitted_in(batch)
    put("events", event_rows(events, batch.now))
    put("inbox", inbox_rows(events, batch.change_events, batch.now))
    put("waiting_starts", [waiting_starts.row_of(start, batch.now) for start in batch.taken_starts])
    for sql, values in contact_updates(batch):
        cursor.execute(sql, values)
    for sql, arguments in sub_runs.calls(batch):
        cursor.execute(sql, arguments)
    if endings := sub_runs.ending_arguments(batch):
        cursor.execute(sub_runs.OVER, endings)
    if batch.refusals:
        cursor.execute(REFUSE, refuse_arguments(batch.refusals, batch.now))
    move_segments(cursor, batch, shard)
    if batch.assigns:
        assignments.write(cursor, batch, shard)
    assignments.convert(cursor, batch, shard)
    if batch.remembered:
        cursor.execute(REMEMBER, remember_arguments(batch))
    if counter_increments := stats_arguments(batch, shard):
        cursor.execute(STATS, counter_increments)
    waiting_starts.freed(cursor, room_makers(batch))
    if any(answer.fetchone() != (count,) for answer, (_, _, count) in zip(answers, moves, strict=True)):
        raise StaleOwner
