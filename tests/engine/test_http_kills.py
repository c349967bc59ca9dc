"""HTTP requests under kills and beside slow services: calls made are calls recorded."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import time
from collections.abc import Iterator

import pytest

import app.outside.jobs  # brings the performer
from app.engine import failpoints, integrity
from tests.engine.calling import finish, make_calls
from tests.engine.requests_by_http import requesting
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.http_server import Asked, Recorder, Reply, json_reply, recording
from tests.fixtures.world import World


@pytest.fixture
def server() -> Iterator[Recorder]:
    with recording() as recorder:
        yield recorder


@pytest.fixture
def url(committed_database: CommittedDatabase) -> str:
    assert app.outside.jobs.ACTORS == []
    return committed_database.url


def perform_and_die(url: str, place: str) -> None:
    """The main function of a worker process that dies at a place of the calls."""
    failpoints.arm(place)
    make_calls(url)
    os._exit(0)


@pytest.mark.parametrize("idempotent", [True, False])
@pytest.mark.parametrize("place", ["call_claimed", "call_made"])
async def test_calls_made_are_calls_recorded_when_workers_are_killed(
    world: World, url: str, server: Recorder, place: str, idempotent: bool
) -> None:
    workflow = world.workflow(requesting(server.url, idempotent=idempotent))
    world.emit("go", world.contacts(5))
    worker = multiprocessing.get_context("fork").Process(target=perform_and_die, args=(url, place))
    worker.start()
    worker.join(60)
    assert worker.exitcode == -9
    world.db.execute("update calls set lease_until = now() - interval '1 second'")
    await asyncio.to_thread(finish, world, url)
    keys = [asked.headers["idempotency-key"] for asked in server.asked]
    recorded = {
        f"{run_id}-{seq}": (status, times)
        for run_id, seq, status, times in world.db.execute("select run_id, seq, status, times from outbound_calls")
    }
    assert set(keys) <= set(recorded) and len(recorded) == 5, "nothing left that is on no record"
    if idempotent:
        assert world.runs(workflow) == {"completed": 5}
        assert set(recorded.values()) == {("answered", 2)} and all(keys.count(key) <= 2 for key in keys)
    else:
        assert world.runs(workflow) == {"held": 5}
        assert set(recorded.values()) == {("uncertain", 1)} and len(keys) == len(set(keys)), "none was made twice"
    shown = world.one("select detail->'request' from outbound_calls limit 1")
    assert shown["method"] == "POST" and shown["url"].startswith(server.url)
    assert integrity.check(world.db) == []


def test_a_slow_service_holds_up_no_other(world: World, url: str, server: Recorder) -> None:
    with recording() as slow:
        slow.answer = lambda asked: json_reply({"n": 1}, after_s=1.5)
        world.workflow(requesting(slow.url, method="GET"))
        world.workflow(requesting(server.url.replace("127.0.0.1", "localhost"), method="GET"))
        arrived: list[float] = []

        def answer(asked: Asked) -> Reply:
            arrived.append(time.monotonic())
            return json_reply({"n": 2})

        server.answer = answer
        world.emit("go", world.contacts(15))
        began = time.monotonic()
        finish(world, url)
        assert len(arrived) == len(slow.asked) == 15
        assert max(arrived) - began < 1.5, "all were called before the first slow one had answered"
