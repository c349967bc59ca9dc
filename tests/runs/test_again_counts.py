"""Whoever failed and was retried entered once, wherever entries are counted."""

from __future__ import annotations

import httpx

from tests.fixtures.world import World
from tests.runs.test_again import asking, failed, mend, retry
from tests.runs.test_again import marketer as marketer
from tests.runs.test_cancel import run_ids
from tests.runs.test_cancel import world as world
from tests.workflows.examples import PATH


async def test_a_retry_is_no_entry_on_any_page(marketer: httpx.AsyncClient, world: World) -> None:
    workflow_id = failed(world, asking(), 2)
    mend(world)
    first, _ = run_ids(world, workflow_id)
    await retry(marketer, workflow_id, first)
    stats = (await marketer.get(f"{PATH}/{workflow_id}/stats")).json()["data"]
    assert (stats["totalRuns"], stats["runningRuns"], stats["failedRuns"]) == (2, 1, 1)
    world.engine.advance()
    stats = (await marketer.get(f"{PATH}/{workflow_id}/stats")).json()["data"]
    assert (stats["totalRuns"], stats["runningRuns"], stats["failedRuns"], stats["completedRuns"]) == (2, 0, 1, 1)
    (listed,) = (await marketer.get(PATH)).json()["data"]
    assert listed["stats"]["totalRuns"] == 2
