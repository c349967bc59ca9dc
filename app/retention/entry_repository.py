"""All SQL that fills `entries` from runs: at leisure when a policy of re-entry begins to ask for them, and from runs that are removed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.flow.settings import REMEMBERED
from app.models.status import RunStatus

PIECE = 10_000
"""Runs looked at in one transaction."""
STATUSES = sorted(RunStatus, key=int)
"""In the order in which runs are looked at: those under way first, for one that ends meanwhile is met again, and none is missed."""
_ASKS = f"v.graph->'settings'->>'reentry' in {REMEMBERED}"
_FROM_END = "v.graph->'settings'->>'cooldownFrom' = 'end'"
"""A pause is measured from the end of a run: then that is kept of runs that are removed, though their start is known."""
# A batch that was begun under the version before ends within a minute.
_TO_FILL = f"""
select w.tenant_id, w.id, w.live_version, {_ASKS} as asks from workflows w
join workflow_versions v on v.tenant_id = w.tenant_id and v.workflow_id = w.id and v.version = w.live_version
where w.entries_complete is null and v.created_at < clock_now() - interval '5 minutes' limit 1000
"""  # noqa: S608  constants
# Contacts are kept from being erased meanwhile: nothing may be remembered of one who is gone.
_STORE = """
insert into entries (tenant_id, contact_id, workflow_id, entry_key, last_started, last_ended)
select r.tenant_id, r.contact_id, r.workflow_id, coalesce(r.entry_key, ''), max(r.started_at), max(r.completed_at) from {runs} r
join (select c.tenant_id, c.id from contacts c where (c.tenant_id, c.id) in (select a.tenant_id, a.contact_id from {runs} a)
  order by c.tenant_id, c.id for key share) c on c.tenant_id = r.tenant_id and c.id = r.contact_id
group by 1, 2, 3, 4 order by 1, 2, 3, 4
on conflict (tenant_id, contact_id, workflow_id, entry_key)
do update set last_started = greatest(entries.last_started, excluded.last_started),
  last_ended = greatest(entries.last_ended, excluded.last_ended)
"""
_FILL = """
with piece as materialized (
  select tenant_id, id, contact_id, workflow_id, entry_key, started_at, completed_at from {table}
  where tenant_id = :tenant and workflow_id = :workflow and status = :status and id > :after order by id limit :limit),
stored as ({store})
select max(id::text)::uuid from piece
"""
_SETTLE = """
update workflows set entries_complete = :complete
where tenant_id = :tenant and id = :workflow and live_version = :version and entries_complete is null
"""


def remembering(runs: str, *, of_tenant: str = "") -> str:
    """SQL that keeps the entries of `runs`, which are to be removed, of workflows of which a version asks for them.

    `of_tenant` narrows the workflows that are looked at.
    """
    asking = f"""
(select r.* from {runs} r where (r.tenant_id, r.workflow_id) in (
  select w.tenant_id, w.id from workflows w where true {of_tenant} and exists (
    select from workflow_versions v where v.tenant_id = w.tenant_id and v.workflow_id = w.id and {_ASKS}
      and (w.entries_complete is not true or {_FROM_END}))))
"""  # noqa: S608  constants
    return _STORE.format(runs=asking)


class Unfilled(NamedTuple):
    """A workflow of whose entries nobody knows whether they are all there. `asks`: the policy of its live version asks for them."""

    tenant_id: int
    workflow_id: UUID
    version: int
    asks: bool


async def unfilled(session: AsyncSession) -> Sequence[Unfilled]:
    return [Unfilled(*row) for row in await session.execute(text(_TO_FILL))]


async def fill(session: AsyncSession, workflow: Unfilled, status: RunStatus, after: UUID) -> UUID | None:
    """Remember the entries of a piece of its runs of one status with ids above `after`. Answers the last id, None at the end."""
    table = "active_runs" if status < RunStatus.COMPLETED else "ended_runs"
    values = {
        "tenant": workflow.tenant_id, "workflow": workflow.workflow_id, "status": int(status), "after": after, "limit": PIECE,
    }  # fmt: skip
    sql = _FILL.format(table=table, store=_STORE.format(runs="piece"))
    last: UUID | None = await session.scalar(text(sql), values)
    return last


async def settle(session: AsyncSession, workflow: Unfilled) -> None:
    """Say whether all entries are there, unless another version was published meanwhile."""
    values = {"tenant": workflow.tenant_id, "workflow": workflow.workflow_id, "version": workflow.version}
    await session.execute(text(_SETTLE), {**values, "complete": workflow.asks})
