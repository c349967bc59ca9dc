"""Calls to the outside: made once each, answered later, tried again by the step's rule, held when nobody knows."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.engine import calls, failpoints, integrity
from app.engine.calls import HELD_LOST, HELD_WHY, CallResult, Claim
from app.engine.control import cancel_runs, cancel_workflow_runs, fail_run
from app.engine.held_runs import release_runs
from app.flow import performers, registry
from app.flow.performers import PlacedCall
from app.lib import database
from tests.engine.calling import Ask, Doing, Fake, asking, connect, finish, make_calls, perform_with
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.world import World, flow, node

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
RETRY = {"attempts": 2, "backoff": {"type": "fixed", "delay": 60_000, "jitter": False}}


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[Fake]:
    fake = Fake(tmp_path / "ledger")
    registry._types["ask"] = Ask
    perform_with(fake)
    yield fake
    performers.forget_performer("fake")


@pytest.fixture
def url(committed_database: CommittedDatabase, fake: Fake) -> str:
    return committed_database.url


def test_a_run_waits_for_its_answer_and_goes_on_with_it(any_way: World, url: str, fake: Fake) -> None:
    world = any_way
    workflow = world.workflow(asking())
    world.emit("go", world.contacts(25))
    assert world.runs(workflow) == {"running": 25}
    assert fake.made == []
    assert integrity.check(world.db) == []
    assert make_calls(url) == 25
    world.engine.advance()
    assert world.runs(workflow) == {"completed": 25}
    assert len(set(fake.made)) == len(fake.made) == 25
    assert world.one("select count(*) from contacts where tags = array[length(email)::text]") == 25
    assert world.one("select count(*) from calls") == 0
    world.balanced()
    assert integrity.check(world.db) == []


def test_a_run_without_a_contact_calls_too(any_way: World, url: str, fake: Fake) -> None:
    world = any_way
    ask = node("a", "ask", to="{{ event.host }}", value="{{ event.n }}")
    trigger = {"data": {"contact": "optional"}}
    workflow = world.workflow(flow(None, [ask, node("end", "end")], ("trigger", "a"), ("a", "end"), trigger=trigger))
    world.start_nobody(workflow, {"n": "abc", "host": "api.example"}, 2)
    world.put("manual", world.contacts(1), {"n": "abcd", "host": "api.example"}, kind=1, workflow_id=workflow)
    world.engine.advance()
    assert world.one("select array_agg(distinct target) from calls") == ["api.example"]
    assert make_calls(url) == 3
    world.engine.advance()
    assert world.runs(workflow) == {"completed": 3}
    lengths = "select array_agg(output->'length' order by output->'length') from steps where node_id = 'a'"
    assert world.one(lengths) == [3, 3, 4]
    assert integrity.check(world.db) == []


def test_failures_are_tried_again_by_the_rule_of_the_step(world: World, url: str, fake: Fake) -> None:
    world.travel(NOON)
    fake.refuses = {
        "u0": performers.CallFailed("503"),
        "u1": performers.CallFailed("404", permanent=True),
        "u2": ValueError("a fault"),
        "u3": TimeoutError(),
    }
    workflow = world.workflow(asking(RETRY))
    world.emit("go", world.contacts(5))
    finish(world, url)
    assert world.runs(workflow) == {"completed": 2, "running": 3}
    assert world.db.execute("select error_message from step_attempts order by 1").fetchall() == [
        ("503",),
        ("There was no answer within 1 second.",),
        ("This call stopped on a fault in the program. The log of the worker says more.",),
    ]
    assert integrity.check(world.db) == []
    del fake.refuses["u2"]
    world.travel(NOON + timedelta(minutes=1))
    finish(world, url)
    assert world.runs(workflow) == {"completed": 5}
    assert sorted(key.count("-") for key in fake.made) == [5] * 5 + [6] * 3  # the second attempt is a call of its own
    assert len(set(fake.made)) == 8
    assert world.one("select count(*) from contacts where tags = '{bad}'") == 3
    assert (
        world.one("select distinct error_message from steps where status = 5 and attempt = 2 and error_message = '503'")
        == "503"
    )
    assert integrity.check(world.db) == []


async def test_a_cancelled_run_calls_nobody_and_a_paused_one_later(world: World, url: str, fake: Fake) -> None:
    workflow = world.workflow(asking())
    world.emit("go", world.contacts(2))
    async with database.transaction() as session:
        await cancel_runs(session, world.tenant, [world.one("select id from runs limit 1")])
    world.set_status(None, "paused")
    assert await asyncio.to_thread(make_calls, url) == 0
    assert (fake.made, world.one("select count(*) from calls")) == ([], 1)
    world.set_status(None, "active")
    await asyncio.to_thread(finish, world, url)
    assert world.runs(workflow) == {"cancelled": 1, "completed": 1}
    assert len(fake.made) == 1
    assert integrity.check(world.db) == []


def perform_and_die(url: str, ledger: str, place: str) -> None:
    """The main function of a worker process that dies at a place of the calls."""
    perform_with(Fake(Path(ledger)))
    failpoints.arm(place)
    make_calls(url)
    os._exit(0)


@pytest.mark.parametrize("policy", ["resend", "hold"])
@pytest.mark.parametrize("place", ["call_claimed", "call_made"])
async def test_a_worker_that_dies_leaves_each_call_made_again_or_held(
    world: World, url: str, fake: Fake, policy: str, place: str
) -> None:
    world.travel(NOON)
    workflow = world.workflow(asking(policy=policy))
    world.emit("go", world.contacts(3))
    context = multiprocessing.get_context("fork")
    worker = context.Process(target=perform_and_die, args=(url, str(fake.path), place))
    worker.start()
    worker.join(60)
    assert worker.exitcode == -9
    before = fake.made
    assert await asyncio.to_thread(make_calls, url) == 0  # it may be at work still
    world.db.execute("update calls set lease_until = now() - interval '1 second'")
    await asyncio.to_thread(finish, world, url)
    assert integrity.check(world.db) == []
    if policy == "hold":
        assert fake.made == before
        assert world.runs(workflow) == {"held": 3}
        assert world.one("select distinct error_message from runs") == HELD_WHY
        ids = [run_id for (run_id,) in world.db.execute("select id from runs")]
        async with database.transaction() as session:
            assert await release_runs(session, world.tenant, ids) == 3
        world.engine.advance()
        await asyncio.to_thread(finish, world, url)
    assert world.runs(workflow) == {"completed": 3}
    # Made again with the same key when that is the policy; after a release it is another attempt, with a key of its own.
    assert len(fake.made) - len(before) == 3
    assert set(before).isdisjoint(fake.made[len(before) :]) is (policy == "hold" or not before)
    assert integrity.check(world.db) == []


async def test_a_held_call_in_a_loop_with_a_time_is_made_again_when_it_is_released(
    world: World, url: str, fake: Fake
) -> None:
    """The time of the loop is not over by that, so the run does not go back to it."""
    world.travel(NOON)
    loop = {**node("s", "loop", items=[1]), "timeout": 86_400}
    nodes = [loop, node("a", "ask", policy="hold"), node("late", "add_tag", tag="late")]
    ways = ("trigger", "s"), ("s", "a", "body"), ("a", "s"), ("s", "late", "error")
    workflow = world.workflow(flow("go", nodes, *ways))
    world.emit("go", world.contacts(1))
    assert len(await asyncio.to_thread(claimed, world, url)) == 1
    world.db.execute("update calls set lease_until = now() - interval '1 second'")
    await asyncio.to_thread(finish, world, url)
    assert world.runs(workflow) == {"held": 1} and fake.made == []
    async with database.transaction() as session:
        await release_runs(session, world.tenant, [world.one("select id from runs")])
    world.engine.advance()
    await asyncio.to_thread(finish, world, url)
    assert len(fake.made) == 1 and world.runs(workflow) == {"completed": 1}
    assert world.one("select tags from contacts") == []
    assert integrity.check(world.db) == []


def claimed(world: World, url: str) -> list[Claim]:
    """The calls that wait, claimed by nobody in particular."""
    with connect(url) as connection:
        lanes, _ = calls.lanes(connection, ["fake"], {})
        return calls.claim(connection, dict.fromkeys(lanes, 100))[0]


def test_an_answer_counts_once_and_only_its_owners(world: World, url: str) -> None:
    world.workflow(asking())
    world.emit("go", world.contacts(3))
    mine, other, twice = claimed(world, url)
    world.db.execute("update calls set lease_until = now() where run_id = %s", (other.call.run_id,))
    assert calls.take_over(world.db) == 0  # it is somebody else's to make from now on
    answers = [(mine.row, '{"ok":true,"value":{"length":1}}'), (other.row, '{"ok":true,"value":{"length":2}}')]
    assert calls.answer(world.db, [*answers, (twice.row, "{}")]) == [
        CallResult(True, False),
        CallResult(False, False),
        CallResult(True, False),
    ]
    assert calls.answer(world.db, [(twice.row, '{"ok":true}'), answers[0]]) == [CallResult(False, False)] * 2
    assert world.one("select count(*) from calls") == 1
    world.engine.advance()
    (repeated,) = claimed(world, url)
    assert (repeated.call.run_id, repeated.call.key, repeated.call.repeated) == (
        other.call.run_id,
        other.call.key,
        True,
    )
    assert calls.answer(world.db, answers[1:]) == [CallResult(False, False)]
    assert calls.answer(world.db, [(repeated.row, answers[0][1])]) == [CallResult(True, False)]
    world.engine.advance()
    assert world.one(
        "select array_agg(output->>'length' order by output->>'length') from steps where node_id = 'a'"
    ) == ["1", "1", None]
    assert integrity.check(world.db) == []


def test_a_run_that_somebody_holds_keeps_no_other_waiting(world: World, url: str) -> None:
    world.workflow(asking())
    world.emit("go", world.contacts(2))
    held, free = claimed(world, url)
    answers = [(one.row, '{"ok":true,"value":{"length":7}}') for one in (held, free)]
    with connect(url) as holder, holder.transaction():
        holder.execute("select from active_runs where id = %s for update", (held.call.run_id,))
        assert calls.answer(world.db, answers) == [CallResult(False, True), CallResult(True, False)]
        assert calls.hold(world.db, [(held.row, "why")]) == [CallResult(False, True)]
    assert calls.answer(world.db, answers) == [CallResult(True, False), CallResult(False, False)]


@pytest.mark.parametrize("end", ["cancelled", "goal", "gone"])
def test_an_answer_to_a_run_that_ended_meanwhile_is_thrown_away(world: World, url: str, end: str) -> None:
    graph = asking()
    workflow = world.workflow({**graph, "goals": [{"id": "g", "event": "won"}]})
    (contact,) = world.contacts(1)
    world.emit("go", [contact])

    async def meanwhile(call: PlacedCall) -> Any:
        if end == "cancelled":
            fail_run(world.db, world.tenant, call.run_id, "Cancelled")
        elif end == "goal":
            world.emit("won", [contact])
        else:
            world.db.execute("delete from active_runs")
        return {"length": 3}

    perform_with(Doing(meanwhile))
    assert make_calls(url) == 0
    world.engine.advance()
    assert world.one("select count(*) from calls") == 0
    assert world.runs(workflow) == {"cancelled": {"failed": 1}, "goal": {"goal_reached": 1}, "gone": {}}[end]
    assert world.one("select count(*) from contacts where tags <> '{}'") == 0
    assert end == "gone" or integrity.check(world.db) == []


async def test_a_cancel_takes_calls_away_and_a_goal_leaves_none_to_be_made(world: World, url: str, fake: Fake) -> None:
    first = world.workflow(asking())
    second = world.workflow({**asking(), "goals": [{"id": "g", "event": "won"}]})
    people = world.contacts(30)
    world.emit("go", people)
    async with database.transaction() as session:
        assert await cancel_workflow_runs(session, world.tenant, first) == 30
    assert world.one("select count(*) from calls") == 30
    world.emit("won", people)
    assert world.one("select count(*) from calls") == 30
    assert await asyncio.to_thread(make_calls, url) == 0
    assert (world.one("select count(*) from calls"), fake.made) == (0, [])
    assert world.runs(second) == {"goal_reached": 30}


def test_what_costs_three_workers_is_held(world: World, url: str, fake: Fake) -> None:
    workflow = world.workflow(asking())
    world.emit("go", world.contacts(1))
    for lost in (1, 2, 3):
        assert len(claimed(world, url)) == 1
        world.db.execute("update calls set lease_until = now() - interval '1 second'")
        assert calls.take_over(world.db) == (lost == 3)
    assert world.runs(workflow) == {"held": 1}
    assert world.one("select error_message from runs") == HELD_LOST
    assert (world.one("select count(*) from calls"), fake.made) == (0, [])


def test_a_worker_leaves_calls_of_kinds_that_it_cannot_do(world: World, url: str, fake: Fake) -> None:
    world.workflow(asking())
    world.emit("go", world.contacts(2))
    performers.forget_performer("fake")
    assert make_calls(url) == 0
    performers.perform_by("other", lambda: fake)
    assert make_calls(url) == 0
    performers.forget_performer("other")
    assert world.one("select count(*) from calls where lease_until is null and fence = 0") == 2


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ("x" * 300_000, "at most 262,144 are stored"),
        ("a\0b", "U+0000"),
        (json.loads("[" * 80 + "]" * 80), "nested"),
        (object(), "cannot be kept"),
    ],
)
def test_an_answer_that_cannot_be_kept_fails_its_step_for_good(world: World, url: str, answer: Any, says: str) -> None:
    async def answered(call: PlacedCall) -> Any:
        return answer if "u0" in call.request["email"] else {"length": 5}

    perform_with(Doing(answered))
    workflow = world.workflow(asking(RETRY))
    world.emit("go", world.contacts(3))
    finish(world, url)
    assert world.runs(workflow) == {"completed": 3}
    assert says in world.one("select error_message from steps where node_id = 'a' and status = 5")
    assert world.one("select count(*) from contacts where tags = '{5}'") == 2


def test_what_postgresql_refuses_costs_no_other_answer(world: World, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    workflow = world.workflow(asking())
    world.emit("go", world.contacts(6))

    async def answered(call: PlacedCall) -> Any:
        return {"length": 5}

    texts = iter(["{"])
    monkeypatch.setattr("app.engine.call_pass.answer_text", lambda _: next(texts, '{"ok":true,"value":{"length":5}}'))
    perform_with(Doing(answered))
    finish(world, url)
    assert world.runs(workflow) == {"completed": 6}
    assert world.one("select error_message from steps where status = 5") == "The answer to this call cannot be stored."
    assert world.one("select count(*) from calls") == 0
