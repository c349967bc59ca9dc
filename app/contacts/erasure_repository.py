"""Erasing one contact: what is deleted and what is emptied is read from the marks on the models (`app.models.personal`)."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncSession

from app import inbox
from app.counters.recount_repository import sums_of_variants
from app.domain_events.outbox_repository import DomainEvent, tell
from app.domain_events.types import CONTACT_DELETED
from app.lib import jsonlimits, shards
from app.lib.addresses import comparable
from app.lib.database import execute
from app.models import Base
from app.models.personal import About, emptied, rows_of
from app.models.status import RunStatus

_ORDER = list(About)
_HOLD_CALLING = f"""
update active_runs r set status = {RunStatus.HELD:d}, resume_at = null, attempt = r.attempt + 1, fence = r.fence + 1,
  waits_since = coalesce(r.waits_since, clock_now()),
  error_message = 'What this step was to send named a contact that was erased.'
where r.tenant_id = %(tenant)s and r.contact_id is null and r.status = {RunStatus.CALLING:d} and exists (
  select from calls c where c.tenant_id = r.tenant_id and c.run_id = r.id and c.seq = r.seq + 1 and c.attempt = r.attempt
    and lower(c.request::text) like any(%(traces)s))
"""  # noqa: S608  constants
"""Runs without a contact whose call goes: nobody would answer them, so a person decides, as about every call that was lost."""

_CALLED_OFF = f"""
with lost as (
  select tenant_id, run_id from inbox where {About.CONTACT} and kind = {inbox.InboxKind.CALLED:d}
  union all
  select tenant_id, run_id from waiting_starts where {About.CONTACT} and kind = {inbox.InboxKind.CALLED:d}), {
    inbox.over_sql(
        "lost",
        status=f"{RunStatus.CANCELLED:d}",
        refused="null",
        port="'error'",
        error="'The contact was erased.'",
        output="null::jsonb",
    )
}
select 1
"""  # noqa: S608  constants
"""A run that was called for the contact and has not begun is over: its row goes, and who called waits for it no more."""

_COUNT_DOWN = f"""
insert into segment_days as d (tenant_id, segment, day, shard, departed)
select tenant_id, segment, ((select clock_now()) at time zone 'UTC')::date, {shards.PEOPLE}, 1 from segment_members where {About.MEMBER}
order by segment on conflict (tenant_id, segment, day, shard) do update set departed = d.departed + 1
"""  # noqa: S608  constants
"""Whoever is erased is counted in no segment any more; nobody is told that the contact has left."""

_STAYS_COUNTED = f"""
insert into retired_stats (tenant_id, workflow_id, version, node_id, key, n)
select * from ({sums_of_variants("split_exposures", str(About.CONTACT))}) as sums order by workflow_id, version, node_id, key
on conflict (tenant_id, workflow_id, version, node_id, key, month) do update set n = retired_stats.n + excluded.n
"""  # noqa: S608  constants
"""The contact stays counted in the results of splits: an experiment does not change because somebody was erased."""


@functools.cache
def statements() -> tuple[str, ...]:
    """All that erases what is marked, each with the parameters of `About`: rows that go first, then columns, in the order of `About`."""
    hold_calling = _ORDER.index(About.STEP_OF_NOBODY), -1, _HOLD_CALLING
    count_down = _ORDER.index(About.MEMBER), -1, _COUNT_DOWN
    called_off = _ORDER.index(About.CONTACT), -1, _CALLED_OFF
    stays_counted = _ORDER.index(About.CONTACT), -1, _STAYS_COUNTED
    ordered = sorted(
        [*_deletes(), *_updates(), hold_calling, count_down, called_off, stays_counted], key=lambda item: item[:2]
    )
    return tuple(sql for _, _, sql in ordered)


def _deletes() -> Iterator[tuple[int, int, str]]:
    for table in Base.metadata.sorted_tables:
        mark = rows_of(table)
        if mark is not None and mark.about is not About.SELF:
            yield _ORDER.index(mark.about), 0, f"delete from {table.name} where {mark.about}"  # noqa: S608  constants
        if mark is not None and mark.names is not None:
            where = f"{mark.of_nobody} and lower({mark.names}) like any(%(traces)s)"
            yield _ORDER.index(mark.of_nobody), 0, f"delete from {table.name} where {where}"  # noqa: S608  constants


def _updates() -> Iterator[tuple[int, int, str]]:
    for table in Base.metadata.sorted_tables:
        values: dict[About, list[str]] = {}
        for column in table.columns:
            if (mark := emptied(column)) and mark.about is not None:
                values.setdefault(mark.about, []).append(f"{column.name} = {mark.value}")
        for about, sets in values.items():
            yield _ORDER.index(about), 1, f"update {table.name} set {', '.join(sets)} where {about}"  # noqa: S608  constants
            yield from _of_nobody(table, about, sets)


def _of_nobody(table: Table, about: About, sets: list[str]) -> Iterator[tuple[int, int, str]]:
    """Runs without a contact do not know whom they are about: what they hold is emptied where it names the contact."""
    if about is About.RUN:
        whose = About.STEP_OF_NOBODY
    elif about is About.CONTACT and table.c.contact_id.nullable:
        whose = About.NAMED
    else:
        return
    columns = ", ".join(f"{assignment.split(' = ')[0]}::text" for assignment in sets)
    where = f"{whose} and lower(concat_ws(' ', {columns})) like any(%(traces)s)"
    yield _ORDER.index(whose), 1, f"update {table.name} set {', '.join(sets)} where {where}"  # noqa: S608  constants


async def erase(session: AsyncSession, tenant_id: int, contact_id: UUID, now: datetime) -> bool:
    """Delete the contact and what is known about it, and tell the engine to end its runs. False when it is not there.

    Locks the contact first and runs after it, as the engine does.
    """
    erased_rows = await execute(
        session,
        "delete from contacts where id = %(id)s and tenant_id = %(tenant)s"
        " returning email, external_id, phone, tags, created_at",
        id=contact_id,
        tenant=tenant_id,
    )
    if not erased_rows:
        return False
    email, external_id, phone, tags, created_at = erased_rows[0]
    identifiers = {
        "tags": tags,
        "created_at": created_at,
        "email": email,
        "comparable": comparable(email or ""),
        "traces": [
            *([f"%{_literal(email)}%"] if email else []),
            *(f'%"{_literal(name)}"%' for name in (external_id, phone) if name),
        ],
    }
    for statement in statements():
        await execute(session, statement, id=contact_id, tenant=tenant_id, **identifiers)
    await inbox.erased(session, tenant_id, contact_id, now)
    # Of nobody by now: what stands beside a contact would have gone with it.
    await tell(session, [DomainEvent(tenant_id, CONTACT_DELETED, None, {"contactId": str(contact_id)}, now)])
    return True


def _literal(text: str) -> str:
    """A text as it stands in JSON in small letters, for `like`."""
    inside = jsonlimits.encode(text).decode()[1:-1].lower()
    return inside.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
