"""When dates of contacts are due for triggers that watch them: worked out and written for many contacts at once.

Whoever calls holds the locks of the contacts, and has written what changes of them in this transaction: it is read anew here. Contacts
first, then their due dates, then `date_schedules`: so nobody waits in a circle. A due date is written with a share of its schedule's
row, and whoever says that nothing is due for long holds that row alone (`app.dates.repository.settle`): so none is overlooked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any, NamedTuple

import structlog

from app.engine import rows
from app.engine.claim import Cursor
from app.engine.records import Refusal
from app.engine.refusals import REFUSE, refuse_arguments
from app.engine.rows import Stamps, Texts, Uuids
from app.flow.contact_date import ContactDate, NoDate
from app.flow.timetable import PUNCTUAL
from app.lib.conversions import printed
from app.values.schedule import Occurrence

log = structlog.get_logger()
UNREADABLE = "date_not_understood"
"""The reason of a refusal."""
MAX_SHOWN = 100
"""Characters of what is no date that a refusal quotes."""


class WatchedDate(NamedTuple):
    """A date that a trigger of a live version watches."""

    workflow_id: bytes
    trigger_id: str
    date: ContactDate


_VALUES = """
select uuid_send(c.id), c.timezone, c.created_at,
  (select jsonb_object_agg(n, c.attributes->n) from unnest(%(names)s::text[]) as u(n) where c.attributes ? n)
from contacts c where c.tenant_id = %(tenant)s and c.id = any(%(contacts)s)
"""
_KNOWN = """
select uuid_send(contact_id), uuid_send(workflow_id), trigger_id, next_at, fired_for, unreadable from due_dates
where tenant_id = %(tenant)s and contact_id = any(%(contacts)s)
"""
_PUT = """
insert into due_dates (tenant_id, contact_id, workflow_id, trigger_id, next_at, unreadable)
select %(tenant)s, u.contact_id, u.workflow_id, u.trigger_id, u.next_at, u.next_at is null and u.unreadable
from unnest(%(contacts)s::uuid[], %(workflows)s::uuid[], %(triggers)s::text[], %(next)s::timestamptz[], %(unreadable)s::boolean[])
  as u(contact_id, workflow_id, trigger_id, next_at, unreadable)
join date_schedules s on s.tenant_id = %(tenant)s and s.workflow_id = u.workflow_id and s.trigger_id = u.trigger_id and s.dropped_at is null
order by 2, 3, 4 for key share of s
on conflict (tenant_id, contact_id, workflow_id, trigger_id) do update set next_at = excluded.next_at, unreadable = excluded.unreadable
"""
# Only what has never fired goes: that one has must be known when the date comes back.
_FORGET = """
delete from due_dates d
using unnest(%(contacts)s::uuid[], %(workflows)s::uuid[], %(triggers)s::text[]) as u(contact_id, workflow_id, trigger_id)
where d.tenant_id = %(tenant)s and d.contact_id = u.contact_id and d.workflow_id = u.workflow_id and d.trigger_id = u.trigger_id
"""
_WAKE = """
with later as (
  select s.workflow_id, s.trigger_id, u.at
  from unnest(%(workflows)s::uuid[], %(triggers)s::text[], %(at)s::timestamptz[]) as u(workflow_id, trigger_id, at)
  join date_schedules s on s.tenant_id = %(tenant)s and s.workflow_id = u.workflow_id and s.trigger_id = u.trigger_id
  where s.next_at is null or s.next_at > u.at order by 1, 2 for no key update of s)
