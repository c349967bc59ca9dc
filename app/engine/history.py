"""What had happened before: events that were handled, and when contacts started a workflow. Read only, nothing is locked.

Months of events that are too old to matter are not opened: an event has the month of its id, which is that of its arrival.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from app.engine import rows
from app.engine.claim import RUN_IS_ASKED, Cursor, Place, of_contacts
from app.engine.rows import Int4s, Stamps, Texts, Uuids
from app.engine.stored_rows import MICROS, PAST, Item, items_of, stamps
from app.inbox import InboxKind
from app.lib import ids

MOST_PAST = 100
_PAST = f"""
select 0, e.tenant_id, {PAST}, e.name, uuid_send(e.contact_id), uuid_send(e.id), null, null,
  convert_to(e.properties::text, 'UTF8'), 0, {stamps("e.received_at", "least(e.occurred_at, e.received_at)", "e.occurred_at")},
  0, 0
from unnest(%s::uuid[], %s::int[], %s::timestamptz[]) as entry(contact_id, tenant_id, occurred_at)
cross join lateral (
  select * from events where events.tenant_id = entry.tenant_id and events.contact_id = entry.contact_id
    and events.id >= %s and events.occurred_at >= entry.occurred_at and events.name = any(%s)
  order by events.occurred_at limit {MOST_PAST}) e
"""
# Whether one still stands in the inbox is asked of each by its index: that table is empty or huge, whatever the planner thinks of it.
_PAST_OF = f"""
select 0, e.tenant_id, {PAST}, e.name, uuid_send(e.contact_id), uuid_send(e.id), null, null,
  convert_to(e.properties::text, 'UTF8'), 0, {stamps("e.received_at", "least(e.occurred_at, e.received_at)", "e.occurred_at")},
  0, 0
from unnest(%s::int[], %s::uuid[], %s::text[], %s::timestamptz[]) as wait(tenant_id, contact_id, name, since)
cross join lateral (
  select * from events where events.tenant_id = wait.tenant_id and events.contact_id = wait.contact_id
    and events.id >= %s and events.name = wait.name and events.occurred_at >= wait.since
  order by events.occurred_at limit {MOST_PAST}) e
