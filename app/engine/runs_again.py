"""Failed runs that go on: as a new run that begins at the step that failed, of their version or of the one that is live by now.

The failed run stays as it is, with its steps, its error and its counters; its last step says as which run it goes on, and a run goes
on once. What the new one begins with is what a moved run begins with (`transfers`): the contact, the input, the entry key, what the old
one carried. Nobody waits for it: whoever called the failed run was told that it failed.
"""

from __future__ import annotations

import json
from typing import Any, Literal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app import wakes
from app.counters.run_counters import MOVED, RETRIED
from app.engine import failpoints
from app.engine.transfers import OUTPUTS_READ, Place, carried_sql
from app.lib.database import execute
from app.lib.ids import uuid7
from app.live_moves import moved_sql
from app.models.status import RunStatus

NoRoom = Literal["gone", "inside", "full", "elsewhere"]
"""Why a run cannot go on: it is no failed run or went on before (`gone`), its contact is in the workflow (`inside`), as many are as the
workflow lets in at once (`full`), or its contact was deleted (`elsewhere`)."""

# In the order of everybody who takes contacts and runs.
_LOCK_CONTACT = "select from contacts where tenant_id = %(tenant)s and id = %(contact)s for no key update"
_RUN = f"""
select contact_id, workflow_id, entry_key from ended_runs
where tenant_id = %(tenant)s and id = %(id)s and status = {RunStatus.FAILED:d} and resume_port is null
"""
_INSIDE = """
select exists (select from active_runs where tenant_id = %(tenant)s and contact_id = %(contact)s and workflow_id = %(workflow)s
  and coalesce(entry_key, '') = coalesce(%(key)s::text, ''))
"""
# Two who retry at once count one after the other. Taken last: after the contact and the run.
_LOCK_ROOM = "select pg_advisory_xact_lock(hashtext('runs_again'), hashtext(%(workflow)s::text))"
_UNDER_WAY = """
select count(*) from (select from active_runs where tenant_id = %(tenant)s and workflow_id = %(workflow)s limit %(most)s) as one
"""
_NOTE = f"""
with noted as (
  update steps set output = case jsonb_typeof(output) when 'object' then output else '{{}}' end || %(note)s::jsonb
  where tenant_id = %(tenant)s and run_id = %(id)s and seq = (
    select seq from ended_runs where tenant_id = %(tenant)s and id = %(id)s) returning 1)
update ended_runs set resume_port = '{MOVED}' where tenant_id = %(tenant)s and id = %(id)s
"""
_BEGIN = f"""
with begun as (
  insert into active_runs (tenant_id, id, contact_id, workflow_id, workflow_version, trigger_id, trigger_event, event_id, occurred_at,
    started_at, entry_key, context, status, seq, current_node_id, resume_at, step_started_at, origin)
  select e.tenant_id, %(new)s, e.contact_id, e.workflow_id, %(version)s,
    split_part(coalesce(e.trigger_id, 'trigger'), '.', 1) || '.' || %(node)s, e.trigger_event, e.event_id,
    coalesce(e.occurred_at, e.started_at), c.now, e.entry_key, {carried_sql("e", OUTPUTS_READ)},
    {RunStatus.RUNNING:d}, 0, %(node)s, c.now, c.now, e.origin
  from ended_runs e, (select clock_now() as now) c where e.tenant_id = %(tenant)s and e.id = %(id)s
  returning tenant_id, id, workflow_id, workflow_version, trigger_id, current_node_id, resume_at),
woken as ({wakes.append_sql("begun")}),
watched as ({moved_sql("begun")}),
counted as (
  insert into node_stats (workflow_id, version, node_id, key, shard, tenant_id, n)
  select workflow_id, workflow_version, v.node_id, v.key, 0, tenant_id, 1 from begun,
    lateral (values ('', 'entered'), (trigger_id, 'next'), (current_node_id, 'waiting')) as v(node_id, key)
  union all select workflow_id, workflow_version, '', '{RETRIED}', 0, tenant_id, 1 from ended_runs
  where tenant_id = %(tenant)s and id = %(id)s
  order by 1, 2, 3, 4
  on conflict (tenant_id, workflow_id, version, node_id, key, shard) do update set n = node_stats.n + excluded.n)
select count(*) from begun
"""


async def begin_again(
    session: AsyncSession, tenant_id: int, run_id: UUID, place: Place, by: str, *, at_once: int | None, once: bool
) -> UUID | NoRoom:
    """Let a failed run go on at a step; answers the new run, or why there is none. `by`: who says so.

    `at_once`: the workflow's limit; `once`: a contact is in it once at a time, by its key, also where the failed run was begun when it
    was not so and has no key.
    """
    which: dict[str, Any] = {"tenant": tenant_id, "id": run_id}
    failed = await execute(session, _RUN, **which)
    if not failed:
        return "gone"
    contact_id = failed[0].contact_id
    if contact_id is not None and not await execute(session, _LOCK_CONTACT, tenant=tenant_id, contact=contact_id):
        return "elsewhere"
    locked = await execute(session, f"{_RUN} for update", **which)
    if not locked:
        return "gone"
    of_workflow = {"tenant": tenant_id, "workflow": locked[0].workflow_id}
    if contact_id is not None and (once or locked[0].entry_key is not None):
        inside = await execute(session, _INSIDE, **of_workflow, contact=contact_id, key=locked[0].entry_key)
        if inside[0][0]:
            return "inside"
    if at_once is not None:
        await execute(session, _LOCK_ROOM, workflow=of_workflow["workflow"])
        if (await execute(session, _UNDER_WAY, **of_workflow, most=at_once))[0][0] >= at_once:
            return "full"
    new_id = uuid7()
    note = {"movedBy": by, "toNode": place.node_id, "toVersion": place.version, "movedTo": str(new_id)}
    await execute(session, _NOTE, **which, note=json.dumps(note))
    failpoints.reach("retry.noted")
    await execute(
        session,
        _BEGIN,
        **which,
        new=new_id,
        version=place.version,
        node=place.node_id,
        reads=None if place.reads is None else list(place.reads),
        loops=list(place.loops),
    )
    failpoints.reach("retry.begun")
    return new_id
