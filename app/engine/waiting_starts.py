"""Starts that a workflow has taken and that wait for their turn (`waiting_starts`): their rows, and all SQL of them.

They are written and deleted under the lock of their contact, those of nobody aside, so that one waits for each contact and entry key.
Which workflows have some is found by the key, an index probe for each. Whoever lets some begin holds the row of the workflow in
`entry_paces` and never waits for it, nor for a contact: so counts that are read under it stay true until the commit.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import psycopg

from app.counters.run_counters import ENTERED, MOVED, RETRIED
from app.engine import claim, rows
from app.engine.claim import RUN_IS_ASKED, Cursor, Place, of_contacts
from app.engine.pace import Pace
from app.engine.records import Refusal, TakenStart
from app.engine.rows import NULL, Int4s, Int8s, Jsons, Stamps, Uuids
from app.engine.stored_rows import MICROS, NOW, PACED, Item, items_of, stamps
from app.inbox import InboxKind, retry_sql

COLUMNS = {
    "tenant_id": "int", "workflow_id": "uuid", "kind": "smallint", "name": "text", "contact_id": "uuid", "event_id": "uuid",
    "run_id": "uuid", "entry_key": "text", "payload": "jsonb", "depth": "smallint", "occurred_at": "timestamptz", "at": "timestamptz",
    "since": "timestamptz", "lane": "bigint",
}  # fmt: skip
_COUNT = rows.pack(">h", len(COLUMNS))
_HEADS = """
with recursive heads as (
  (select tenant_id, workflow_id, since from waiting_starts order by tenant_id, workflow_id, id limit 1)
  union all
  select n.tenant_id, n.workflow_id, n.since from heads h cross join lateral (
    select w.tenant_id, w.workflow_id, w.since from waiting_starts w where (w.tenant_id, w.workflow_id) > (h.tenant_id, h.workflow_id)
    order by w.tenant_id, w.workflow_id, w.id limit 1) n)
"""
# A paused workflow keeps those who wait; one that is archived or deleted lets them go.
_MAY_BEGIN = """
from heads h join workflows f on f.tenant_id = h.tenant_id and f.id = h.workflow_id
left join entry_paces p on p.tenant_id = h.tenant_id and p.workflow_id = h.workflow_id
left join workspaces s on s.id = h.tenant_id left join workflow_epochs e on e.tenant_id = h.tenant_id
where coalesce(p.not_before <= (select clock_now()), true) and (f.status <> 'paused' or f.deleted_at is not null)
"""
IS_DUE = f"exists ({_HEADS} select {_MAY_BEGIN})"
"""May somebody who waits begin?"""
NEXT_DUE = "select min(not_before) from entry_paces where not_before > clock_now()"
_DUE = f"""{_HEADS}
select h.tenant_id, uuid_send(h.workflow_id), {MICROS.format("h.since")}, f.status = 'active' and f.deleted_at is null,
  p.tenant_id is not null, f.priority, coalesce(s.weight, 1), coalesce(e.n, 0), {NOW}
{_MAY_BEGIN}
"""
_MAKE_PACES = "insert into entry_paces (tenant_id, workflow_id) select * from unnest(%s::int[], %s::uuid[]) on conflict do nothing"
_LOCK_PACES = f"""
select p.tenant_id, uuid_send(p.workflow_id), {MICROS.format("p.last_at")}, convert_to(p.recent::text, 'UTF8')
from entry_paces p join unnest(%s::int[], %s::uuid[]) as u(tenant_id, workflow_id)
  on p.tenant_id = u.tenant_id and p.workflow_id = u.workflow_id
for update of p skip locked
"""
_SETTLE_PACES = """
update entry_paces p set last_at = u.last_at, recent = u.recent, not_before = u.not_before
from unnest(%s::int[], %s::uuid[], %s::timestamptz[], %s::jsonb[], %s::timestamptz[])
  as u(tenant_id, workflow_id, last_at, recent, not_before)
where p.tenant_id = u.tenant_id and p.workflow_id = u.workflow_id
"""
# Versions never go, and each has a few counters of what entered. Who goes on, moved or retried, entered before.
_STANDING = f"""
select u.tenant_id, uuid_send(u.workflow_id),
  case when u.at_once is null then 0 else (
    select count(*) from (
      select from active_runs r where r.tenant_id = u.tenant_id and r.workflow_id = u.workflow_id limit u.at_once) as inside) end,
  case when u.most is null then 0 else (
    select coalesce(sum(case n.key when '{ENTERED}' then n.n else -n.n end), 0)::bigint from workflow_versions v join node_stats n
      on n.tenant_id = v.tenant_id and n.workflow_id = v.workflow_id and n.version = v.version and n.node_id = ''
        and n.key in ('{ENTERED}', '{MOVED}', '{RETRIED}')
    where v.tenant_id = u.tenant_id and v.workflow_id = u.workflow_id) end
