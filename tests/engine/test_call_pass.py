"""A pass: each call ends by itself, nobody's slow calls hold up others, and a worker that is told to stop leaves nothing uncertain."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from app.engine import calls, integrity
from app.engine.call_pass import CallPass
from app.engine.call_shares import PER_TARGET, PER_WORKSPACE
from app.engine.calls import HELD_WHY
from app.flow import performers, registry
from app.flow.performers import PlacedCall
from tests.engine.calling import Ask, Doing, asking, connect, finish, make_calls, perform_with
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.world import World


@pytest.fixture
def url(committed_database: CommittedDatabase) -> Iterator[str]:
    registry._types["ask"] = Ask
    yield committed_database.url
    performers.forget_performer("fake")


class Gate:
    """Opens on the loop of the pass when the database says so; asked whenever answers were committed."""

    def __init__(self, world: World, sql: str, wanted: int) -> None:
        self.world, self.sql, self.wanted, self.event = world, sql, wanted, asyncio.Event()

    def notified(self, actor: str) -> None:
        assert actor == "advance"
        if self.world.one(self.sql) == self.wanted:
            self.event.set()


def is_slow(call: PlacedCall) -> bool:
    return "u0-" in call.request["email"]


@pytest.mark.parametrize("to", ["", "{{ contact.email }}"])
def test_fast_calls_are_answered_while_a_slow_one_is_under_way(world: World, url: str, to: str) -> None:
    """The slow one waits until the answers of the 50 others stand in the database: it would time out if they waited for it."""
    workflow = world.workflow(asking(to=to))
    world.emit("go", world.contacts(51))
    gate = Gate(world, "select count(*) from runs where resume_port = 'answered'", 50)

    async def ask(call: PlacedCall) -> Any:
        if is_slow(call):
            await gate.event.wait()
        return {"length": 1}

    performer = Doing(ask)
    perform_with(performer)
    world.db.execute("update calls set timeout_s = 30")
    assert make_calls(url, notify=gate.notified) == 51
    assert performer.closed
    world.engine.advance()
    assert world.runs(workflow) == {"completed": 51}
    assert world.one("select count(*) from contacts where tags = '{1}'") == 51
    assert integrity.check(world.db) == []


def test_500_calls_of_a_workspace_do_not_hold_up_the_one_of_its_neighbour(world: World, url: str) -> None:
    world.workflow(asking())
    world.emit("go", world.contacts(500))
    crowd = world.tenant
    world.tenant = world.one("insert into workspaces (name, slug) values ('Other', 'other') returning id")
    world.workflow(asking())
    world.emit("go", world.contacts(1))
    gate = Gate(world, f"select count(*) from runs where resume_port = 'answered' and tenant_id <> {crowd}", 1)

    async def ask(call: PlacedCall) -> Any:
        if call.tenant_id == crowd:
            await gate.event.wait()
        return {"length": 1}

    performer = Doing(ask)
    perform_with(performer)
    world.db.execute("update calls set timeout_s = 30")
    assert make_calls(url, notify=gate.notified) == 501
    assert performer.most == {crowd: PER_TARGET, world.tenant: 1}
    world.engine.advance()
    assert world.one("select count(*) from steps where node_id = 'a' and port = 'next'") == 501
    assert integrity.check(world.db) == []


def test_a_slow_target_leaves_the_others_of_its_workspace_room(world: World, url: str) -> None:
    """Whoever has the slow target waits for the others; many targets are found though one look sees a part of them."""
    world.workflow(asking(to="slow.example"))
    world.emit("go", world.contacts(3 * PER_WORKSPACE))
    world.set_status(None, "paused")
    world.workflow(asking(to="{{ contact.email }}"))
    world.emit("go", world.contacts(130))
    world.set_status(None, "active")
    assert world.one("select count(distinct target) from calls") == 131
    gate = Gate(world, "select count(*) from runs where resume_port = 'answered'", 130)

    async def ask(call: PlacedCall) -> Any:
        if call.target == "slow.example":
            await gate.event.wait()
        return {"length": 1}

    performer = Doing(ask)
    perform_with(performer)
    world.db.execute("update calls set timeout_s = 30")
    assert make_calls(url, notify=gate.notified) == 130 + 3 * PER_WORKSPACE
    assert performer.most[world.tenant] <= 2 * PER_WORKSPACE
    assert integrity.check(world.db) == []


def test_a_performer_gets_no_more_at_a_time_than_it_takes(world: World, url: str) -> None:
    world.workflow(asking(to="{{ contact.email }}"))
    world.emit("go", world.contacts(7))

    async def ask(call: PlacedCall) -> Any:
        await asyncio.sleep(0)
        return {"length": 1}

    performer = Doing(ask)
    perform_with(performer, at_once=2)
    assert make_calls(url) == 7
    assert performer.most == {world.tenant: 2}


def test_a_call_ends_with_its_time_also_when_its_performer_does_not(world: World, url: str) -> None:
    workflow = world.workflow(asking())
    world.emit("go", world.contacts(2))
    world.db.execute("update calls set timeout_s = 0")
    stubborn = asyncio.Event()

    async def ask(call: PlacedCall) -> Any:
        try:
            await stubborn.wait()
        except asyncio.CancelledError:
            stubborn.set()
            await asyncio.sleep(0)
            return {"length": 1}

    perform_with(Doing(ask))
    finish(world, url)
    assert world.runs(workflow) == {"completed": 2}
    assert world.one("select distinct error_message from steps where node_id = 'a'").startswith("There was no answer")


def test_a_worker_that_is_told_to_stop_writes_what_it_has_and_gives_back_the_rest(
    world: World, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Finished: answered. Under way: given back where it may be made twice, held where it may not. Waiting: left."""
    monkeypatch.setattr("app.engine.call_pass.STOP_S", 0.01)
    once = world.workflow(asking(policy="hold"))
    world.emit("go", world.contacts(1))
    world.set_status(None, "paused")
    again = world.workflow(asking())
    world.emit("go", world.contacts(2 * PER_WORKSPACE))
    world.set_status(None, "active")
    stop, forever, begun = threading.Event(), asyncio.Event(), list[str]()

    async def ask(call: PlacedCall) -> Any:
        begun.append(call.key)
        if len(begun) < 3 and call.workflow_id == again:
            return {"length": 1}
        if len(begun) == PER_TARGET:
            stop.set()
        return await forever.wait()

    perform_with(Doing(ask))
    world.db.execute("update calls set timeout_s = 30")
    answered = make_calls(url, stop)
    world.engine.advance()
    assert 0 < answered <= 2
    assert world.runs(again) == {"completed": answered, "running": 2 * PER_WORKSPACE - answered}
    assert world.one("select count(*) from calls where lease_until is not null") == 0
    assert world.runs(once) == {"held": 1}
    assert world.one("select error_message from runs where status = 3") == HELD_WHY
    assert world.one("select count(*) from calls where fence > 0") > 0
    assert integrity.check(world.db) == []

    async def ask_again(call: PlacedCall) -> Any:
        assert call.repeated is (call.key in begun)
        return {"length": 1}

    perform_with(Doing(ask_again))
    finish(world, url)
    assert world.runs(again) == {"completed": 2 * PER_WORKSPACE}
    assert world.one("select count(*) from contacts where tags = '{bad}'") == 0


