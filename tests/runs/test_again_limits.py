"""A retry is no entry: it takes no room of those whom a workflow lets in, and one that is killed leaves one run, not two and not none."""

from __future__ import annotations

import asyncio
import os
import signal
from uuid import UUID

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.engine import failpoints, integrity
from app.lib import database
from app.lib.database_roles import DatabaseRole
from app.models.status import Role
from app.runs.again import FailedRuns
from tests.fixtures.forked import exit_code
from tests.fixtures.world import World
from tests.runs.test_again import asking, failed, mend, retry, sound
from tests.runs.test_again import marketer as marketer
from tests.runs.test_cancel import run_ids
from tests.runs.test_cancel import world as world


@pytest.mark.parametrize("version", ["same", "live"])
@pytest.mark.parametrize("settings", [{"maxEntries": 3}, {"maxEntries": 3, "rateLimitMaxConcurrent": 2}], ids=str)
async def test_a_retry_takes_no_room_of_those_who_enter(
    marketer: httpx.AsyncClient, world: World, settings: dict[str, int], version: str
) -> None:
    workflow_id = failed(world, asking(settings=settings | {"reentry": "always"}))
    world.publish(workflow_id, asking(settings=settings | {"reentry": "always"}), 2)
    (run_id,) = run_ids(world, workflow_id)
    mend(world)
    await retry(marketer, workflow_id, run_id, version=version)
    world.engine.advance()
    assert world.runs(workflow_id) == {"failed": 1, "completed": 1}
    sound(world)
    world.emit("cart.left", world.contacts(2, attributes={"n": 2}))
    assert world.runs(workflow_id) == {"failed": 1, "completed": 3}, "three entered, one of them went on"
    world.emit("cart.left", world.contacts(1, attributes={"n": 2}))
    assert world.runs(workflow_id) == {"failed": 1, "completed": 3}
    assert world.one("select count(*) from entry_refusals where reason = 'entries_used_up'") == 1
    sound(world)


def go_on(world_tenant: int, run_id: UUID, place: str) -> None:
    """In a process of its own, which is killed at a place of the transaction."""

    async def work() -> None:
        principal = Principal(kind="user", id=UUID(int=1), tenant_id=world_tenant, role=Role.MARKETER, name="Ada")
        async with database.job_engine(DatabaseRole.OWNER) as engine, AsyncSession(engine) as session:
            await FailedRuns(session, principal).retry(run_id, "same")
            await database.commit(session)

    failpoints.arm(place)
    asyncio.run(work())
    os._exit(0)  # what a copy of the test's process would tidy up at its end is not its own


@pytest.mark.parametrize("place", ["retry.noted", "retry.begun", "nowhere"])
async def test_a_retry_that_is_killed_leaves_one_run_to_go_on_with(world: World, place: str) -> None:
    workflow_id = failed(world, asking())
    (run_id,) = run_ids(world, workflow_id)
    mend(world)
    killed = place != "nowhere"
    code = await asyncio.to_thread(exit_code, go_on, world.tenant, run_id, place)
    assert code == (-signal.SIGKILL if killed else 0)
    assert world.one("select count(*) from active_runs") == (0 if killed else 1)
    assert integrity.check(world.db) == []
    if killed:  # nothing of it stayed, so it goes on at the next press, and once
        assert world.one("select resume_port is null from ended_runs")
        assert await asyncio.to_thread(exit_code, go_on, world.tenant, run_id, "nowhere") == 0
    assert await asyncio.to_thread(exit_code, go_on, world.tenant, run_id, "nowhere") == 0
    world.engine.advance()
    assert world.runs(workflow_id) == {"failed": 1, "completed": 1}
    sound(world)
