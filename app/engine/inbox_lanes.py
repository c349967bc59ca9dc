"""What waits in the inbox, by workspace, priority and lane: who takes turns in a claim, each found by an index probe.

Most rows stand in lane 0, everybody's. A lane of its own has what one sender brought who may not hold up others: the calls of a webhook's
address, and the events about contacts that they cause. The lanes of a workspace and priority take turns.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

import psycopg

from app.engine import rows
from app.engine.rows import Int2s, Int4s, Int8s
from app.inbox import READY_SQL
from app.models.status import Priority
from app.turns import Claimant, RoundRobin

# From workspace, priority and lane to the next by an index probe each; each with the row that came first.
HEADS = """
heads as (
  (select tenant_id, priority, lane, id, at from inbox order by tenant_id, priority, lane, id limit 1)
  union all
  select n.tenant_id, n.priority, n.lane, n.id, n.at from heads h cross join lateral (
    select i.tenant_id, i.priority, i.lane, i.id, i.at from inbox i
    where (i.tenant_id, i.priority, i.lane) > (h.tenant_id, h.priority, h.lane)
    order by i.tenant_id, i.priority, i.lane, i.id limit 1) n)
"""
MOST_WORKSPACES = 200
"""Workspaces that one claim looks at, behind the last one that was served: 9 us each."""
MOST_LANES = 256
"""Lanes other than everybody's that one claim looks at, of all these workspaces; of each LEAST_LANES at least."""
LEAST_LANES = 4
_LAST = 2**63 - 1
_OLDER = f"""
select distinct t.id from unnest(%(tenants)s::int[]) as t(id)
cross join (values {", ".join(f"({one:d})" for one in Priority)}) as p(priority)
cross join lateral (
  select i.at from inbox i where i.tenant_id = t.id and i.priority = p.priority and i.lane = 0 and i.{READY_SQL}
  order by i.id limit 1) first
where first.at < %(before)s
"""
# For some of them, in a circle: those behind a workspace, then those up to it. Of a workspace and priority everybody's lane, and the
# first of the others, which says only that there are some: without any this is a probe for each workspace and priority.
_WALK = f"""
{{name}} as (
  (select tenant_id, priority, lane, 1 as n from inbox where tenant_id {{side}} %(behind)s order by tenant_id, priority, lane limit 1)
  union all
  select n.tenant_id, n.priority, n.lane, h.n + (n.tenant_id > h.tenant_id)::int from {{name}} h cross join lateral (
    select i.tenant_id, i.priority, i.lane from inbox i
    where (i.tenant_id, i.priority, i.lane) > (h.tenant_id, h.priority, case h.lane when 0 then 0 else {_LAST} end)
      and i.tenant_id {{side}} %(behind)s
    order by i.tenant_id, i.priority, i.lane limit 1) n
  where h.n <= {MOST_WORKSPACES})
"""
_WAITING = f"""
with recursive {_WALK.format(name="ahead", side=">")}, {_WALK.format(name="before", side="<=")}
select w.tenant_id, w.priority, w.lane, coalesce(s.weight, 1)
from (select 1 as half, * from ahead union all select 2, * from before) w left join workspaces s on s.id = w.tenant_id
order by w.half, w.tenant_id
"""
_NEXT_LANE = """
select i.lane from inbox i where i.tenant_id = {0}.tenant_id and i.priority = {0}.priority and i.lane > {1} order by i.lane limit 1
"""
# In a circle too: the lanes behind the one that was served last, then those up to it.
_LANES = f"""
with recursive places as (
  select * from unnest(%(tenants)s::int[], %(priorities)s::smallint[], %(behind)s::bigint[]) as p(tenant_id, priority, behind)),
ahead as (
  select p.*, n.lane, 1 as n from places p cross join lateral ({_NEXT_LANE.format("p", "p.behind")}) n
  union all
  select a.tenant_id, a.priority, a.behind, n.lane, a.n + 1 from ahead a cross join lateral ({_NEXT_LANE.format("a", "a.lane")}) n
  where a.n <= %(most)s),
before as (
  select p.*, n.lane, 1 as n from places p cross join lateral ({_NEXT_LANE.format("p", "0")}) n where n.lane <= p.behind
  union all
  select b.tenant_id, b.priority, b.behind, n.lane, b.n + 1 from before b cross join lateral ({_NEXT_LANE.format("b", "b.lane")}) n
  where n.lane <= b.behind and b.n <= %(most)s)
select tenant_id, priority, lane from (select 1 as half, * from ahead union all select 2, * from before) w order by half, n
"""


def waiting(cursor: psycopg.Cursor[Any], turns: RoundRobin) -> list[Claimant]:
    """Whose rows stand in the inbox, of so many workspaces and lanes; `key` is the lane."""
    claimants, laned, tenants = list[Claimant](), list[Claimant](), set[int]()
    for tenant_id, priority, lane, weight in cursor.execute(_WAITING, {"behind": turns.last_workspace}).fetchall():
        tenants.add(tenant_id)
        if len(tenants) > MOST_WORKSPACES:
            break
        claimant = Claimant(tenant_id, lane, Priority(priority), weight)
        (laned if lane else claimants).append(claimant)
    return claimants + _lanes(cursor, turns, laned) if laned else claimants


def older(cursor: psycopg.Cursor[Any], tenants: Collection[int], before: datetime) -> set[int]:
    """Those of these workspaces in whose lane for everybody something waits that came before this instant. Three index probes each."""
    arguments = {"tenants": Int4s([rows.int4(tenant_id) for tenant_id in tenants]), "before": before}
    return {tenant_id for (tenant_id,) in cursor.execute(_OLDER, arguments).fetchall()}


def _lanes(cursor: psycopg.Cursor[Any], turns: RoundRobin, first: list[Claimant]) -> list[Claimant]:
    """The lanes of these workspaces and priorities. Of more than fit the turn begins behind them next time."""
    most = max(LEAST_LANES, MOST_LANES // len(first))
    arguments = {
        "tenants": Int4s([rows.int4(one.tenant_id) for one in first]),
        "priorities": Int2s([rows.int2(one.priority) for one in first]),
        "behind": Int8s([rows.int8(turns.served_last(one.tenant_id, one.priority) or 0) for one in first]),
        "most": most,
    }
    lanes: dict[tuple[int, int], list[int]] = {(one.tenant_id, one.priority): [] for one in first}
    for tenant_id, priority, lane in cursor.execute(_LANES, arguments).fetchall():
        lanes[tenant_id, priority].append(lane)
    claimants = list[Claimant]()
    for one in first:
        several = lanes[one.tenant_id, one.priority]
        if len(several) > most:
            several = several[:most]
            turns.go_on_behind(one.tenant_id, one.priority, several[-1])
        claimants += [one._replace(key=lane) for lane in several]
    return claimants
