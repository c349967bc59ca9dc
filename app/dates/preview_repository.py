"""SQL of a look at a date before a trigger watches it: how many contacts have one, and whose comes soon."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
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
  count(*) filter (where {existing}) as existing,
  (array_agg(id) filter (where {soon}))[1:{shown}] as sample
from (
  select c.id, not rule_blank(v.value) as present,
    coalesce((rule_instant(v.value, %(zone)s) at time zone %(zone)s)::date, {yearless}) as day
  from contacts c cross join lateral (select {value} as value offset 0) v where c.tenant_id = %(tenant)s {of_sample}) asked
"""


_EXISTING = {
    "once": "day < %(first)s::date and day >= %(past_first)s::date",
    "year": "day < %(first)s::date and to_char(day, 'MMDD') = any(%(past_days)s::text[])",
    "month": "day < %(first)s::date and extract(day from day)::int = any(%(past_numbers)s::int[])",
}


class DateCounts(NamedTuple):
    """Of the contacts that were asked: who has something there, something that is no date, a date that comes soon, an earlier one, one for
    which a run starts at once."""

    contacts: int
    present: int
    unreadable: int
    soon: int
    earlier: int
    existing: int
    sample: list[UUID]


class DatedContact(NamedTuple):
    """A contact with what says when its date is due. `attributes`: the one that is watched, if it is there."""

    id: UUID
    email: str | None
    external_id: str | None
    phone: str | None
    timezone: str | None
    created_at: datetime
    attributes: dict[str, Any]


class DateWindow(NamedTuple):
    """Days from `first` to `last`, both included. `any_day`: of a date that comes back each day is within it, of one that comes once all
    before."""

    first: date
    last: date
    any_day: bool = False

    @property
    def of_year(self) -> list[str]:
        """As `0517`, with 29 February beside the day that stands for it."""
        days = self._days
        leap = ["0229"] if any((day.month, day.day) == (2, 28) and day.year % 4 for day in days) else []
        return [*leap, *(f"{day:%m%d}" for day in days)]

    @property
    def of_month(self) -> list[int]:
        """Numbers, with those that the last day of a month stands for."""
        numbers = {day.day for day in self._days}
        for day in self._days:
            if (day + timedelta(days=1)).day == 1:
                numbers |= set(range(day.day, 32))
        return sorted(numbers)

    @property
    def _days(self) -> list[date]:
        return [self.first + timedelta(days=number) for number in range(min((self.last - self.first).days, 366) + 1)]


class DatePreviewRepository:
    """Of one workspace."""

    def __init__(self, session: AsyncSession, tenant_id: int) -> None:
        self._session, self._tenant_id = session, tenant_id

    async def counts(
        self, watched: ContactDate, zone: str, days: DateWindow, past: DateWindow | None, shown: int, *, sampled: bool
    ) -> DateCounts:
        """`days`: on which a date has to be to come soon; `past`: to start a run at once, None where none does. `zone`: the name of one for
        what has none itself."""
        value = "rule_follow(c.attributes, %(names)s::text[])" if watched.names else "to_jsonb(c.created_at)"
        sql = _COUNTS.format(
            soon=_SOON[watched.every],
            existing="false" if past is None else "day < %(first)s::date" if past.any_day else _EXISTING[watched.every],
            yearless="rule_yearless(v.value)" if watched.every == "year" else "null",
            shown=shown,
            value=value,
            of_sample=_OF_SAMPLE if sampled else "",
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
            first=days.first,
            last=days.last,
            days=days.of_year,
            numbers=days.of_month,
            past_first=past.first if past else None,
            past_days=past.of_year if past else [],
            past_numbers=past.of_month if past else [],
        )
        if sampled:
            await execute(self._session, "set local enable_seqscan to default")
        row = rows[0]
        return DateCounts(
            row.contacts, row.present, row.unreadable, row.soon, row.earlier, row.existing, list(row.sample or ())
        )

    async def contacts(self, ids: Sequence[UUID], attribute: str | None) -> list[DatedContact]:
        """These contacts."""
        rows = await execute(
            self._session,
            """select id, email, external_id, phone, timezone, created_at,
              case when attributes ? %(attribute)s::text
                then jsonb_build_object(%(attribute)s::text, attributes->%(attribute)s::text) else '{}' end
            from contacts where tenant_id = %(tenant)s and id = any(%(ids)s::uuid[]) order by id""",
            tenant=self._tenant_id,
            ids=list(ids),
            attribute=attribute or "",
        )
        return [DatedContact(*row) for row in rows]
