"""What kills the process that touches it is found, alone, and held: everybody else arrives."""

from __future__ import annotations

import multiprocessing
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from app.engine import integrity
from app.engine.crashes import HELD_WHY
from app.engine.held_runs import release_runs
from app.lib import database
from tests.engine.workers import engine_on, work
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.world import World, flow, node

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
BAD = "u77-"
KILLS = node("x", "trouble", mode="kill", who=BAD)
DONE = node("t", "add_tag", tag="done")


def deaths(url: str, *, limit: int = 100, at_once: int = 1, engines: int = 1) -> int:
    """Start workers again and again, as a supervisor does, until they end in order; answers how many died."""
    died, context = 0, multiprocessing.get_context("fork")  # a fresh interpreter for each would take a minute
    for _ in range(10):
        processes = [context.Process(target=work, args=(url, limit, engines)) for _ in range(at_once)]
        for process in processes:
            process.start()
        for process in processes:
            process.join(60)
        now = sum(process.exitcode == 70 for process in processes)
        died += now
        if not now:
            return died
    raise AssertionError("they die for ever")


def bad_contact(world: World) -> UUID:
    found: UUID = world.one("select id from contacts where email like %s", f"{BAD}%")
    return found


@pytest.mark.parametrize(("at_once", "engines"), [(1, 1), (2, 1), (1, 2)])
async def test_a_run_that_kills_workers_is_held_and_all_others_arrive(
    world: World, committed_database: CommittedDatabase, at_once: int, engines: int
) -> None:
    world.travel(NOON)
    graph = flow(
        "go", [node("d", "delay", duration=1, unit="hours"), KILLS, DONE], ("trigger", "d"), ("d", "x"), ("x", "t")
    )
    workflow = world.workflow(graph)
    world.emit("go", world.contacts(200))
    world.engine.close()
    world.db.execute("update virtual_clock set at = %s", (NOON + timedelta(hours=1),))
    died = deaths(committed_database.url, limit=100, at_once=at_once, engines=engines)
    assert 3 <= died <= 1 + at_once + engines
    assert world.runs(workflow) == {"held": 1, "completed": 199}
    held = world.db.execute("select contact_id, id, error_message, resume_at from runs where status = 3").fetchone()
    assert held is not None and (held[0], *held[2:]) == (bad_contact(world), HELD_WHY, None)
    assert world.one("select count(*) from crashes") == 1
    assert integrity.check(world.db) == []
    async with database.transaction() as session:
        assert await release_runs(session, world.tenant + 1, [held[1]]) == 0
        assert await release_runs(session, world.tenant, [held[1]]) == 1
        assert await release_runs(session, world.tenant, [held[1]]) == 0
    world.db.execute("update contacts set email = 'mended@example.test' where id = %s", (held[0],))
    assert deaths(committed_database.url) == 0
    assert world.runs(workflow) == {"completed": 200}
    assert world.one("select count(*) from crashes") == 0
    assert integrity.check(world.db) == []


@pytest.mark.parametrize("lane", [0, 77])
def test_an_event_that_kills_workers_is_set_aside_and_order_is_kept(
    world: World, committed_database: CommittedDatabase, lane: int
) -> None:
    workflow = world.workflow(flow("go", [KILLS, DONE], ("trigger", "x"), ("x", "t"), settings={"reentry": "always"}))
    people = world.contacts(120)
    world.engine.close()
    for number in (1, 2):
        world.put("go", people, {"n": number}, lane=lane)
    world.db.execute("delete from inbox where contact_id = %s and payload @> '{\"n\": 2}'", (bad_contact(world),))
    assert deaths(committed_database.url, limit=100) == 3
    assert world.runs(workflow) == {"completed": 238}
    letter = world.db.execute("select contact_id, error, kind from dead_letters").fetchall()
    assert letter == [(bad_contact(world), "It stopped a worker 3 times.", 0)]
    assert world.one("select count(*) from inbox") == world.one("select count(*) from crashes") == 0
    wrong = world.one(
        "select count(*) from runs a join runs b using (contact_id) where a.id < b.id"
        " and a.trigger_event->>'n' > b.trigger_event->>'n'"
    )
    assert wrong == 0
    assert integrity.check(world.db) == []


