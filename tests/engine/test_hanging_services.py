"""Services that hang hold up no other workspace: three fill what they may have of a worker, and the fourth makes its calls side by side."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator

import pytest

import app.outside.jobs  # brings the performer
from app.engine.call_shares import PER_CONNECTOR
from app.flow.performers import AT_ONCE
from tests.engine.calling import make_calls
from tests.engine.requests_by_http import connector, requesting
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.http_server import Asked, Recorder, Reply, json_reply, recording
from tests.fixtures.world import World

SIDE_BY_SIDE = 4
"""So many calls of the fourth workspace have to be under way together before any of them is answered."""
CALLS = 40


@pytest.fixture
def servers() -> Iterator[tuple[Recorder, Recorder]]:
    with recording() as hanging, recording() as quick:
        yield hanging, quick


def workspace(world: World, name: str, server: Recorder, calls: int) -> None:
    """One that has so many calls to make, by a connector that takes many at a time."""
    world.tenant = world.one("insert into workspaces (name, slug) values (%s, %s) returning id", name, name)
    connector_id = connector(world, server.url)
    world.db.execute("update connectors set max_concurrent = 1000 where id = %s", (connector_id,))
    world.workflow(requesting("/x", connectorId=connector_id, method="GET", timeout=120, headers={"X-Of": name}))
    world.emit("go", world.contacts(calls))


def test_three_workspaces_that_hang_leave_the_fourth_several_places(
    world: World, committed_database: CommittedDatabase, servers: tuple[Recorder, Recorder]
) -> None:
    assert app.outside.jobs.ACTORS == []
    hanging, quick = servers
    full, released, done = threading.Event(), threading.Event(), threading.Event()
    together, answered = threading.Barrier(SIDE_BY_SIDE), list[str]()

    def hang(asked: Asked) -> Reply:
        if len(hanging.asked) > 2 * PER_CONNECTOR:
            full.set()
        released.wait(60)
        return json_reply({"n": 1})

    def answer(asked: Asked) -> Reply:
        together.wait(30)
        answered.append(asked.path)
        if len(answered) == CALLS:
            done.set()
        return json_reply({"n": 1})

    hanging.answer, quick.answer = hang, answer
    for name in ("one", "two", "three"):
        workspace(world, name, hanging, 60)
    worker = threading.Thread(target=make_calls, args=(committed_database.url,))
    worker.start()
    try:
        assert full.wait(60), "the three have what they may have"
        workspace(world, "four", quick, CALLS)
        assert done.wait(60), f"{len(answered)} of {CALLS} were answered while the others hung"
        held = Counter(asked.headers["x-of"] for asked in hanging.asked)
        assert sum(held.values()) < AT_ONCE and max(held.values()) <= PER_CONNECTOR and len(held) == 3
    finally:
        released.set()
        worker.join(60)
    assert not worker.is_alive()
