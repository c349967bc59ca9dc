"""Polls by a connector whose credentials a service refuses: the connector pauses for everybody, as by a step's call."""

from __future__ import annotations

import pytest

from tests.engine.requests_by_http import connector
from tests.fixtures.http_server import Asked, Reply, recording
from tests.fixtures.world import World
from tests.polls.conftest import Shop, look, poll_row, polling_flow, started


def state(world: World) -> str:
    return str(world.one("select state from connectors"))


async def test_refused_credentials_pause_the_connector_until_they_are_mended(world: World, shop: Shop) -> None:
    source = {"kind": "url", "connectorId": connector(world, shop.recorder.url), "url": "/orders", "items": "$.orders"}
    workflow = world.workflow(polling_flow(source=source, first="existing"))
    shop.add(1)
    shop.recorder.answer = lambda asked: Reply(401, b"", {"WWW-Authenticate": 'Bearer error="invalid_token"'})
    await look(world)
    assert state(world) == "paused" and "refused the credentials" in poll_row(world)["error"]
    asked = len(shop.recorder.asked)
    shop.recorder.answer = shop.answer
    await look(world, minutes=61)
    assert len(shop.recorder.asked) == asked, "nobody calls by it"
    assert poll_row(world)["error"].startswith("Its connector is away or paused")
    world.db.execute("update connectors set state = 'ok', state_since = clock_now()")
    await look(world, minutes=61)
    assert started(world, workflow) == [1] and poll_row(world)["error"] is None


@pytest.mark.parametrize("why", ["another server", "no credentials"])
async def test_a_401_that_is_not_about_the_credentials_pauses_nothing(world: World, shop: Shop, why: str) -> None:
    with recording() as other:
        other.answer = lambda asked: Reply(401)

        def elsewhere(asked: Asked) -> Reply:
            return Reply(302, b"", {"Location": f"{other.url}/orders"})

        shop.recorder.answer = elsewhere if why == "another server" else other.answer
        auth = {} if why == "another server" else {"auth": "none"}
        source = {"kind": "url", "connectorId": connector(world, shop.recorder.url, **auth), "url": "/orders"}
        world.workflow(polling_flow(source=source))
        await look(world)
    assert state(world) == "ok" and poll_row(world)["error"].startswith("It answered 401")
