"""Ending runs from outside the walk: people cancel, a run that cannot be stored fails alone. Counters stay true."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy.ext.asyncio import AsyncSession

from app import inbox, wakes
from app.counters.run_counters import MOVED
from app.domain_events.outbox_repository import NO_CONTACT, instant_sql, tell_sql
from app.engine.missing_month import NO_MONTH, lacks_month
from app.engine.moves import into_ended
from app.engine.sub_runs import called_from_outside
from app.live_moves import moved_sql
from app.models.status import PERSON, RunStatus, StepStatus

# An active run in the database always stands on a node and is counted there as waiting.
_ENDING = f"""
with ended as (delete from active_runs where {{which}} returning *, clock_now() as now),
{{called}} {{heard}}
watched as ({moved_sql("ended")}),
stored as ({into_ended("ended", at="now", status="%(status)s", seq="seq + 1", error="{error}", resume_port="{port}")}),
written as (
  insert into steps (tenant_id, run_id, seq, node_id, status, output, error_message, attempt, started_at, completed_at)
  select tenant_id, id, seq + 1, current_node_id, %(step)s, {{output}}, {{error}}, attempt, coalesce(step_started_at, now), now
  from ended where current_node_id is not null),
uncalled as (delete from calls c using ended e where c.tenant_id = e.tenant_id and c.run_id = e.id),
counted as (
  insert into node_stats (workflow_id, version, node_id, key, shard, tenant_id, n)
  select workflow_id, workflow_version, v.node_id, v.key, 0, tenant_id, sum(v.n) from ended,
    lateral (values (current_node_id, 'waiting', -1::bigint), (current_node_id, %(key)s, 1), ('', %(key)s, 1),
      ('', 'seconds', extract(epoch from now - started_at)::bigint)) as v(node_id, key, n)
  where v.node_id is not null
  group by workflow_id, workflow_version, v.node_id, v.key, tenant_id order by workflow_id, workflow_version, v.node_id, v.key
  on conflict (tenant_id, workflow_id, version, node_id, key, shard) do update set n = node_stats.n + excluded.n)
