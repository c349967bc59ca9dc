"""The breaker of hosts that are called without a connector: their calls wait, one probes it, and no other workspace is held up by it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from app.connectors import host_repository
from app.connectors.call_signs import FAILURES, HostSign
from app.engine import call_gates, integrity
from app.flow import performers, registry
from app.flow.performers import CallFailed, PlacedCall, RecordedAnswer, ServiceSign
from tests.engine.calling import Ask, Doing, asking, connect, finish, make_calls, perform_with
from tests.engine.calling_by_connectors import wait
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.world import World

HOST = "api.example.com"
STATE = "select state, failures, state_message from service_hosts where tenant_id = %s and host = %s"
RETRY = {"attempts": 3, "backoff": {"type": "fixed", "delay": 0, "jitter": False}}


@pytest.fixture
def url(committed_database: CommittedDatabase) -> Iterator[str]:
    registry._types["ask"] = Ask
    yield committed_database.url
    performers.forget_performer("fake")


def state_of(world: World, host: str = HOST) -> Any:
    return world.db.execute(STATE, (world.tenant, host)).fetchone()


def failing(words: str = "It answered 503.") -> Callable[[PlacedCall], Any]:
    async def ask(call: PlacedCall) -> Any:
        raise CallFailed(words, sign=ServiceSign(False, words, again=True))

    return ask


async def working(call: PlacedCall) -> Any:
    return RecordedAnswer({"length": 1}, None, ServiceSign(True))


def by_host(broken: set[int]) -> Callable[[PlacedCall], Any]:
    """The host fails for these workspaces."""

    async def ask(call: PlacedCall) -> Any:
        return await (failing() if call.tenant_id in broken else working)(call)

    return ask


def other_workspace(world: World, slug: str) -> int:
    return int(world.one("insert into workspaces (name, slug) values (%s, %s) returning id", slug, slug))


def test_failures_in_a_row_open_it_one_call_probes_it_and_the_first_success_closes_it(world: World, url: str) -> None:
    workflow = world.workflow(asking(RETRY, to=HOST))
    world.emit("go", world.contacts(40))
    perform_with(Doing(failing()))
    finish(world, url)
    assert state_of(world) == ("away", 1, "It answered 503.") and "failed" not in world.runs(workflow)
    waiting = world.one("select count(*) from calls where lease_until is null")
    assert make_calls(url) == 0 and waiting > 25, "nothing is called before it is time to probe"
    begun = world.one("select sum(fence) from calls")
    for number in (2, 3):
        wait(world, minutes=5)
        performer = Doing(failing())
        perform_with(performer)
        make_calls(url)
        assert performer.most == {world.tenant: 1} and state_of(world)[1] == number
        assert world.one("select sum(fence) from calls") == begun + 2 * (number - 1)
    assert world.one("select count(*) from calls where lease_until is null") == waiting, "a probe costs its step no try"
    wait(world, minutes=15)
    perform_with(Doing(working))
    finish(world, url)
    assert state_of(world) == ("ok", 0, None) and world.runs(workflow) == {"completed": 40}
    assert integrity.check(world.db) == []


def test_what_one_workspace_meets_at_a_host_says_nothing_to_another(world: World, url: str) -> None:
    broken, sound = world.tenant, other_workspace(world, "sound")
    world.workflow(asking(RETRY, to=HOST))
    world.emit("go", world.contacts(20))
    world.tenant = sound
    workflow = world.workflow(asking(RETRY, to=HOST))
    world.emit("go", world.contacts(20))
    perform_with(Doing(by_host({broken})))
    finish(world, url)
    assert world.runs(workflow) == {"completed": 20} and state_of(world) is None
    world.tenant = broken
    assert state_of(world)[0] == "away"


def test_other_hosts_of_the_workspace_go_on(world: World, url: str) -> None:
    world.workflow(asking(RETRY, to=HOST))
    world.emit("go", world.contacts(20))
    perform_with(Doing(failing()))
    finish(world, url)
    other = world.workflow(asking(RETRY, to="b.example.com"))
    world.emit("go", world.contacts(5))
    perform_with(Doing(working))
    finish(world, url)
    assert world.runs(other) == {"completed": 5} and state_of(world)[0] == "away"


def test_where_all_is_well_nothing_is_written_and_a_success_begins_to_count_anew(world: World, url: str) -> None:
    began = world.one("select clock_now()")
    good, bad = (HostSign((world.tenant, HOST), began, ServiceSign(works, "No.")) for works in (True, False))
    with connect(url) as connection:
        with connection.transaction():
            assert host_repository.note(connection, [good] * 50) == (set(), [])
        assert world.one("select count(*) from service_hosts") == 0
        with connection.transaction():
            assert host_repository.note(connection, [bad] * (FAILURES - 1)) == (set(), [])
            assert host_repository.note(connection, [good, bad]) == (set(), [])
        assert world.one("select failures_in_row from service_hosts") == 1


def test_who_began_before_the_outage_closes_nothing_and_a_rush_is_one_failure(world: World, url: str) -> None:
    key, began = (world.tenant, HOST), world.one("select clock_now()")
    bad = HostSign(key, began, ServiceSign(False, "It answered 500."))
    with connect(url) as connection:
        wait(world, seconds=10)
        with connection.transaction():
            away, changes = host_repository.note(connection, [bad] * FAILURES)
        assert away == {key} and [change.state for change in changes] == ["away"]
        with connection.transaction():
            assert host_repository.note(connection, [HostSign(key, began, ServiceSign(True)), bad]) == ({key}, [])
        assert state_of(world)[1] == 1
        later = world.one("select clock_now()")
        with connection.transaction():
            away, changes = host_repository.note(connection, [HostSign(key, later, ServiceSign(True))])
        assert (away, [change.state for change in changes]) == (set(), ["ok"])


def test_two_workers_that_find_it_away_in_one_rush_are_one_outage(world: World, url: str) -> None:
    key, began = (world.tenant, HOST), world.one("select clock_now()")
    bad = [HostSign(key, began, ServiceSign(False, "It answered 500."))] * FAILURES
    with connect(url) as one, connect(url) as two:
        with one.transaction():
            host_repository.note(one, bad)
        with two.transaction():
            host_repository.note(two, bad)
    assert state_of(world)[:2] == ("away", 1)


def test_a_host_that_asks_to_be_left_alone_is(world: World, url: str) -> None:
    workflow = world.workflow(asking(RETRY, to=HOST))
    world.emit("go", world.contacts(3))

    async def busy(call: PlacedCall) -> Any:
        raise CallFailed("It answered 429.", sign=ServiceSign(True, wait_s=120.0))

    perform_with(Doing(busy))
    make_calls(url)
    world.engine.advance()
    perform_with(Doing(working))
    assert make_calls(url) == 0
    wait(world, seconds=121)
    finish(world, url)
    assert world.runs(workflow) == {"completed": 3}


def test_what_waited_a_day_for_a_host_fails_with_its_words(world: World, url: str) -> None:
    workflow = world.workflow(asking(to=HOST))
    world.emit("go", world.contacts(1))
    world.db.execute(
        "insert into service_hosts (tenant_id, host, state, state_since, probe_at, state_message)"
        " values (%s, %s, 'away', clock_now(), clock_now() + interval '90 days', 'It answered 500.')",
        (world.tenant, HOST),
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
