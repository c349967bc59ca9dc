"""A large backlog costs what a small one does: looks and takes read a few pages, whatever waits behind, of one endpoint or of others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest

from app.domain_events import sink_repository
from app.webhook_endpoints import delivery_repository
from tests.domain_events.test_deliveries import endpoint
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.world import World

FEW, MANY = 1_000, 20_000


@pytest.fixture
def world(committed_database: CommittedDatabase) -> Iterator[World]:
    place = World(committed_database.url)
    yield place
    place.close()


def pages(world: World, sql: str, arguments: dict[str, Any]) -> int:
    """Pages that a statement reads, found or not; rolled back."""
    with world.db.transaction(force_rollback=True):
        for _ in range(2):  # the first time also reads what says which tables there are
            (plan,) = world.db.execute(f"explain (analyze, buffers, format json) {sql}", arguments).fetchone() or ({},)
    top = plan[0]["Plan"]
    return int(top["Shared Hit Blocks"] + top["Shared Read Blocks"])


def fill_deliveries(world: World, endpoint_id: UUID, count: int) -> None:
    world.db.execute(
        "insert into event_deliveries (tenant_id, endpoint_id, id, type, data, occurred_at, next_at) select %s, %s, gen_random_uuid(),"
        " 'contact.deleted', '{}', clock_now(), clock_now() - n * interval '1 ms' from generate_series(1, %s) n",
        (world.tenant, endpoint_id, count),
    )
    world.db.execute("analyze event_deliveries")


def fill_sinks(world: World, tenant: int, count: int) -> None:
    world.db.execute(
        "insert into sink_events (tenant_id, sink, id, type, data, occurred_at, written_at) select %s, s, gen_random_uuid(),"
        " 'contact.deleted', '{}', clock_now(), clock_now() from generate_series(1, %s) n, unnest(array['nats', 'redis']) s",
        (tenant, count),
    )
    world.db.execute("analyze sink_events")


def grows(world: World, fill: Callable[[int], None], sql: str, arguments: dict[str, Any]) -> tuple[int, int]:
    fill(FEW)
    before = pages(world, sql, arguments)
    fill(MANY)
    return before, pages(world, sql, arguments)


def test_a_look_for_endpoints_does_not_read_a_backlog(world: World) -> None:
    place = endpoint(world, "https://hear.example/")
    arguments = {"tenant": None, "endpoint": None}
    before, after = grows(world, lambda n: fill_deliveries(world, place, n), delivery_repository._DUE, arguments)
    assert after <= before + 10


def test_taking_deliveries_does_not_read_a_backlog(world: World) -> None:
    place = endpoint(world, "https://hear.example/")
    arguments = {"tenant": world.tenant, "endpoint": place, "most": 24}
    before, after = grows(world, lambda n: fill_deliveries(world, place, n), delivery_repository._TAKE, arguments)
    assert after <= 2 * before


def test_the_heads_of_buses_are_found_without_what_is_behind_them(world: World) -> None:
    sql = f"with recursive {sink_repository.HEADS} select * from sink_heads"
    before, after = grows(world, lambda n: fill_sinks(world, world.tenant, n), sql, {})
    assert after <= before + 10


def test_taking_events_of_a_bus_reads_a_share_of_each_workspace(world: World) -> None:
    other = world.one("insert into workspaces (name, slug) values ('Other', 'other') returning id")
    fill_sinks(world, other, 10)
    arguments = {"sink": "nats", "after": 0}
    before, after = grows(world, lambda n: fill_sinks(world, world.tenant, n), sink_repository._TAKE, arguments)
    assert after <= 2 * before
    taken = sink_repository.take_events(world.db, "nats", 0)
    assert sum(one.tenant_id == other for one in taken) == 10 and len(taken) == sink_repository.SHARE + 10
