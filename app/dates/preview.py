"""Whom a date concerns, told before a trigger that watches it goes live."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.dates.preview_repository import DateCounts, DatePreviewRepository
from app.flow.contact_date import ContactDate, NoDate
from app.lib import clock
from app.lib.zones import zone_of
from app.membership.count_repository import CountRepository
from app.membership.counting import EXACT_BELOW
from app.values.contact_view import name_of
from app.values.schedule import UNIT_DAYS, UNIT_SECONDS

AHEAD_DAYS = 30
SHOWN = 3


class ComingDate(NamedTuple):
    """A contact, and when a run would start for it, as clocks there show it."""

    name: str
    at: datetime


class DatePreview(NamedTuple):
    """Numbers of contacts: who has a date there, for whom it comes within AHEAD_DAYS, who has something that is no date, and whose date has
    passed, of one that comes once. `exact` False: they are estimates from a sample. `coming`: some of those, soonest first."""

    dated: int
    soon: int
    unreadable: int
    passed: int
    exact: bool
    coming: list[ComingDate]


class DatePreviews:
    """In the principal's workspace."""

    def __init__(self, session: AsyncSession, principal: Principal) -> None:
        self._session, self._principal = session, principal
        self._rows = DatePreviewRepository(session, principal.tenant_id)

    async def of(self, watched: ContactDate) -> DatePreview:
        """Whom this date concerns now."""
        workspace_zone = self._principal.timezone
        zone, now = watched.zone_in(None, workspace_zone), clock.now()
        contacts = CountRepository(self._session, self._principal.tenant_id)
        exact = await contacts.total(EXACT_BELOW) <= EXACT_BELOW
        local = now.astimezone(zone)
        passed_today = watched.at is not None and local.time() >= watched.at
        days = _days_of(watched, local.date() + timedelta(days=passed_today))
        counts = await self._rows.counts(watched, str(zone_of(str(zone))), days, SHOWN, sampled=not exact)
        whole = counts.contacts if exact else await contacts.estimated_total()

        def scaled(number: int) -> int:
            return number if exact or not counts.contacts else _rounded(number * whole / counts.contacts)

        return DatePreview(
            scaled(counts.present - counts.unreadable),
            scaled(counts.soon),
            scaled(counts.unreadable),
            scaled(counts.earlier) if watched.every == "once" else 0,
            exact,
            await self._coming(watched, counts, now),
        )

    async def _coming(self, watched: ContactDate, counts: DateCounts, now: datetime) -> list[ComingDate]:
        coming = []
        for contact in await self._rows.contacts(counts.sample, watched.attribute):
            zone = watched.zone_in(contact.timezone, self._principal.timezone)
            try:
                one = watched.following(watched.value_of(contact.created_at, contact.attributes), zone, now, None)
            except NoDate:
                continue
            if one is not None and one.at < now + timedelta(days=AHEAD_DAYS + 2):
                coming.append(ComingDate(name_of(contact), one.at.astimezone(zone)))
        return sorted(coming, key=lambda one: one.at)


def _days_of(watched: ContactDate, today: date) -> list[date]:
    """Days on which dates have to be for runs to start within AHEAD_DAYS; 29 February beside the day that stands for it."""
    offset = watched.offset
    away = (
        offset.by * UNIT_DAYS[offset.unit]
        if offset.unit in UNIT_DAYS
        else offset.by * UNIT_SECONDS[offset.unit] / 86_400
    )
    first = today - timedelta(days=round(away))
    days = [first + timedelta(days=number) for number in range(AHEAD_DAYS + 1)]
    if watched.every == "once":
        return days
    leap = [date(2024, 2, 29)] if any((day.month, day.day) == (2, 28) and day.year % 4 for day in days) else []
    return [*leap, *days]


def _rounded(number: float) -> int:
    """Two digits: it is an estimate."""
    whole = round(number)
    step: int = 10 ** max(len(str(whole)) - 2, 0)
    return round(whole / step) * step