from unnest(%s::int[], %s::uuid[], %s::int[], %s::bigint[]) as u(tenant_id, workflow_id, at_once, most)
"""
_FIRST = """
unnest(%s::int[], %s::uuid[], %s::int[]) as s(tenant_id, workflow_id, share) cross join lateral (
  select * from waiting_starts w where w.tenant_id = s.tenant_id and w.workflow_id = s.workflow_id
  order by w.id limit s.share for update skip locked) w
"""
_PICK = f"""
with picked as materialized (select w.tenant_id, w.workflow_id, w.id, w.contact_id from {_FIRST})
select p.tenant_id, uuid_send(p.workflow_id), p.id, p.contact_id is null or c.id is not null
from picked p left join lateral (
  select c.id from contacts c where c.tenant_id = p.tenant_id and c.id = p.contact_id for no key update skip locked) c on true
"""
_TAKE = f"""
delete from waiting_starts w using unnest(%s::int[], %s::uuid[], %s::bigint[]) as u(tenant_id, workflow_id, id)
where w.tenant_id = u.tenant_id and w.workflow_id = u.workflow_id and w.id = u.id
returning w.id, w.tenant_id, w.kind, w.name, uuid_send(w.contact_id), uuid_send(w.event_id), uuid_send(w.workflow_id),
  uuid_send(w.run_id), convert_to(w.payload::text, 'UTF8'), w.depth,
  {stamps("w.at", "least(w.occurred_at, w.at)", "w.occurred_at")}, {NOW}, 0, 1, w.lane
"""
_DROP = f"""
with picked as materialized (select w.tenant_id, w.workflow_id, w.id from {_FIRST})
delete from waiting_starts w using picked p where w.tenant_id = p.tenant_id and w.workflow_id = p.workflow_id and w.id = p.id
returning w.tenant_id, uuid_send(w.workflow_id), uuid_send(w.contact_id), uuid_send(w.event_id), uuid_send(w.run_id)
"""
_WAITING = f"""
select uuid_send(r.contact_id), uuid_send(r.workflow_id), r.entry_key from waiting_starts r
where {RUN_IS_ASKED} and r.workflow_id = any(%(workflows)s) and r.entry_key is not null
"""
# A row that somebody holds is left: whoever lets some begin now says itself when to look again.
_FREED = """
update entry_paces set not_before = null where tenant_id = any(%(tenants)s::int[]) and ctid = any(array(
  select p.ctid from entry_paces p join unnest(%(tenants)s::int[], %(workflows)s::uuid[]) as u(tenant_id, workflow_id)
    on p.tenant_id = u.tenant_id and p.workflow_id = u.workflow_id
  where p.not_before is not null for update of p skip locked))
"""
_PUT_BACK = f"""
with taken as (
  delete from waiting_starts where tenant_id = %s and workflow_id = %s and id = %s returning *),
