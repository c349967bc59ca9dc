"""Statements that store the events of several requests, each whole or not at all, when everything about it is plain.

Each looks up the contacts, and leaves out every request that holds an id that is known or names a contact that it does not find.
It makes sure that the keys of all requests stand as they did when their principals were read. What another transaction stores under
an id of ours, or a contact that it makes meanwhile, ends the statement with an error, so that nothing of it is stored. Whoever is
left out is asked about in `storing`. STORE_NEW makes the contacts that are missing, which costs a flush twice as much.
"""

from __future__ import annotations

from collections.abc import Iterable

from app import inbox
from app.accounts.key_repository import standing_sql
from app.domain_events.outbox_repository import tell_sql
from app.domain_events.types import CONTACT_CREATED
from app.events.contact_repository import MATCH
from app.events.fast_reading import BY, NO_TEXT, SEPARATOR

NO_CONTACT = "-" * 36
"""Stands for the id of a contact that there is not."""
_BY_ID, _BY_EXTERNAL_ID, _BY_EMAIL = range(len(BY))


def _texts(column: str) -> str:
    """The array of a column of texts that came in one piece."""
    return f"string_to_array({column}::text, chr({ord(SEPARATOR)}), chr({ord(NO_TEXT)}))"


# Each look-up is a subselect of one row: written as `exists` it is read as a set, and the whole of a table with it.
_INCOMING = f"""
with standing as materialized (
  select count(*) = cardinality($1::uuid[]) as holds
  from unnest($1::uuid[], $2::text[]) as k(id, standing)
  cross join lateral ({standing_sql("k.id")} offset 0) s
  where s.standing = k.standing and (s.expires_at is null or s.expires_at > $3::timestamptz)
), incoming as materialized (
  select w.*, {{contact}} as contact_id, (
      select n.event_id from event_keys n where n.tenant_id = w.tenant_id and not n.of_request and n.key = w.key
    ) is not null as known
  from unnest($4::int[], $5::int[], $6::smallint[], {_texts("$7")}, $8::uuid[], {_texts("$9")}, $10::jsonb[], {_texts("$11")},
              $12::timestamptz[])
    with ordinality as w(request, tenant_id, kind, value, id, name, properties, key, occurred_at, place)
)"""  # noqa: S608  constants
_STORED = f"""
keyed as (
  insert into event_keys (tenant_id, of_request, key, event_id)
  select tenant_id, false, key, id from taken where key is not null order by tenant_id, key
), stored as (
  insert into events (id, tenant_id, contact_id, name, properties, key, occurred_at, received_at)
  select id, tenant_id, contact_id, name, properties, key, occurred_at, $3 from taken order by id
), queued as (
  {inbox.events_sql("taken")}
)"""  # noqa: S608  constants
_STORE = f"""
{_INCOMING}, left_out as materialized (
  select request, bool_or(known or kind = {_BY_ID}) as in_doubt from incoming where contact_id is null or known group by request
), taken as materialized (
  select id, tenant_id, contact_id, name, properties, key, coalesce(occurred_at, $3) as occurred_at
  from incoming where (select holds from standing) and request not in (select request from left_out)
), {_STORED}
select (select holds from standing),
  (select string_agg(request::text, ' ') from left_out where in_doubt),
  (select string_agg(request::text, ' ') from left_out where not in_doubt),
  string_agg(coalesce(contact_id::text, '{NO_CONTACT}'), '' order by place)
from incoming
"""  # noqa: S608  constants
_HEARD = tell_sql(
    f"""(select tenant_id, '{CONTACT_CREATED}'::text as type, new_contact_id as contact_id, kind, value,
      '{{{{"via":"event"}}}}'::jsonb as data, $3::timestamptz as occurred_at, created_id as place from missing)""",  # noqa: S608  constants
    contact=f"""jsonb_build_object('contact', jsonb_build_object('id', h.contact_id,
      'externalId', case h.kind when {_BY_EXTERNAL_ID} then h.value end, 'email', case h.kind when {_BY_EMAIL} then h.value end))""",
)
# People are made in one order everywhere (`contact_repository.create`), and before keys are taken: two transactions that share
# both cannot deadlock.
_STORE_NEW = f"""
{_INCOMING}, left_out as materialized (
  select distinct request from incoming where known or (contact_id is null and kind = {_BY_ID})
), people as (
  select tenant_id, kind, value, row_number() over (order by tenant_id, kind desc, value collate "C") as number
  from incoming
  where contact_id is null and (select holds from standing) and request not in (select request from left_out)
  group by tenant_id, kind, value
), missing as materialized (
  select tenant_id, kind, value, ($13::uuid[])[number] as new_contact_id, ($14::uuid[])[number] as created_id from people
), made as (
  insert into contacts (id, tenant_id, external_id, email)
  select new_contact_id, tenant_id, case kind when {_BY_EXTERNAL_ID} then value end, case kind when {_BY_EMAIL} then value end
  from missing order by new_contact_id
  returning id
), named as materialized (
  select i.*, coalesce(i.contact_id, m.new_contact_id) as whose from incoming i left join missing m using (tenant_id, kind, value)
), taken as materialized (
  select id, tenant_id, whose as contact_id, name, properties, key, coalesce(occurred_at, $3) as occurred_at
  from named
  where (select holds from standing) and request not in (select request from left_out) and (select count(*) from made) >= 0
  union all
  select created_id, tenant_id, new_contact_id, '{CONTACT_CREATED}', '{{{{"via":"event"}}}}', null, $3 from missing
), {_STORED}, {_HEARD}
select (select holds from standing), (select string_agg(request::text, ' ') from left_out), null,
  string_agg(coalesce(whose::text, '{NO_CONTACT}'), '' order by place)
from named
"""  # noqa: S608  constants


def _contact(kind: int) -> str:
    return f"(select c.id from contacts c where c.tenant_id = w.tenant_id and {MATCH[BY[kind]]} offset 0)"  # noqa: S608  constants


def _contact_of(kinds: Iterable[int]) -> str:
    """Looks for contacts by these kinds of names alone: each further way costs every event."""
    ways = [*kinds]
    if len(ways) == 1:
        return _contact(ways[0])
    whens = " ".join(f"when {kind} then {_contact(kind)}" for kind in ways)
    return f"case w.kind {whens} end"


def _store_sql(which: int) -> bytes:
    contact = _contact_of(kind for kind in range(len(BY)) if which >> kind & 1)
    return _STORE.format(contact=contact).encode()


STORE = [b"", *map(_store_sql, range(1, 1 << len(BY)))]
"""By which kinds of rows there are, as bits. Parameters: the keys (1) with their standings (2), the instant (3), and one array, or texts
with SEPARATOR between them, for each column of the rows (4 to 12). One row comes back: do all keys stand, the numbers of requests
that were left out for good, of those that only lack contacts that can be made, and the contacts' ids of all rows as one text."""
STORE_NEW = _STORE_NEW.format(contact=_contact_of(range(len(BY)))).encode()
"""The same for requests that lack contacts. Two parameters more: ids for these (13), and for the events that say that they were made
(14); as many as there are rows."""
