"""One statement that stores the events of several requests, each whole or not at all, when everything about it is plain.

It looks up the contacts, and leaves out each request that names one it does not find, or an id that is known. It makes sure that
the keys of all requests stand as they did when their principals were read. What another transaction stores under an id of ours
meanwhile ends the statement with an error, so that nothing of it is stored. Whoever is left out is asked about in `storing`.
"""

from __future__ import annotations

from collections.abc import Iterable

from app import inbox
from app.accounts.key_repository import standing_sql
from app.events.contact_repository import MATCH
from app.events.fast_reading import BY

# Each look-up is a subselect of one row: written as `exists` it is read as a set, and the whole of a table with it.
_STORE = f"""
with standing as materialized (
  select count(*) = cardinality(%(key_ids)s::uuid[]) as holds
  from unnest(%(key_ids)s::uuid[], %(standings)s::text[]) as k(id, standing)
  cross join lateral ({standing_sql("k.id")} offset 0) s
  where s.standing = k.standing and (s.expires_at is null or s.expires_at > %(now)s)
), incoming as materialized (
  select w.*, {{contact}} as contact_id, (
      select n.event_id from event_keys n where n.tenant_id = w.tenant_id and not n.of_request and n.key = w.key
    ) is not null as known
  from unnest(%(requests)s::int[], %(tenants)s::int[], %(kinds)s::smallint[], %(values)s::text[], %(ids)s::uuid[],
              %(names)s::text[], %(properties)s::jsonb[], %(keys)s::text[], %(occurred)s::timestamptz[])
    with ordinality as w(request, tenant_id, kind, value, id, name, properties, key, occurred_at, place)
), left_out as materialized (
  select distinct request from incoming where contact_id is null or known
), taken as materialized (
  select id, tenant_id, contact_id, name, properties, key, coalesce(occurred_at, %(now)s) as occurred_at
  from incoming where (select holds from standing) and request not in (select request from left_out)
), keyed as (
  insert into event_keys (tenant_id, of_request, key, event_id)
  select tenant_id, false, key, id from taken where key is not null order by tenant_id, key
), stored as (
  insert into events (id, tenant_id, contact_id, name, properties, key, occurred_at, received_at)
  select id, tenant_id, contact_id, name, properties, key, occurred_at, %(now)s from taken order by id
), queued as (
  {inbox.events_sql("taken")}
)
select (select holds from standing), array(select request from left_out), array_agg(contact_id order by place) from incoming
"""  # noqa: S608  constants


def _contact(kind: int) -> str:
    return f"(select c.id from contacts c where c.tenant_id = w.tenant_id and {MATCH[BY[kind]]} offset 0)"  # noqa: S608  constants


def _store_sql(kinds: Iterable[int]) -> str:
    """The statement for rows of these kinds alone: each further way to look for contacts costs every event."""
    ways = [*kinds]
    if len(ways) == 1:
        return _STORE.format(contact=_contact(ways[0]))
    whens = " ".join(f"when {kind} then {_contact(kind)}" for kind in ways)
    return _STORE.format(contact=f"case w.kind {whens} end")


STORE = [""] + [_store_sql(kind for kind in range(len(BY)) if which >> kind & 1) for which in range(1, 1 << len(BY))]
"""By which kinds of rows there are, as bits. Parameters: one array for each column of the rows, `now`, and the keys with their
standings. One row comes back: do all keys stand, the numbers of requests left out, and the contact of each row."""
