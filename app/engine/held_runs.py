"""Runs that are held, and how they go on: the step is tried once more, or passed over by one of its ports. A person or a program decides.

A run is held because its step failed and its policy says so (`onError`), because nobody knows whether its call went out, or because
it stopped workers. It stands on its node and waits for nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app import wakes
from app.engine.passing import SKIP
from app.flow.document import LATE
from app.models.status import RunStatus

_GOES_ON = f"""
with released as (
  update active_runs r set {{to}}, error_message = null, fence = r.fence + 1
  from unnest(%(ids)s::uuid[], %(ports)s::text[]) as u(id, port)
  where r.tenant_id = %(tenant)s and r.id = u.id and r.status = {RunStatus.HELD:d}
  returning r.tenant_id, r.id, r.workflow_id, r.resume_at),
woken as ({wakes.append_sql("released")}),
forgotten as (delete from crashes c using released r where c.tenant_id = r.tenant_id and c.run_id = r.id)
select id from released
"""
_NOT_HELD = "waits_since = case when r.waits_for is null then null else r.waits_since end"
_END_OF_LOOP = f"""
case when r.resume_port like '{LATE}%%' then timestamptz '2000-01-01 00:00:00+00'
  + (r.context->'loops'->split_part(r.resume_port, '.', 2)->>'until')::bigint * interval '1 microsecond' end
"""
"""Until when a run rests that a loop around it wakes, should nothing come before that (`loop_times`); null: none does."""
_AGAIN = f"""
status = case when r.resume_port is null then 0 else 1 end, resume_at = greatest(clock_now(), {_END_OF_LOOP}), {_NOT_HELD}
"""
_PASSED = f"""
status = 1, resume_at = clock_now(), resume_port = '{SKIP}' || u.port, resume_output = %(output)s::jsonb, waits_for = null,
  waits_since = null
"""
_ANSWER_COMES = f"status = {RunStatus.CALLING:d}, resume_at = null, {_NOT_HELD}"


async def release_runs(session: AsyncSession, tenant_id: int, run_ids: Sequence[UUID]) -> int:
    """Let held runs take their step once more; returns how many were. What stopped workers is counted from nothing."""
    return len(await _go_on(session, tenant_id, dict.fromkeys(run_ids, ""), _AGAIN))


async def pass_runs(session: AsyncSession, tenant_id: int, ports: Mapping[UUID, str], by: str) -> int:
    """Let held runs, each with one of its node's ports, go on there without doing their step; returns how many were. `by`: who says so."""
    return len(await _go_on(session, tenant_id, ports, _PASSED, json.dumps({"skippedBy": by})))


async def await_messages(session: AsyncSession, tenant_id: int, run_ids: Sequence[UUID]) -> set[UUID]:
    """Let held runs wait for the outcome of their step's message, which is sent again; answers those that were held."""
    return await _go_on(session, tenant_id, dict.fromkeys(run_ids, ""), _ANSWER_COMES)


async def _go_on(
    session: AsyncSession, tenant_id: int, ports: Mapping[UUID, str], to: str, output: str | None = None
) -> set[UUID]:
    connection = await session.connection()
    arguments = {"tenant": tenant_id, "ids": list(ports), "ports": list(ports.values()), "output": output}
    result = await connection.exec_driver_sql(_GOES_ON.format(to=to), arguments)
    return {row[0] for row in result}
