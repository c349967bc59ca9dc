"""What a worker takes, as SQL. Order of locks: turn, inbox, contacts, runs; or runs, then contacts that nobody holds.

The due claim holds runs already, so it must never wait for a contact: with an event that holds the contact and wants the
run for a goal, both would wait for ever.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

import psycopg

from app import wakes
from app.engine import inbox_lanes, rows
from app.engine.rows import Int2s, Int4s, Int8s, Jsons, Texts, Uuids
from app.engine.stored_rows import NOW, RUN, Item, RunRow, items_of, run_row, stamps
from app.inbox import DeferredEvent, InboxKind, defer, over_sql
from app.models.status import Priority
from app.turns import MOST_DEALS, Claimant, RoundRobin
from app.values.contact_view import COLUMNS

# The rows are locked, so they stay in their places until they are deleted there.
# Workers compare the epochs in the snapshot of the claim: an event is never seen without the activation before it.
INBOX = f"""
with taken as (
  delete from inbox where ctid = any(array(
    select i.place from unnest(%(tenants)s::int[], %(priorities)s::smallint[], %(lanes)s::bigint[], %(shares)s::int[])
      as s(tenant_id, priority, lane, share)
    cross join lateral (
      select ctid as place from inbox where tenant_id = s.tenant_id and priority = s.priority and lane = s.lane
        and kind = any(%(kinds)s){{but}}
      order by id limit s.share for update skip locked) i
    limit %(limit)s)) returning *)
select id, tenant_id, kind, name, uuid_send(contact_id), uuid_send(event_id), uuid_send(workflow_id), uuid_send(run_id),
  convert_to(payload::text, 'UTF8'), depth, {stamps("at", "least(occurred_at, at)", "occurred_at")}, {NOW}, coalesce(n, 0), priority, lane,
  {wakes.IS_DUE}
from taken left join workflow_epochs using (tenant_id) order by contact_id, least(occurred_at, at), occurred_at, id
"""
_BUT_BUSY = " and (contact_id is null or contact_id <> all(%(busy)s))"
_OF_WORKFLOW = ", ".join(
    f"{kind:d}" for kind in (InboxKind.START, InboxKind.AT_TRIGGER, InboxKind.CALLED, InboxKind.DEFERRED)
)
_BUT_FOREIGN = f" and not (kind in ({_OF_WORKFLOW}) and workflow_id = any(%(foreign)s))"
_BUT_OF_OTHERS = f""" and not (kind = {InboxKind.FOR_RUN:d} and workflow_id = any(%(partly)s)
  and exists (select from active_runs r where r.tenant_id = inbox.tenant_id and r.id = inbox.run_id))"""
MOST_TENANTS = 32
"""Workspaces that one statement asks about: it looks for each contact in each of them, cheaper than a join when they are few."""
CONTACT_IS_ASKED = "tenant_id = any(%(tenants)s) and id = any(%(contacts)s)"
RUN_IS_ASKED = "r.tenant_id = any(%(tenants)s) and r.contact_id = any(%(contacts)s)"
BUSY = f"""
with contact as (select id from contacts where {CONTACT_IS_ASKED} for no key update skip locked),
run as (select id from active_runs r where {RUN_IS_ASKED} for update skip locked)
select tenant_id, uuid_send(id) from contacts where {CONTACT_IS_ASKED} and id not in (select id from contact)
union
select tenant_id, uuid_send(contact_id) from active_runs r where {RUN_IS_ASKED} and id not in (select id from run)
"""
_FIELDS = {
    **{name: f"c.{name}" for name in COLUMNS},
    "attributes": "convert_to(c.attributes::text, 'UTF8')",
    "tags": "c.tags",
    "consent": "convert_to(c.consent::text, 'UTF8')",
}
CONTACTS = f"""
select uuid_send(c.id){{}} from contacts c where {CONTACT_IS_ASKED} order by tenant_id, id for no key update
"""
_STORED = "select uuid_send(c.id){} from contacts c where c.tenant_id = %(tenant)s and c.id = any(%(contacts)s)"
ACTIVE = f"select {RUN} from active_runs r where {RUN_IS_ASKED} order by r.tenant_id, r.id for update"
WAITING = f"""
select {RUN} from unnest(%s::int[], %s::uuid[], %s::text[]) as u(tenant_id, contact_id, name) join active_runs r
  on r.tenant_id = u.tenant_id and r.contact_id = u.contact_id and r.waits_for = u.name and r.status = 1
