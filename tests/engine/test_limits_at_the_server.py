"""Limits of connectors as their service sees them: several worker processes call one server, and some of them are killed."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import socketserver
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from app.engine import failpoints, integrity
from app.engine.call_shares import PER_CONNECTOR
from app.flow import performers, registry
from app.flow.performers import CallFailed, PlacedCall
from tests.engine.calling import Ask, Doing, connect, make_calls, perform_with
from tests.engine.calling_by_connectors import by, connector
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.world import World


class Service(socketserver.ThreadingTCPServer):
    """Answers a line with a line after a moment; counts how many it has at a time and which came."""

    daemon_threads = allow_reuse_address = True
    request_queue_size = 200

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Session)
        self.lock, self.under_way, self.most, self.keys = threading.Lock(), 0, 0, list[str]()
        self.moment_s = 0.01
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Session(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        service: Any = self.server
        key = self.rfile.readline().decode().strip()
        with service.lock:
            service.keys.append(key)
            service.under_way += 1
            service.most = max(service.most, service.under_way)
        time.sleep(service.moment_s)
        with service.lock:  # before the caller can know that it is over
            service.under_way -= 1
        self.wfile.write(b"ok\n")


@pytest.fixture
def service() -> Iterator[Service]:
    with Service() as service:
        yield service
        service.shutdown()


@pytest.fixture
def url(committed_database: CommittedDatabase) -> Iterator[str]:
    registry._types["ask"] = Ask
    yield committed_database.url
    performers.forget_performer("fake")


def calling(port: int) -> Doing:
    async def ask(call: PlacedCall) -> Any:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"{call.key}\n".encode())
        if await reader.readline() != b"ok\n":
            raise CallFailed("no answer")
        writer.close()
        return {"length": 1}

    return Doing(ask)


def work(url: str, port: int, dies: bool, looks: int) -> None:
    """The main function of a worker process; `dies`: with an answer in its hands that is not written."""
    perform_with(calling(port))
    if dies:
        failpoints.arm("call_made", 0.1)
    with connect(url) as connection:
        while looks and connection.execute("select 1 from calls where lease_until is null limit 1").fetchone():
            looks -= 1
            make_calls(url)  # ends when its look finds nothing to begin
    os._exit(0)


def in_processes(url: str, port: int, *dying: bool, looks: int = 40) -> list[int | None]:
    """A worker for each, all at once; their exit codes."""
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=work, args=(url, port, dies, looks)) for dies in dying]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    return [worker.exitcode for worker in workers]


def test_the_server_never_has_more_at_a_time_than_its_limit_and_the_places_of_the_killed_come_back(
    world: World, url: str, service: Service
) -> None:
    world.travel(world.one("select clock_now()"))
    workflow = world.workflow(by(connector(world, most=7)))
    world.emit("go", world.contacts(150))
    port = service.server_address[1]
    codes = in_processes(url, port, False, True, True)
    assert codes.count(-9) >= 1, "somebody was killed with calls under way"
    left_leases = world.one("select count(*) from calls where lease_until is not null")
    assert 0 < left_leases <= 7
    world.db.execute("update calls set lease_until = now() - interval '1 second' where lease_until is not null")
    for _ in range(20):
        if world.runs(workflow) == {"completed": 150}:
            break
        assert in_processes(url, port, False, False) == [0, 0]
        world.engine.advance()
    assert world.runs(workflow) == {"completed": 150}
    assert service.most == 7, "all of the limit was used, and never more"
    assert len(set(service.keys)) == 150 and len(service.keys) <= 150 + left_leases
    assert integrity.check(world.db) == []


def test_a_bucket_of_tokens_is_exact_over_processes(world: World, url: str, service: Service) -> None:
    """The clock stands still: of 60 that wait, as many begin as there are tokens, whoever looks."""
    world.travel(world.one("select clock_now()"))
    world.workflow(by(connector(world, most=50, rate=60, seconds=60, burst=9)))
    world.emit("go", world.contacts(60))
    assert in_processes(url, service.server_address[1], False, False, False, looks=10) == [0, 0, 0]
    assert len(service.keys) == 9
    world.travel(world.one("select clock_now() + interval '4 seconds'"))
    assert in_processes(url, service.server_address[1], False, False, False, looks=10) == [0, 0, 0]
    assert len(service.keys) == 13


@pytest.mark.parametrize(("most", "expected"), [(None, 20), (35, 35), (500, PER_CONNECTOR)])
def test_one_worker_makes_as_many_at_a_time_as_the_connector_says(
    world: World, url: str, most: int | None, expected: int
) -> None:
    world.workflow(by(connector(world, most=most)))
    world.emit("go", world.contacts(80))
    world.db.execute("update calls set timeout_s = 30")
    full = asyncio.Event()

    async def ask(call: PlacedCall) -> Any:
        if performer.under_way[world.tenant] == expected:
            full.set()
        await full.wait()
        return {"length": 1}

    performer = Doing(ask)
    perform_with(performer)
    assert make_calls(url) == 80
    assert performer.most == {world.tenant: expected}
