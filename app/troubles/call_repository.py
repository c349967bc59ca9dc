"""Calls that wait because a service is away: of a workspace by host, and of one step of a workflow by whatever it calls."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.flow.performers import CONNECTOR_TARGET
from app.troubles.repository import DEEPEST

# A host of which nothing waits holds up nobody. The one that is being tried counts.
_HOSTS = f"""
select h.host, h.state_since as since, h.state_message as words, c.count, c.workflow_id
from service_hosts h cross join lateral (
  select count(*), (array_agg(workflow_id))[1] as workflow_id from (
    select workflow_id from calls where tenant_id = h.tenant_id and target = h.host limit {DEEPEST}) as waiting) c
where h.tenant_id = :tenant and h.state = 'away' and c.count > 0 order by h.state_since limit :limit
"""  # noqa: S608  constants
_AT_STEP = f"""
with waiting as (
  select target, count(*) from (
    select target from calls where tenant_id = :tenant and workflow_id = :workflow and node_id = :node limit {DEEPEST}) c group by target)
select h.host as name, null::uuid as connector_id, h.state, h.state_since as since, h.state_message as words, w.count,
  case when h.state = 'away' then greatest(h.probe_at, clock_now()) end as next_try_at
from waiting w join service_hosts h on h.tenant_id = :tenant and h.host = w.target and h.state <> 'ok'
union all
select c.name, c.id, c.state, c.state_since, c.state_message, w.count, case when c.state = 'away' then greatest(c.probe_at, clock_now()) end
from waiting w join connectors c on c.tenant_id = :tenant and w.target = :prefix || c.id and c.state <> 'ok'
order by since limit :limit
"""  # noqa: S608  constants


class AwayHost(NamedTuple):
    """A host that is away, and the calls that wait for it, counted up to DEEPEST."""

    host: str
    since: datetime
    words: str | None
    waiting: int
    workflow_id: UUID
    """Of one of the calls."""


class AwayService(NamedTuple):
    """A host, or a connector (`connector_id`), for which calls of one step wait. `state`: away or paused."""

    name: str
    connector_id: UUID | None
    state: str
    since: datetime
    words: str | None
    waiting: int
    next_try_at: datetime | None


async def away_hosts(session: AsyncSession, tenant_id: int, limit: int) -> Sequence[AwayHost]:
    """Those for which calls of the workspace wait, the longest first."""
    return [AwayHost(*row) for row in await session.execute(text(_HOSTS), {"tenant": tenant_id, "limit": limit})]


async def away_at_step(session: AsyncSession, tenant_id: int, workflow_id: UUID, node_id: str) -> Sequence[AwayService]:
    """What calls of this step wait for, the longest first, three at most."""
    values = {"tenant": tenant_id, "workflow": workflow_id, "node": node_id, "prefix": CONNECTOR_TARGET, "limit": 3}
    return [AwayService(*row) for row in await session.execute(text(_AT_STEP), values)]
