"""Limits of connectors hold over all workers: what is above them waits, and nobody else."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from app.engine import call_gates, calls
from app.engine.call_pass import CallPass
from app.engine.call_shares import PER_TARGET, CallLane
from app.engine.calls import Claim
from app.flow import performers, registry
from app.flow.performers import PlacedCall, connector_target
from app.lib.ids import uuid7
from tests.engine.calling import Ask, Doing, asking, connect, finish, perform_with
from tests.engine.calling_by_connectors import by, connector, wait
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.world import World


@pytest.fixture
def url(committed_database: CommittedDatabase) -> Iterator[str]:
    registry._types["ask"] = Ask
    yield committed_database.url
    performers.forget_performer("fake")


def taken(connection: psycopg.Connection[Any], most: int = 10) -> list[Claim]:
    """What one worker claims in a look, as `CallPass` does, with room for so many of each lane."""
    with connection.transaction():
        lanes, _ = calls.lanes(connection, ["fake"], {})
        opened = call_gates.open_for(connection, lanes)
        quotas = {lane: min(most, opened.rooms.get((lane.tenant_id, lane.target), most)) for lane in lanes}
        quotas = {lane: count for lane, count in quotas.items() if count}
        claims, _ = calls.claim(connection, quotas) if quotas else ([], 0)
        call_gates.spend(connection, opened, claims)
    return claims


def test_no_more_than_its_limit_are_under_way_over_all_workers_and_a_dead_one_gives_back(
    world: World, url: str
) -> None:
    world.workflow(by(connector(world, most=3)))
    world.emit("go", world.contacts(10))
    with connect(url) as one, connect(url) as other:
        assert [len(taken(one, 2)), len(taken(other)), len(taken(one))] == [2, 1, 0]
        world.db.execute("update calls set lease_until = now() - interval '1 second' where lease_until is not null")
        with one.transaction():
            calls.take_over(one)
        assert len(taken(other)) == 3


def test_a_rate_is_never_passed_and_its_tokens_come_back_evenly(world: World, url: str) -> None:
    world.workflow(by(connector(world, most=50, rate=60, seconds=60, burst=4)))
    world.emit("go", world.contacts(20))
    wait(world, seconds=0)
    with connect(url) as one, connect(url) as other:
        assert [len(taken(one, 3)), len(taken(other)), len(taken(one))] == [3, 1, 0]
        wait(world, seconds=2.5)
        assert [len(taken(other)), len(taken(one))] == [2, 0]
        wait(world, seconds=0.5)
        assert len(taken(one)) == 1, "the half that was left counts"
        wait(world, hours=1)
        assert len(taken(one)) == 4, "no more than the burst is saved up"


def test_of_two_workers_that_look_at_once_the_second_waits_for_nothing(world: World, url: str) -> None:
    world.workflow(by(connector(world, rate=100, seconds=1)))
    world.emit("go", world.contacts(5))
    with connect(url) as one, connect(url) as other:
        other.execute("set lock_timeout = '1s'")
        lanes, _ = calls.lanes(one, ["fake"], {})
        with one.transaction():
            call_gates.open_for(one, lanes)  # the row is there from now on
        with one.transaction():
            first = call_gates.open_for(one, lanes)
            with other.transaction():
                second = call_gates.open_for(other, lanes)
        assert list(first.rooms.values()) == [20] and list(second.rooms.values()) == [0]
        assert second.wait_s == pytest.approx(0.05)


def test_a_limited_service_takes_nothing_of_what_others_may_have(world: World, url: str) -> None:
    """Both are of one workspace: what the limited one may not have is dealt to the other in the same look."""
    slow = world.workflow(by(connector(world, most=1)))
    world.emit("go", world.contacts(30))
    free = world.workflow(asking(to="free"))
    world.emit("go", world.contacts(30))
    first = list[str]()
    under_way, most = 0, 0

    async def ask(call: PlacedCall) -> Any:
        nonlocal under_way, most
        first.append(call.target)
        limited = call.target != "free"
        under_way += limited
        most = max(most, under_way)
        await asyncio.sleep(0)
        under_way -= limited
        return {"length": 1}

    perform_with(Doing(ask))
    finish(world, url)
    assert most == 1 and first[:11].count("free") == PER_TARGET
    assert world.runs(slow) == {"completed": 60} and world.runs(free) == {"completed": 30}


def test_two_passes_at_once_keep_a_limit(world: World, url: str) -> None:
    workflow = world.workflow(by(connector(world, most=4)))
    world.emit("go", world.contacts(60))
    lock, under_way, most = threading.Lock(), [0], [0]

    async def ask(call: PlacedCall) -> Any:
        with lock:
            under_way[0] += 1
            most[0] = max(most[0], under_way[0])
        await asyncio.sleep(0.001)
        with lock:
            under_way[0] -= 1
        return {"length": 1}

    performer = Doing(ask)
    perform_with(performer)

    def work() -> None:
        with connect(url) as connection:
            asyncio.run(
                CallPass(connection, lambda: connect(url), threading.Event(), lambda _: None).run(until_idle=True)
            )

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    finish(world, url)
    assert 1 <= most[0] <= 4
    world.engine.advance()
    assert world.runs(workflow) == {"completed": 60}


def test_lanes_with_a_connector_cost_the_same_statements_for_one_and_for_many(world: World, url: str) -> None:
    """Growth: the statements of a look do not grow with the connectors of which something waits."""

    class Counting:
        def __init__(self, connection: psycopg.Connection[Any]) -> None:
            self.connection, self.count = connection, 0

        def execute(self, *arguments: Any) -> Any:
            self.count += 1
            return self.connection.execute(*arguments)

    counts = []
    ids = [connector(world, rate=10, seconds=1) for _ in range(40)]
    with connect(url) as connection:
        for some in (ids[:1], ids):
            lanes = [CallLane(world.tenant, uuid7(), "fake", connector_target(one)) for one in some]
            counting: Any = Counting(connection)
            with connection.transaction():
                opened = call_gates.open_for(counting, lanes)
            assert len(opened.rooms) == len(some)
            counts.append(counting.count)
    assert counts[0] == counts[1] <= 5
