"""SQL of devices as sending sees them: those of a contact, and the end of those at which nothing arrives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import psycopg

from app.messaging.channels import registry

DEVICES = """
(select coalesce(jsonb_agg(jsonb_build_object('id', d.id, 'token', d.token, 'platform', d.platform, 'app', d.app, 'keys', d.keys,
  'connector_id', d.connector_id) order by d.last_seen_at desc, d.id), '[]')
 from contact_devices d where d.tenant_id = c.tenant_id and d.contact_id = c.id)
"""
"""The devices of a contact `c`, as `PushDevice`s, those that were seen last first."""
# One that another contact has by now is not theirs to lose.
_REMOVE = """
delete from contact_devices d using unnest(%(tenant)s::int[], %(contact)s::uuid[], %(id)s::uuid[]) as g(tenant_id, contact_id, id)
where d.tenant_id = g.tenant_id and d.contact_id = g.contact_id and d.id = g.id
"""


def device_channels() -> list[int]:
    """The numbers of channels whose messages go to devices."""
    return [channel.number for channel in registry.channels() if channel.to_devices]


def remove_dead(connection: psycopg.Connection[Any], places: Sequence[tuple[int, UUID, UUID]]) -> int:
    """Remove devices (workspace, contact, id) at which nothing arrives any more; how many were still there."""
    tenants, contacts, ids = zip(*sorted(places), strict=True)
    return connection.execute(_REMOVE, {"tenant": list(tenants), "contact": list(contacts), "id": list(ids)}).rowcount
