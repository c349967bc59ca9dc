"""Events go to a stream of a real Valkey that dies: what it has not said it has stays in the database."""

from __future__ import annotations

import asyncio

import msgspec
import pytest
import redis

from app.bus_settings import BusSettings, RedisStreamSettings
from app.event_sinks.redis_transport import RedisTransport
from app.event_sinks.sinks import SinkPlan, planned
from app.lib.ids import uuid7
from tests.event_sinks.conftest import Connect, carry, waiting
from tests.fixtures.nats_server import free_port
from tests.fixtures.world import World

STREAM = "tests:events"


@pytest.fixture(autouse=True)
def fresh(redis_url: str) -> None:
    redis.Redis.from_url(redis_url).delete(STREAM)


def redis_plan(url: str, longest: int = 100_000) -> SinkPlan:
    bus = RedisStreamSettings(url=url, stream=STREAM, longest=longest, types=("contact.updated", "contact.nonsense"))
    (plan,) = planned(BusSettings(redis=bus))
    return plan


def test_events_are_in_the_stream_in_order_and_it_stays_short(world: World, connect: Connect, redis_url: str) -> None:
    contact = uuid7()
    ids = waiting(world, [contact] * 500, "redis")
    assert asyncio.run(carry(redis_plan(redis_url), connect)) == 500
    client = redis.Redis.from_url(redis_url)
    entries = [entry for _, entry in client.xrange(STREAM)]
    assert [entry[b"id"].decode() for entry in entries] == ids
    event = msgspec.json.decode(entries[0][b"event"])
    assert (event["specversion"], event["type"], event["data"]) == ("1.0", "contact.updated", {"n": 0})
    assert (entries[0][b"type"], entries[0][b"workspace"]) == (b"contact.updated", str(world.tenant).encode())
    waiting(world, [contact] * 3_000, "redis")
    asyncio.run(carry(redis_plan(redis_url, longest=1_000), connect))
    assert 1_000 <= client.xlen(STREAM) < 1_200
    assert world.one("select count(*) from sink_events") == 0


def test_a_name_that_is_no_type_is_said(world: World, connect: Connect, redis_url: str) -> None:
    asyncio.run(carry(redis_plan(redis_url), connect))
    types, error = world.db.execute("select types, last_error from event_sinks").fetchone() or ([], "")
    assert types == ["contact.updated"] and "contact.nonsense" in error


def test_while_it_is_away_nothing_is_lost(world: World, connect: Connect, redis_url: str) -> None:
    ids = waiting(world, [uuid7() for _ in range(50)], "redis")
    assert asyncio.run(carry(redis_plan(f"redis://127.0.0.1:{free_port()}/0"), connect)) == 0
    assert world.one("select count(*) from sink_events") == 50
    asyncio.run(carry(redis_plan(redis_url), connect))
    told = [entry[b"id"].decode() for _, entry in redis.Redis.from_url(redis_url).xrange(STREAM)]
    assert told == ids


def test_a_stream_that_breaks_off_in_the_middle_keeps_the_others(
    world: World, connect: Connect, redis_url: str
) -> None:
    """The second block is refused: the first one left, and the others go later, in order."""
    ids = waiting(world, [uuid7()] * 500, "redis")
    plan = redis_plan(redis_url)
    client = redis.Redis.from_url(redis_url)

    class Breaks(RedisTransport):
        async def publish(self, events):  # type: ignore[no-untyped-def]
            taken, _ = await super().publish(events[:200])
            return taken, ConnectionError("gone")

    broken = plan._replace(transport=lambda _: Breaks(RedisStreamSettings(url=redis_url, stream=STREAM)))
    assert asyncio.run(carry(broken, connect)) == 200 and world.one("select count(*) from sink_events") == 300
    asyncio.run(carry(plan, connect))
    assert [entry[b"id"].decode() for _, entry in client.xrange(STREAM)] == ids
