"""Calls to the outside: made once each, answered later, tried again by the step's rule, held when nobody knows."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import msgspec
import psycopg
import pytest

from app.engine import failpoints, integrity
from app.engine.calls import HELD_WHY, PER_WORKSPACE, Calls
from app.engine.control import cancel_runs, release_runs
from app.flow import performers, registry
from app.flow.node_type import NodeType
from app.flow.outcomes import Asks, Call
from app.lib import database
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.world import World, flow, node

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
RETRY = {"attempts": 2, "backoff": {"type": "fixed", "delay": 60_000, "jitter": False}}


class AskConfig(msgspec.Struct):
    policy: Literal["resend", "hold"] = "resend"


class Ask(NodeType):
    """Asks the fake how long an address is; tags what it was told."""

    type, label, category, description = "ask", "Ask", "integration", "For tests."
    Config = AskConfig

    @staticmethod
    def compile(config: AskConfig, scope: Any) -> Asks:
        email = scope.field("contact.email")
        return Asks(lambda step: Call("fake", {"email": email(step)}, policy=config.policy, timeout_s=1))


class Fake:
    """Notes each call in a file, which outlives processes; fails for the addresses in `refuses`."""

    def __init__(self, path: Path) -> None:
        self.path, self.refuses = path, dict[str, CallError]()

    async def __call__(self, request: dict[str, Any], key: str) -> Any:
        with self.path.open("a") as ledger:
            ledger.write(f"{key}\n")
        error = self.refuses.get(request["email"].split("-")[0])
        if error is not None:
            raise error
        return {"length": len(request["email"])}

    @property
    def made(self) -> list[str]:
        return self.path.read_text().split() if self.path.exists() else []


CallError = performers.CallFailed | ValueError | TimeoutError


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[Fake]:
    fake = Fake(tmp_path / "ledger")
    registry.types()
    registry._types["ask"] = Ask
    performers.perform_by("fake", fake)
    yield fake
    del registry._types["ask"]
    performers.forget_performer("fake")


@pytest.fixture
def calls(committed_database: CommittedDatabase) -> Iterator[Calls]:
    found = calls_on(committed_database.url)
    yield found
    found.close()


def calls_on(url: str) -> Calls:
    return Calls(psycopg.connect(url, autocommit=True, options="-c timezone=UTC"))


def asking(retry: dict[str, Any] | None = None, **data: Any) -> dict[str, Any]:
    nodes = [
        node("a", "ask", retry, **data),
        node("t", "add_tag", tag="{{ steps.a.length }}"),
        node("bad", "add_tag", tag="bad"),
    ]
    return flow("go", nodes, ("trigger", "a"), ("a", "t"), ("a", "bad", "error"))


def finish(world: World, calls: Calls) -> None:
    while calls.perform():
        world.engine.advance()


def test_a_run_waits_for_its_answer_and_goes_on_with_it(any_way: World, calls: Calls, fake: Fake) -> None:
    world = any_way
    workflow = world.workflow(asking())
    world.emit("go", world.contacts(PER_WORKSPACE + 5))
    assert world.runs(workflow) == {"running": PER_WORKSPACE + 5}
    assert fake.made == []
    assert integrity.check(world.db) == []
    assert calls.perform() == PER_WORKSPACE
    finish(world, calls)
    assert world.runs(workflow) == {"completed": PER_WORKSPACE + 5}
    assert len(set(fake.made)) == len(fake.made) == PER_WORKSPACE + 5
    assert world.one("select count(*) from contacts where tags = array[length(email)::text]") == PER_WORKSPACE + 5
    assert world.one("select count(*) from calls") == 0
    world.balanced()
    assert integrity.check(world.db) == []


def test_failures_are_tried_again_by_the_rule_of_the_step(world: World, calls: Calls, fake: Fake) -> None:
    world.travel(NOON)
    fake.refuses = {
        "u0": performers.CallFailed("503"),
        "u1": performers.CallFailed("404", permanent=True),
        "u2": ValueError("a fault"),
        "u3": TimeoutError(),
    }
    workflow = world.workflow(asking(RETRY))
    world.emit("go", world.contacts(5))
    finish(world, calls)
    assert world.runs(workflow) == {"completed": 2, "running": 3}
    assert world.db.execute("select error_message from step_attempts order by 1").fetchall() == [
        ("503",),
        ("There was no answer within 1 seconds.",),
        ("This call stopped on a fault in the program. The log of the worker says more.",),
    ]
    assert integrity.check(world.db) == []
    del fake.refuses["u2"]
    world.travel(NOON + timedelta(minutes=1))
    finish(world, calls)
    assert world.runs(workflow) == {"completed": 5}
    assert sorted(key.count("-") for key in fake.made) == [5] * 5 + [6] * 3  # the second attempt is a call of its own
    assert len(set(fake.made)) == 8
    assert world.one("select count(*) from contacts where tags = '{bad}'") == 3
    assert (
        world.one("select distinct error_message from steps where status = 5 and attempt = 2 and error_message = '503'")
        == "503"
    )
    assert integrity.check(world.db) == []


async def test_a_cancelled_run_calls_nobody_and_a_paused_one_later(world: World, calls: Calls, fake: Fake) -> None:
    workflow = world.workflow(asking())
    world.emit("go", world.contacts(2))
    async with database.transaction() as session:
        await cancel_runs(session, world.tenant, [world.one("select id from runs limit 1")])
    world.db.execute("update workflows set status = 'paused'")
    assert await asyncio.to_thread(calls.perform) == 0
    assert (fake.made, world.one("select count(*) from calls")) == ([], 1)
    world.db.execute("update workflows set status = 'active'")
    await asyncio.to_thread(finish, world, calls)
    assert world.runs(workflow) == {"cancelled": 1, "completed": 1}
    assert len(fake.made) == 1
    assert integrity.check(world.db) == []


def test_one_workspace_does_not_crowd_out_another(world: World, calls: Calls, fake: Fake) -> None:
    world.workflow(asking())
    world.emit("go", world.contacts(3 * PER_WORKSPACE))
    mine = world.tenant
    world.tenant = world.one("insert into workspaces (name, slug) values ('Other', 'other') returning id")
    world.workflow(asking())
    world.emit("go", world.contacts(2))
    assert calls.perform() == PER_WORKSPACE + 2
    assert world.one("select count(*) from calls where tenant_id <> %s", mine) == 0


def perform_and_die(url: str, ledger: str, place: str) -> None:
    """The main function of a worker process that dies at a place of the calls."""
    performers.forget_performer("fake")
    performers.perform_by("fake", Fake(Path(ledger)))
    failpoints.arm(place)
    calls_on(url).perform()
    os._exit(0)


@pytest.mark.parametrize("policy", ["resend", "hold"])
@pytest.mark.parametrize("place", ["call_claimed", "call_made"])
async def test_a_worker_that_dies_leaves_each_call_made_again_or_held(
    world: World, committed_database: CommittedDatabase, calls: Calls, fake: Fake, policy: str, place: str
) -> None:
    world.travel(NOON)
    workflow = world.workflow(asking(policy=policy))
    world.emit("go", world.contacts(3))
    context = multiprocessing.get_context("fork")
    worker = context.Process(target=perform_and_die, args=(committed_database.url, str(fake.path), place))
    worker.start()
    worker.join(60)
    assert worker.exitcode == -9
    before = fake.made
    assert await asyncio.to_thread(calls.perform) == 0  # it may be at work still
    world.travel(NOON + timedelta(minutes=1))
    await asyncio.to_thread(finish, world, calls)
    assert integrity.check(world.db) == []
    if policy == "hold":
        assert fake.made == before
        assert world.runs(workflow) == {"held": 3}
        assert world.one("select distinct error_message from runs") == HELD_WHY
        ids = [run_id for (run_id,) in world.db.execute("select id from runs")]
        async with database.transaction() as session:
            assert await release_runs(session, world.tenant, ids) == 3
        world.engine.advance()
        await asyncio.to_thread(finish, world, calls)
    assert world.runs(workflow) == {"completed": 3}
    # Made again with the same key when that is the policy; after a release it is another attempt, with a key of its own.
    assert len(fake.made) - len(before) == 3
    assert set(before).isdisjoint(fake.made[len(before) :]) is (policy == "hold" or not before)
    assert integrity.check(world.db) == []


def test_an_answer_that_comes_too_late_is_thrown_away(world: World, calls: Calls, fake: Fake) -> None:
    """The lease ran out, another worker made the call again: the first answer changes nothing."""
    world.travel(NOON)
    world.workflow(asking())
    world.emit("go", world.contacts(1))

    async def slow(request: dict[str, Any], key: str) -> Any:
        performers.forget_performer("fake")
        performers.perform_by("fake", fake)
        world.db.execute("update virtual_clock set at = %s", (NOON + timedelta(minutes=1),))
        other = calls_on(world.db.info.dsn)
        world.db.execute("update calls set lease_until = null, fence = fence + 1, due_at = clock_now()")
        assert other.connection.execute("select 1").fetchone() == (1,)
        other.close()
        return {"length": -1}

    performers.forget_performer("fake")
    performers.perform_by("fake", slow)
    assert calls.perform() == 0
    finish(world, calls)
    assert world.one("select output->>'length' from steps where node_id = 'a'") != "-1"
    assert integrity.check(world.db) == []
