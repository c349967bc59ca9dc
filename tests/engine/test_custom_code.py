"""Steps that run code: what it sees and what its run gets, errors by the step's rule, held while it may not run, run again after a kill."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest

import app.outside.jobs  # brings the performer
from app.engine import calls, failpoints, integrity
from app.engine.held_runs import release_runs
from app.lib import database
from app.lib.code_runner import pool
from app.outside.code_performer import SWITCHED_OFF
from tests.engine.calling import finish, make_calls
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.world import World, flow, node

OUTPUT = "select output from steps where node_id = 'code' limit 1"


@pytest.fixture
def url(committed_database: CommittedDatabase) -> Iterator[str]:
    assert app.outside.jobs.ACTORS == []
    yield committed_database.url


def allow(world: World, *, allowed: bool = True, tenant: int | None = None) -> None:
    setting = json.dumps({"code": {"allowed": allowed, "turns": []}})
    world.db.execute("update workspaces set settings = settings || %s where id = %s", (setting, tenant or world.tenant))


def running(
    code: str, language: str = "javascript", retry: dict[str, Any] | None = None, **data: Any
) -> dict[str, Any]:
    """Enter by `go`, set a variable, run the code; what it returned becomes a tag, an error another."""
    nodes = [
        node("set", "set_variable", set={"factor": 3}),
        node("code", "custom_code", retry, language=language, code=code, **data),
        node("t", "add_tag", tag="{{ steps.code.tag }}"),
        node("bad", "add_tag", tag="bad"),
    ]
    return flow("go", nodes, ("trigger", "set"), ("set", "code"), ("code", "t"), ("code", "bad", "error"))


SEES_ALL = {
    "javascript": "console.log('hello');\n"
    "return {tag: `t${input.n * vars.factor}`, email: contact.email, steps: Object.keys(steps), plan: contact.attributes.plan ?? null}",
    "python": "print('hello')\n"
    "return {'tag': f\"t{input['n'] * vars['factor']}\", 'email': contact['email'], 'steps': list(steps.keys()),"
    " 'plan': contact['attributes'].get('plan')}",
}


@pytest.mark.parametrize("language", ["javascript", "python"])
def test_code_sees_the_run_and_later_steps_read_what_it_returns(language: str, world: World, url: str) -> None:
    allow(world)
    workflow = world.workflow(running(SEES_ALL[language], language))
    world.emit("go", world.contacts(3), {"n": 4})
    assert make_calls(url) == 3
    world.engine.advance()
    assert world.runs(workflow) == {"completed": 3}
    assert world.one("select count(*) from contacts where tags = array['t12']") == 3
    output = world.one(OUTPUT)
    assert output["email"].endswith("@example.test") and output["steps"] == ["set"] and output["plan"] is None
    assert world.one("select count(*) from calls") == 0
    world.balanced()
    assert integrity.check(world.db) == []


@pytest.mark.parametrize("returned", ["7", '"text"', "[1, 2]", "null", "true", '{"a": {"b": []}}'])
def test_any_json_is_an_output(returned: str, world: World, url: str) -> None:
    allow(world)
    world.workflow(running(f"return {returned}"))
    world.emit("go", world.contacts(1), {"n": 1})
    finish(world, url)
    assert world.one(OUTPUT) == json.loads(returned)


def test_only_what_the_code_names_is_handed_over(world: World, url: str) -> None:
    allow(world)
    world.workflow(running("return {tag: 'x' + input.n}"))
    world.emit("go", world.contacts(1), {"n": 1})
    world.engine.advance()
    assert world.one("select request -> 'data' from calls") == {"input": {"n": 1}}


def test_an_error_fails_the_step_with_its_line(world: World, url: str) -> None:
    allow(world)
    workflow = world.workflow(running("const a = 1;\nthrow new Error('no such thing')"))
    world.emit("go", world.contacts(2), {"n": 1})
    finish(world, url)
    assert world.runs(workflow) == {"completed": 2}
    assert world.one("select count(*) from contacts where tags = array['bad']") == 2
    assert (
        world.one("select distinct error_message from steps where node_id = 'code'") == "Line 2: Error: no such thing"
    )


def test_too_much_data_is_refused_before_it_is_sent(world: World, url: str) -> None:
    allow(world)
    world.workflow(running("return {tag: input.big.length}"))
    world.emit("go", world.contacts(1), {"big": "x" * 600_000})
    finish(world, url)
    assert "data does not fit" in world.one("select error_message from steps where node_id = 'code'")


async def test_switched_off_runs_are_held_and_go_on_when_released(world: World, url: str) -> None:
    workflow = world.workflow(running("return {tag: 'ran'}"))
    world.emit("go", world.contacts(2), {"n": 1})
    await asyncio.to_thread(make_calls, url)
    assert world.runs(workflow) == {"held": 2}
    assert world.one("select distinct error_message from runs where status = 3") == SWITCHED_OFF
    allow(world)
    ids = [row[0] for row in world.db.execute("select id from runs").fetchall()]
    async with database.transaction() as session:
        await release_runs(session, world.tenant, ids)
    world.engine.advance()
    await asyncio.to_thread(finish, world, url)
    assert world.runs(workflow) == {"completed": 2}
    assert world.one("select count(*) from contacts where tags = array['ran']") == 2
    assert integrity.check(world.db) == []


def test_where_code_cannot_run_runs_are_held_with_the_reason(
    world: World, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow(world)
    world.db.execute("insert into workspaces (name, slug, timezone) values ('Other', 'other', 'UTC')")
    workflow = world.workflow(running("return {tag: 'ran'}"))
    world.emit("go", world.contacts(1), {"n": 1})
    world.engine.advance()
    monkeypatch.setattr(pool._Child, "isolation", "filter", raising=False)
    monkeypatch.setattr(pool._Child, "__init__", _behind_a_filter(pool._Child.__init__))
    pool._pools["javascript"]().close()
    make_calls(url)
    pool._pools["javascript"]().close()
    assert world.runs(workflow) == {"held": 1}
    assert "user namespaces" in world.one("select error_message from runs")


def _behind_a_filter(begin: Any) -> Any:
    def begun(child: Any, *args: Any) -> None:
        begin(child, *args)
        child.isolation = "filter"

    return begun


def test_of_one_workspace_that_floods_another_does_not_wait(world: World, url: str) -> None:
    """One workspace with more long pieces than there are children; the other has one piece."""
    allow(world)
    other = world.db.execute(
        "insert into workspaces (name, slug, timezone) values ('Other', 'other', 'UTC') returning id"
    ).fetchone()
    assert other is not None
    world.workflow(running("for(;;);", timeoutMs=50))
    world.emit("go", world.contacts(12), {"n": 1})
    mine, world.tenant = world.tenant, other[0]
    allow(world)
    world.workflow(running("return {tag: 'quick'}"))
    world.emit("go", world.contacts(1), {"n": 1})
    world.engine.advance()
    make_calls(url)
    earlier = "select count(*) from runs where resume_at < (select resume_at from runs where tenant_id = %s)"
    (before,) = world.db.execute(earlier, (other[0],)).fetchone() or (99,)
    assert before <= 5, "what came together is written together"
    world.tenant = mine


def run_and_die(url: str, place: str) -> None:
    """The main function of a worker process that dies at a place of the calls."""
    failpoints.arm(place)
    make_calls(url)
    os._exit(0)


@pytest.mark.parametrize("place", ["call_claimed", "call_made"])
def test_a_worker_that_is_killed_leaves_code_that_is_run_again(place: str, world: World, url: str) -> None:
    allow(world)
    workflow = world.workflow(running("return {tag: 'n' + input.n}"))
    world.emit("go", world.contacts(8), {"n": 1})
    world.engine.advance()
    worker = multiprocessing.get_context("fork").Process(target=run_and_die, args=(url, place))
    worker.start()
    worker.join(120)
    assert worker.exitcode == -signal.SIGKILL
    left = world.one("select count(*) from calls where lease_until is not null")
    assert left > 0
    world.db.execute("update calls set lease_until = now() - interval '1 second' where lease_until is not null")
    calls.take_over(world.db)
    finish(world, url)
    assert world.runs(workflow) == {"completed": 8}
    assert world.one("select count(*) from contacts where tags = array['n1']") == 8
    world.balanced()
    assert integrity.check(world.db) == []
