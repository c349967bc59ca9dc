"""SQL of the counters of each hour: the scheduler writes them down, Home reads those of a few days."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.counters.run_counters import ENTRIES_SQL
from app.insights.activity import KnownTotals
from app.lib.database import execute

# `now_stats`: the counters of the next workspaces by number; `changed`: those that differ from what was written down last.
# Four weeks are compared with; of rows older than 36 days the last stays, which says what there was.
_RECORD = f"""
with places as (select id from workspaces where id > %(after)s order by id limit %(limit)s),
now_stats as (
  select p.id, t.* from places p cross join lateral (
    select coalesce({ENTRIES_SQL}, 0) as entered,
      coalesce(sum(n) filter (where node_id = '' and key = 'completed'), 0) as completed,
      coalesce(sum(n) filter (where node_id = '' and key = 'failed'), 0) as failed,
      coalesce(sum(n) filter (where node_id = '' and key = 'goal_reached'), 0) as goal_reached,
      coalesce(sum(n) filter (where key = 'message.sent'), 0) as sent
    from node_stats s where s.tenant_id = p.id and (s.node_id = '' or s.key = 'message.sent')) t),
changed as (
  select s.* from now_stats s left join lateral (
    select entered, completed, failed, goal_reached, sent from activity_hours h
    where h.tenant_id = s.id order by h.hour desc limit 1) l on true
  where l.entered is null
    or (s.entered, s.completed, s.failed, s.goal_reached, s.sent) <> (l.entered, l.completed, l.failed, l.goal_reached, l.sent)),
written as (
  insert into activity_hours (tenant_id, hour, at, entered, completed, failed, goal_reached, sent)
  select id, date_trunc('hour', clock_now(), 'UTC'), clock_now(), entered, completed, failed, goal_reached, sent from changed order by id
  on conflict (tenant_id, hour) do nothing),
removed as (
  delete from activity_hours a using places p where a.tenant_id = p.id and a.hour < (
    select max(b.hour) from activity_hours b where b.tenant_id = p.id and b.hour < clock_now() - interval '36 days'))
select max(id) from places
"""  # noqa: S608  a constant
# Of each span the row before it too: it says what there was when the span began.
_OF_SPANS = """
select w.created_at, r.at, r.entered, r.completed, r.failed, r.goal_reached, r.sent
from workspaces w left join lateral (
  select distinct f.at, f.entered, f.completed, f.failed, f.goal_reached, f.sent
  from unnest(%(begins)s::timestamptz[], %(ends)s::timestamptz[]) as span (begins, ends) cross join lateral (
    (select * from activity_hours h where h.tenant_id = %(tenant)s and h.hour < span.begins order by h.hour desc limit 1)
    union all
    (select * from activity_hours h where h.tenant_id = %(tenant)s and h.hour >= span.begins
      and h.hour <= span.ends + interval '1 hour' order by h.hour limit 32)) f) r on true
where w.id = %(tenant)s order by r.at
"""


async def record_totals(session: AsyncSession, after: int, limit: int) -> int | None:
    """Write down the counters of the next `limit` workspaces whose number is above `after`. Answers the last number, None at the end."""
    rows = await execute(session, _RECORD, after=after, limit=limit)
    last: int | None = rows[0][0]
    return last


async def totals_in(
    session: AsyncSession, tenant_id: int, spans: Sequence[tuple[datetime, datetime]]
) -> tuple[datetime, list[KnownTotals]]:
    """When the workspace was made, and what is known of its counters within these spans of at most 25 hours, the oldest first."""
    rows: Sequence[Any] = await execute(
        session, _OF_SPANS, tenant=tenant_id, begins=[begin for begin, _ in spans], ends=[end for _, end in spans]
    )
    return rows[0][0], [KnownTotals(row[1], tuple(row[2:])) for row in rows if row[1] is not None]
