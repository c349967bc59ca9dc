"""Many held runs at once: a job of small batches that repeats nothing and loses nothing, whoever is killed or decides beside it."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.engine import integrity
from app.held_runs import bulk, jobs
from app.lib import database
from app.models.status import Role
from tests.fixtures.world import World, flow, node
from tests.held_runs.conftest import JOBS, TOO_MANY, finish, hold, mend, start
from tests.runs.test_cancel import as_role, run_ids
from tests.workflows.examples import PATH


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "BATCH", 3)
    monkeypatch.setattr(bulk, "REST_S", 0.0)


def balanced(world: World) -> None:
    world.balanced()
    assert integrity.check(world.db) == []


async def test_all_that_fit_are_tried_again_in_batches(marketer: httpx.AsyncClient, world: World) -> None:
    workflow_id, other = hold(world, 7), world.workflow(flow("else", [node("end", "end")], ("trigger", "end")))
    counted = await marketer.post("/api/v1/held-runs/count", json={"workflowId": str(workflow_id)})
    assert counted.json()["data"] == {"count": 7, "atLeast": False}
    mend(world)
    job = await start(marketer, "retry", filter={"workflowId": str(workflow_id)})
    assert (job["status"], job["matched"], job["done"]) == ("running", 7, 3), "a request does one batch"
    finish()
    job = (await marketer.get(f"{JOBS}/{job['id']}")).json()["data"]
    assert (job["status"], job["done"], job["refused"], job["noLongerHeld"]) == ("done", 7, 0, 0)
    assert job["by"] and job["finishedAt"]
    world.engine.advance()
    assert world.runs(workflow_id) == {"completed": 7} and world.runs(other) == {}
    assert [one["id"] for one in (await marketer.get(JOBS)).json()["data"]] == [job["id"]]
    balanced(world)


async def test_what_is_held_again_is_not_met_twice(marketer: httpx.AsyncClient, world: World) -> None:
    """The cause is still there: each run is tried once more, and waits for the next decision."""
    workflow_id = hold(world, 5)
    await start(marketer, "retry")
    world.engine.advance()
    finish()
    world.engine.advance()
    assert world.runs(workflow_id) == {"held": 5}
    assert world.one("select array_agg(distinct attempt) from active_runs") == [3], "each was tried twice in all"
    balanced(world)


async def test_a_job_that_is_killed_goes_on_where_it_was(marketer: httpx.AsyncClient, world: World) -> None:
    workflow_id = hold(world, 8)
    mend(world)
    job = await start(marketer, "retry")

    async def killed() -> None:
        async with database.job_engine() as engine, AsyncSession(engine) as session, session.begin():
            await bulk.step_of_any(session)
            raise KeyboardInterrupt

    for _ in range(2):
        with pytest.raises(KeyboardInterrupt), ThreadPoolExecutor(1) as thread:
            thread.submit(lambda: asyncio.run(killed())).result()
    assert world.one("select done from held_run_jobs") == 3
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda _: jobs.poll_held_run_jobs(), range(2)))
    assert world.one("select done from held_run_jobs where id = %s and finished_at is not null", job["id"]) == 8
    world.engine.advance()
    assert world.runs(workflow_id) == {"completed": 8}
    balanced(world)


async def test_two_jobs_and_one_person_share_the_runs(marketer: httpx.AsyncClient, world: World) -> None:
    workflow_id = hold(world, 10)
    mend(world)
    both = [(await start(marketer, act))["id"] for act in ("retry", "skip")]
    waiting = world.one("select id from active_runs where status = 3 order by id desc limit 1")
    assert (await marketer.post(f"{PATH}/{workflow_id}/runs/{waiting}/cancel")).status_code == 200
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda _: jobs.poll_held_run_jobs(), range(2)))
    world.engine.advance()
    assert world.runs(workflow_id) == {"completed": 9, "cancelled": 1}
    ended = [(await marketer.get(f"{JOBS}/{one}")).json()["data"] for one in both]
    assert sum(one["done"] for one in ended) == 9 and all(one["status"] == "done" for one in ended)
    assert ended[0]["noLongerHeld"] == 10 - ended[0]["done"], "what others decided about is said"
    balanced(world)


async def test_a_job_is_stopped(marketer: httpx.AsyncClient, world: World) -> None:
    workflow_id = hold(world, 5)
    mend(world)
    job = await start(marketer, "retry")
    stopped = (await marketer.post(f"{JOBS}/{job['id']}/stop")).json()["data"]
    assert stopped["status"] == "stopped" and stopped["stoppedBy"] and stopped["done"] == 3
    finish()
    world.engine.advance()
    assert world.runs(workflow_id) == {"completed": 3, "held": 2}
    assert (await marketer.post(f"{JOBS}/{job['id']}/stop")).json()["data"] == stopped, "once is enough"


FITTING: list[tuple[dict[str, Any], int]] = [
    ({}, 4),
    ({"nodeId": "ask", "version": 1}, 4),
    ({"version": 2}, 0),
    ({"nodeId": "tag"}, 0),
    ({"kind": "failed"}, 3),
    ({"kind": "crashed"}, 1),
    ({"error": "NUMBER"}, 3),
    ({"error": "50%"}, 0),
    ({"tag": "vip"}, 1),
    ({"since": "2100-01-01T00:00:00Z"}, 0),
    ({"until": "2100-01-01T00:00:00Z"}, 4),
]


async def test_a_filter(marketer: httpx.AsyncClient, world: World) -> None:
    workflow_id = hold(world, 3)
    hold(world, 1, workflow_id, tags=["vip"])
    crashed = world.one("select id from active_runs order by id limit 1")
    world.db.execute("update active_runs set error_message = 'It stopped workers.' where id = %s", (crashed,))
    world.db.execute("insert into crashes (tenant_id, run_id, count) values (%s, %s, 3)", (world.tenant, crashed))
    for wanted, fits in FITTING:
        answer = await marketer.post("/api/v1/held-runs/count", json=wanted)
        assert answer.json()["data"]["count"] == fits, wanted
        listed = await marketer.get("/api/v1/held-runs", params={**wanted, "limit": 2})
        assert len(listed.json()["data"]) == min(fits, 2), wanted
        groups = (await marketer.post("/api/v1/held-runs/groups", json=wanted)).json()["data"]
        assert sum(group["count"] for group in groups) == fits


async def test_a_contact_is_a_filter_and_pages_follow_each_other(marketer: httpx.AsyncClient, world: World) -> None:
    workflow_id = hold(world, 5)
    someone = world.one("select contact_id from active_runs limit 1")
    one = (await marketer.get("/api/v1/held-runs", params={"contactId": str(someone)})).json()["data"]
    assert [row["contactId"] for row in one] == [str(someone)] and one[0]["step"] and one[0]["heldSince"]
    seen, cursor = [], ""
    while cursor is not None:
        query = {"limit": 2, "error": "number", **({"cursor": cursor} if cursor else {})}
        body = (await marketer.get("/api/v1/held-runs", params=query)).json()
        seen += [row["runId"] for row in body["data"]]
        cursor = body["meta"]["nextCursor"]
    assert seen == [str(one) for one in reversed(run_ids(world, workflow_id))]


async def test_many_are_skipped_by_a_port(marketer: httpx.AsyncClient, world: World) -> None:
    workflow_id = hold(world, 4)
    wrong = await start(marketer, "skip", 422, port="maybe")
    assert "`true`, `false`" in wrong["errors"][0]["message"]
    await start(marketer, "skip", port="true")
    finish()
    world.engine.advance()
    assert world.runs(workflow_id) == {"completed": 4}
    assert world.one("select count(*) from contacts where tags = '{asked}'") == 4
    balanced(world)


async def test_only_admins_cancel_by_filter(committed_client: httpx.AsyncClient, world: World) -> None:
    workflow_id = hold(world, 4)
    client = await as_role(committed_client, world, Role.VIEWER)
    assert (await client.post(JOBS, json={"act": "retry"})).status_code == 403
    client = await as_role(committed_client, world, Role.MARKETER)
    assert (await start(client, "cancel", 403))["code"] == "only_admins_cancel_many"
    client = await as_role(committed_client, world, Role.ADMIN)
    await start(client, "cancel")
    finish()
    assert world.runs(workflow_id) == {"cancelled": 4}
    balanced(world)


async def test_what_does_not_belong_together(marketer: httpx.AsyncClient, world: World) -> None:
    hold(world, 1)
    for body, path in (
        ({"act": "retry", "port": "true"}, "port"),
        ({"act": "skip", "nodeId": "tag"}, "nodeId"),
        ({"act": "move", "filter": {}}, "nodeId"),
        ({"act": "move", "nodeId": "tag"}, "filter.workflowId"),
    ):
        answer = await marketer.post(JOBS, json=body)
        assert answer.status_code == 422 and path in [one["path"] for one in answer.json()["errors"]], answer.text


async def test_nobody_decides_about_another_workspace(marketer: httpx.AsyncClient, world: World) -> None:
    hold(world, 2)
    world.db.execute("insert into workspaces (name, slug) values ('Two', 'two')")
    world.tenant = world.one("select id from workspaces where slug = 'two'")
    client = await as_role(marketer, world, Role.OWNER)
    job = await start(client, "retry")
    assert (job["matched"], job["done"]) == (0, 0)
    assert world.one("select count(*) from active_runs where status = 3") == 2
    assert TOO_MANY["field"] in world.one("select graph::text from workflow_versions")
