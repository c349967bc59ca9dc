"""A world with endpoints that listen."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from app.lib.ids import uuid7
from tests.fixtures.world import World

RAISE = (
    "insert into workflow_epochs as e (tenant_id, n) values (%s, 1) on conflict (tenant_id) do update set n = e.n + 1"
)


def listen(world: World, *types: str, enabled: bool = True, tenant: int | None = None) -> UUID:
    """An endpoint of the workspace, as the service makes one."""
    endpoint_id, tenant_id = uuid7(), tenant or world.tenant
    world.db.execute(
        "insert into webhook_endpoints (tenant_id, id, url, types, sealed, enabled, disabled_reason) values (%s, %s, %s, %s, '', %s, %s)",
        (tenant_id, endpoint_id, "https://hear.example/", list(types), enabled, None if enabled else "person"),
    )
    world.db.execute(RAISE, (tenant_id,))
    return endpoint_id


def heard(world: World, endpoint_id: UUID | None = None) -> list[tuple[str, dict[str, Any]]]:
    """Types and data of what was written down, in the order in which it happened."""
    rows = world.db.execute(
        "select type, data from event_deliveries where coalesce(endpoint_id = %s, true) order by occurred_at, type",
        (endpoint_id,),
    )
    return [(row[0], row[1]) for row in rows.fetchall()]
