"""What a neighbour has, and what comes much later, costs a look nothing: pages touched, beside 20,000 due dates of another workspace."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from app.dates import repository
from app.engine import due_dates
from tests.dates.dated import contact, dated, settle, travel
from tests.fixtures.world import World

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
MANY = 20_000
_NEIGHBOUR = """
with place as (insert into workspaces (name, slug) values ('Next', 'next') returning id),
flow as (insert into workflows (id, tenant_id, name, status, draft) select gen_random_uuid(), id, 'Flow', 'active', '{}' from place
  returning id, tenant_id),
watched as (insert into date_schedules (tenant_id, workflow_id, trigger_id, trigger, zone, active, since, next_at, built_at)
  select tenant_id, id, 'trigger', '{}', 'UTC', true, now(), %(at)s, now() from flow returning tenant_id, workflow_id)
select tenant_id, workflow_id from watched
"""
_ROWS = """
insert into due_dates (tenant_id, contact_id, workflow_id, trigger_id, next_at)
select %(tenant)s, gen_random_uuid(), %(workflow)s, 'trigger', %(at)s from generate_series(1, %(many)s)
"""


def pages(world: World, sql: str, **arguments: Any) -> int:
    """Pages that a statement touches, once its plan and its caches are warm."""
    statement = f"explain (analyze, buffers, format json) {sql}"
    for _ in range(2):
        row = world.db.execute(statement, arguments).fetchone()
    assert row is not None
    plan = (row[0] if isinstance(row[0], list) else json.loads(row[0]))[0]["Plan"]
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


async def test_a_look_and_a_change_cost_what_is_due(world: World) -> None:
    await travel(world, NOON)
    ada = contact(world, renewal="2026-06-10")
    workflow = world.workflow(dated())
    await settle(world)
    place = {"tenant": world.tenant, "workflow": workflow, "trigger": "trigger"}
    known = {"tenant": world.tenant, "contacts": [ada]}
    come = {**place, "now": NOON + timedelta(days=20), "limit": 1_000}

    def costs() -> list[int]:
        world.db.execute("analyze due_dates, date_schedules")
        return [
            pages(world, f"select {repository.IS_DUE}"),
            pages(world, repository.NEXT_DUE),
            pages(world, repository._COME, **come),
            pages(world, due_dates._KNOWN, **known),
        ]

    alone = costs()
    row = world.db.execute(_NEIGHBOUR, {"at": NOON + timedelta(days=30)}).fetchone()
    assert row is not None
    neighbour = {"tenant": row[0], "workflow": row[1], "at": NOON + timedelta(days=30), "many": MANY}
    world.db.execute(_ROWS, neighbour)
    beside = costs()
    assert all(now <= before + 4 for before, now in zip(alone, beside, strict=True)), (alone, beside)
