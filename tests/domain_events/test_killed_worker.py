"""A worker that is killed in the middle of deliveries, as a process: another one goes on, nothing is lost, doubles have one id."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.domain_events.test_deliveries import endpoint, waiting
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.world import World

DELIVER = "from app.webhook_endpoints.jobs import deliver_events; deliver_events()"
COUNT = 200


@pytest.fixture
def world(committed_database: CommittedDatabase) -> Iterator[World]:
    place = World(committed_database.url)
    yield place
    place.close()


@pytest.fixture
def heard() -> Iterator[tuple[str, list[str]]]:
    ids = list[str]()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            ids.append(self.headers["webhook-id"])
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/", ids
    server.shutdown()


def deliver_until(url: str, reached: Any) -> None:
    """A process that delivers, killed as soon as `reached` says so."""
    process = subprocess.Popen(
        [sys.executable, "-c", DELIVER],
        env={**os.environ, "DATABASE_URL": url, "THROUGHLINE_LOCAL": "1"},
        stdout=subprocess.DEVNULL,
    )
    try:
        until = time.monotonic() + 60
        while not reached():
            assert process.poll() is None and time.monotonic() < until, "it delivers"
            time.sleep(0.005)
    finally:
        process.kill()
        process.wait()


def test_killed_twice_it_loses_nothing(
    world: World, committed_database: CommittedDatabase, heard: tuple[str, list[str]]
) -> None:
    address, ids = heard
    sent = waiting(world, endpoint(world, address), COUNT)
    for some in (30, 100):
        deliver_until(committed_database.url, lambda some=some: len(set(ids)) >= some)
        world.db.execute(  # as if ninety seconds had passed
            "update event_deliveries set lease_until = now() - interval '1 second' where lease_until is not null"
        )
    deliver_until(
        committed_database.url, lambda: world.one("select count(*) from event_deliveries where status = 1") == COUNT
    )
    assert set(ids) == set(sent), "nothing lost, nothing invented"
    assert len(ids) <= COUNT + 2 * 24, "only what a killed worker had taken comes again"