update date_schedules s set next_at = l.at from later l
where s.tenant_id = %(tenant)s and s.workflow_id = l.workflow_id and s.trigger_id = l.trigger_id and (s.next_at is null or s.next_at > l.at)
"""


class _Known(NamedTuple):
    """A row of `due_dates`."""

    next_at: datetime | None
    fired_for: datetime | None
    unreadable: bool


class DueDates:
    """Of one workspace. `zone`: its own. `now`: microseconds since 2000."""

    def __init__(self, cursor: Cursor, tenant_id: int, zone: str | None, now: int) -> None:
        self._cursor, self._tenant_id, self._zone, self._now = cursor, tenant_id, zone, now
        self._known: dict[tuple[bytes, bytes, str], _Known] = {}
        self._put: list[tuple[bytes, WatchedDate, datetime | None, bool]] = []
        self._forget: list[tuple[bytes, WatchedDate]] = []
        self._refusals: list[Refusal] = []

    def follow(self, watched: Sequence[WatchedDate], since: Mapping[bytes, int], *, existing: bool = False) -> None:
        """Write when dates are due that come after `since`, for each contact. Six statements at most, however many.

        `existing`: and those that have come up to then, for triggers that want them.
        """
        if not watched or not since:
            return
        names = list({one.date.attribute: None for one in watched if one.date.attribute is not None})
        arguments = {"tenant": self._tenant_id, "contacts": Uuids(list(since)), "names": names}
        values = self._cursor.execute(_VALUES, arguments).fetchall()
        self._known = {
            (contact, workflow, trigger): _Known(*known)
            for contact, workflow, trigger, *known in self._cursor.execute(_KNOWN, arguments).fetchall()
        }
        for contact_id, timezone, created_at, attributes in values:
            after = rows.instant(since[contact_id])
            for one in watched:
                value = one.date.value_of(created_at, attributes or {})
                self._one(contact_id, one, value, timezone, after, existing)
        self._write()

    def _one(
        self, contact_id: bytes, one: WatchedDate, value: Any, timezone: str | None, since: datetime, existing: bool
    ) -> None:
        known = self._known.get((contact_id, one.workflow_id, one.trigger_id))
        fired_for, after = known.fired_for if known is not None else None, since
        if one.date.missed == "skip":
            after = max(after, rows.instant(self._now) - PUNCTUAL)
        next_at, unreadable = None, False
        try:
            zone = one.date.zone_in(timezone, self._zone)
            coming = _come_already(one.date, known, value, zone, since, existing)
            if coming is None or coming.local == fired_for:
                coming = one.date.following(value, zone, after, fired_for)
            next_at = coming.at if coming is not None else None
        except NoDate:
            unreadable = True
        if unreadable and not (known is not None and known.unreadable):
            self._refuse(contact_id, one, value)
        if next_at is None and not unreadable and fired_for is None:
            if known is not None:
                self._forget.append((contact_id, one))
        elif known is None or (known.next_at, known.unreadable) != (next_at, unreadable):
            self._put.append((contact_id, one, next_at, unreadable))

    def _refuse(self, contact_id: bytes, one: WatchedDate, value: Any) -> None:
        detail = {"field": one.date.field, "value": printed(value)[:MAX_SHOWN]}
        self._refusals.append(Refusal(self._tenant_id, one.workflow_id, contact_id, None, UNREADABLE, detail))

    def _write(self) -> None:
        if self._put:
            self._cursor.execute(
                _PUT,
                {
                    **self._places((contact, one) for contact, one, *_ in self._put),
                    "next": Stamps([_stamp(next_at) for *_, next_at, _ in self._put]),
                    "unreadable": [unreadable for *_, unreadable in self._put],
                },
            )
            self._wake()
        if self._forget:
            self._cursor.execute(_FORGET, self._places(self._forget))
        if self._refusals:
            self._cursor.execute(REFUSE, refuse_arguments(self._refusals, self._now))

    def _wake(self) -> None:
        """Let the schedules be looked at when the first of these is due."""
        first: dict[tuple[bytes, str], datetime] = {}
        for _, one, next_at, _ in self._put:
            if next_at is not None:
                place = one.workflow_id, one.trigger_id
                first[place] = min(first.get(place, next_at), next_at)
        if first:
            # What came while nobody could act is no sign that nobody looked.
            at = [max(one, rows.instant(self._now)) for one in first.values()]
            arguments = {
                "tenant": self._tenant_id,
                "workflows": Uuids([workflow_id for workflow_id, _ in first]),
                "triggers": Texts([rows.text(trigger_id) for _, trigger_id in first]),
                "at": Stamps([_stamp(one) for one in at]),
            }
            self._cursor.execute(_WAKE, arguments)

    def _places(self, places: Iterable[tuple[bytes, WatchedDate]]) -> dict[str, Any]:
        listed = list(places)
        return {
            "tenant": self._tenant_id,
            "contacts": Uuids([contact_id for contact_id, _ in listed]),
            "workflows": Uuids([one.workflow_id for _, one in listed]),
            "triggers": Texts([rows.text(one.trigger_id) for _, one in listed]),
        }


def _come_already(
    date: ContactDate, known: _Known | None, value: Any, zone: tzinfo, since: datetime, existing: bool
) -> Occurrence | None:
    """The date that has come for which a run is still to start: because its trigger goes live, or went and the contact's turn has not come.
    Raises NoDate."""
    if existing or date.existing == "ignore":
        return date.come_already(value, zone, since) if existing else None
    if known is None or known.next_at is None or (known.next_at > since and date.existing != "only"):
        return None
    return date.moved_by_zone(value, zone, known.next_at)


def _stamp(at: datetime | None) -> bytes:
    return rows.stamp(None if at is None else rows.microseconds(at))
