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

_ATTRIBUTES = """
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
)
select (select count(*) from newest) as contacts, array(
  select jsonb_object_keys(attributes) from newest
  union select jsonb_object_keys(attributes) from oldest
  union select name from attribute_labels where tenant_id = %(tenant)s
  union select regexp_replace(jsonb_object_keys(value), '^attributes\\.', '') from written
) as names, array(select distinct type from connectors where tenant_id = %(tenant)s) as connectors
"""

_PROPERTIES = """
with newest as (
  select name, properties from events where tenant_id = %(tenant)s order by id desc limit %(events)s
), wanted as (
  select name, coalesce(properties, '{}') as properties from newest where %(every)s or name = any(%(names)s::text[])
)
select name, array(
  select distinct jsonb_object_keys(w.properties) from wanted w where w.name = wanted.name
) as properties
from wanted group by name
"""


async def known_names(session: AsyncSession, tenant_id: int, events: Iterable[str] | None = None) -> KnownNames:
    """Attribute names, property names of `events`, or of all recent events when it is None, and what is reported. Two queries."""
    (row,) = await execute(session, _ATTRIBUTES, tenant=tenant_id, contacts=CONTACTS, workflows=WORKFLOWS)
    happened = await execute(
        session, _PROPERTIES, tenant=tenant_id, events=EVENTS, every=events is None, names=sorted(events or ())
    )
    types = registry.connector_types()
    return KnownNames(
        attributes=frozenset(row.names) if row.contacts else None,
        reported=frozenset(kind for name in row.connectors if name in types for kind in types[name].engagement),
        properties={event.name: frozenset(event.properties) for event in happened},
    )
