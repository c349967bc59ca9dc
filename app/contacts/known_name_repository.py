"""Names that the data of a workspace has, found in a bounded number of rows: for warnings about fields that no data has."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy.ext.asyncio import AsyncSession

from app.flow.field_reads import KnownNames
from app.lib.database import execute
from app.messaging.channels import registry

CONTACTS, EVENTS, WORKFLOWS = 300, 500, 50
"""Rows that are looked at: the newest and as many of the oldest contacts, the newest events, the workflows changed last.

Bounded, because it is asked with every edit that leaves a field to be read."""

_LOOKED_AT = """
with newest as (
  select attributes from contacts where tenant_id = %(tenant)s order by created_at desc, id desc limit %(contacts)s
), oldest as (
  select attributes from contacts where tenant_id = %(tenant)s order by created_at, id limit %(contacts)s
), live as (
  select v.graph from (
    select id, live_version from workflows
    where tenant_id = %(tenant)s and deleted_at is null and live_version is not null order by updated_at desc limit %(workflows)s
  ) w join workflow_versions v on v.tenant_id = %(tenant)s and v.workflow_id = w.id and v.version = w.live_version
), written as (
  select part.value from live, jsonb_array_elements(live.graph->'nodes') node, jsonb_each(node->'data') part
  where part.key in ('set', 'increment', 'append') and jsonb_typeof(part.value) = 'object'
), looked_at as (select attributes from newest union all select attributes from oldest)
select (select count(*) from newest) as contacts, array(
  select jsonb_object_keys(attributes) from looked_at
  union select name from attribute_labels where tenant_id = %(tenant)s
  union select regexp_replace(jsonb_object_keys(value), '^attributes\\.', '') from written
) as names
"""
_ATTRIBUTES = """, array(
  select key from looked_at, jsonb_each_text(attributes) where value <> ''
  group by key having count(*) = (select count(*) from looked_at)
) as everywhere, array(select distinct type from connectors where tenant_id = %(tenant)s) as connectors
"""

_PROPERTIES = """
with newest as (
  select name, properties from events where tenant_id = %(tenant)s order by id desc limit %(events)s
), wanted as (
  select name, coalesce(properties, '{}') as properties from newest where %(every)s or name = any(%(names)s::text[])
), recent as (select distinct name from newest)
select name, true as recent, array(
  select distinct jsonb_object_keys(w.properties) from wanted w where w.name = recent.name
) as properties
from recent
union all
select name, false, '{}' from unnest(%(names)s::text[]) name
where name not in (select name from recent) and exists (select 1 from events e where e.tenant_id = %(tenant)s and e.name = name.name)
"""


async def attribute_names(session: AsyncSession, tenant_id: int) -> frozenset[str] | None:
    """Of contacts, labels and live workflows; None where there are no contacts. One query, which reads up to 600 contacts."""
    (row,) = await execute(session, _LOOKED_AT, tenant=tenant_id, contacts=CONTACTS, workflows=WORKFLOWS)
    return frozenset(row.names) if row.contacts else None


async def known_names(session: AsyncSession, tenant_id: int, events: Iterable[str] | None = None) -> KnownNames:
    """Attribute names, names and properties of `events`, or of all recent events when it is None, and what is reported. Two queries."""
    events = None if events is None else list(events)
    (row,) = await execute(session, _LOOKED_AT + _ATTRIBUTES, tenant=tenant_id, contacts=CONTACTS, workflows=WORKFLOWS)
    happened = await execute(
        session, _PROPERTIES, tenant=tenant_id, events=EVENTS, every=events is None, names=sorted(events or ())
    )
    asked_for = None if events is None else set(events)
    types = registry.connector_types()
    return KnownNames(
        attributes=frozenset(row.names) if row.contacts else None,
        reported=frozenset(kind for name in row.connectors if name in types for kind in types[name].engagement),
        properties={
            event.name: frozenset(event.properties)
            for event in happened
            if event.recent and (asked_for is None or event.name in asked_for)
        },
        everywhere=frozenset(row.everywhere),
        events=frozenset(event.name for event in happened) if any(event.recent for event in happened) else None,
    )