def test_answers_outlive_a_database_that_hangs_up(world: World, url: str) -> None:
    """The session is ended while the calls are under way: another one writes their answers."""
    workflow = world.workflow(asking())
    world.emit("go", world.contacts(4))
    ended = list[int]()

    async def ask(call: PlacedCall) -> Any:
        if not ended:
            ended.append(world.one("select pg_terminate_backend(%s)::int", connection.info.backend_pid))
        return {"length": 1}

    perform_with(Doing(ask))
    connection = connect(url)
    spare = list[psycopg.Connection[Any]]()

    def reconnect() -> psycopg.Connection[Any]:
        spare.append(connect(url))
        return spare[-1]

    calls_pass = CallPass(connection, reconnect, threading.Event(), lambda actor: None)
    assert asyncio.run(calls_pass.run(until_idle=True)) == 4
    assert ended == [1] and all(one.closed for one in spare)
    world.engine.advance()
    assert world.runs(workflow) == {"completed": 4}


def test_a_look_reads_of_a_backlog_what_it_takes(world: World, url: str) -> None:
    """20,000 calls of others and of a paused workflow cost the look a few index pages more, not a read of them all."""
    world.workflow(asking(to="{{ contact.email }}"))
    world.emit("go", world.contacts(1))
    world.db.execute(
        "insert into calls (tenant_id, run_id, seq, attempt, workflow_id, node_id, kind, target, policy, timeout_s, due_at)"
        " select 1000 + n %% 3, gen_random_uuid(), 1, 1, md5((n %% 3)::text)::uuid, 'a', 'fake', 'slow', 'resend', 30, now()"
        " from generate_series(1, 20000) n",
        (),
    )
    world.db.execute("vacuum analyze calls")
    arguments = {"kinds": ["fake"], "after_workflows": [], "after_kinds": [], "after_targets": []}
    lanes, _ = calls.lanes(world.db, ["fake"], {})
    assert len(lanes) == 1
    one = lanes[0]
    claim = {
        "tenants": [one.tenant_id], "workflows": [one.workflow_id], "kinds": ["fake"], "targets": [one.target], "counts": [5],
    }  # fmt: skip
    for sql, parameters in ((calls._LANES, arguments), (calls._CLAIM, claim)):
        plan = "\n".join(row[0] for row in world.db.execute(f"explain (analyze, buffers, costs off) {sql}", parameters))
        assert "Seq Scan on calls" not in plan, plan
        hits = sum(
            int(part.split("=")[1])
            for part in plan.split("Planning")[0].split("\n")[1].split()
            if "=" in part and "hit" in part
        )
        assert hits < 100, plan


def test_calls_that_end_while_a_look_finds_no_room_are_followed_by_the_next(
    world: World, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The look under way has nothing to begin, and nothing is under way when it is over: yet calls wait."""
    world.workflow(asking())
    world.emit("go", world.contacts(2 * PER_TARGET + 1))
    looked, idle, claim, ended = threading.Event(), threading.Event(), CallPass._claim, CallPass._ended

    def slow_claim(self: CallPass, connection: Any) -> Any:
        result = claim(self, connection)
        if not result[0] and self._working:
            looked.set()
            assert idle.wait(5)
        return result

    def noted_end(self: CallPass, task: asyncio.Task[None]) -> None:
        ended(self, task)
        if not self._working:
            idle.set()

    async def ask(call: PlacedCall) -> Any:
        while not looked.is_set():
            await asyncio.sleep(0)
        return {"length": 1}

    monkeypatch.setattr(CallPass, "_claim", slow_claim)
    monkeypatch.setattr(CallPass, "_ended", noted_end)
    perform_with(Doing(ask))
    assert make_calls(url) == 2 * PER_TARGET + 1
