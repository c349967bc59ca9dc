"""A start that waits is taken out of the line: once, by who may, with who did it, and whoever called it goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.engine import integrity
from app.enrolments.withdrawal_repository import waiting_of_nobody, withdraw, withdraw_run
from app.inbox import InboxKind
from app.lib import database
from app.lib.database_roles import DatabaseRole
from app.lib.ids import uuid7
from app.models import WaitingStart, Workspace
from app.models.status import Role
from tests.enrolments.test_entering import daily
from tests.fixtures.clock import Clock
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.people import ApiClients, BrowserClients
from tests.fixtures.world import World, flow, node


@pytest.fixture
def world(committed_database: CommittedDatabase) -> Iterator[World]:
    one = World(committed_database.url)
    yield one
    one.close()


async def taken_out(world: World, workflow: UUID, contact: UUID) -> int:
    async with database.transaction(DatabaseRole.ENGINE) as session:
        return await withdraw(session, world.tenant, workflow, contact, "Ada")


async def test_it_never_enters_and_it_is_kept_who_said_so(world: World) -> None:
    people = world.contacts(3)
    workflow = world.workflow(daily(rateLimitMaxConcurrent=1))
    world.put("t", people, {}, kind=InboxKind.AT_TRIGGER, workflow_id=workflow)
    world.engine.advance()
    inside = {row[0] for row in world.db.execute("select contact_id from runs")}
    waiting = [one for one in people if one not in inside]
    assert len(waiting) == 2
    assert [await taken_out(world, workflow, waiting[0]) for _ in range(2)] == [1, 0], "once"
    assert await taken_out(world, workflow, *inside) == 0, "who is in stays in"
    kept = world.db.execute("select contact_id, reason, detail, times from entry_refusals").fetchall()
    assert kept == [(waiting[0], "withdrawn", {"by": "Ada"}, 1)]
    world.hurry()
    for _ in range(3):
        world.db.execute("update entry_paces set not_before = null")
        world.engine.advance()
    assert {row[0] for row in world.db.execute("select contact_id from runs")} == {*inside, waiting[1]}
    assert [str(one) for one in integrity.check(world.db)] == []


async def test_a_workspace_withdraws_its_own_alone(world: World) -> None:
    (ada,) = world.contacts(1)
    workflow = world.workflow(daily(rateLimitMaxConcurrent=1))
    world.put("t", [*world.contacts(1), ada], {}, kind=InboxKind.AT_TRIGGER, workflow_id=workflow)
    world.engine.advance()
    waiting = world.one("select contact_id from waiting_starts")
    async with database.transaction(DatabaseRole.ENGINE) as session:
        assert await withdraw(session, world.tenant + 1, workflow, waiting, "Eve") == 0
    assert world.one("select count(*) from waiting_starts") == 1


async def test_of_a_workflow_that_is_not_there_nothing_is_withdrawn(api: ApiClients) -> None:
    path: Any = (
        "/api/v1/workflows/0193a1b2-7c3d-7e4f-8a5b-1c2d3e4f5a6b/waiting-starts/0193a1b2-7c3d-7e4f-8a5b-1c2d3e4f5a6c"
    )
    answer = await (await api(Role.MARKETER)).delete(path)
    assert (answer.status_code, answer.json()["code"]) == (404, "workflow_not_found")
    assert (await (await api(Role.VIEWER)).delete(path)).status_code == 403


OPEN_TO_ALL = {"id": "hand", "type": "manual", "data": {"contact": "optional"}}


def by_hand(**settings: Any) -> dict[str, Any]:
    """A workflow that anybody and nobody is let into, one at a time."""
    graph = daily(rateLimitMaxConcurrent=1, **settings)
    edges = [{**edge, "source": "hand"} for edge in graph["edges"] if edge["source"] == "t"]
    return {**graph, "triggers": [OPEN_TO_ALL], "edges": edges}


async def run_taken_out(world: World, workflow: UUID, run_id: UUID) -> int:
    async with database.transaction(DatabaseRole.ENGINE) as session:
        return await withdraw_run(session, world.tenant, workflow, run_id, "Ada")


async def test_a_run_of_nobody_never_begins_and_it_is_kept_who_said_so(world: World) -> None:
    workflow = world.workflow(by_hand())
    asked = world.start_nobody(workflow, {"k": 1}, count=3)
    world.engine.advance()
    (inside,) = [row[0] for row in world.db.execute("select id from runs")]
    first, second = [one for one in asked if one != inside]
    async with database.transaction(DatabaseRole.ENGINE) as session:
        assert [one.run_id for one in await waiting_of_nobody(session, world.tenant, workflow, 9)] == [first, second]
        assert await waiting_of_nobody(session, world.tenant + 1, workflow, 9) == []
    assert [await run_taken_out(world, workflow, first) for _ in range(2)] == [1, 0], "once"
    assert await run_taken_out(world, workflow, inside) == 0, "who is in stays in"
    kept = world.db.execute("select contact_id, run_id, reason, detail, times from entry_refusals").fetchall()
    assert kept == [(None, first, "withdrawn", {"by": "Ada"}, 1)]
    world.db.execute("update active_runs set resume_at = clock_now()")
    world.hurry()
    for _ in range(3):
        world.db.execute("update entry_paces set not_before = null")
        world.engine.advance()
    assert {row[0] for row in world.db.execute("select id from runs")} <= {inside, second}
    assert [str(one) for one in integrity.check(world.db)] == []


async def test_a_run_of_a_contact_is_withdrawn_by_its_id_too(world: World) -> None:
    (ada,) = world.contacts(1)
    workflow = world.workflow(by_hand())
    world.start_nobody(workflow)
    world.engine.advance()
    run_id = UUID("01900000-0000-7000-8000-0000000000dd")
    world.db.execute(
        "insert into inbox (tenant_id, name, kind, workflow_id, run_id, contact_id, payload, occurred_at)"
        " values (%s, 'manual', %s, %s, %s, %s, '{}', clock_now())",
        (world.tenant, int(InboxKind.START), workflow, run_id, ada),
    )
    world.engine.advance()
    assert world.one("select contact_id from waiting_starts") == ada
    assert await run_taken_out(world, workflow, run_id) == 1
    assert world.one("select count(*) from waiting_starts") == 0
    assert world.one("select (contact_id, run_id) = (%s, %s) from entry_refusals", ada, run_id)


async def test_of_a_worker_and_a_withdrawal_that_come_together_one_has_it(world: World) -> None:
    """Whoever is first holds the row; the other finds that it is gone: it begins or is withdrawn, never both, never neither."""
    workflow = world.workflow(by_hand(reentry="always"))
    asked = world.start_nobody(workflow, count=2)
    world.engine.advance()
    (waiting,) = [one for one in asked if not world.one("select count(*) from runs where id = %s", one)]

    def make_room() -> None:
        world.db.execute("update active_runs set resume_at = clock_now(), resume_port = 'next'")
        world.db.execute("update entry_paces set not_before = null")

    async with database.transaction(DatabaseRole.ENGINE) as session:  # it is withdrawn, and not committed yet
        assert await withdraw_run(session, world.tenant, workflow, waiting, "Ada") == 1
        make_room()
        await asyncio.to_thread(world.engine.advance)
        assert world.one("select count(*) from runs where id = %s", waiting) == 0
    world.engine.advance()
    assert world.one("select count(*) from runs where id = %s", waiting) == 0
    assert world.one("select count(*) from entry_refusals where run_id = %s", waiting) == 1

    world.start_nobody(workflow, count=2)
    world.engine.advance()
    held = world.one("select run_id from waiting_starts limit 1")
    with world.db.transaction():  # a worker that lets it begin holds the row
        world.db.execute("select from waiting_starts where run_id = %s for update", (held,))
        withdrawal = asyncio.create_task(run_taken_out(world, workflow, held))
        await asyncio.sleep(0.2)
        assert not withdrawal.done(), "it waits for the worker"
        world.db.execute("delete from waiting_starts where run_id = %s", (held,))
    assert await withdrawal == 0
    assert world.one("select count(*) from entry_refusals where run_id = %s", held) == 0


async def test_whoever_called_a_run_that_is_withdrawn_goes_on_by_error(world: World) -> None:
    callee = world.workflow(by_hand())
    world.start_nobody(callee)
    world.engine.advance()
    call = node("c", "sub_workflow", workflowId=str(callee), mode="wait", audience="company")
    caller = world.workflow(
        flow("go", [call, node("e", "add_tag", tag="refused")], ("trigger", "c"), ("c", "e", "error"))
    )
    world.emit("go", world.contacts(1))
    world.engine.advance()
    run_id = world.one("select run_id from waiting_starts where contact_id is null")
    assert await run_taken_out(world, callee, run_id) == 1
    world.engine.advance()
    assert world.runs(caller) == {"completed": 1}
    assert world.one("select tags from contacts") == ["refused"]


async def test_the_page_of_its_runs_and_the_api_withdraw_a_run_of_nobody(
    api: ApiClients, browser: BrowserClients, db_session: AsyncSession, workspace: Workspace, clock: Clock
) -> None:
    admin = await api(Role.ADMIN)
    graph = {**by_hand(), "name": "Nightly"}
    graph.pop("goals", None)
    made = await admin.post("/api/v1/workflows", json=graph)
    assert made.status_code == 201, made.text
    workflow = UUID(made.json()["data"]["id"])
    first, second = (uuid7() for _ in range(2))
    shared = {"tenant_id": workspace.id, "workflow_id": workflow, "kind": int(InboxKind.START), "name": "manual"}
    times = {"occurred_at": clock.at, "at": clock.at, "since": clock.at}
    inputs = {"order": 7, "lines": [1, 2]}, {"lines": [1, 2]}
    for one, properties in zip((first, second), inputs, strict=True):
        db_session.add(WaitingStart(run_id=one, payload=properties, **shared, **times))
    await db_session.flush()
    person, viewer = await browser(Role.MARKETER), await browser(Role.VIEWER)
    fragment = f"/workflows/{workflow}/enrolments"
    shown = (await person.get(fragment, headers={"hx-request": "true"})).text
    assert "Waiting to enter without a contact" in shown and str(first) in shown and str(second) in shown
    assert "order 7" in shown and "Input only" in shown and f">{first}" not in shown
    assert "withdraw" not in (await viewer.get(fragment, headers={"hx-request": "true"})).text
    act = f"/workflows/{workflow}/waiting/{first}/withdraw"
    assert (await viewer.post(act)).status_code == 403
    assert (await person.post(act)).status_code == 303
    shown = (await person.get(fragment, headers={"hx-request": "true"})).text
    assert str(first) not in shown and str(second) in shown
    path = f"/api/v1/workflows/{workflow}/waiting-starts/runs/{second}"
    assert [(await admin.delete(path)).json()["data"] for _ in range(2)] == [{"withdrawn": 1}, {"withdrawn": 0}]
    execution = (await admin.get(f"/api/v1/executions/{second}")).json()["data"]
    assert execution["status"] == "cancelled" and "line" in execution["error"]
    assert (await (await api(Role.VIEWER)).delete(path)).status_code == 403
    missing = await admin.delete(f"/api/v1/workflows/{uuid7()}/waiting-starts/runs/{second}")
    assert (missing.status_code, missing.json()["code"]) == (404, "workflow_not_found")
