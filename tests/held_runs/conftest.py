"""A world with held runs, and clients of its workspace."""

from __future__ import annotations

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import httpx
import pytest

from app.held_runs import jobs
from app.models.status import Role
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.world import World, flow, node, rule
from tests.runs.test_cancel import as_role

JOBS = "/api/v1/held-run-jobs"
TOO_MANY = rule("contact.attributes.n", "greater_than", 1)


def asking(event: str = "cart.left", **more: Any) -> dict[str, Any]:
    """Ask for a number, and be tagged; whoever has a text there is held."""
    step = {**node("ask", "condition", conditions=[TOO_MANY]), "onError": "hold"}
    steps = [step, node("tag", "add_tag", tag="asked"), node("end", "end")]
    return flow(event, steps, ("trigger", "ask"), ("ask", "tag", "true"), ("tag", "end"), **more)


@pytest.fixture
async def world(committed_database: CommittedDatabase) -> AsyncIterator[World]:
    made = World(committed_database.url)
    yield made
    made.close()


@pytest.fixture
async def marketer(committed_client: httpx.AsyncClient, world: World) -> httpx.AsyncClient:
    return await as_role(committed_client, world, Role.MARKETER)


def hold(world: World, count: int, workflow_id: UUID | None = None, text: str = "many", **fields: Any) -> UUID:
    """So many runs that are held, because a text is no number."""
    workflow_id = workflow_id or world.workflow(asking())
    world.emit("cart.left", world.contacts(count, attributes={"n": text}, **fields))
    return workflow_id


def mend(world: World) -> None:
    """Take the cause away."""
    world.db.execute("update contacts set attributes = '{\"n\": 2}'")


def finish() -> None:
    """What the workers do each second, from another thread, as a worker's poll is."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(jobs.poll_held_run_jobs).result()


async def start(client: httpx.AsyncClient, act: str, status: int = 202, **more: Any) -> dict[str, Any]:
    answer = await client.post(JOBS, json={"act": act, **more})
    assert answer.status_code == status, answer.text
    body: dict[str, Any] = answer.json()
    return body["data"] if status == 202 else body
