"""Moving held runs to another step, of their version or of one that is live by now: each ends where it is held, and goes on as a new run.

The new run begins at the step, with the contact, the input, the entry key and what the old one carried. It is a run of its own because
all that is written of a run (steps, counters, messages) belongs to one version, and because no step of it is a second visit. Its
`trigger_id` is that of the old one with the step behind a dot; the last step of the old one says where it went. Whoever called the old
one waits for the new one.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app import wakes
from app.counters.run_counters import MOVED
from app.engine.control import CANCELLED, ending
from app.lib.database import execute
from app.lib.ids import uuid7
from app.models.status import RunStatus


class Place(NamedTuple):
    """A step that held runs are moved to. `reads`: steps whose output the version reads, `*` is all of them; None when it is their own
    version, whose outputs they carry. `loops`: loops whose body the step is in, which go on where they were."""

    version: int
    node_id: str
    reads: Sequence[str] | None = None
    loops: Sequence[str] = ()


# In the order of everybody who takes contacts and runs: a trigger that is met meanwhile sees either the old run or the new one.
_LOCK_CONTACTS = """
select from contacts where tenant_id = %(tenant)s and id in (
  select contact_id from active_runs where tenant_id = %(tenant)s and id = any(%(ids)s)) order by id for no key update
"""
_LOCK_RUNS = f"""
select id from active_runs where tenant_id = %(tenant)s and id = any(%(ids)s) and status = {RunStatus.HELD:d} order by id for update
"""
_END = ending(
    "tenant_id = %(tenant)s and id = any(%(ids)s)",
    error="error_message",
    output="%(note)s::jsonb || jsonb_build_object('movedTo', (%(successors)s::jsonb)->>(id::text))",
    is_over=False,
)
OUTPUTS_READ = """
select jsonb_object_agg(node_id, output) from (
  select distinct on (s.node_id) s.node_id, s.output from steps s
  where s.tenant_id = e.tenant_id and s.run_id = e.id and s.output is not null and (s.node_id = any(%(reads)s) or '*' = any(%(reads)s))
  order by s.node_id, s.seq desc) as latest
"""


def carried_sql(run: str, outputs: str) -> str:
    """SQL of what a run that goes on as another one hands over, over the row `run`; takes `loops` and `reads` (`Place`).

    `outputs`: the statement of outputs that the other version reads.
    """
    return f"""nullif((coalesce({run}.context, '{{}}') - '{{visits,failure,loops,logged}}'::text[])
      || coalesce((select jsonb_build_object('loops', jsonb_object_agg(l.key, l.value)) from jsonb_each({run}.context->'loops') l
           where l.key = any(%(loops)s::text[]) having count(*) > 0), '{{}}')
      || case when %(reads)s::text[] is null then '{{}}'
           else jsonb_build_object('steps', coalesce(({outputs}), '{{}}')) end, '{{}}')"""


_BEGIN = f"""
with begun as (
  insert into active_runs (tenant_id, id, contact_id, workflow_id, workflow_version, trigger_id, trigger_event, event_id, occurred_at,
    started_at, entry_key, context, status, seq, current_node_id, resume_at, step_started_at, origin)
  select e.tenant_id, u.new_id, e.contact_id, e.workflow_id, %(version)s,
    split_part(coalesce(e.trigger_id, 'trigger'), '.', 1) || '.' || %(node)s, e.trigger_event, e.event_id,
    coalesce(e.occurred_at, e.started_at), e.completed_at, e.entry_key,
    {carried_sql("e", OUTPUTS_READ)},
    {RunStatus.RUNNING:d}, 0, %(node)s, e.completed_at, e.completed_at, e.origin
  from ended_runs e join unnest(%(ids)s::uuid[], %(new_ids)s::uuid[]) as u(id, new_id) on e.id = u.id
  where e.tenant_id = %(tenant)s
  returning tenant_id, id, workflow_id, workflow_version, trigger_id, current_node_id, resume_at),
woken as ({wakes.append_sql("begun")}),
called as (
  insert into sub_runs (tenant_id, run_id, workflow_id, parent_run_id, parent_seq, parent_workflow_id, awaited, asked_at)
  select s.tenant_id, u.new_id, s.workflow_id, s.parent_run_id, s.parent_seq, s.parent_workflow_id, s.awaited, s.asked_at
  from sub_runs s join unnest(%(ids)s::uuid[], %(new_ids)s::uuid[]) as u(id, new_id) on s.run_id = u.id
  where s.tenant_id = %(tenant)s and s.ended_at is null),
called_no_more as (
  update sub_runs set ended_at = clock_now(), status = {RunStatus.CANCELLED:d}, awaited = false
  where tenant_id = %(tenant)s and run_id = any(%(ids)s) and ended_at is null),
counted as (
  insert into node_stats (workflow_id, version, node_id, key, shard, tenant_id, n)
  select workflow_id, version, node_id, key, 0, tenant_id, count(*) from (
    select tenant_id, workflow_id, workflow_version as version, v.node_id, v.key from begun,
      lateral (values ('', 'entered'), (trigger_id, 'next'), (current_node_id, 'waiting')) as v(node_id, key)
    union all
    select tenant_id, workflow_id, workflow_version, '', '{MOVED}' from ended_runs where tenant_id = %(tenant)s and id = any(%(ids)s)
  ) as c group by workflow_id, version, node_id, key, tenant_id order by workflow_id, version, node_id, key
  on conflict (tenant_id, workflow_id, version, node_id, key, shard) do update set n = node_stats.n + excluded.n)
select count(*) from begun
"""


async def move_runs(
    session: AsyncSession, tenant_id: int, run_ids: Sequence[UUID], place: Place, by: str
) -> dict[UUID, UUID]:
    """Let held runs of one workflow go on at a step; answers the new run of each that was held. `by`: who says so."""
    run_keys = {"tenant": tenant_id, "ids": list(run_ids)}
    await execute(session, _LOCK_CONTACTS, **run_keys)
    held_ids = [row.id for row in await execute(session, _LOCK_RUNS, **run_keys)]
    successors = {run_id: uuid7() for run_id in held_ids}
    if not successors:
        return {}
    note: dict[str, Any] = {"movedBy": by, "toNode": place.node_id, "toVersion": place.version}
    successor_ids = {str(old): str(new) for old, new in successors.items()}
    ended = {name: value for name, value in CANCELLED.items() if name != "error"}
    which = {"tenant": tenant_id, "ids": held_ids}
    await execute(session, _END, **which, note=json.dumps(note), successors=json.dumps(successor_ids), **ended)
    await execute(
        session,
        _BEGIN,
        **which,
        new_ids=list(successors.values()),
        version=place.version,
        node=place.node_id,
        reads=None if place.reads is None else list(place.reads),
        loops=list(place.loops),
    )
    return successors
