"""POST …/runs/{runId}/cancel, and what happens to people in workflows that go away."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import UUID

import httpx
import pytest

from app.lib import database
from app.models import Workspace
from app.models.status import Role
from app.runs import jobs
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.people import make_key, make_workspace
from tests.fixtures.world import World, flow, node
from tests.workflows.examples import PATH

WAITING = flow(
    "cart.left",
    [node("wait", "delay", duration=1, unit="days"), node("end", "end")],
    ("trigger", "wait"),
    ("wait", "end"),
)


@pytest.fixture
async def world(committed_database: CommittedDatabase) -> AsyncIterator[World]:
    made = World(committed_database.url)
    yield made
    made.close()


async def as_role(client: httpx.AsyncClient, world: World, role: Role) -> httpx.AsyncClient:
    async with database.transaction() as session:
        home = await session.get(Workspace, world.tenant)
        assert home is not None
        client.headers["Authorization"] = f"Bearer {await make_key(session, home, role)}"
    return client


def run_ids(world: World, workflow_id: UUID) -> list[UUID]:
    rows = world.db.execute("select id from runs where workflow_id = %s order by id", [workflow_id]).fetchall()
    return [row[0] for row in rows]


async def test_a_cancelled_run_ends_where_it_stands(committed_client: httpx.AsyncClient, world: World) -> None:
    workflow_id = world.workflow(WAITING)
    world.emit("cart.left", world.contacts(2))
    first, second = run_ids(world, workflow_id)
    client = await as_role(committed_client, world, Role.MARKETER)
    answer = await client.post(f"{PATH}/{workflow_id}/runs/{first}/cancel")
    assert answer.status_code == 200, answer.text
    data = answer.json()["data"]
    assert data["status"] == "cancelled" and data["completedAt"] is not None
    assert data["steps"][-1]["nodeId"] == "wait" and data["steps"][-1]["status"] == "cancelled"
    again = await client.post(f"{PATH}/{workflow_id}/runs/{first}/cancel")
    assert again.status_code == 409 and again.json()["code"] == "run_is_over"
    assert world.runs(workflow_id) == {"cancelled": 1, "waiting": 1}
    stats = (await client.get(f"{PATH}/{workflow_id}/stats")).json()["data"]
    assert stats["cancelledRuns"] == 1 and stats["runningRuns"] == 1 and stats["nodeStats"]["wait"]["waiting"] == 1
    world.balanced()
    assert second in run_ids(world, workflow_id)


async def test_who_may_not(committed_client: httpx.AsyncClient, world: World) -> None:
    workflow_id, other_id = world.workflow(WAITING), world.workflow(WAITING)
    world.db.execute("update workflows set status = 'paused' where id = %s", [other_id])
    world.emit("cart.left", world.contacts(1))
    (run_id,) = run_ids(world, workflow_id)
    path = f"{PATH}/{workflow_id}/runs/{run_id}/cancel"
    assert (await committed_client.post(path)).status_code == 401
    viewer = await as_role(committed_client, world, Role.VIEWER)
    assert (await viewer.post(path)).status_code == 403
    admin = await as_role(committed_client, world, Role.ADMIN)
    assert (await admin.post(f"{PATH}/{other_id}/runs/{run_id}/cancel")).status_code == 404
    async with database.transaction() as session:
        theirs = await make_workspace(session, "Globex")
        admin.headers["Authorization"] = f"Bearer {await make_key(session, theirs, Role.OWNER)}"
    assert (await admin.post(path)).status_code == 404
    assert world.runs(workflow_id) == {"waiting": 1}


@pytest.mark.parametrize("way", ["archive", "delete"])
async def test_whoever_is_in_a_removed_workflow_is_cancelled(
    committed_client: httpx.AsyncClient, world: World, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    removed, kept = world.workflow(WAITING), world.workflow(WAITING)
    world.emit("cart.left", world.contacts(5))
    admin = await as_role(committed_client, world, Role.ADMIN)
    for workflow_id in (removed, kept):
        assert (await admin.post(f"{PATH}/{workflow_id}/pause")).status_code == 200
    if way == "archive":
        answer = await admin.post(f"{PATH}/{removed}/archive")
    else:
        answer = await admin.delete(f"{PATH}/{removed}")
    assert answer.status_code == 200, answer.text
    monkeypatch.setattr(jobs, "BATCH", 2)
    await jobs._work()
    assert world.runs(removed) == {"cancelled": 5} and world.runs(kept) == {"waiting": 5}
    world.balanced()
    await jobs._work()  # nothing is left to do
    assert world.runs(removed) == {"cancelled": 5}
