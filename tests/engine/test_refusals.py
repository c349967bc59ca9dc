"""A 401 pauses a connector when it is about its credentials, and says nothing of it when it is about one resource."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import app.outside.jobs  # brings the performer
from app.connectors import breaker_repository
from app.connectors.call_signs import REFUSALS, CallSign
from app.flow.performers import ServiceSign
from app.outside.refusals import WORDS
from tests.engine.calling import connect, finish, make_calls
from tests.engine.calling_by_connectors import connector as any_connector
from tests.engine.requests_by_http import connector, requesting
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.http_server import Recorder, Reply, json_reply, recording
from tests.fixtures.world import World

REFUSED = Reply(401, b"", {"WWW-Authenticate": 'Bearer realm="api"'})


@pytest.fixture
def server() -> Iterator[Recorder]:
    with recording() as recorder:
        yield recorder


@pytest.fixture
def url(committed_database: CommittedDatabase) -> str:
    assert app.outside.jobs.ACTORS == []
    return committed_database.url


def refusing(server: Recorder, *paths: str, by: Reply = REFUSED) -> None:
    server.answer = lambda asked: by if asked.path in paths else json_reply({"n": 1})


def state(world: World) -> Any:
    return world.db.execute("select state, state_message from connectors").fetchone()


def test_a_401_about_one_resource_fails_that_call_and_pauses_nothing(world: World, url: str, server: Recorder) -> None:
    """The connector's own test is let in: asked once for all that were refused side by side."""
    connector_id = connector(world, server.url, testPath="/me")
    refusing(server, "/secret")
    workflow = world.workflow(requesting("/secret", connectorId=connector_id, method="GET"))
    world.emit("go", world.contacts(12))
    finish(world, url)
    assert state(world) == ("ok", None) and world.runs(workflow) == {"completed": 12}
    assert world.one("select count(*) from contacts where tags = '{bad}'") == 12
    assert [asked.path for asked in server.asked].count("/me") == 1


def test_a_test_that_is_refused_too_pauses_and_what_waits_costs_no_try(
    world: World, url: str, server: Recorder
) -> None:
    connector_id = connector(world, server.url, testPath="/me")
    refusing(server, "/orders", "/me")
    workflow = world.workflow(requesting("/orders", connectorId=connector_id, method="GET"))
    world.emit("go", world.contacts(8))
    finish(world, url)
    assert state(world) == ("paused", WORDS) and world.runs(workflow) == {"running": 8}
    assert world.one("select count(*) from calls where lease_until is null and attempt = 1") == 8
    refusing(server)
    world.db.execute("update connectors set state = 'ok', updated_at = clock_now()")
    finish(world, url)
    assert world.runs(workflow) == {"completed": 8}


@pytest.mark.parametrize("says", ["invalid_token", "same"])
def test_the_service_s_own_word_and_the_test_itself_are_sure(
    world: World, url: str, server: Recorder, says: str
) -> None:
    test_path = "/me" if says == "same" else ""
    connector_id = connector(world, server.url, testPath=test_path)
    word = {"WWW-Authenticate": 'Bearer error="invalid_token"'} if says == "invalid_token" else {}
    refusing(server, "/me", by=Reply(401, b"", word))
    world.workflow(requesting("/me", connectorId=connector_id, method="GET"))
    world.emit("go", world.contacts(1))
    assert make_calls(url) == 0
    assert state(world)[0] == "paused" and len(server.asked) == 1


def test_two_different_requests_in_a_row_are_the_credentials(world: World, url: str, server: Recorder) -> None:
    """Where the connector has no test of its own, and no success comes between."""
    connector_id = connector(world, server.url)
    refusing(server, "/a", "/b")
    world.workflow(requesting("/a", connectorId=connector_id, method="GET"))
    for path, expected in (("/a", "ok"), ("/b", "paused")):
        if path == "/b":
            world.workflow(requesting("/b", connectorId=connector_id, method="GET"))
            world.db.execute(
                "update workflows set status = 'paused' where id = (select min(id::text)::uuid from workflows)"
            )
        world.emit("go", world.contacts(1))
        finish(world, url)
        assert state(world)[0] == expected


def test_one_step_that_asks_about_each_contact_is_one_refusal_again_and_again(
    world: World, url: str, server: Recorder
) -> None:
    """What its token may not read has another path for each contact."""
    connector_id = connector(world, server.url)
    server.answer = lambda asked: REFUSED
    workflow = world.workflow(requesting("/customers/{{ contact.id }}", connectorId=connector_id, method="GET"))
    for _ in range(REFUSALS - 1):
        assert state(world)[0] == "ok"
        world.emit("go", world.contacts(1))
        finish(world, url)
    assert len({asked.path for asked in server.asked}) == REFUSALS - 1
    assert state(world)[0] == "ok" and world.runs(workflow)


@pytest.mark.parametrize(
    ("requests", "refused"),
    [
        ("a" * (REFUSALS - 1), False),
        ("a" * REFUSALS, True),
        ("ab", True),
        ("a+b", False),
        ("aaaa+aaaa", False),
        ("a+ab", True),
        ("a-a", False),
    ],
)
@pytest.mark.parametrize("together", [True, False])
def test_refusals_in_a_row(world: World, url: str, requests: str, refused: bool, together: bool) -> None:
    """`+` is a success and `-` a failure of the service; whether they come in one batch or one by one."""
    key = world.tenant, any_connector(world)
    began = world.one("select clock_now()")
    signs = {"+": ServiceSign(True), "-": ServiceSign(False, "It answered 500.")}
    said = [
        CallSign(key, began, signs.get(one) or ServiceSign(False, WORDS, doubted=one, again=True)) for one in requests
    ]
    with connect(url) as connection:
        for batch in [said] if together else [[one] for one in said]:
            with connection.transaction():
                breaker_repository.note(connection, batch)
    assert state(world)[0] == ("paused" if refused else "ok")
