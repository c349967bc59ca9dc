"""Several workers let contacts into workflows with limits, and workers are killed: never one too many, nobody lost, nobody twice."""

from __future__ import annotations

import random
import signal
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest

from app.engine import integrity
from app.engine.waiting_starts import IS_DUE
from tests.engine.test_workers import put, until
from tests.engine.workers import work_and_die, workers
from tests.fixtures import forked
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.world import World, flow, node

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
STEPS = [
    node("t", "add_tag", tag="x"),
    node("d", "delay", duration=0.01, unit="seconds"),
    node("u", "add_tag", tag="y"),
]


LOOKED_FOR = f"select exists (select from inbox) or {IS_DUE}"
"""Is there something that workers have not looked at yet?"""


def limited(event: str, **settings: int | str) -> dict[str, object]:
    return flow(event, STEPS, ("trigger", "t"), ("t", "d"), ("d", "u"), settings=settings)


@pytest.mark.parametrize("seed", range(3))
def test_workers_side_by_side_let_in_as_many_as_may_and_no_more(
    world: World, committed_database: CommittedDatabase, seed: int
) -> None:
    chance = random.Random(seed)
    people = world.contacts(30)
    at_once, in_all = chance.randint(1, 6), chance.randint(5, 60)
    inside = world.workflow(limited("in", rateLimitMaxConcurrent=at_once, reentry="always"))
    counted = world.workflow(limited("all", maxEntries=in_all, reentry="always"))
    free = world.workflow(limited("free", reentry="always"))
    events = [(chance.choice(["in", "all", "free"]), chance.choice(people)) for _ in range(240)]
    with workers(committed_database.url, 2, limit=chance.randint(3, 40)) as wrong:
        for start in range(0, len(events), 60):
            put(world, events[start : start + 60])
        pending = "select count(*) from (select 1 from inbox union all select 1 from waiting_starts union all select 1 from active_runs) p"
        under_way = f"select count(*) from active_runs where workflow_id = '{inside}'"
        # What is committed is looked at, not instants: batches of two workers overlap by the clock alone.
        seen = [world.one(under_way)]
        until(lambda: bool(wrong) or seen.append(world.one(under_way)) or world.one(pending) == 0, "all runs")
    assert wrong == []
    by_name = {name: sum(1 for one, _ in events if one == name) for name in ("in", "all", "free")}
    assert world.runs(inside) == {"completed": by_name["in"]}
    assert 0 < max(seen) <= at_once
    assert world.runs(counted) == {"completed": min(in_all, by_name["all"])}
    refused = world.one("select coalesce(sum(times), 0) from entry_refusals where reason = 'entries_used_up'")
    assert refused == by_name["all"] - min(in_all, by_name["all"])
    assert world.runs(free) == {"completed": by_name["free"]}
    assert integrity.check(world.db) == []
    world.balanced()


def test_two_workers_keep_the_limit_by_the_minute(world: World, committed_database: CommittedDatabase) -> None:
    world.travel(NOON)
    people = world.contacts(90)
    workflow = world.workflow(limited("go", rateLimitPerMinute=30))
    put(world, [("go", person) for person in people])
    with workers(committed_database.url, 2, limit=7) as wrong:
        for second in range(0, 200, 2):
            world.db.execute("update virtual_clock set at = %s", (NOON + timedelta(seconds=second),))
            until(lambda: bool(wrong) or not world.one(LOOKED_FOR), "the pass of an instant")
    assert wrong == []
    starts = sorted(
        row[0] for row in world.db.execute("select started_at from runs where workflow_id = %s", (workflow,))
    )
    assert len(starts) == 90 and world.one("select count(distinct contact_id) from runs") == 90
    assert busiest_minute(starts) <= 30
    assert starts[-1] <= NOON + timedelta(minutes=3, seconds=5)


def busiest_minute(starts: Iterable[datetime]) -> int:
    starts = list(starts)
    return max(sum(1 for one in starts if first <= one < first + timedelta(minutes=1)) for first in starts)


def test_workers_that_are_killed_lose_and_repeat_nobody_who_waits(
    world: World, committed_database: CommittedDatabase
) -> None:
    world.travel(NOON)
    people = world.contacts(80)
    one = world.workflow(limited("go", rateLimitPerMinute=600))
    two = world.workflow(limited("go", rateLimitMaxConcurrent=15, maxEntries=70))
    put(world, [("go", person) for person in people])
    kills, now = 0, NOON
    for place in ["claimed", "written", "committed", "written"]:
        now += timedelta(seconds=1)
        world.db.execute("update virtual_clock set at = %s", (now,))
        ended = forked.exit_code(work_and_die, committed_database.url, 20, {place: 0.4})
        kills += ended == -signal.SIGKILL
    assert kills >= 2
    for second in range(5, 120, 3):
        world.travel(NOON + timedelta(seconds=second))
    assert world.runs(one) == {"completed": 80} and world.runs(two) == {"completed": 70}
    assert world.one("select count(*) from waiting_starts") == 0
    assert world.one("select sum(times) from entry_refusals where reason = 'entries_used_up'") == 10
    twice = "select count(*) from (select 1 from runs group by workflow_id, contact_id having count(*) > 1) as twice"
    assert world.one(twice) == 0
    assert integrity.check(world.db) == []
    world.balanced()
