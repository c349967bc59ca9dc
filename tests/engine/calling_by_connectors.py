"""Connectors for tests of calls that are made by them, and a clock that is moved."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from app.flow.performers import connector_target
from app.lib.ids import uuid7
from tests.engine.calling import asking
from tests.fixtures.world import World


def connector(world: World, **columns: Any) -> UUID:
    """A connector to a web service with these limits."""
    connector_id = uuid7()
    world.db.execute(
        "insert into connectors (tenant_id, id, type, channel, name, config, max_concurrent, rate, rate_seconds, burst)"
        " values (%(tenant)s, %(id)s, 'http', 0, %(name)s, '{}', %(most)s, %(rate)s, %(seconds)s, %(burst)s)",
        {"tenant": world.tenant, "id": connector_id, "name": str(connector_id),
         **dict.fromkeys(("most", "rate", "seconds", "burst")), **columns},
    )  # fmt: skip
    return connector_id


def wait(world: World, **duration: float) -> None:
    """Move the clock, which stands still between, and let the engine do what is due."""
    world.travel(world.one("select clock_now()") + timedelta(**duration))


def by(connector_id: UUID, **more: Any) -> dict[str, Any]:
    return asking(to=connector_target(connector_id), **more)
