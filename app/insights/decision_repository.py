"""SQL of what a workflow decided about a contact: runs that began, starts that wait for their turn, and refusals, as one list."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.flow.document import TRIGGER
from app.lib.database import execute
from app.web.pagination import Page, cut, decode_cursor

MOST_WAITING = 100_000
"""So many starts that wait are counted, a few milliseconds."""
Decision = Literal["entered", "waiting", "refused"]
# Each kind by itself has an end, so a page costs by its size and by how often the contact met this workflow.
_NEWEST = f"""
select decision, at, key, first_at, times, reason, detail, trigger_id, run_id, event_id, version from (
  (select 'entered' as decision, r.started_at as at, ('e' || r.id) collate "C" as key, r.started_at as first_at, 1 as times, null as reason,
     null::jsonb as detail, coalesce(r.trigger_id, '{TRIGGER}') as trigger_id, r.id as run_id, r.event_id, r.workflow_version as version
   from runs r where r.tenant_id = %(tenant)s and r.contact_id = %(contact)s and r.workflow_id = %(workflow)s
     and (r.started_at, ('e' || r.id) collate "C") < (%(at)s, %(key)s) order by r.started_at desc, r.id desc limit %(limit)s)
  union all
  (select 'waiting', w.since, 'w' || lpad(w.id::text, 20, '0'), w.since, 1, null, null, null, w.run_id, w.event_id, null
   from waiting_starts w where w.tenant_id = %(tenant)s and w.contact_id = %(contact)s and w.workflow_id = %(workflow)s
     and (w.since, ('w' || lpad(w.id::text, 20, '0')) collate "C") < (%(at)s, %(key)s) order by w.since desc, w.id desc limit %(limit)s)
  union all
  (select 'refused', coalesce(f.last_at, f.at), 'f' || lpad(f.id::text, 20, '0'), f.at, f.times, f.reason, f.detail, f.trigger_id,
     f.run_id, f.event_id, null
   from entry_refusals f where f.tenant_id = %(tenant)s and f.contact_id = %(contact)s and f.workflow_id = %(workflow)s
     and (coalesce(f.last_at, f.at), ('f' || lpad(f.id::text, 20, '0')) collate "C") < (%(at)s, %(key)s)
   order by coalesce(f.last_at, f.at) desc, f.id desc limit %(limit)s)) as decisions
order by at desc, key collate "C" desc limit %(limit)s
"""  # noqa: S608  constants
_WAITING = """
select count(*) from (
  select from waiting_starts where tenant_id = %(tenant)s and workflow_id = %(workflow)s limit %(limit)s) as counted
"""


class DecisionRow(NamedTuple):
    """One decision. Of those at one instant `key` says the order."""

    decision: Decision
    at: datetime
    key: str
    first_at: datetime
    times: int
    reason: str | None
    detail: dict[str, Any] | None
    trigger_id: str | None
    run_id: UUID | None
    event_id: UUID | None
    version: int | None


class EntryDecisionRepository:
    """The decisions of the workflows of a workspace."""

    def __init__(self, session: AsyncSession, tenant_id: int) -> None:
        self._session, self._tenant_id = session, tenant_id

    async def newest(self, workflow_id: UUID, contact_id: UUID, cursor: str | None, limit: int) -> Page[DecisionRow]:
        """Those about one contact, the last first. Raises Invalid for a cursor that is not ours."""
        at, key = decode_cursor(cursor, datetime, str) if cursor else ("infinity", "")
        rows = await execute(
            self._session,
            _NEWEST,
            tenant=self._tenant_id,
            workflow=workflow_id,
            contact=contact_id,
            at=at,
            key=key,
            limit=limit + 1,
        )
        return cut([DecisionRow(*row) for row in rows], limit, lambda row: (row.at, row.key))

    async def waiting(self, workflow_id: UUID) -> int:
        """How many starts of a workflow wait for their turn, counted up to `MOST_WAITING`."""
        rows = await execute(self._session, _WAITING, tenant=self._tenant_id, workflow=workflow_id, limit=MOST_WAITING)
        return int(rows[0][0])