order by r.id for update of r
"""
IS_DUE = f"exists (select from inbox) or {wakes.IS_DUE}"
"""Is there something to claim?"""
SETTLE = f"""
with settled as (
  update active_runs r set status = 0, resume_at = (select clock_now()), resume_port = u.port, resume_output = u.output, fence = r.fence + 1
  from unnest(%s::int[], %s::uuid[], %s::int[], %s::text[], %s::jsonb[]) as u(tenant_id, id, seq, port, output)
  where r.tenant_id = u.tenant_id and r.id = u.id and r.status = 2 and r.seq = u.seq - 1
  returning r.tenant_id, r.workflow_id, r.resume_at)
{wakes.append_sql("settled")}
"""
ANY_PRIORITY = f"priority in ({', '.join(str(int(one)) for one in Priority)})"
"""Of rows of the inbox whose lane and id are known: the key leads on from the workspace."""
_SET_ASIDE = f"""
with taken as (delete from inbox where tenant_id = %(tenant)s and {
    ANY_PRIORITY
} and lane = %(lane)s and id = %(id)s returning *), {
    over_sql(
        f"(select * from taken where kind = {InboxKind.CALLED:d})",
        status="null",
        refused="'set_aside'",
        port="'error'",
        error="'The called run could not be started. Home says more, under events that were set aside.'",
        output="null::jsonb",
    )
}
insert into dead_letters
  (id, tenant_id, kind, name, contact_id, event_id, workflow_id, run_id, payload, depth, occurred_at, arrived_at, lane, error)
