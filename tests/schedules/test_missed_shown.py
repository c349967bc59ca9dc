"""Before a paused workflow goes on, its menu says what its schedule will do about the times that have passed."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from psycopg.types.json import Jsonb

from app.lib import clock, database
from app.schedules.service import ScheduleService
from tests.fixtures.world import World
from tests.schedules.test_firing import scheduled


@pytest.mark.parametrize(
    ("missed", "days", "words"),
    [
        ("once", 3, "“At 09:00 every day” has come 3 times meanwhile: it starts once for that."),
        ("all", 3, "“At 09:00 every day” has come 3 times meanwhile: it starts 3 times at once."),
        ("all", 1, "“At 09:00 every day” has come 1 time meanwhile: it starts once for that."),
        ("skip", 3, "“At 09:00 every day” has come 3 times meanwhile: they are left out."),
        ("once", 0, ""),
    ],
)
async def test_what_was_missed_is_told_before_it_happens(world: World, missed: str, days: int, words: str) -> None:
    workflow = world.workflow(scheduled("0 9 * * *", missed=missed, timezone="UTC"), status="paused")
    trigger = scheduled("0 9 * * *", missed=missed, timezone="UTC")["triggers"][0]
    first = clock.now().replace(hour=9, minute=0, second=0, microsecond=0) - timedelta(days=days - 1)
    moment = first + timedelta(days=days - 1, hours=2)
    world.db.execute(
        "insert into schedules (tenant_id, workflow_id, trigger_id, trigger, zone, active, next_at)"
        " values (%s, %s, 'trigger', jsonb_build_object('type', 'schedule', 'data', %s::jsonb), 'UTC', false, %s)",
        (world.tenant, workflow, Jsonb(trigger["data"]), first),
    )
    clock.use(lambda: moment)
    try:
        async with database.transaction() as session:
            principal: Any = SimpleNamespace(tenant_id=world.tenant)
            assert await ScheduleService(session, principal).missed_in_words(workflow) == words
            assert await ScheduleService(session, principal).missed_in_words(uuid4()) == ""
    finally:
        clock.use(None)
