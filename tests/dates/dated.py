"""Workflows that a date of the contact starts, on a clock that is moved."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from app.dates import jobs
from app.engine.date_builder import DateBuilder
from app.schedules import jobs as schedules
from tests.fixtures.world import World, flow, node


def dated(field: str = "contact.attributes.renewal", **data: Any) -> dict[str, Any]:
    """A workflow that a date starts, at nine in Berlin unless told otherwise."""
    document = flow(None, [node("end", "end")], ("trigger", "end"))
    del document["trigger"]
    config = {"field": field, "at": "09:00", "zone": "Europe/Berlin", **data}
    return {**document, "triggers": [{"id": "trigger", "type": "date", "enabled": True, "data": config}]}


def set_clock(world: World, at: datetime) -> None:
    world.db.execute(
        "insert into virtual_clock (one, at) values (1, %s) on conflict (one) do update set at = excluded.at", (at,)
    )


async def settle(world: World, *, schedulers: int = 1) -> None:
    """Let everybody do what is due now: compare workflows, follow changes, read dates, fire, start."""
    await schedules.work()
    world.engine.advance()
    DateBuilder(world.engine.connection).run()
    await asyncio.gather(*[jobs.work() for _ in range(schedulers)])
    world.engine.advance()


async def travel(world: World, at: datetime, *, schedulers: int = 1) -> None:
    set_clock(world, at)
    await settle(world, schedulers=schedulers)


def contact(world: World, timezone: str | None = None, **attributes: Any) -> UUID:
    return world.contacts(1, attributes=attributes, timezone=timezone)[0]


def change(world: World, contact_id: UUID, **attributes: Any) -> None:
    """Change attributes of a contact (None removes one), as a request does: the row, and what is told of it."""
    world.db.execute(
        "update contacts set attributes = jsonb_strip_nulls(attributes || %s) where id = %s",
        (Jsonb(attributes), contact_id),
    )
    world.put("contact.updated", [contact_id], {"changed": [f"attributes.{name}" for name in attributes]})


def started(world: World, workflow: UUID) -> list[tuple[str, str]]:
    """For which date each run was started, and when that was, in UTC."""
    rows = world.db.execute(
        "select trigger_event->>'date', occurred_at from runs where workflow_id = %s order by occurred_at, 1",
        (workflow,),
    )
    return [(day, at.strftime("%Y-%m-%d %H:%M")) for day, at in rows]


def next_times(world: World) -> list[datetime | None]:
    return [row[0] for row in world.db.execute("select next_at from due_dates order by next_at, contact_id")]
