"""Stored runs that a batch moved on: those that wait again stay where they are, those that are over go among the ended ones.

A run is in one of two tables: in `active_runs`, which is small, or in `ended_runs`, which is kept by months.
"""

from __future__ import annotations

from typing import Any

from app.engine import rows
from app.engine.paths import PathEnd
from app.engine.rows import NULL, Int2s, Int4s, Jsons, Stamps, Texts, Uuids
from app.engine.state import COMPLETED, RunState
from app.engine.walk import HELD, Batch

_SAME = (
    "tenant_id", "id", "contact_id", "workflow_id", "workflow_version", "trigger_id", "trigger_event", "event_id", "occurred_at",
    "started_at", "entry_key", "current_node_id", "attempt", "context", "origin",
)  # fmt: skip
"""What an ended run has of the active one, unless its end says otherwise."""


def into_ended(source: str, *, at: str, status: str, seq: str, error: str, **more: str) -> str:
    """SQL that stores rows of `source`, which were taken out of `active_runs`, as ended at `at`. `more`: other columns that differ.

    All are SQL over the columns of `source`.
    """
    values = {name: name for name in _SAME} | {
        "completed_at": at, "status": status, "seq": seq, "error_message": error, "fence": "fence + 1", **more,
    }  # fmt: skip
    return f"insert into ended_runs ({', '.join(values)}) select {', '.join(values.values())} from {source}"


_PARKED = """
with moved as (
  update active_runs r set status = u.status, seq = u.seq, current_node_id = u.node, resume_at = u.resume_at, resume_port = u.port,
    step_started_at = u.step_started, attempt = u.attempt, error_message = u.error, context = u.context,
    resume_output = u.output, waits_for = u.waits_for, waits_since = u.waits_since, fence = r.fence + 1
  from unnest(%s::int[], %s::uuid[], %s::int[], %s::jsonb[], %s::timestamptz[], %s::smallint[], %s::smallint[], %s::text[],
              %s::timestamptz[], %s::text[], %s::timestamptz[], %s::smallint[], %s::text[], %s::jsonb[], %s::text[])
    as u(tenant_id, id, fence, context, waits_since, status, seq, node, resume_at, port, step_started, attempt, error, output,
         waits_for)
  where r.tenant_id = u.tenant_id and r.id = u.id and r.fence = u.fence returning 1)
select count(*) from moved
"""
_ENDED = f"""
with moved as (
  delete from active_runs r using unnest(%s::int[], %s::uuid[], %s::int[], %s::jsonb[], %s::smallint[], %s::smallint[], %s::text[],
                                         %s::smallint[], %s::text[], %s::text[], %s::timestamptz[])
    as u(tenant_id, id, fence, new_context, new_status, new_seq, new_node, new_attempt, new_error, new_goal, ended_at)
  where r.tenant_id = u.tenant_id and r.id = u.id and r.fence = u.fence
  returning r.*, new_context, new_status, new_seq, new_node, new_attempt, new_error, new_goal, ended_at),
stored as ({into_ended(
    "moved", at="ended_at", status="new_status", seq="new_seq", error="new_error", goal_reached_id="new_goal",
    current_node_id="new_node", attempt="new_attempt", context="new_context",
)})
select count(*) from moved
"""  # fmt: skip


def moved_runs(batch: Batch) -> list[tuple[str, tuple[Any, ...], int]]:
    """Statements for the stored runs of a batch, each with its arguments and what it must answer; fewer, and somebody else was there."""
    parked, ended = list[tuple[RunState, PathEnd]](), list[tuple[RunState, PathEnd]]()
    for path in batch.paths:
        stored = [(run, path.end) for run in path.runs if run.fence is not None]
        if stored:
            (ended if path.end.status >= COMPLETED else parked).extend(stored)
    statements = list[tuple[str, tuple[Any, ...], int]]()
    if parked:
        statements.append((_PARKED, _parked(parked, batch.now), len(parked)))
    if ended:
        statements.append((_ENDED, _ended(ended, batch.now), len(ended)))
    return statements


def _moved(runs: list[tuple[RunState, PathEnd]]) -> tuple[Any, ...]:
    return (
        Int4s([rows.int4(run.flow.tenant_id) for run, _ in runs]),
        Uuids([run.id for run, _ in runs]),
        Int4s([rows.int4(run.fence or 0) for run, _ in runs]),
        Jsons([rows.json(run.context) for run, _ in runs]),
    )


def _waits_since(run: RunState, end: PathEnd, now: int) -> bytes:
    """From when on events end its wait; of a run that is held, since when it is."""
    if end.waits_for is not None:
        return rows.stamp(run.moved_at)
    return rows.stamp(now) if end.status == HELD else NULL


def _parked(runs: list[tuple[RunState, PathEnd]], now: int) -> tuple[Any, ...]:
    ends = [end for _, end in runs]
    return (
        *_moved(runs),
        Stamps([_waits_since(run, end, now) for run, end in runs]),
        Int2s([rows.int2(end.status) for end in ends]),
        Int2s([rows.int2(end.seq) for end in ends]),
        Texts([end.node.field if end.node else NULL for end in ends]),
        Stamps([rows.stamp(end.resume_at) for end in ends]),
        Texts([rows.text(end.resume_port) for end in ends]),
        Stamps([rows.stamp(end.step_started) for end in ends]),
        Int2s([rows.int2(end.attempt) for end in ends]),
        Texts([rows.text(end.error) for end in ends]),
        Jsons([rows.json(end.resume_output) for end in ends]),
        Texts([rows.text(end.waits_for) for end in ends]),
    )


def _ended(runs: list[tuple[RunState, PathEnd]], now: int) -> tuple[Any, ...]:
    ends = [end for _, end in runs]
    return (
        *_moved(runs),
        Int2s([rows.int2(end.status) for end in ends]),
        Int2s([rows.int2(end.seq) for end in ends]),
        Texts([end.node.field if end.node else NULL for end in ends]),
        Int2s([rows.int2(end.attempt) for end in ends]),
        Texts([rows.text(end.error) for end in ends]),
        Texts([rows.text(end.goal) for end in ends]),
        Stamps([rows.stamp(now)] * len(runs)),
    )
