"""Whom a date concerns, told before a trigger that watches it goes live."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.dates.preview_repository import DateCounts, DatePreviewRepository, DateWindow
from app.errors import Invalid
from app.flow import trigger_registry
from app.flow.contact_date import ContactDate, NoDate
from app.lib import clock
from app.lib.translation import gettext
from app.lib.zones import zone_of
from app.membership.count_repository import CountRepository
from app.membership.counting import EXACT_BELOW
from app.values.contact_view import name_of
from app.values.schedule import UNIT_DAYS, UNIT_SECONDS

AHEAD_DAYS = 30
_PERIOD_DAYS = {"once": None, "year": 365, "month": 31}
SHOWN = 3


class ComingDate(NamedTuple):
    """A contact, and when a run would start for it, as clocks there show it."""

    contact_id: UUID
    name: str
    at: datetime


class DatePreview(NamedTuple):
    """Numbers of contacts: who has a date there, for whom it comes within AHEAD_DAYS, who has something that is no date, and whose date has
    passed, of one that comes once. `exact` False: they are estimates from a sample. `coming`: some of those, soonest first."""

    dated: int
    soon: int
    unreadable: int
    passed: int
    at_once: int
    """For whom a run starts as soon as the workflow goes live, because the date has come already."""
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
        soon, past = _windows(watched, local.date() + timedelta(days=passed_today))
        counts = await self._rows.counts(watched, str(zone_of(str(zone))), soon, past, SHOWN, sampled=not exact)
        whole = counts.contacts if exact else await contacts.estimated_total()

        def scaled(number: int) -> int:
            return number if exact or not counts.contacts else _rounded(number * whole / counts.contacts)

        return DatePreview(
            scaled(counts.present - counts.unreadable),
            scaled(counts.soon),
            scaled(counts.unreadable),
            scaled(counts.earlier) if watched.every == "once" and watched.existing == "ignore" else 0,
            scaled(counts.existing),
            exact,
            await self._coming(watched, counts, now),
        )

    async def of_trigger(self, kind: str, data: dict[str, Any]) -> DatePreview:
        """Whom the date of a trigger concerns that is not saved: its type, and its data. Raises Invalid with what is wrong."""
        trigger_type, watched = trigger_registry.find(kind), None
        if trigger_type is not None:
            if faults := [one for one in trigger_registry.diagnostics(trigger_type, data) if one.severity == "error"]:
                raise Invalid(errors=[{"path": f"data.{one.path}", "message": one.message} for one in faults])
            watched = trigger_type.contact_date(msgspec.convert(data, trigger_type.Config))
        if watched is None:
            raise Invalid(
                errors=[
                    {"path": "type", "message": gettext("Name a type of triggers that watches a date of contacts.")}
                ]
            )
        return await self.of(watched)

    async def _coming(self, watched: ContactDate, counts: DateCounts, now: datetime) -> list[ComingDate]:
        coming = []
        for contact in await self._rows.contacts(counts.sample, watched.attribute):
            zone = watched.zone_in(contact.timezone, self._principal.timezone)
            try:
                one = watched.following(watched.value_of(contact.created_at, contact.attributes), zone, now, None)
            except NoDate:
                continue
            if one is not None and one.at < now + timedelta(days=AHEAD_DAYS + 2):
                coming.append(ComingDate(contact.id, name_of(contact), one.at.astimezone(zone)))
        return sorted(coming, key=lambda one: one.at)


def _windows(watched: ContactDate, today: date) -> tuple[DateWindow, DateWindow | None]:
    """Days on which dates have to be for runs to start within AHEAD_DAYS, and for runs to start at once; None: those start none."""
    offset = watched.offset
    away = (
        offset.by * UNIT_DAYS[offset.unit]
        if offset.unit in UNIT_DAYS
        else offset.by * UNIT_SECONDS[offset.unit] / 86_400
    )
    first = today - timedelta(days=round(away))
    soon = DateWindow(first, first + timedelta(days=AHEAD_DAYS))
    if watched.existing == "ignore":
        return soon, None
    within, period = watched.existing_days, _PERIOD_DAYS[watched.every]
    if within is None or (period is not None and within >= period):
        return soon, DateWindow(first, first, any_day=True)
    return soon, DateWindow(first - timedelta(days=within), first - timedelta(days=1))


def _rounded(number: float) -> int:
    """Two digits: it is an estimate."""
    whole = round(number)
    step: int = 10 ** max(len(str(whole)) - 2, 0)
    return round(whole / step) * step
