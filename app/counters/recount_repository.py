"""What the counters in `node_stats` ought to be, summed up from the rows themselves: for the check of the database, and for rows that
are about to be removed, whose sums stay (`retired_stats`).
"""

from __future__ import annotations

from app.counters.message_counters import KEY
from app.counters.port_keys import port_key_sql
from app.counters.report_counters import COUNTED
from app.counters.run_counters import MOVED, RETRIED
from app.counters.variant_counters import CONTACTS, CONVERTED

STARTED = "started"
"""Among retired sums: runs by the trigger that they began at, also where rows leave its id out. Not in `node_stats`."""


def sums_of_runs(runs: str, steps: str) -> str:
    """SQL (tenant_id, workflow_id, version, node_id, key, n) of the counters of runs, but for `seconds`.

    `runs` and `steps` name what has those rows; a step is counted when its run is there.
    """
    return f"""
  select r.tenant_id, r.workflow_id, r.workflow_version as version, s.node_id,
    case when s.status = 6 and s.port is null then 'goal' when s.status = 7 then 'cancelled'
      when s.seq = r.seq and r.status = 5 and s.status = 5 then 'failed'
      when s.seq = r.seq and r.status = 7 then 'exited'
      else {port_key_sql("coalesce(s.port, 'next')")} end as key, count(*) as n
  from {steps} s join {runs} r on r.tenant_id = s.tenant_id and r.id = s.run_id group by 1, 2, 3, 4, 5
  union all
  select tenant_id, workflow_id, workflow_version, current_node_id, 'waiting', count(*) from {runs}
  where status < 4 and current_node_id is not null group by 1, 2, 3, 4
  union all
  select tenant_id, workflow_id, workflow_version, '', 'entered', count(*) from {runs} group by 1, 2, 3
  union all
  select tenant_id, workflow_id, workflow_version, trigger_id, 'next', count(*) from {runs} where trigger_id is not null
  group by 1, 2, 3, 4
  union all
  select tenant_id, workflow_id, workflow_version, '',
    case status when 4 then 'completed' when 5 then 'failed' when 6 then 'goal_reached' when 7 then 'exited' else 'cancelled' end, count(*)
  from {runs} where status >= 4 group by 1, 2, 3, 5
  union all
  select tenant_id, workflow_id, workflow_version, '', '{MOVED}', count(*) from {runs} where status = 8 and resume_port = '{MOVED}'
  group by 1, 2, 3
  union all
  select tenant_id, workflow_id, workflow_version, '', '{RETRIED}', count(*) from {runs} where status = 5 and resume_port = '{MOVED}'
  group by 1, 2, 3"""  # noqa: S608  names of tables


def sums_of_starts(runs: str) -> str:
    """The same of how many runs began at each trigger, as `STARTED`."""
    return f"""
  select tenant_id, workflow_id, workflow_version as version, coalesce(trigger_id, 'trigger') as node_id, '{STARTED}' as key,
    count(*) as n
  from {runs} group by 1, 2, 3, 4"""  # noqa: S608  names of tables


def sums_of_messages(messages: str) -> str:
    """The same of the counters of messages, and of what was reported about them."""
    return f"""
  select tenant_id, workflow_id, workflow_version as version, node_id, {KEY} as key, count(*) as n
  from {messages} where node_id <> '' group by 1, 2, 3, 4, 5
  union all
  select tenant_id, workflow_id, workflow_version, node_id, k.key, count(*)
  from {messages}, {COUNTED} where node_id <> '' and reported & k.bit > 0 group by 1, 2, 3, 4, 5"""  # noqa: S608  names of tables


def sums_of_variants(exposures: str, where: str = "true") -> str:
    """The same of the contacts that have the variants of splits, of the rows of `exposures` that `where` names."""
    return f"""
  select tenant_id, workflow_id, version, node_id, v.key, count(*) as n
  from {exposures}, lateral (values ('{CONTACTS}' || variant, true), ('{CONVERTED}' || variant, converted_at is not null)) as v(key, counts)
  where v.counts and {where} group by 1, 2, 3, 4, 5"""  # noqa: S608  names of tables, constants
