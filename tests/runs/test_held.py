"""A run that is held: what its page and the API say, and the three ways out: try again, go on without the step, cancel."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import httpx
import pytest

from app.models.status import Role
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.world import World, flow, node, rule
from tests.runs.test_cancel import as_role, run_ids
from tests.workflows.examples import PATH

ODD = rule("contact.attributes.n", "greater_than", 1)


@pytest.fixture
async def world(committed_database: CommittedDatabase) -> AsyncIterator[World]:
    made = World(committed_database.url)
    yield made
    made.close()


def held(world: World, *edges: Any, kind: str = "condition", **data: Any) -> tuple[UUID, list[UUID]]:
    """Two runs at a condition that cannot be answered, because a text is no number."""
    step = {**node("ask", kind, **(data or {"conditions": [ODD]})), "onError": "hold"}
    ways = (("trigger", "ask"), ("ask", "end", "true" if kind == "condition" else "next"))
    workflow_id = world.workflow(flow("cart.left", [step, node("end", "end")], *ways, *edges))
    world.emit("cart.left", world.contacts(2, attributes={"n": "many"}))
    return workflow_id, run_ids(world, workflow_id)


async def test_it_says_why_and_is_tried_again(committed_client: httpx.AsyncClient, world: World) -> None:
    workflow_id, (first, second) = held(world)
    client = await as_role(committed_client, world, Role.MARKETER)
    path = f"{PATH}/{workflow_id}/runs"
    data = (await client.get(f"{path}/{first}")).json()["data"]
    assert data["held"] is True and data["status"] == "running" and "number" in data["errorMessage"]
    assert data["steps"][-1]["attempts"][0]["nextAt"] is None
    assert [run["id"] for run in (await client.get(f"{path}?status=held")).json()["data"]] == [str(second), str(first)]
    world.db.execute("update contacts set attributes = '{\"n\": 2}'")
    answer = await client.post(f"{path}/{first}/release")
    assert answer.status_code == 200 and answer.json()["data"]["held"] is False, answer.text
    world.engine.advance()
    assert world.runs(workflow_id) == {"completed": 1, "held": 1}
    again = await client.post(f"{path}/{first}/release")
    assert again.status_code == 409 and again.json()["code"] == "run_not_held"


@pytest.mark.parametrize(
    ("port", "edges", "status"),
    [
        ("false", (), 200),
        ("true", (), 200),
        ("error", (), 422),
        ("error", (("ask", "end", "error"),), 409),
        ("x", (), 422),
    ],
)
async def test_it_goes_on_without_the_step(
    committed_client: httpx.AsyncClient, world: World, port: str, edges: Any, status: int
) -> None:
    """By a port of the step; with a path for failures it was not held at all."""
    workflow_id, (first, _) = held(world, *edges)
    client = await as_role(committed_client, world, Role.MARKETER)
    answer = await client.post(f"{PATH}/{workflow_id}/runs/{first}/pass", json={"port": port})
    assert answer.status_code == status, answer.text
    world.engine.advance()
    if status == 200:
        data = (await client.get(f"{PATH}/{workflow_id}/runs/{first}")).json()["data"]
        assert data["status"] == "completed" and data["steps"][0]["status"] == "skipped"
        assert data["steps"][0]["port"] == port and data["steps"][0]["output"]["skippedBy"]
        assert len(data["steps"]) == (2 if port == "true" else 1)
    elif status == 422:
        assert "`true`, `false`" in answer.json()["errors"][0]["message"]
    world.balanced()


async def test_who_may_not(committed_client: httpx.AsyncClient, world: World) -> None:
    workflow_id, (first, _) = held(world)
    path = f"{PATH}/{workflow_id}/runs/{first}/pass"
    assert (await committed_client.post(path, json={})).status_code == 401
    viewer = await as_role(committed_client, world, Role.VIEWER)
    assert (await viewer.post(path, json={})).status_code == 403
    assert world.runs(workflow_id) == {"held": 2}


async def test_a_message_that_failed_is_sent_again_and_waited_for(
    committed_client: httpx.AsyncClient, world: World
) -> None:
    """Not asked for anew: the message is the same, so nobody gets two."""
    workflow_id, (first, _) = held(world, kind="send_email", subject="Hello")
    assert world.one("select distinct status from runs") == 2, "a step that holds its run waits for the outcome"
    world.db.execute(
        "update messages set status = 8, due_at = null, error_message = 'No such mailbox.', settled_at = clock_now(), fence = fence + 1"
    )
    world.db.execute(
        "insert into inbox (tenant_id, name, kind, run_id, payload, occurred_at)"
        " select tenant_id, 'message.settled', 2, id, jsonb_build_object('seq', 1, 'port', 'error', 'error', 'No such mailbox.',"
        " 'output', '{}'::jsonb), clock_now() from runs"
    )
    world.engine.advance()
    assert world.runs(workflow_id) == {"held": 2}
    client = await as_role(committed_client, world, Role.MARKETER)
    answer = await client.post(f"{PATH}/{workflow_id}/runs/{first}/release")
    assert answer.status_code == 200 and answer.json()["data"]["held"] is False, answer.text
    assert world.one("select status from messages where run_id = %s", first) == 0
    assert world.one("select count(*) from messages") == 2
    world.engine.advance()
    assert world.one("select status from runs where id = %s", first) == 2
    world.balanced()