select id, tenant_id, kind, name, contact_id, event_id, workflow_id, run_id, payload, depth, occurred_at, at, lane, %(error)s from taken
"""


Cursor = psycopg.Cursor[Any]
InboxPlace = tuple[int, int, int]
"""An inbox row by its key, without the priority: workspace, lane and id."""
Place = tuple[int, bytes]
"""A row by its key: the workspace, and the 16 bytes of its id there."""


def inbox(
    cursor: Cursor,
    limit: int,
    turns: RoundRobin,
    busy: Sequence[bytes] = (),
    foreign: Sequence[bytes] = (),
    partly: Sequence[bytes] = (),
) -> list[Item]:
    """Take up to `limit` inbox rows, of each workspace, priority and lane those first that arrived first; in order of contact, then
    occurrence.

    When there are more, workspaces, priorities and lanes take turns, and what some do not use goes to the others.
    Left where they are: those of `busy` contacts, those for workflows that only a newer process understands (`foreign`), and what was
    put back for runs of workflows of which this process does not understand every step of every version (`partly`).
    """
    waiting = inbox_lanes.waiting(cursor, turns)
    but, arguments = "", dict[str, Any]()
    if busy:
        but, arguments["busy"] = but + _BUT_BUSY, Uuids(busy)
    if foreign:
        but, arguments["foreign"] = but + _BUT_FOREIGN, Uuids(foreign)
    if partly:
        but, arguments["partly"] = but + _BUT_OF_OTHERS, Uuids(partly)
    items, sql, deals = list[Item](), INBOX.format(but=but), 0
    while waiting and len(items) < limit and deals < MOST_DEALS:
        deals += 1
        room = limit - len(items)
        shares = turns.deal(waiting, room, again=deals > 1) if deals < MOST_DEALS else dict.fromkeys(waiting, room)
        taken = items_of(cursor.execute(sql, {**_shares(shares, room), **arguments}).fetchall())
        counts = Counter((item.tenant_id, item.priority, item.lane) for item in taken)
        waiting = [one for one in waiting if counts[one.tenant_id, one.priority, one.key] >= shares.get(one, 0)]
        items += taken
    if deals > 1:
        items.sort(
            key=lambda item: (item.contact_id is None, item.contact_id, item.occurred_at, item.stated_at, item.id)
        )
    return items


def _shares(shares: Mapping[Claimant, int], limit: int) -> dict[str, Any]:
    return {
        "kinds": [int(kind) for kind in InboxKind], "limit": limit,
        "tenants": Int4s([rows.int4(one.tenant_id) for one in shares]), "priorities": Int2s([rows.int2(one.priority) for one in shares]),
        "lanes": Int8s([rows.int8(one.key) for one in shares]), "shares": Int4s([rows.int4(share) for share in shares.values()]),
    }  # fmt: skip


def set_aside(connection: psycopg.Connection[Any], place: InboxPlace, error: str) -> None:
    """Take an inbox row out of the way: a person decides what becomes of it."""
    tenant_id, lane, inbox_id = place
    connection.execute(_SET_ASIDE, {"tenant": tenant_id, "lane": lane, "id": inbox_id, "error": error})


def leave(cursor: Cursor, waiting: Iterable[tuple[Item, bytes, bytes | None]]) -> None:
    """Put events back, each for one workflow alone that this process does not understand, or for one of its runs."""
    defer(
        cursor,
        [
            DeferredEvent(
                tenant_id=item.tenant_id,
                name=item.name,
                contact_id=UUID(bytes=item.contact_id) if item.contact_id else None,
                event_id=UUID(bytes=item.event_id) if item.event_id else None,
                workflow_id=UUID(bytes=workflow_id),
                payload=item.payload.decode() if item.payload else None,
                depth=item.depth,
                at=rows.instant(item.at),
                occurred_at=rows.instant(item.stated_at),
                run_id=UUID(bytes=run_id) if run_id else None,
                lane=item.lane,
            )
            for item, workflow_id, run_id in waiting
        ],
    )


def of_contacts(cursor: Cursor, sql: str, places: Iterable[Place], **more: Any) -> Iterator[tuple[Any, ...]]:
    """What a statement about contacts answers, asked of a few workspaces at a time, in their order. `more`: its other arguments."""
    of_workspaces: dict[int, list[bytes]] = {}
    for tenant_id, contact_id in places:
        of_workspaces.setdefault(tenant_id, []).append(contact_id)
    tenants = sorted(of_workspaces)
    for start in range(0, len(tenants), MOST_TENANTS):
        few = tenants[start : start + MOST_TENANTS]
        contact_ids = Uuids([contact_id for tenant_id in few for contact_id in of_workspaces[tenant_id]])
        arguments = {"tenants": Int4s([rows.int4(tenant_id) for tenant_id in few]), "contacts": contact_ids, **more}
        yield from cursor.execute(sql, arguments).fetchall()


def busy(connection: psycopg.Connection[Any], contacts: Iterable[Place]) -> list[Place]:
    """Those of these contacts that somebody else holds now, or one of whose active runs."""
    return [
        (tenant_id, contact_id) for tenant_id, contact_id in of_contacts(connection.cursor(binary=True), BUSY, contacts)
    ]


def fields(reads: Iterable[str]) -> tuple[str, ...]:
    """Those of `reads` that have to be loaded, in one order."""
    return tuple(name for name in _FIELDS if name in reads)


def loaded(names: tuple[str, ...]) -> str:
    """SQL for these fields of a contact `c`, behind other columns."""
    return "".join([f", {_FIELDS[name]}" for name in names])


def contacts(cursor: Cursor, places: Iterable[Place], names: tuple[str, ...]) -> dict[bytes, tuple[Any, ...]]:
    """Lock contacts; answers the fields `names` of those that still exist."""
    return {row[0]: row[1:] for row in of_contacts(cursor, CONTACTS.format(loaded(names)), places)}


def stored_fields(
    cursor: Cursor, tenant_id: int, contacts: Iterable[bytes], names: tuple[str, ...]
) -> dict[bytes, tuple[Any, ...]]:
    """Fields of contacts of one workspace that the caller has locked already, as they are stored by now."""
    arguments = {"tenant": tenant_id, "contacts": Uuids(list(contacts))}
    return {row[0]: row[1:] for row in cursor.execute(_STORED.format(loaded(names)), arguments).fetchall()}


def active_runs(cursor: Cursor, contacts: Iterable[Place]) -> list[RunRow]:
    """The active runs of these contacts, locked; oldest first."""
    return [run_row(row) for row in of_contacts(cursor, ACTIVE, contacts)]


def waiting_runs(cursor: Cursor, places: Sequence[tuple[int, bytes, str]]) -> list[RunRow]:
    """Runs that wait for an event, by (workspace, contact, event name), locked; oldest first."""
    arguments = (
        Int4s([rows.int4(tenant_id) for tenant_id, _, _ in places]),
        Uuids([contact_id for _, contact_id, _ in places]),
        Texts([rows.text(name) for _, _, name in places]),
    )
    return [run_row(row) for row in cursor.execute(WAITING, arguments).fetchall()]


def settle(cursor: Cursor, items: list[Item]) -> None:
    """Hand runs that wait for a message its outcome; the due claim takes them on."""
    answers = [(item.tenant_id, item.run_id, rows.decode(item.payload or b"{}")) for item in items]
    answered = [
        (tenant_id, run_id, answer) for tenant_id, run_id, answer in answers if run_id is not None and "seq" in answer
    ]
    if answered:
        outputs = [
            {**(a.get("output") or {}), **({"error": a["error"]} if a.get("error") else {})} for *_, a in answered
        ]
        cursor.execute(
            SETTLE,
            (
                Int4s([rows.int4(tenant_id) for tenant_id, _, _ in answered]),
                Uuids([run_id for _, run_id, _ in answered]),
                Int4s([rows.int4(int(answer["seq"])) for *_, answer in answered]),
                Texts([rows.text(answer.get("port") or "next") for *_, answer in answered]),
                Jsons([rows.json(output) for output in outputs]),
            ),
        )
