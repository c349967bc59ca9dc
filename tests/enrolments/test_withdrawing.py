"""A start that waits is taken out of the line: once, by who may, with who did it, and whoever called it goes on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from app.engine import integrity
from app.enrolments.withdrawal_repository import withdraw
from app.inbox import InboxKind
from app.lib import database
from app.lib.database_roles import DatabaseRole
from tests.enrolments.test_entering import daily
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.people import ApiClients
from tests.fixtures.world import World


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
    from app.models.status import Role

    path: Any = (
        "/api/v1/workflows/0193a1b2-7c3d-7e4f-8a5b-1c2d3e4f5a6b/waiting-starts/0193a1b2-7c3d-7e4f-8a5b-1c2d3e4f5a6c"
    )
    answer = await (await api(Role.MARKETER)).delete(path)
    assert (answer.status_code, answer.json()["code"]) == (404, "workflow_not_found")
    assert (await (await api(Role.VIEWER)).delete(path)).status_code == 403
