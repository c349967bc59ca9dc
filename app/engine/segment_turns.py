"""The claim of contacts whose membership in dynamic segments time alone may change now: `segment_state.next_at` has come.

A turn holds rows of `segment_state` and never waits for a contact: whoever holds that judges it, or the turn is taken a moment later.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg

from app.engine import rows
from app.engine.claim import Cursor
from app.engine.interest import Behind
from app.engine.matcher import Matcher
from app.engine.rows import Int4s, Uuids
from app.engine.state import ContactState
from app.engine.stored_rows import NOW
from app.engine.walk import Batch

MOST = 500
"""Contacts at once: deadlines cluster at midnight, and events go first."""
IS_DUE = "exists (select from segment_state where next_at <= clock_now())"
NEXT_DUE = "select min(next_at) from segment_state where next_at > clock_now()"
_DUE = f"""
select s.tenant_id, uuid_send(s.contact_id), {NOW}, coalesce(e.n, 0)
from segment_state s left join workflow_epochs e on e.tenant_id = s.tenant_id
where s.next_at <= (select clock_now()) order by s.next_at limit %(limit)s for update of s skip locked
"""
_CONTACTS = """
select uuid_send(c.id) from contacts c join unnest(%(tenants)s::int[], %(contacts)s::uuid[]) as u(tenant_id, id)
  on c.tenant_id = u.tenant_id and c.id = u.id
for no key update of c skip locked
"""
_SKIP = "update segment_state set next_at = null where tenant_id = %(tenant)s and contact_id = any(%(contacts)s)"


class TurnBatch(Batch):
    """A batch of turns. `head`: the first of them, which is given up when it cannot be stored even alone."""

    head: tuple[int, UUID | None] = 0, None
    taken = 0


def take(cursor: Cursor, matcher: Matcher, limit: int) -> TurnBatch | None:
    """Take up to `limit` turns, of contacts that nobody holds; None when there are none."""
    due = cursor.execute(_DUE, {"limit": min(limit, MOST)}).fetchall()
    if not due:
        return None
    if stale := matcher.stale({tenant_id: epoch for tenant_id, _, _, epoch in due}):
        raise Behind(stale, [])
    places = {contact_id: tenant_id for tenant_id, contact_id, *_ in due}
    arguments = {"tenants": Int4s([rows.int4(one) for one in places.values()]), "contacts": Uuids(list(places))}
    batch = TurnBatch(due[0][2])
    for (contact_id,) in cursor.execute(_CONTACTS, arguments).fetchall():
        tenant_id = places[contact_id]
        if matcher.workspace(tenant_id).book is None:  # its last segment is gone
            skip(cursor.connection, tenant_id, UUID(bytes=contact_id))
        else:
            batch.contacts[contact_id] = ContactState(contact_id)
            batch.segment_work.turns.setdefault(tenant_id, []).append(contact_id)
        batch.taken += 1
        batch.head = tenant_id, UUID(bytes=contact_id)
    return batch if batch.taken else None


def skip(connection: psycopg.Connection[Any], tenant_id: int, contact_id: UUID | None) -> None:
    """Leave a contact as it is until something happens to it."""
    if contact_id is not None:
        connection.execute(_SKIP, {"tenant": tenant_id, "contacts": [contact_id]})