select count(*) from ended
"""
"""Ends the runs that `which` says. `error`, `output`: SQL of what their last step says, over the columns of the run."""


def ending(which: str, *, error: str = "%(error)s", output: str = "null", is_over: bool = True) -> str:
    """SQL that ends runs where they stand, with their counters; takes `status`, `step` and `key`, and what `which` and `error` name.

    `is_over`: whoever called one of them is told so; else it goes on as another run, and says so.
    """
    port = "null" if is_over else f"'{MOVED}'"
    called = f"{called_from_outside(error)}," if is_over else ""
    heard = f"{_heard(error)}," if is_over else ""
    return _ENDING.format(which=which, error=error, output=output, called=called, heard=heard, port=port)


def _heard(error: str) -> str:
    """What other programs hear of runs in `ended`."""
    return tell_sql(
        f"""(select tenant_id, 'workflow.run.' || %(key)s as type, contact_id, jsonb_build_object('runId', id, 'workflowId', workflow_id,
          'workflowVersion', workflow_version, 'triggerId', coalesce(trigger_id, 'trigger'), 'startedAt', {instant_sql("started_at")},
          'completedAt', {instant_sql("now")}, 'error', {error}::text, 'goalId', null::text) as data, now as occurred_at,
          {NO_CONTACT} as nobody, seq as place from ended)"""
    )


_HOLD = """
update active_runs set status = 3, resume_at = null, error_message = %s, waits_since = coalesce(waits_since, clock_now()), fence = fence + 1
where tenant_id = %s and id = %s
"""
CANCELLED = {"status": int(RunStatus.CANCELLED), "step": int(StepStatus.CANCELLED), "key": "cancelled", "error": None}
_FAILED = {"status": int(RunStatus.FAILED), "step": int(StepStatus.FAILED), "key": "failed"}


async def _run(session: AsyncSession, which: str, **parameters: Any) -> int:
    connection = await session.connection()
    result = await connection.exec_driver_sql(ending(which), parameters)
    inbox.notify_engine(session)  # whoever waited for one of them goes on
    return int(result.scalar_one())


async def cancel_runs(session: AsyncSession, tenant_id: int, run_ids: Sequence[UUID]) -> int:
    """Cancel those that are active; returns how many. A worker that holds one has committed before, or finds it gone."""
    return await _run(
        session, "tenant_id = %(tenant)s and id = any(%(ids)s)", tenant=tenant_id, ids=list(run_ids), **CANCELLED
    )


async def cancel_held_runs(session: AsyncSession, tenant_id: int, run_ids: Sequence[UUID]) -> int:
    """The same of those that are held."""
    which = f"tenant_id = %(tenant)s and id = any(%(ids)s) and status = {RunStatus.HELD:d}"
    return await _run(session, which, tenant=tenant_id, ids=list(run_ids), **CANCELLED)


async def cancel_workflow_runs(session: AsyncSession, tenant_id: int, workflow_id: UUID) -> int:
    """Cancel all active runs of a workflow; returns how many."""
    return await _run(
        session,
        "tenant_id = %(tenant)s and workflow_id = %(workflow)s",
        tenant=tenant_id,
        workflow=workflow_id,
        **CANCELLED,
    )


def fail_run(connection: psycopg.Connection[Any], tenant_id: int, run_id: UUID, error: str) -> None:
    """End one run as failed, with a transaction of its own."""
    reason = error.replace("\0", "")[:2000]
    which = "tenant_id = %(tenant)s and id = %(id)s"
    connection.execute(ending(which), {"tenant": tenant_id, "id": run_id, "error": reason, **_FAILED})


def hold_run(connection: psycopg.Connection[Any], tenant_id: int, run_id: UUID, why: str) -> None:
    """Leave one run for a person, where it stands, with a transaction of its own."""
    connection.execute(_HOLD, (why, tenant_id, run_id))


def fail_or_hold(connection: psycopg.Connection[Any], tenant_id: int, run_id: UUID, error: str) -> None:
    """End one run as failed; one that cannot be among those that ended, for the month of its id, is held instead."""
    try:
        fail_run(connection, tenant_id, run_id, error)
    except psycopg.errors.CheckViolation as refused:
        if not lacks_month(refused):
            raise
        hold_run(connection, tenant_id, run_id, NO_MONTH)


def cancel_erased(cursor: psycopg.Cursor[Any], places: Sequence[tuple[int, bytes]]) -> None:
    """Cancel runs (workspace, id) whose contact is gone and whose version this process does not understand, in the cursor's transaction."""
    if places:
        tenants, ids = [tenant_id for tenant_id, _ in places], [UUID(bytes=run_id) for _, run_id in places]
        which = "(tenant_id, id) in (select * from unnest(%(tenants)s::int[], %(ids)s::uuid[]))"
        cursor.execute(ending(which), {"tenants": tenants, "ids": ids, **CANCELLED})


_ANSWER = f"""
with answered as (
  update active_runs r set resume_at = clock_now(), resume_port = %(port)s, resume_output = %(output)s::jsonb,
    waits_for = null, waits_since = null, fence = r.fence + 1
  where r.tenant_id = %(tenant)s and r.id = %(id)s and r.status = 1 and r.waits_for = '{PERSON}' and r.seq = %(seq)s
    and r.current_node_id = %(node)s
  returning tenant_id, id, workflow_id, resume_at),
woken as ({wakes.append_sql("answered")})
select count(*) from answered
"""


async def answer_run(
    session: AsyncSession, tenant_id: int, run_id: UUID, *, seq: int, node_id: str, port: str, output: bytes
) -> bool:
    """Let a run go on by `port` that stands before a question to a person; `seq` are its steps before. False: it stands there no more.

    The row is locked, so of two answers, or of an answer and the end of the time, one alone counts: the other finds nothing to change.
    """
    connection = await session.connection()
    parameters = {
        "tenant": tenant_id, "id": run_id, "seq": seq, "node": node_id, "port": port, "output": output.decode(),
    }  # fmt: skip
    result = await connection.exec_driver_sql(_ANSWER, parameters)
    return bool(result.scalar_one())
