"""SQL that takes starts of a contact out of the line of a workflow, before their turn has come."""

from __future__ import annotations

from uuid import UUID

from psycopg.types.json import Jsonb
from sqlalchemy.ext.asyncio import AsyncSession

from app.inbox import InboxKind, over_sql
from app.lib.database import execute

WITHDRAWN = "withdrawn"
"""The reason of the refusal that is kept."""
# Such rows are written and deleted under the lock of their contact.
_LOCK = "select id from contacts where tenant_id = %(tenant)s and id = %(contact)s for no key update"
_WITHDRAW = f"""
with taken as (
  delete from waiting_starts where tenant_id = %(tenant)s and workflow_id = %(workflow)s and contact_id = %(contact)s returning *),
kept as (
  insert into entry_refusals (tenant_id, workflow_id, contact_id, reason, at, last_at, day, detail, times)
  select %(tenant)s, %(workflow)s, %(contact)s, '{WITHDRAWN}', now, now, (now at time zone 'UTC')::date, %(detail)s, n
  from (select count(*) as n from taken) as counted cross join (select clock_now() as now) as clock where n > 0
  on conflict (tenant_id, workflow_id, contact_id, reason, day) where day is not null
  do update set times = entry_refusals.times + excluded.times, last_at = excluded.last_at, detail = excluded.detail),
{
    over_sql(
        f"(select * from taken where kind = {InboxKind.CALLED:d})",
        status="null",
        refused=f"'{WITHDRAWN}'",
        port="'error'",
        error="'The start of the called workflow was withdrawn.'",
        output="null::jsonb",
    )
}
select count(*) as n from taken
"""  # noqa: S608  constants


async def withdraw(session: AsyncSession, tenant_id: int, workflow_id: UUID, contact_id: UUID, by: str) -> int:
    """Let these starts never begin, keep who said so, and tell runs that wait for them; how many there were."""
    await execute(session, _LOCK, tenant=tenant_id, contact=contact_id)
    rows = await execute(
        session, _WITHDRAW, tenant=tenant_id, workflow=workflow_id, contact=contact_id, detail=Jsonb({"by": by})
    )
    return int(rows[0].n)
