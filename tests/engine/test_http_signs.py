"""What an answer says of the service that gave it: when the next try may come, and whether its connector is at fault."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

import app.outside.jobs  # brings the performer
from tests.engine.calling import finish, make_calls
from tests.engine.requests_by_http import RETRY, connector, requesting
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.http_server import Recorder, Reply, json_reply, recording
from tests.fixtures.world import World


@pytest.fixture
def server() -> Iterator[Recorder]:
    with recording() as recorder:
        yield recorder


@pytest.fixture
def url(committed_database: CommittedDatabase) -> str:
    assert app.outside.jobs.ACTORS == []
    return committed_database.url


HTTP_DATE = "%a, %d %b %Y %H:%M:%S GMT"


@pytest.mark.parametrize(("header", "seconds"), [("90", 90), ("date", 90), ("86400", 3_600), ("-3", 0), ("soon", 0)])
def test_the_next_try_is_no_sooner_than_the_server_says(
    world: World, url: str, server: Recorder, header: str, seconds: int
) -> None:
    """Without a connector too: seconds, dates, an hour at most; what cannot be read changes nothing."""
    if header == "date":
        header = (datetime.now(UTC) + timedelta(seconds=seconds + 0.9)).strftime(HTTP_DATE)
    server.answer = lambda asked: Reply(429, b"slow down", {"Retry-After": header})
    world.workflow(requesting(server.url, RETRY, method="GET"))
    world.emit("go", world.contacts(1))
    before = world.one("select now()")
    assert make_calls(url) == 1
    world.engine.advance()
    after = world.one("select resume_at from runs")
    if seconds:
        assert abs((after - before).total_seconds() - seconds) < 5
    else:
        assert world.one("select count(*) from calls") == 1, "its next try waits for nothing"


def test_statuses_of_5xx_open_the_breaker_and_those_of_4xx_do_not(world: World, url: str, server: Recorder) -> None:
    connector_id = connector(world, server.url)
    workflow = world.workflow(requesting("/x", RETRY, connectorId=connector_id, method="GET"))
    for status, state in ((404, "ok"), (500, "away")):
        server.answer = lambda asked, status=status: Reply(status)  # type: ignore[misc]
        world.emit("go", world.contacts(12))
        finish(world, url)
        row = world.db.execute("select state, state_message from connectors").fetchone()
        assert row is not None and row[0] == state
    assert row[1] == "It answered 500 Internal Server Error."
    waiting = world.one("select count(*) from calls")
    server.answer = lambda asked: json_reply({"n": 1})
    world.travel(world.one("select clock_now()") + timedelta(minutes=1))
    finish(world, url)
    assert waiting > 6 and world.runs(workflow) == {"completed": 24}
    assert world.one("select count(*) from contacts where tags = '{1}'") == 12, "none that met a 500 failed for it"


def test_a_status_that_the_step_expects_is_no_fault_of_the_service(world: World, url: str, server: Recorder) -> None:
    connector_id = connector(world, server.url)
    server.answer = lambda asked: Reply(503)
    world.workflow(requesting("/x", connectorId=connector_id, method="GET", successCodes=["2xx", "5xx"]))
    world.emit("go", world.contacts(12))
    finish(world, url)
    assert world.one("select state from connectors") == "ok"


def test_a_401_of_a_server_behind_a_redirect_says_nothing_about_the_credentials(
    world: World, url: str, server: Recorder
) -> None:
    """It never saw them: they go to no other origin."""
    connector_id = connector(world, server.url)
    with recording() as other:
        other.answer = lambda asked: Reply(401)
        server.answer = lambda asked: Reply(302, b"", {"Location": f"{other.url}/file"})
        workflow = world.workflow(requesting("/x", connectorId=connector_id, method="GET", followRedirects=True))
        world.emit("go", world.contacts(1))
        finish(world, url)
        assert len(other.asked) == 1 and "authorization" not in {name.lower() for name in other.asked[0].headers}
    assert world.one("select state from connectors") == "ok" and world.runs(workflow) == {"completed": 1}
