"""Processes that take in by NATS are killed as by `kill -9`; how much waits on the bus, and that it fails, is known meanwhile."""

from __future__ import annotations

import asyncio
import multiprocessing
import threading
import time
from collections.abc import Callable
from typing import Any

import nats
import pytest
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from app.bus_settings import NatsSettings
from app.domain_events import sink_repository
from app.event_sinks.nats_intake import NAME, STREAM, IntakePass
from app.lib import database
from app.lib.database_roles import DatabaseRole
from app.system import repository
from app.troubles import service as troubles
from tests.event_sinks.conftest import Connect, stored
from tests.event_sinks.test_nats_in import own_database, send, streams, taking_in, until
from tests.fixtures.nats_server import NatsServer
from tests.fixtures.world import World

__all__ = ["own_database"]
TOTAL = 300


def take_in(url: str, connect: Connect) -> None:
    """The main function of a process that takes in until it is killed."""

    async def main() -> None:
        async with database.job_engine(DatabaseRole.WEB) as engine:
            with connect() as connection:
                await IntakePass(
                    NatsSettings(servers=(url,)), connection, async_sessionmaker(engine), threading.Event()
                ).run()

    asyncio.run(main())


def wait_for(true: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_processes_that_are_killed_lose_nothing_and_double_nothing(
    world: World, connect: Connect, bus: NatsServer
) -> None:
    """Four are killed as soon as they have brought in something new, the server between; the fifth brings in all the others."""

    def count() -> int:
        return int(world.one("select count(*) from events where name = 'order.placed'"))

    def begun() -> Any:
        process = multiprocessing.get_context("fork").Process(target=take_in, args=(bus.url, connect))
        process.start()
        return process

    async def send_all() -> None:
        client = await nats.connect(bus.url)
        await until(lambda: streams(client.jetstream()))
        for n in range(TOTAL):
            body = {"email": f"u{n % 20}@example.com", "properties": {"n": n}}
            await send(client.jetstream(), "order.placed", body, f"o-{n}")
        await client.close()

    process = begun()
    asyncio.run(send_all())
    before = 0
    for life in range(4):
        wait_for(lambda before=before: count() > before)  # type: ignore[misc]
        process.kill()
        process.join(30)
        assert process.exitcode == -9
        before = count() if count() < TOTAL else before
        if life == 1:
            bus.kill()
            bus.start()
        process = begun()
    wait_for(lambda: count() == TOTAL)
    process.kill()
    process.join(30)
    rows = world.db.execute("select (properties->>'n')::int from events where name = 'order.placed'").fetchall()
    assert sorted(n for (n,) in rows) == list(range(TOTAL)), "each once"
    assert world.one("select count(*) from contacts") == 20
    assert len(asyncio.run(stored(bus.url, STREAM))) == TOTAL


def test_what_waits_on_the_bus_is_known(
    world: World, connect: Connect, bus: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While nothing is handled the queue grows, and is said with what a worker has in its hands; it is gone when all is handled."""
    sql, rooms = "select (waiting, unacknowledged)::text from event_sinks where name = 'nats_inbound'", asyncio.Event()
    handle = IntakePass._handle

    async def waits(self: IntakePass, *arguments: Any) -> None:
        await rooms.wait()
        await handle(self, *arguments)

    monkeypatch.setattr(IntakePass, "_handle", waits)

    async def work(context: Any, intake: IntakePass) -> None:
        for n in range(120):
            await send(context, "order.placed", {"email": "a@example.com", "properties": {"n": n}}, f"w-{n}")
        await until(lambda: sum(map(int, str(world.one(sql)).strip("()").split(","))) == 120)
        assert world.one("select waiting > 0 and unacknowledged > 0 and behind_since is not null from event_sinks")
        rooms.set()
        await until(lambda: str(world.one(sql)) == "(0,0)")
        assert world.one("select behind_since is null from event_sinks")

    taking_in(bus, connect, work)


async def test_a_bus_that_brings_nothing_in_is_a_trouble_of_its_own(db_session: AsyncSession) -> None:
    connection = await db_session.connection()
    await connection.exec_driver_sql(
        "insert into event_sinks (name, types, failing_since, last_error, waiting, unacknowledged, behind_since) values"
        " ('nats_inbound', '{}', now() - interval '10 minutes', 'No route.', 7, 3, now() - interval '20 minutes')"
    )
    (trouble,) = [one for one in await troubles.of_installation(db_session) if one.kind.startswith("bus_")]
    assert (trouble.kind, trouble.count, trouble.details) == ("bus_unheard", 7, ["nats_inbound: No route."])
    (queue,) = [one for one in await repository.queues(db_session) if one.name == f"events_{NAME}"]
    assert queue.depth == 7 and 1_199 < queue.age < 1_260
    assert await repository.unacknowledged(db_session) == {NAME: 3}
    await connection.exec_driver_sql("update event_sinks set failing_since = null, last_error = null")
    (slow,) = [one for one in await troubles.of_installation(db_session) if one.kind.startswith("bus_")]
    assert slow.details == ["nats_inbound: Messages come in, and more are sent than are handled."]
    await connection.exec_driver_sql("update event_sinks set behind_since = null, waiting = 0")
    assert not [one for one in await troubles.of_installation(db_session) if one.kind.startswith("bus_")]
    assert [one.inbound for one in await sink_repository.sinks_standing(db_session)] == [True]
