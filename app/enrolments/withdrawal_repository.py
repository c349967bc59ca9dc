"""SQL that takes starts out of the line of a workflow, of a contact or of one run that was asked for, before their turn has come."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg.types.json import Jsonb
from sqlalchemy.ext.asyncio import AsyncSession

from app.inbox import InboxKind, over_sql
from app.lib.database import execute
from app.values.input_words import input_in_words

WITHDRAWN = "withdrawn"
"""The reason of the refusal that is kept."""
# Rows of contacts are written and deleted under the lock of their contact; those of nobody have but their own, which whoever lets them
# begin holds until they have begun.
_LOCK = "select id from contacts where tenant_id = %(tenant)s and id = %(contact)s for no key update"
_WHOSE = "select contact_id from waiting_starts where tenant_id = %(tenant)s and workflow_id = %(workflow)s and run_id = %(run)s"
# The first in line are looked at, so a list costs the same however many wait behind them.
_OF_NOBODY = """
select run_id, payload, since from (
  select run_id, payload, since, contact_id, id from waiting_starts where tenant_id = %(tenant)s and workflow_id = %(workflow)s
  order by id limit %(looked_at)s) as first
where contact_id is null and run_id is not null order by id limit %(most)s
"""
LOOKED_AT = 1_000
_WITHDRAW = f"""
with taken as (
  delete from waiting_starts where tenant_id = %(tenant)s and workflow_id = %(workflow)s and {{which}} returning *),
kept as (
  insert into entry_refusals (tenant_id, workflow_id, contact_id, run_id, reason, at, last_at, day, detail, times)
  select %(tenant)s, %(workflow)s, contact_id, {{run}}, '{
    WITHDRAWN
}', now, now, (now at time zone 'UTC')::date, %(detail)s, n
  from (select contact_id, count(*) as n from taken group by 1) as counted cross join (select clock_now() as now) as clock
  on conflict (tenant_id, workflow_id, contact_id, reason, day) where day is not null
  do update set times = entry_refusals.times + excluded.times, last_at = excluded.last_at, detail = excluded.detail,
    run_id = excluded.run_id),
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
_OF_CONTACT = _WITHDRAW.format(which="contact_id = %(contact)s", run="null::uuid")
_OF_RUN = _WITHDRAW.format(which="run_id = %(run)s", run="%(run)s")


class WaitingOfNobody(NamedTuple):
    """A start without a contact that waits to enter: the run that it will be, its input, and since when it waits."""

    run_id: UUID
    properties: dict[str, Any]
    since: datetime

    @property
    def words(self) -> str:
        """The input in one line."""
        return input_in_words(self.properties)


async def withdraw(session: AsyncSession, tenant_id: int, workflow_id: UUID, contact_id: UUID, by: str) -> int:
    """Let these starts never begin, keep who said so, and tell runs that wait for them; how many there were."""
    await execute(session, _LOCK, tenant=tenant_id, contact=contact_id)
    rows = await execute(
        session, _OF_CONTACT, tenant=tenant_id, workflow=workflow_id, contact=contact_id, detail=Jsonb({"by": by})
    )
    return int(rows[0].n)


async def withdraw_run(session: AsyncSession, tenant_id: int, workflow_id: UUID, run_id: UUID, by: str) -> int:
    """The same of the start that is to become this run, with a contact or without: 1, or 0 when it does not wait any more."""
    places = {"tenant": tenant_id, "workflow": workflow_id, "run": run_id}
    for row in await execute(session, _WHOSE, **places):
        if row.contact_id is not None:
            await execute(session, _LOCK, tenant=tenant_id, contact=row.contact_id)
    rows = await execute(session, _OF_RUN, **places, detail=Jsonb({"by": by}))
    return int(rows[0].n)


async def waiting_of_nobody(
    session: AsyncSession, tenant_id: int, workflow_id: UUID, most: int
) -> list[WaitingOfNobody]:
    """Those without a contact among the first in the line of a workflow, `most` at most."""
    rows = await execute(session, _OF_NOBODY, tenant=tenant_id, workflow=workflow_id, looked_at=LOOKED_AT, most=most)
    return [WaitingOfNobody(*row) for row in rows]