def test_what_is_suspected_is_handled_by_one_engine_of_a_process_alone(
    world: World, committed_database: CommittedDatabase
) -> None:
    """Were another run walked beside it when it ends the process, both would be blamed, and the innocent one held as well."""
    world.travel(NOON)
    waiting = flow("go", [node("d", "delay", duration=1, unit="hours"), DONE], ("trigger", "d"), ("d", "t"))
    workflow = world.workflow(waiting)
    world.emit("go", world.contacts(3))
    world.emit("come", world.contacts(3))
    other = world.workflow(flow("come", [DONE], ("trigger", "t")))
    world.db.execute("update virtual_clock set at = %s", (NOON + timedelta(hours=1),))
    world.put("come", world.contacts(2))
    suspect = world.one("select id from active_runs order by id limit 1")
    second = engine_on(committed_database.url, 10, number=1, engines=2)
    world.db.execute(
        "insert into crashes (tenant_id, run_id, count, at) values (%s, %s, 1, now())", (world.tenant, suspect)
    )
    assert second.advance() == 0
    assert world.runs(workflow) == {"waiting": 3} and world.runs(other) == {}
    assert world.engine.take_due() == 1  # the first engine takes it, and it alone
    assert world.runs(workflow) == {"waiting": 2, "completed": 1}
    assert second.advance() == 4
    second.close()
    assert world.runs(workflow) == {"completed": 3} and world.runs(other) == {"completed": 2}


def test_workers_that_end_in_order_or_lose_the_server_are_not_counted(
    world: World, committed_database: CommittedDatabase
) -> None:
    workflow = world.workflow(flow("go", [DONE], ("trigger", "t")))
    world.emit("go", world.contacts(5))
    assert world.one("select count(*) from batches where open") == 0
    world.engine.crashes.note(events=[(world.tenant, 0, 1)])
    assert world.one("select array_agg(open) from batches") == [True]
    world.engine.close()
    assert world.one("select count(*) from batches") == 0
    world.db.execute(
        "insert into batches (process, pid, backend_start, open, tenants, events, at)"
        " values ('old', 1, now(), true, '{1}', '{1}', '2020-01-01')"
    )
    assert deaths(committed_database.url) == 0  # it stood there before the server was started: that is all it says
    assert world.one("select count(*) from batches") == world.one("select count(*) from crashes") == 0
    assert world.runs(workflow) == {"completed": 5}


def test_a_worker_whose_session_is_taken_away_is_suspected_and_cleared(
    world: World, committed_database: CommittedDatabase
) -> None:
    """Suspicion costs nobody anything: what is suspected goes alone, once, and is innocent afterwards."""
    workflow = world.workflow(flow("go", [DONE], ("trigger", "t"), settings={"reentry": "always"}))
    people = world.contacts(6)
    world.put("go", people)
    lost = database.connect("engine")
    ids = [row[0] for row in world.db.execute("select id from inbox order by id limit 3")]
    world.db.execute(
        "insert into batches (process, pid, backend_start, open, tenants, events) select 'lost', pid, backend_start, true, %s, %s"
        " from pg_stat_activity where pid = %s",
        ([world.tenant] * len(ids), ids, lost.info.backend_pid),
    )
    lost.close()
    while world.one(
        "select count(*) from pg_stat_activity where pid = %s", lost.info.backend_pid if not lost.closed else 0
    ):
        pass
    world.engine.advance()
    assert world.runs(workflow) == {"completed": 6}
    assert world.one("select count(*) from crashes") == world.one("select count(*) from inbox") == 0
    assert world.engine.crashes.events == []
    assert integrity.check(world.db) == []
