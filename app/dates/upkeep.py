"""Keeps the rows of triggers that watch dates as the live versions of workflows are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from app.dates import firing_repository, repository
from app.dates.repository import StoredDate
from app.flow.contact_date import ContactDate
from app.flow.document import Trigger
from app.flow.local_time import CONTACT, WORKSPACE
from app.flow.trigger_registry import typed
from app.lib.translation import gettext


class PublishedTrigger(NamedTuple):
    """A trigger of a live version. `active` False: it is switched off, or its workflow is paused. `timezone`: the workspace's."""

    workflow_id: UUID
    trigger: Trigger
    active: bool
    timezone: str


def contact_date_of(trigger: Trigger) -> ContactDate | None:
    """The date of contacts that a trigger watches."""
    kind, config = typed(trigger)
    return kind.contact_date(config)


def stored_date(trigger_id: str, trigger: dict[str, Any]) -> ContactDate | None:
    """The same of a trigger as it is stored."""
    return contact_date_of(msgspec.convert({"id": trigger_id, **trigger}, Trigger))


async def compare(session: AsyncSession, tenant_id: int, live: Iterable[PublishedTrigger]) -> None:
    """Bring the rows of one workspace to what its workflows are now.

    For a trigger that is new, or means other instants than before, the dates of all contacts are read again.
    """
    wanted: dict[tuple[UUID, str], tuple[StoredDate, ContactDate]] = {}
    for one in live:
        if (date := contact_date_of(one.trigger)) is not None:
            plain = {"type": one.trigger.type, "data": one.trigger.data}
            row = StoredDate(one.workflow_id, one.trigger.id, plain, one.timezone, one.active)
            wanted[one.workflow_id, one.trigger.id] = row, date
    existing = {(row.workflow_id, row.trigger_id): row for row in await repository.stored(session, tenant_id)}
    for key, before in existing.items():
        if key not in wanted and not before.dropped:
            await repository.drop(session, tenant_id, before)
            await firing_repository.end_existing(
                session, tenant_id, *key, gettext("The trigger is not part of the live version any more.")
            )
    for key, (row, date) in wanted.items():
        stored = existing.get(key)
        changed = stored is None or stored.dropped or stored_date(stored.trigger_id, stored.trigger) != date
        if stored is None or changed or _moves_with_zone(stored, row, date):
            existing_too = changed and date.existing != "ignore"
            await repository.store(session, tenant_id, row, existing=existing_too)
            await _begin_existing(session, tenant_id, row, wanted=existing_too, goes_on=not changed)
        elif stored != row:
            await repository.switch(session, tenant_id, row)


async def _begin_existing(
    session: AsyncSession, tenant_id: int, row: StoredDate, *, wanted: bool, goes_on: bool
) -> None:
    """The firing of dates that had come, for people to see and to stop; one that `goes_on` is left as it is."""
    place = (session, tenant_id, row.workflow_id, row.trigger_id)
    if wanted:
        await firing_repository.begin_existing(*place, *firing_of(row.trigger_id, row.trigger))
    elif not goes_on:
        await firing_repository.end_existing(*place, gettext("The trigger says something else by now."))


def firing_of(trigger_id: str, trigger: dict[str, Any]) -> tuple[str, int | None]:
    """What people call a firing of a trigger as it is stored, and how many it lets in."""
    kind, config = typed(msgspec.convert({"id": trigger_id, **trigger}, Trigger))
    return kind.title(config), kind.most_by_firing(config)


def _moves_with_zone(before: StoredDate, row: StoredDate, date: ContactDate) -> bool:
    """Do the same dates come at other instants, because the workspace's zone is another?"""
    return before.zone != row.zone and date.zone in (CONTACT, WORKSPACE)
