"""A hub that nobody needs ends its tasks, one after the other, and begins again with whoever comes."""

from __future__ import annotations

import pytest

from app.lib.deadline import BoundedConnection
from app.live import hub as live_hub
from app.live.hub import LiveHub
from app.live.stream import Topic
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.world import World
from tests.live.listening import Client, nobody_left, until
from tests.live.test_hub import world as world


async def test_who_comes_while_an_idle_hub_is_still_ending_is_served(
    world: World, committed_database: CommittedDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reader of an idle hub ends at once, the beat sleeps on: whoever comes between them has a reader again."""
    monkeypatch.setattr(live_hub, "IDLE_S", 0.0)
    monkeypatch.setattr(live_hub, "LOOK_S", 0.02)

    async def connect(purpose: str) -> BoundedConnection:
        return await BoundedConnection.connect(committed_database.url, autocommit=True)

    hub = LiveHub(nobody_left, connect)
    first = Client(world.tenant, Topic(hints=True)).stream
    hub.join(first)
    await until(lambda: not first.fresh)
    hub.leave(first)
    await until(lambda: hub._tasks["read"].done() and hub._tasks["hear"].done())
    assert not hub._tasks["beat"].done()
    second = Client(world.tenant, Topic(hints=True)).stream
    hub.join(second)
    await until(lambda: not second.fresh)
    hub.leave(second)
    await hub.stop()
