"""SQL of who has really entered: which of those that were asked in have, who could not, and how many wait in line already.

A limit by firing counts who enters. Each piece is asked for by the ids that its runs will have (`Enrolment.open_runs`); when none of them
stands in the inbox or waits for its turn any more, those that became runs have entered, and only then is asked for more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from app.flow.entry_limits import EntryLimits
from app.flow.settings import FlowSettings
from app.lib.database import execute

LONGEST_LINE = 5_000
"""Starts that wait for their turn in one workflow. Behind so many nobody else is asked in, so a large audience makes no long line."""

_OUTCOME = """
select count(*) filter (where stands) as unread, count(*) filter (where waits) as waiting, count(*) filter (where entered) as entered from (
  select exists (select from inbox i where i.tenant_id = %(tenant)s and i.run_id = u.id and i.kind in (1, 6, 7)) as stands,
    exists (select from waiting_starts w where w.tenant_id = %(tenant)s and w.run_id = u.id) as waits,
    exists (select from active_runs r where r.tenant_id = %(tenant)s and r.id = u.id)
      or exists (select from ended_runs r where r.tenant_id = %(tenant)s and r.id = u.id) as entered
  from unnest(%(open_runs)s::uuid[]) as u(id)) as asked
"""
_LINE = """
select count(*) as n from (
  select from waiting_starts where tenant_id = %(tenant)s and workflow_id = %(workflow)s limit %(most)s) as line
"""
_SHUT_OUT = """
select contact_id, reason from (
  select u.contact_id, u.place, case
    when exists (select from active_runs r
      where r.tenant_id = %(tenant)s and r.contact_id = u.contact_id and r.workflow_id = %(workflow)s) then 'already_active'
    when %(once)s and (exists (select from ended_runs r
        where r.tenant_id = %(tenant)s and r.contact_id = u.contact_id and r.workflow_id = %(workflow)s)
      or exists (select from entries e
        where e.tenant_id = %(tenant)s and e.contact_id = u.contact_id and e.workflow_id = %(workflow)s)) then 'entered_before'
    end as reason
  from unnest(%(contacts)s::uuid[]) with ordinality as u(contact_id, place)) as asked
where reason is not null order by place
"""


class AskedOutcome(NamedTuple):
    """Of runs that were asked for: how many the engine has not read yet, how many wait for their turn, and how many have begun."""

    unread: int
    waiting: int
    entered: int


async def outcome_of(session: AsyncSession, tenant_id: int, open_runs: Sequence[UUID]) -> AskedOutcome:
    """What has become of them, as one moment saw it. One statement, however many."""
    return AskedOutcome(*(await execute(session, _OUTCOME, tenant=tenant_id, open_runs=list(open_runs)))[0])


async def line_is_long(session: AsyncSession, tenant_id: int, workflow_id: UUID) -> bool:
    """Do so many wait for their turn in a workflow that nobody else should be asked in? At most LONGEST_LINE rows of the key are read."""
    rows = await execute(session, _LINE, tenant=tenant_id, workflow=workflow_id, most=LONGEST_LINE)
    return bool(rows[0].n >= LONGEST_LINE)


def makes_a_line(graph: dict[str, Any]) -> bool:
    """Do starts of a version wait for their turn?"""
    return EntryLimits.of(msgspec.convert(graph.get("settings") or {}, FlowSettings)).limited


async def shut_out(
    session: AsyncSession, tenant_id: int, workflow_id: UUID, graph: dict[str, Any], contact_ids: Sequence[UUID]
) -> dict[UUID, str]:
    """Who of them the rule of re-entry would surely refuse now, each with the reason. The engine asks all others.

    Where runs are told apart by a key, or contacts may be in twice, nobody is: only the event says.
    """
    settings = msgspec.convert(graph.get("settings") or {}, FlowSettings)
    if settings.reentry == "always" or settings.keeps_apart or not contact_ids:
        return {}
    rows = await execute(
        session,
        _SHUT_OUT,
        tenant=tenant_id,
        workflow=workflow_id,
        once=settings.reentry == "once",
        contacts=list(contact_ids),
    )
    return {row.contact_id: row.reason for row in rows}