where (select i.id from inbox i where i.tenant_id = e.tenant_id and i.event_id = e.id and i.kind <> {InboxKind.FOR_RUN:d} limit 1) is null
order by e.contact_id, e.occurred_at
"""
STANDING = f"""
select uuid_send(r.contact_id), uuid_send(r.workflow_id), coalesce(r.entry_key, '') from active_runs r
where {RUN_IS_ASKED} and r.workflow_id = any(%(workflows)s)
"""
# Whoever asks reads this first: a workflow that is remembered as a whole here has all its entries in the statement after it.
UNREMEMBERED = """
select uuid_send(w.id) from workflows w
where w.tenant_id = any(%(tenants)s) and w.id = any(%(workflows)s) and w.entries_complete is not true
"""
ENTRIES = f"""
select uuid_send(r.contact_id), uuid_send(r.workflow_id), r.entry_key, {MICROS.format("r.last_started")}
from entries r where {RUN_IS_ASKED} and r.workflow_id = any(%(workflows)s)
"""
# A run that is still there says it itself; of those that were removed it is remembered.
ENDS = f"""
select uuid_send(r.contact_id), uuid_send(r.workflow_id), coalesce(r.entry_key, ''), {MICROS.format("max(r.completed_at)")}
from ended_runs r where {RUN_IS_ASKED} and r.workflow_id = any(%(workflows)s) group by r.contact_id, r.workflow_id, r.entry_key
union all
select uuid_send(r.contact_id), uuid_send(r.workflow_id), r.entry_key, {MICROS.format("r.last_ended")}
from entries r where {RUN_IS_ASKED} and r.workflow_id = any(%(workflows)s) and r.last_ended is not null
"""
HISTORY = f"""
select uuid_send(r.contact_id), uuid_send(r.workflow_id), coalesce(r.entry_key, ''), {MICROS.format("max(r.started_at)")}
from runs r where {RUN_IS_ASKED} and r.workflow_id = any(%(workflows)s) group by r.contact_id, r.workflow_id, r.entry_key
"""


def past_of(cursor: Cursor, places: Iterable[tuple[int, bytes, str, int]]) -> list[Item]:
    """Stored events that are no longer in the inbox, by (workspace, contact, name, from when on); in order of contact, then occurrence."""
    listed = list(places)
    arguments = (
        Int4s([rows.int4(tenant_id) for tenant_id, *_ in listed]),
        Uuids([contact_id for _, contact_id, *_ in listed]),
        Texts([rows.text(name) for *_, name, _ in listed]),
        Stamps([rows.stamp(since) for *_, since in listed]),
        ids.oldest_since(rows.instant(min(since for *_, since in listed))),
    )
    return items_of(cursor.execute(_PAST_OF, arguments).fetchall())


def past(cursor: Cursor, entries: Iterable[Item], names: Iterable[str]) -> list[Item]:
    """Stored events called `names` of the contacts of `entries`, from when the earliest of each contact's entries happened.

    At most `MOST_PAST` of a contact, the earliest of them. Some may stand in the inbox still.
    """
    since: dict[tuple[bytes, int], int] = {}
    for item in entries:
        if item.contact_id is None:
            continue
        place = item.contact_id, item.tenant_id
        since[place] = min(item.occurred_at, since.get(place, item.occurred_at))
    arguments = (
        Uuids([contact_id for contact_id, _ in since]),
        Int4s([rows.int4(tenant_id) for _, tenant_id in since]),
        Stamps([rows.stamp(at) for at in since.values()]),
        ids.oldest_since(rows.instant(min(since.values()))),
        Texts([rows.text(name) for name in names]),
    )
    return items_of(cursor.execute(_PAST, arguments).fetchall())


def standing(cursor: Cursor, contacts: Iterable[Place], workflow_ids: Sequence[bytes]) -> set[tuple[bytes, bytes, str]]:
    """(contact, workflow, entry key) of active runs; answered by the small index of active runs."""
    runs = of_contacts(cursor, STANDING, contacts, workflows=Uuids(workflow_ids))
    return {(contact_id, workflow_id, key) for contact_id, workflow_id, key in runs}


def last_started(
    cursor: Cursor, contacts: Iterable[Place], workflow_ids: Sequence[bytes]
) -> dict[tuple[bytes, bytes, str], int]:
    """When each (contact, workflow, entry key) last started, of workflows whose policy asks for it.

    What is remembered of their entries is enough, once all is: until then, all runs that there are are read as well.
    """
    contacts, workflows = list(contacts), Uuids(workflow_ids)
    tenants = Int4s([rows.int4(tenant_id) for tenant_id in {tenant_id for tenant_id, _ in contacts}])
    partly = cursor.execute(UNREMEMBERED, {"tenants": tenants, "workflows": workflows}).fetchall()
    starts = list(of_contacts(cursor, ENTRIES, contacts, workflows=workflows))
    if partly:
        starts += of_contacts(cursor, HISTORY, contacts, workflows=Uuids([workflow_id for (workflow_id,) in partly]))
    return _latest(starts)


def last_ended(
    cursor: Cursor, contacts: Iterable[Place], workflow_ids: Sequence[bytes]
) -> dict[tuple[bytes, bytes, str], int]:
    """When the last run of each (contact, workflow, entry key) ended, whatever it came to; those without any are missing."""
    return _latest(of_contacts(cursor, ENDS, contacts, workflows=Uuids(workflow_ids)))


def _latest(instants: Iterable[tuple[bytes, bytes, str, int]]) -> dict[tuple[bytes, bytes, str], int]:
    last: dict[tuple[bytes, bytes, str], int] = {}
    for contact_id, workflow_id, key, at in instants:
        place = contact_id, workflow_id, key
        last[place] = max(at, last.get(place, at))
    return last
