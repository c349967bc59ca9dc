"""A worker that is killed as `kill -9` does, a process of its own, in the middle of a poll: each row starts once all the same."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from app.engine import integrity
from app.polls import jobs, repository, sources, storing
from app.schedules import jobs as schedules
from tests.enrolments.test_kills import deadly, in_a_process
from tests.fixtures.world import World
from tests.polls.conftest import Shop, poll_row, polling_flow, started

PLACES = {
    "rows are read": (sources.PollSources, "ask", 2, 0),
    "rows are written, not committed": (storing.contact_inbox_repository, "start_each", 2, 0),
    "some rows are committed": (repository, "see", 1, 2),
    "all rows are committed, the cursor is not": (repository, "go_on", 1, 0),
    "the cursor is written, not committed": (repository, "go_on", 2, 0),
}
"""A function of the product, before (1) or behind (2) it, and how often it is let by."""
PAGE = 3


def poll(place: str | None) -> None:
    """The main function of a worker."""
    storing.PART = PAGE
    if place is not None:
        deadly(*PLACES[place])
    asyncio.run(jobs.work())


@pytest.mark.parametrize("place", PLACES)
def test_each_row_starts_once_whoever_dies(world: World, shop: Shop, place: str) -> None:
    shop.add(*range(1, 9))
    url = f"{shop.recorder.url}/orders?since={{{{cursor}}}}"
    workflow = world.workflow(polling_flow(url, first="existing", cursor={"path": "$.id", "kind": "number"}))
    world.travel(world.one("select clock_now()") + timedelta(minutes=1))
    asyncio.run(schedules.work())
    assert in_a_process(poll, place)
    stored = {"some rows are committed": 2 * PAGE, "all rows are committed, the cursor is not": 8}
    committed = {**stored, "the cursor is written, not committed": 8}
    assert world.one("select count(distinct run_id) from inbox") == committed.get(place, 0)
    assert poll_row(world)["cursor"] is None and poll_row(world)["lease"] is not None
    assert not in_a_process(poll, None), "nobody asks while the lease of who died lasts"
    assert world.one("select count(distinct run_id) from inbox") == committed.get(place, 0)
    world.db.execute("update polls set lease_until = now() - interval '1 second'")
    assert not in_a_process(poll, None)
    world.engine.advance()
    assert started(world, workflow) == list(range(1, 9)) and poll_row(world)["cursor"] == "8"
    assert world.one("select count(*) from contacts") == 8
    assert integrity.check(world.db) == []