asked as (
  select tenant_id, id, case kind when {PACED} then {InboxKind.DEFERRED:d} else kind end as kind, name, contact_id, event_id, workflow_id,
    run_id, payload, depth, occurred_at, at, at as arrived_at, lane from taken)
{retry_sql("asked")}
"""


class WaitingHead(NamedTuple):
    """A workflow some of whose waiting starts may begin. Instants: microseconds since 2000."""

    tenant_id: int
    workflow_id: bytes
    since: int
    """Since when the first of them waits."""
    active: bool
    has_pace: bool
    priority: int
    weight: int
    epoch: int
    now: int

    @property
    def place(self) -> Place:
        return self.tenant_id, self.workflow_id


def row_of(start: TakenStart, now: int) -> bytes:
    """The row of a start that is to wait."""
    item = start.item
    kind = PACED if item.kind in (InboxKind.EVENT, InboxKind.DEFERRED) else item.kind
    return b"".join((
        _COUNT, rows.int4(item.tenant_id), rows.uuid(start.workflow_id), rows.int2(kind), rows.text(item.name),
        rows.uuid(item.contact_id), rows.uuid(item.event_id), rows.uuid(item.run_id), rows.text(start.entry_key),
        rows.raw_json(item.payload), rows.int2(item.depth), rows.stamp(item.stated_at), rows.stamp(item.at), rows.stamp(now),
        rows.int8(item.lane),
    ))  # fmt: skip


def waiting(cursor: Cursor, contacts: Iterable[Place], workflow_ids: Sequence[bytes]) -> set[tuple[bytes, bytes, str]]:
    """(contact, workflow, entry key) of those who wait to enter."""
    found_rows = of_contacts(cursor, _WAITING, contacts, workflows=Uuids(workflow_ids))
    return {(contact_id, workflow_id, key) for contact_id, workflow_id, key in found_rows}


def due(cursor: Cursor) -> list[WaitingHead]:
    """The workflows of which somebody who waits may begin."""
    return [WaitingHead(*row) for row in cursor.execute(_DUE).fetchall()]


def lock_paces(cursor: Cursor, heads: Sequence[WaitingHead]) -> dict[Place, Pace]:
    """The paces of those workflows that nobody else lets begin now, locked."""
    if new := [head for head in heads if not head.has_pace]:
        cursor.execute(_MAKE_PACES, _places([head.place for head in new]))
    locked = cursor.execute(_LOCK_PACES, _places([head.place for head in heads])).fetchall()
    return {
        (tenant_id, workflow_id): Pace(last, tuple((at, n) for at, n in rows.decode(recent)) if recent else ())
        for tenant_id, workflow_id, last, recent in locked
    }


def settle_paces(cursor: Cursor, paces: Sequence[tuple[Place, Pace, int | None]]) -> None:
    """Keep paces, each with the instant before which nobody who waits can begin (None: look)."""
    if paces:
        cursor.execute(_SETTLE_PACES, (
            *_places([place for place, _, _ in paces]), Stamps([rows.stamp(pace.last) for _, pace, _ in paces]),
            Jsons([rows.json([list(one) for one in pace.recent] or None) for _, pace, _ in paces]),
            Stamps([rows.stamp(at) for _, _, at in paces]),
        ))  # fmt: skip


def standing(cursor: Cursor, limits: Sequence[tuple[Place, int | None, int | None]]) -> dict[Place, tuple[int, int]]:
    """How many runs are under way, counted up to a number, and how many ever began; each only where a number is not None."""
    if not limits:
        return {}
    arguments = (
        *_places([place for place, _, _ in limits]),
        Int4s([NULL if at_once is None else rows.int4(at_once) for _, at_once, _ in limits]),
        Int8s([NULL if most is None else rows.int8(most) for _, _, most in limits]),
    )
    counted = cursor.execute(_STANDING, arguments).fetchall()
    return {(tenant_id, workflow_id): (inside, entered) for tenant_id, workflow_id, inside, entered in counted}


def take(cursor: Cursor, shares: dict[Place, int]) -> tuple[list[Item], set[Place]]:
    """The first starts of workflows, so many of each, whose contacts nobody holds: locked, and off the list; in order of contact.

    Answers the workflows too of which more wait: so many as were asked for were there.
    """
    if not shares:
        return [], set()
    picked = cursor.execute(_PICK, _shares(shares)).fetchall()
    counts = dict.fromkeys(shares, 0)
    for tenant_id, workflow_id, _, _ in picked:
        counts[tenant_id, workflow_id] += 1
    free = [row for row in picked if row[3]]
    more = {place for place, count in counts.items() if count == shares[place]}
    more |= {(tenant_id, workflow_id) for tenant_id, workflow_id, _, is_free in picked if not is_free}
    if not free:
        return [], more
    arguments = (
        *_places([(tenant_id, workflow_id) for tenant_id, workflow_id, *_ in free]),
        Int8s([rows.int8(id_) for _, _, id_, _ in free]),
    )
    items = items_of(cursor.execute(_TAKE, arguments).fetchall())
    items.sort(key=lambda item: (item.contact_id or b"", item.occurred_at, item.stated_at, item.id))
    return items, more


def drop(
    cursor: Cursor, shares: dict[Place, int], reasons: dict[Place, tuple[str, dict[str, Any] | None]]
) -> list[Refusal]:
    """Take the first starts of workflows off the list, so many of each, and say why."""
    if not shares:
        return []
    return [
        Refusal(tenant_id, workflow_id, contact_id, event_id, *reasons[tenant_id, workflow_id], run_id)
        for tenant_id, workflow_id, contact_id, event_id, run_id in cursor.execute(_DROP, _shares(shares)).fetchall()
    ]


def freed(cursor: Cursor, places: Sequence[Place]) -> None:
    """Runs of these workflows have ended: whoever waits for that may begin."""
    if places:
        tenants, workflows = _places(places)
        cursor.execute(_FREED, {"tenants": tenants, "workflows": workflows})


def set_aside(connection: psycopg.Connection[Any], place: Place, start_id: int, error: str) -> None:
    """Take a start that cannot be stored out of the way: a person decides what becomes of it."""
    tenant_id, workflow_id = place
    put_back = connection.execute(_PUT_BACK, (tenant_id, UUID(bytes=workflow_id), start_id)).fetchone()
    if put_back is not None:
        claim.set_aside(connection, (tenant_id, 0, put_back[0]), error)


def _places(places: Sequence[Place]) -> tuple[Int4s, Uuids]:
    return Int4s([rows.int4(tenant_id) for tenant_id, _ in places]), Uuids([workflow_id for _, workflow_id in places])


def _shares(shares: dict[Place, int]) -> tuple[Int4s, Uuids, Int4s]:
    return (*_places(list(shares)), Int4s([rows.int4(share) for share in shares.values()]))
