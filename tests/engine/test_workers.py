"""Several workers on one database, and workers that are killed: nothing lost, nothing twice, nothing out of order."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from app.engine import integrity
from app.engine.control import cancel_runs
from app.lib import database
from app.lib.ids import uuid7
from tests.engine.workers import work_and_die, workers
from tests.fixtures import forked
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.world import World, flow, node, rule

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
JOURNEY = flow(
    "go",
    [
        node("c", "condition", conditions=[rule("contact.source", "equals", "web")]),
        node("u", "update_contact", set={"plan": "trial"}, increment={"n": 1}),
        node("t", "add_tag", tag="welcomed"),
        node("mail", "send_email", templateId=str(uuid7())),
        node("d", "delay", duration=1, unit="hours"),
        node("late", "add_tag", tag="late"),
        node("end", "end"),
    ],
    ("trigger", "c"), ("c", "u", "true"), ("c", "end", "false"), ("u", "t"), ("t", "mail"), ("mail", "d"), ("d", "late"), ("late", "end"),
)  # fmt: skip

OF_NOBODY = flow(
    None,
    [node("c", "condition", conditions=[rule("event.n", "equals", 1)]), node("d", "delay", duration=1, unit="hours"), node("end", "end")],
    ("trigger", "c"), ("c", "d", "true"), ("d", "end"),
    trigger={"data": {"contact": "none"}},
)  # fmt: skip


def until(holds: Callable[[], bool], what: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"{what} did not happen"
        time.sleep(0.01)


def put(world: World, events: list[tuple[str, UUID]]) -> None:
    """Events into the inbox in exactly this order, as one statement."""
    world.db.execute(
        "insert into inbox (tenant_id, name, contact_id, occurred_at)"
        " select %s, name, person, clock_now() from unnest(%s::text[], %s::uuid[]) with ordinality as e(name, person, n) order by n",
        (world.tenant, [name for name, _ in events], [person for _, person in events]),
    )


def test_workers_that_are_killed_anywhere_lose_and_repeat_nothing(
    world: World, committed_database: CommittedDatabase
) -> None:
    world.travel(NOON)
    people = world.contacts(200, source="web")
    workflow, silent = world.workflow(JOURNEY), world.workflow(OF_NOBODY)
    for half in (people[:100], people[100:]):  # runs of nobody and of contacts, side by side in one batch
        put(world, [("go", person) for person in half])
        world.start_nobody(silent, {"n": 1}, 50)
    kills = 0

    def drain(places: list[str]) -> None:
        nonlocal kills
        for place in [*places, ""]:
            ended = forked.exit_code(work_and_die, committed_database.url, 15, {place: 0.4} if place else {})
            kills += ended == -signal.SIGKILL
        assert ended == 0

    drain(["claimed", "written", "committed"])
    assert world.runs(workflow) == {"waiting": 200} and world.runs(silent) == {"waiting": 100}
    world.db.execute("update virtual_clock set at = %s", (NOON + timedelta(hours=2),))
    drain(["claimed", "written", "committed"])
    assert kills >= 4
    assert world.runs(workflow) == {"completed": 200} and world.runs(silent) == {"completed": 100}
    assert world.one("select count(*) from steps") == 200 * 7 + 100 * 3
    assert world.one("select count(*) from messages") == 200
    assert (
        world.one("select count(*) from contacts where tags = '{welcomed,late}' and (attributes->>'n')::int = 1") == 200
    )
    assert world.one("select count(*) from inbox") == 0
    assert integrity.check(world.db) == []


def test_workers_side_by_side_keep_each_contacts_order(world: World, committed_database: CommittedDatabase) -> None:
    """Random events of few contacts in tiny batches: what comes of each contact is what one after the other gives."""
    chance = random.Random(7)
    people = world.contacts(12, source="web")
    graph = {**JOURNEY, "goals": [{"id": "bought", "event": "bought"}]}
    workflow = world.workflow(graph)
    events = [(chance.choice(["go", "go", "bought"]), chance.choice(people)) for _ in range(1500)]
    with workers(committed_database.url, 3, limit=6) as wrong:
        for start in range(0, len(events), 100):
            put(world, events[start : start + 100])
        until(lambda: bool(wrong) or world.one("select count(*) from inbox") == 0, "an empty inbox")
    assert wrong == []
    expected = {person: [0, False] for person in people}  # goals reached, one waits
    for name, person in events:
        if name == "go":
            expected[person][1] = True
        elif expected[person][1]:
            expected[person] = [int(expected[person][0]) + 1, False]
    found = world.db.execute(
        "select contact_id, count(*) filter (where status = 6), count(*) filter (where status = 1) > 0 from runs"
        " where workflow_id = %s group by 1",
        (workflow,),
    ).fetchall()
    assert {person: [goals, waits] for person, goals, waits in found} == expected
    assert integrity.check(world.db) == []


async def test_cancelling_while_workers_move_runs_keeps_the_books(
    world: World, committed_database: CommittedDatabase
) -> None:
    people = world.contacts(60, source="web")
    workflow = world.workflow(JOURNEY)
    cancelled = 0
    with workers(committed_database.url, 2, limit=5) as wrong:
        for _ in range(5):
            put(world, [("go", person) for person in people])
            for _ in range(6):
                rows = world.db.execute("select id from runs where status < 4 order by random() limit 10").fetchall()
                async with database.transaction() as session:
                    cancelled += await cancel_runs(session, world.tenant, [run_id for (run_id,) in rows])
                world.hurry("random() < 0.3")
                await asyncio.sleep(0.02)
        until(lambda: bool(wrong) or world.one("select count(*) from inbox") == 0, "an empty inbox")
    world.engine.advance()
    assert wrong == []
    assert cancelled > 0
    assert world.runs(workflow).get("cancelled") == cancelled
    assert integrity.check(world.db) == []


@pytest.mark.parametrize("workers_at_once", [1, 3])
def test_every_delay_that_is_due_resumes_once(
    world: World, committed_database: CommittedDatabase, workers_at_once: int
) -> None:
    world.travel(NOON)
    people = world.contacts(150, source="web")
    workflow = world.workflow(JOURNEY)
    world.emit("go", people)
    assert world.runs(workflow) == {"waiting": 150}
    world.db.execute("update virtual_clock set at = %s", (NOON + timedelta(hours=1),))
    with workers(committed_database.url, workers_at_once, limit=10) as wrong:
        until(lambda: bool(wrong) or world.runs(workflow) == {"completed": 150}, "the end of all runs")
    assert wrong == []
    assert world.one("select count(*) from contacts where tags = '{welcomed,late}'") == 150
    assert integrity.check(world.db) == []
