"""A row that names a contact is an event in that contact's history, once; and sources that hang hold up nobody else's."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from app.engine import integrity
from app.polls import jobs, repository
from app.polls.sources import PollAnswer, PollFailed, PollSources
from app.schedules import jobs as schedules
from tests.fixtures.world import World, flow, node
from tests.polls.conftest import Shop, look, polling_flow, started

COUNT = "Aggregate", "Plain"
ORDERS: dict[str, Any] = {"first": "existing", "event": "order.placed"}


def placed(world: World) -> list[tuple[Any, Any, int]]:
    return world.db.execute(
        "select id, contact_id, (properties->>'id')::int from events where name = 'order.placed' order by id"
    ).fetchall()


async def test_a_row_is_an_event_of_its_contact_once(world: World, shop: Shop) -> None:
    """The run that it begins is of that event; others listen for it, and count it."""
    await look(world)
    shop.add(1, 2)
    workflow = world.workflow(polling_flow(f"{shop.recorder.url}/orders", **ORDERS))
    others = world.workflow(flow("order.placed", [node("end", "end")], ("trigger", "end")))
    for _ in range(3):
        await look(world)
    events = placed(world)
    assert [row for *_, row in events] == [1, 2]
    runs = world.db.execute(
        "select event_id, contact_id, (trigger_event->>'id')::int from runs where workflow_id = %s order by event_id",
        (workflow,),
    ).fetchall()
    assert runs == events
    assert world.runs(others) == {"completed": 2}
    assert integrity.check(world.db) == []


async def test_rows_of_nobody_and_rows_that_start_nothing_are_no_events(world: World, shop: Shop) -> None:
    await look(world)
    shop.add(1)
    url = f"{shop.recorder.url}/orders"
    nobody = world.workflow(polling_flow(url, **{**ORDERS, "identity": {}}))
    unknown = world.workflow(polling_flow(url, **{**ORDERS, "createContact": False}))
    noted = world.workflow(polling_flow(url, **{**ORDERS, "first": "new"}))
    await look(world)
    assert started(world, nobody) == [1] and started(world, unknown) == started(world, noted) == []
    assert placed(world) == []
    world.set_status(unknown, "paused")
    shop.add(2)
    await look(world)
    assert started(world, noted) == [2] and [row for *_, row in placed(world)] == [2]


async def test_no_goal_is_reached_by_the_row_that_begins_the_run(world: World, shop: Shop) -> None:
    await look(world)
    shop.add(1)
    document = {
        **polling_flow(f"{shop.recorder.url}/orders", **ORDERS),
        "goals": [{"id": "g", "event": "order.placed"}],
    }
    document["nodes"] = [node("d", "delay", duration=9, unit="days"), node("end", "end")]
    document["edges"] = [
        {"source": one, "target": two, "sourceHandle": "next"} for one, two in (("poll", "d"), ("d", "end"))
    ]
    workflow = world.workflow(document)
    await look(world)
    assert world.runs(workflow) == {"waiting": 1}
    shop.rows[0]["id"] = 2  # the same person orders again
    await look(world)
    assert world.runs(workflow) == {"goal_reached": 1, "waiting": 1}


class Hanging:
    """Workspaces whose sources hang until somebody lets go, two each; those of `own` answer."""

    def __init__(self, world: World, monkeypatch: pytest.MonkeyPatch, workspaces: int) -> None:
        self.world, self.own, self.under_way, self.answering = world, world.tenant, 0, PollSources.ask
        hanging = self

        async def ask(sources: PollSources, tenant_id: int, *arguments: Any, **options: Any) -> PollAnswer:
            if tenant_id == hanging.own:
                return await hanging.answering(sources, tenant_id, *arguments, **options)
            hanging.under_way += 1
            await hanging.over.wait()
            raise PollFailed("It does not answer.")

        monkeypatch.setattr(PollSources, "ask", ask)
        for number in range(workspaces):
            slug = f"hangs-{number}"
            world.tenant = world.one("insert into workspaces (name, slug) values (%s, %s) returning id", slug, slug)
            for _ in range(2):
                world.workflow(polling_flow("https://hangs.example/orders"))
        world.tenant = self.own

    async def look(self, hang: int, waiting: int) -> None:
        """Ask what is due, and let go once so many hang and so many rows of the one that answers wait for the engine."""
        self.over, self.under_way = asyncio.Event(), 0
        self.world.db.execute("update polls set next_at = clock_now()")
        await schedules.work()
        working = asyncio.create_task(jobs.work())
        try:
            async with asyncio.timeout(20):
                while (self.under_way, self.world.one("select count(*) from inbox")) != (hang, waiting):
                    await asyncio.sleep(0.02)
        finally:
            self.over.set()
            await working


async def test_hanging_sources_give_way(world: World, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows of one whose source answers come while all others hang; those that hung before are a few at a time."""
    monkeypatch.setattr(jobs, "SLOW_S", 0.2)
    monkeypatch.setattr(jobs, "LOOK_S", 0.05)
    await look(world)
    hanging = Hanging(world, monkeypatch, 10)
    workflow = world.workflow(polling_flow(f"{shop.recorder.url}/orders", first="existing", identity={}))
    shop.add(1)
    await hanging.look(20, 1)
    shop.add(2)
    world.engine.advance()
    await hanging.look(jobs.MOST_FAILING, 1)
    world.engine.advance()
    assert started(world, workflow) == [1, 2]


async def test_leases_of_a_workspace_are_counted_once_however_much_is_due(world: World) -> None:
    parameters = {"most": 16, "full": [], "failing": 8, "lease": uuid4()}
    counted = list[int]()
    for count in (5, 50):
        for _ in range(count):
            world.workflow(polling_flow("https://shop.example/orders"))
        await schedules.work()
        world.db.execute("update polls set next_at = clock_now()")
        with world.db.transaction(force_rollback=True):
            row = world.db.execute(f"explain (analyze, format json) {repository._TAKE}", parameters).fetchone()
        assert row is not None
        counts = [one for one in nodes_of(row[0][0]["Plan"]) if (one["Node Type"], one.get("Strategy")) == COUNT]
        counted.append(sum(one["Actual Loops"] for one in counts))
    assert counted == [1, 1]


def nodes_of(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for one in plan.get("Plans", ()):
        yield from nodes_of(one)
