"""SQL of a look at a date before a trigger watches it: how many contacts have one, and whose comes soon."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.flow.contact_date import ContactDate
from app.lib.database import execute
from app.models.contact import SAMPLE, SAMPLED

_OWN = SAMPLE.replace("(id,", "(c.id,")
_EACH = ", ".join(str(number) for number in range(SAMPLED))
_OF_SAMPLE = f"and {_OWN} = any('{{{_EACH}}}'::bigint[]) and {_OWN} < {SAMPLED}"
_SOON = {
    "once": "day between %(first)s::date and %(last)s::date",
    "year": "day <= %(last)s::date and to_char(day, 'MMDD') = any(%(days)s::text[])",
    "month": "day <= %(last)s::date and extract(day from day)::int = any(%(numbers)s::int[])",
}
_COUNTS = """
select count(*) as contacts, count(*) filter (where present) as present, count(*) filter (where present and day is null) as unreadable,
  count(*) filter (where {soon}) as soon, count(*) filter (where day < %(first)s::date) as earlier,
  (array_agg(id) filter (where {soon}))[1:{shown}] as sample
from (
  select c.id, not rule_blank(v.value) as present, (rule_instant(v.value, %(zone)s) at time zone %(zone)s)::date as day
  from contacts c cross join lateral (select {value} as value offset 0) v where c.tenant_id = %(tenant)s {of_sample}) asked
"""


class DateCounts(NamedTuple):
    """Of the contacts that were asked: who has something there, something that is no date, a date that comes soon, an earlier one."""

    contacts: int
    present: int
    unreadable: int
    soon: int
    earlier: int
    sample: list[UUID]


class DatedContact(NamedTuple):
    """A contact with what says when its date is due. `attributes`: the one that is watched, if it is there."""

    email: str | None
    external_id: str | None
    phone: str | None
    timezone: str | None
    created_at: datetime
    attributes: dict[str, Any]


class DatePreviewRepository:
    """Of one workspace."""

    def __init__(self, session: AsyncSession, tenant_id: int) -> None:
        self._session, self._tenant_id = session, tenant_id

    async def counts(
        self, watched: ContactDate, zone: str, days: Sequence[date], shown: int, *, sampled: bool
    ) -> DateCounts:
        """`days`: those, in order, on which a date has to be to come soon. `zone`: the name of one for what has none itself."""
        value = "rule_follow(c.attributes, %(names)s::text[])" if watched.names else "to_jsonb(c.created_at)"
        sql = _COUNTS.format(
            soon=_SOON[watched.every], shown=shown, value=value, of_sample=_OF_SAMPLE if sampled else ""
        )
        await execute(self._session, "set local jit = off")
        if sampled:  # the planner takes the sample for a third of the table
            await execute(self._session, "set local enable_seqscan = off")
        rows = await execute(
            self._session,
            sql,
            tenant=self._tenant_id,
            zone=zone,
            names=list(watched.names),
            first=days[0],
            last=days[-1],
            days=[f"{day:%m%d}" for day in days],
            numbers=sorted({day.day for day in days}),
        )
        if sampled:
            await execute(self._session, "set local enable_seqscan to default")
        row = rows[0]
        return DateCounts(row.contacts, row.present, row.unreadable, row.soon, row.earlier, list(row.sample or ()))

    async def contacts(self, ids: Sequence[UUID], attribute: str | None) -> list[DatedContact]:
        """These contacts."""
        rows = await execute(
            self._session,
            """select email, external_id, phone, timezone, created_at,
              case when attributes ? %(attribute)s::text
                then jsonb_build_object(%(attribute)s::text, attributes->%(attribute)s::text) else '{}' end
            from contacts where tenant_id = %(tenant)s and id = any(%(ids)s::uuid[]) order by id""",
            tenant=self._tenant_id,
            ids=list(ids),
            attribute=attribute or "",
        )
        return [DatedContact(*row) for row in rows]
