"""The breaker of connectors: calls of a service that is away wait, one probes it, and nobody else is held up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from app.connectors import breaker_repository
from app.connectors.call_signs import FAILURES, CallSign
from app.engine import call_gates, integrity
from app.flow import performers, registry
from app.flow.performers import CallFailed, PlacedCall, RecordedAnswer, ServiceSign
from tests.engine.calling import Ask, Doing, connect, finish, make_calls, perform_with
from tests.engine.calling_by_connectors import by, connector, wait
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.world import World

STATE = "select state, failures, state_message from connectors where id = %s"
RETRY = {"attempts": 3, "backoff": {"type": "fixed", "delay": 0, "jitter": False}}


@pytest.fixture
def url(committed_database: CommittedDatabase) -> Iterator[str]:
    registry._types["ask"] = Ask
    yield committed_database.url
    performers.forget_performer("fake")


def failing(words: str = "It answered 503.", again: bool = True) -> Callable[[PlacedCall], Any]:
    async def ask(call: PlacedCall) -> Any:
        raise CallFailed(words, sign=ServiceSign(False, words, again=again))

    return ask


async def working(call: PlacedCall) -> Any:
    return RecordedAnswer({"length": 1}, None, ServiceSign(True))


def test_failures_in_a_row_open_the_breaker_and_what_waits_is_delayed_not_failed(world: World, url: str) -> None:
    connector_id = connector(world)
    workflow = world.workflow(by(connector_id, retry=RETRY))
    world.emit("go", world.contacts(40))
    perform_with(Doing(failing()))
    finish(world, url)
    state, failures, words = world.db.execute(STATE, (connector_id,)).fetchone() or ()
    assert (state, failures, words) == ("away", 1, "It answered 503.")
    assert "failed" not in world.runs(workflow)
    waiting = world.one("select count(*) from calls where lease_until is null")
    assert make_calls(url) == 0 and waiting > 25, "nothing is called before it is time to probe"
    begun = world.one("select sum(fence) from calls")
    for number in (2, 3):
        wait(world, minutes=5)
        performer = Doing(failing())
        perform_with(performer)
        make_calls(url)
        assert performer.most == {world.tenant: 1} and world.one("select sum(fence) from calls") == begun + 2 * (
            number - 1
        )
        assert (world.db.execute(STATE, (connector_id,)).fetchone() or ())[1] == number
    assert world.one("select count(*) from calls where lease_until is null") == waiting, "a probe costs its step no try"
    wait(world, minutes=15)
    perform_with(Doing(working))
    finish(world, url)
    assert (world.db.execute(STATE, (connector_id,)).fetchone() or ())[0] == "ok"
    assert world.runs(workflow) == {"completed": 40}
    assert integrity.check(world.db) == []


def test_failures_between_successes_and_answers_about_one_request_open_nothing(world: World, url: str) -> None:
    connector_id = connector(world, most=1)
    world.workflow(by(connector_id))
    world.emit("go", world.contacts(30))
    count = 0

    async def ask(call: PlacedCall) -> Any:
        nonlocal count
        count += 1
        return await (working if count % 5 == 0 else failing(again=False))(call)

    perform_with(Doing(ask))
    finish(world, url)
    assert count == 30 and (world.db.execute(STATE, (connector_id,)).fetchone() or ())[0] == "ok"
    assert world.one("select failures_in_row from connector_gates") == 0


def test_where_all_is_well_nothing_is_written(world: World, url: str) -> None:
    connector_id = connector(world)
    began = world.one("select clock_now()")
    sign = CallSign((world.tenant, connector_id), began, ServiceSign(True))
    with connect(url) as connection, connection.transaction():
        assert breaker_repository.note(connection, [sign] * 50) == (set(), [])
    assert world.one("select count(*) from connector_gates") == 0


def test_a_late_answer_of_before_the_outage_closes_nothing(world: World, url: str) -> None:
    connector_id = connector(world)
    key, began = (world.tenant, connector_id), world.one("select clock_now()")
    bad = CallSign(key, began, ServiceSign(False, "It answered 500."))
    with connect(url) as connection:
        wait(world, seconds=10)
        with connection.transaction():
            away, changes = breaker_repository.note(connection, [bad] * FAILURES)
        assert away == {key} and [change.state for change in changes] == ["away"]
        with connection.transaction():
            assert breaker_repository.note(connection, [CallSign(key, began, ServiceSign(True))]) == ({key}, [])
        later = world.one("select clock_now()")
        with connection.transaction():
            assert breaker_repository.note(connection, [CallSign(key, later, ServiceSign(True))])[0] == set()


def test_who_asks_to_be_left_alone_is_left_alone_by_all_workers(world: World, url: str) -> None:
    connector_id = connector(world)
    workflow = world.workflow(by(connector_id, retry=RETRY))
    world.emit("go", world.contacts(1))

    async def busy(call: PlacedCall) -> Any:
        raise CallFailed("It answered 429.", sign=ServiceSign(True, wait_s=120.0))

    perform_with(Doing(busy))
    assert make_calls(url) == 1
    world.engine.advance()
    perform_with(Doing(working))
    assert make_calls(url) == 0, "its next try waits for the connector"
    wait(world, seconds=121)
    finish(world, url)
    assert world.runs(workflow) == {"completed": 1}


def test_a_call_waits_a_day_for_a_service_that_is_away(world: World, url: str) -> None:
    connector_id = connector(world)
    workflow = world.workflow(by(connector_id))
    world.emit("go", world.contacts(1))
    world.db.execute(
        "update connectors set state = 'away', state_since = clock_now(), probe_at = clock_now() + interval '90 days',"
        " state_message = 'It answered 500.' where id = %s",
        (connector_id,),
    )
    perform_with(Doing(working))
    with connect(url) as connection:
        for hours, given_up in ((23, 0), (2, 1)):
            wait(world, hours=hours)
            with connection.transaction():
                assert call_gates.give_up(connection) == given_up
    world.engine.advance()
    assert world.one("select tags from contacts") == ["bad"] and world.runs(workflow) == {"completed": 1}
    assert "24 hours. It answered 500." in world.one("select error_message from steps where node_id = 'a'")


def test_one_workspace_with_a_service_that_is_away_holds_up_no_other(world: World, url: str) -> None:
    away = connector(world)
    world.workflow(by(away))
    world.emit("go", world.contacts(200))
    world.db.execute(
        "update connectors set state = 'away', state_since = clock_now(), probe_at = clock_now() + interval '1 day' where id = %s",
        (away,),
    )
    world.tenant = world.one("insert into workspaces (name, slug) values ('Other', 'other') returning id")
    workflow = world.workflow(by(connector(world)))
    world.emit("go", world.contacts(25))
    perform_with(Doing(working))
    assert make_calls(url) == 25
    world.engine.advance()
    assert world.runs(workflow) == {"completed": 25}


def test_refused_credentials_pause_the_connector_and_its_calls_wait_until_it_is_mended(world: World, url: str) -> None:
    refused, well = connector(world), connector(world)
    theirs, others = world.workflow(by(refused, retry=RETRY)), world.workflow(by(well))
    world.emit("go", world.contacts(12))

    async def ask(call: PlacedCall) -> Any:
        if call.target.endswith(str(well)):
            return await working(call)
        return RecordedAnswer({"status": 401}, None, ServiceSign(False, "It answered 401.", refused=True, again=True))

    perform_with(Doing(ask))
    finish(world, url)
    assert (world.db.execute(STATE, (refused,)).fetchone() or ())[::2] == ("paused", "It answered 401.")
    assert (world.db.execute(STATE, (well,)).fetchone() or ())[0] == "ok"
    assert world.runs(others) == {"completed": 12} and world.runs(theirs) == {"running": 12}
    wait(world, hours=60)
    perform_with(Doing(working))
    assert make_calls(url) == 0 and call_gates.give_up(world.db) == 0, "nothing is tried and nothing is given up"
    assert world.one("select count(*) from calls where lease_until is null and attempt = 1") == 12, "it cost no try"
    world.db.execute("update connectors set state = 'ok', updated_at = clock_now() where id = %s", (refused,))
    finish(world, url)
    assert world.runs(theirs) == {"completed": 12} and integrity.check(world.db) == []


def test_an_answer_that_began_before_new_credentials_pauses_nothing(world: World, url: str) -> None:
    connector_id = connector(world)
    began = world.one("select clock_now()")
    wait(world, seconds=5)
    world.db.execute("update connectors set updated_at = clock_now() where id = %s", (connector_id,))
    sign = ServiceSign(False, "It answered 401.", refused=True, again=True)
    with connect(url) as connection, connection.transaction():
        noted = breaker_repository.note(connection, [CallSign((world.tenant, connector_id), began, sign)])
    assert noted == (set(), [])
