"""Called runs when workers die, contacts are erased and tables are full; and runs that are called for a whole segment."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.types.json import Jsonb

from app.contacts import erasure_repository
from app.enrolments import jobs, runner
from app.inbox import InboxKind, over_sql
from app.lib import database
from app.lib.database_roles import DatabaseRole
from app.lib.ids import uuid7
from app.models.status import RunStatus
from tests.engine.calling_runs import NOON, came, cancel, child_flow, in_a_thread, parent_flow, sound, waiting_child
from tests.fixtures.world import World, node, rule


def test_a_call_costs_no_statement_of_its_own(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    child = world.workflow(child_flow())
    world.workflow(parent_flow(child, mode="start"))
    statements = list[str]()
    execute = psycopg.Cursor.execute

    def counted(self: Any, query: Any, *more: Any, **options: Any) -> Any:
        statements.append(str(query))
        return execute(self, query, *more, **options)

    monkeypatch.setattr(psycopg.Cursor, "execute", counted)
    numbers = []
    for count in (2, 100):
        people = world.contacts(count)
        world.emit("go", people)  # compiled, prepared
        statements.clear()
        world.emit("go", people)
        numbers.append(len(statements))
    assert numbers[1] <= numbers[0] + 4, numbers
    assert world.one("select count(*) from sub_runs") == 2 * 102


class Killed(Exception):
    """The worker dies."""


@pytest.mark.parametrize("mode", ["wait", "start"])
def test_a_worker_that_dies_at_any_statement_neither_loses_nor_doubles_a_call(
    world: World, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    child = world.workflow(child_flow())
    parent = world.workflow({**parent_flow(child, mode=mode), "settings": {"reentry": "always"}})
    world.emit("go", world.contacts(1))
    left = [-1]
    execute = psycopg.Cursor.execute

    def mortal(self: Any, query: Any, *more: Any, **options: Any) -> Any:
        if self.connection is world.engine.connection:
            left[0] -= 1
            if left[0] == 0:
                raise Killed
        return execute(self, query, *more, **options)

    monkeypatch.setattr(psycopg.Cursor, "execute", mortal)
    deaths = 0
    for statement in range(1, 400):
        world.put("go", world.contacts(1))
        left[0] = statement
        try:
            world.engine.advance()
        except Killed:
            deaths += 1
        survived, left[0] = left[0] > 0, -1
        world.engine.advance()
        if survived:
            break
    rounds = deaths + 2
    assert deaths > 20, "it died between the statements"
    assert world.runs(parent) == world.runs(child) == {"completed": rounds}
    assert world.one("select count(*) from sub_runs where ended_at is not null") == rounds
    assert world.one("select count(*) from steps where node_id = 'call'") == rounds
    sound(world)


# Erasing ---------------------------------------------------------------------------------------------------------


async def _erase(contact: UUID, tenant: int) -> None:
    async with database.transaction(DatabaseRole.ENGINE) as session:
        assert await erasure_repository.erase(session, tenant, contact, NOON)


def erase(world: World, contact: UUID) -> None:

    in_a_thread(lambda: _erase(contact, world.tenant))


def test_an_erased_contact_takes_both_runs_along(world: World) -> None:
    child = waiting_child(world)
    parent = world.workflow(parent_flow(child, input={"who": "{{ contact.email }}"}))
    one, other = world.contacts(2)
    world.emit("go", [one, other])
    erase(world, one)
    world.engine.advance()
    assert world.runs(parent) == {"running": 1, "cancelled": 1} and world.runs(child) == {"waiting": 1, "cancelled": 1}
    assert world.one("select count(*) from sub_runs where ended_at is null") == 1
    sound(world)


def test_whoever_is_erased_before_the_call_is_handled_is_waited_for_no_more(world: World) -> None:
    child = world.workflow(child_flow())
    gone = world.contacts(1)[0]
    run_id = uuid7()
    world.db.execute(
        "insert into sub_runs (tenant_id, run_id, workflow_id, parent_run_id, parent_seq, parent_workflow_id, awaited, asked_at)"
        " values (%s, %s, %s, %s, 1, %s, false, clock_now())",
        (world.tenant, run_id, child, uuid7(), uuid7()),
    )
    world.put("manual", [gone], {}, kind=int(InboxKind.CALLED), workflow_id=child, run_id=run_id)
    erase(world, gone)
    world.engine.advance()
    assert world.one("select status from sub_runs") == RunStatus.CANCELLED
    assert not world.runs(child)
    sound(world)


# Segments --------------------------------------------------------------------------------------------------------


def segment_of(world: World, people: list[UUID]) -> UUID:
    id_ = uuid7()
    world.db.execute(
        "insert into segments (tenant_id, id, number, name, kind) values (%s, %s, 1, 'VIPs', 'static')",
        (world.tenant, id_),
    )
    world.db.cursor().executemany(
        "insert into segment_members values (%s, 1, %s, clock_now())", [(world.tenant, person) for person in people]
    )
    world.db.execute(
        "insert into segment_days (tenant_id, segment, day, shard, entered) values (%s, 1, current_date, 0, %s)",
        (world.tenant, len(people)),
    )
    return id_


@pytest.fixture
def poll(world: World) -> Callable[[], None]:
    """What the workers do each second, with a look at once whether all are through."""

    def once() -> None:
        world.db.execute("update enrolments set next_at = clock_now() where next_at is not null")
        with ThreadPoolExecutor(1) as thread:
            thread.submit(jobs.poll_enrolments).result()
        world.engine.advance()

    return once


def test_a_segment_is_called_piece_by_piece_and_waited_for(
    world: World, poll: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.enrolments.runner.PIECE", 7)
    child = world.workflow(child_flow(node("w", "delay", duration=1, unit="days"), node("end", "end")))
    people = world.contacts(17)
    vips = segment_of(world, people)
    parent = world.workflow(parent_flow(child, None, audience={"segmentId": str(vips)}, input={"n": "{{ event.n }}"}))
    world.start_nobody(parent, {"n": 4})
    world.engine.advance()
    assert world.runs(parent) == {"running": 1}
    for _ in range(3):
        poll()
    assert world.runs(child) == {"waiting": 17} and world.runs(parent) == {"running": 1}
    reason = world.one("select reason from enrolments")
    assert reason == "Everybody in VIPs, called by a run of Flow"
    sound(world)
    cancel(world, [world.one("select run_id from sub_runs order by run_id limit 1")])
    poll()
    assert world.runs(parent) == {"running": 1}
    world.hurry("status = 1")
    world.engine.advance()
    poll()
    assert world.runs(parent) == {"completed": 1}
    assert came(world, parent) == [("next", {"asked": 17, "completed": 16, "cancelled": 1}, None)]
    assert (
        world.one("select count(*) from runs where workflow_id = %s and trigger_event = %s", child, Jsonb({"n": 4}))
        == 17
    )
    assert world.one("select count(*) from enrolments where next_at is not null") == 0
    sound(world)


def test_whoever_is_not_let_in_does_not_hold_up_the_others(world: World, poll: Callable[[], None]) -> None:
    child = world.workflow(child_flow(trigger={"conditions": [rule("contact.plan", "equals", "pro")]}))
    people = [*world.contacts(2, attributes={"plan": "pro"}), *world.contacts(3)]
    vips = segment_of(world, people)
    parent = world.workflow(parent_flow(child, audience={"segmentId": str(vips)}))
    world.emit("go", people[:1])
    poll()
    poll()
    assert came(world, parent) == [("next", {"asked": 5, "completed": 2, "refused": 3}, None)]
    sound(world)


def due_in(world: World) -> float | None:
    """In how many seconds the enrolment is looked at."""
    seconds = world.one("select extract(epoch from next_at - clock_now()) from enrolments")
    return None if seconds is None else float(seconds)


def test_the_last_end_has_it_looked_whether_all_are_through(world: World) -> None:
    """Not the ends before it, and a cancel no less than an end by the engine."""
    world.travel(NOON)
    child = world.workflow(child_flow(node("w", "delay", duration=1, unit="days"), node("end", "end")))
    people = world.contacts(5)
    vips = segment_of(world, people)
    parent = world.workflow(parent_flow(child, audience={"segmentId": str(vips)}))
    world.emit("go", people[:1])
    step(world)  # all five
    step(world)  # who waits for them
    assert due_in(world) == runner.ARE_THEY_THROUGH_S
    called = [
        row[0] for row in world.db.execute("select id from active_runs where workflow_id = %s", (child,)).fetchall()
    ]
    cancel(world, called[:2])
    world.db.execute("update active_runs set resume_at = null where id = %s", (called[4],))
    world.hurry("status = 1")
    world.engine.advance()
    assert world.runs(child) == {"cancelled": 2, "completed": 2, "waiting": 1}
    assert due_in(world) == runner.ARE_THEY_THROUGH_S, "one is still under way"
    cancel(world, called[4:])
    assert due_in(world) == 0
    step(world)
    assert world.runs(parent) == {"completed": 1} and due_in(world) is None
    assert came(world, parent) == [("next", {"asked": 5, "completed": 2, "cancelled": 3}, None)]
    sound(world)


def test_the_last_two_may_end_in_one_batch(world: World) -> None:
    world.travel(NOON)
    child = world.workflow(child_flow(node("w", "delay", duration=1, unit="days"), node("end", "end")))
    people = world.contacts(2)
    parent = world.workflow(parent_flow(child, audience={"segmentId": str(segment_of(world, people))}))
    world.emit("go", people[:1])
    step(world)
    step(world)
    world.hurry("status = 1")
    world.engine.advance()
    assert due_in(world) == 0
    step(world)
    assert world.runs(parent) == {"completed": 1}
    sound(world)


def test_a_segment_is_called_and_left_alone(world: World, poll: Callable[[], None]) -> None:
    child = world.workflow(child_flow())
    people = world.contacts(4)
    vips = segment_of(world, people)
    parent = world.workflow(parent_flow(child, audience={"segmentId": str(vips)}, mode="start"))
    world.emit("go", people[:1])
    assert world.runs(parent) == {"completed": 1}
    poll()
    assert world.runs(child) == {"completed": 4}
    assert world.one("select count(*) from enrolments where next_at is not null") == 0
    sound(world)


def test_nobody_else_is_called_when_the_run_that_waits_is_cancelled(
    world: World, poll: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.enrolments.runner.PIECE", 2)
    child = world.workflow(child_flow())
    people = world.contacts(6)
    vips = segment_of(world, people)
    parent = world.workflow(parent_flow(child, audience={"segmentId": str(vips)}))
    world.emit("go", people[:1])
    world.db.execute("update enrolments set per_minute = 2")
    step(world)
    cancel(world, [world.one("select id from active_runs where workflow_id = %s", parent)])
    poll()
    poll()
    assert world.runs(child) == {"completed": 2}
    assert world.one("select error from enrolments") == "The run that called does not wait any more."
    sound(world)


def step(world: World) -> None:
    """One piece."""

    async def once() -> None:
        async with database.transaction(DatabaseRole.ENGINE) as session:
            await runner.step(session)

    in_a_thread(once)
    world.engine.advance()


def test_a_segment_that_is_gone_is_a_failure_of_the_step(world: World, poll: Callable[[], None]) -> None:
    child = world.workflow(child_flow())
    vips = segment_of(world, [])
    parent = world.workflow(parent_flow(child, audience={"segmentId": str(vips)}))
    world.db.execute("update segments set deleted_at = clock_now()")
    world.emit("go", world.contacts(1))
    poll()
    poll()
    assert [(port, error) for port, _, error in came(world, parent)] == [("error", "The segment was deleted.")]
    sound(world)


# Growth ----------------------------------------------------------------------------------------------------------


def pages(world: World, sql: str, *parameters: Any) -> int:
    plan = world.db.execute(f"explain (analyze, buffers, format json) {sql}", parameters).fetchone()
    assert plan is not None
    whole = plan[0][0]["Plan"]
    return int(whole["Shared Hit Blocks"] + whole["Shared Read Blocks"])


def test_an_end_looks_at_no_more_beside_twenty_thousand_others(world: World) -> None:

    child = waiting_child(world)
    world.workflow(parent_flow(child))
    world.emit("go", world.contacts(2))
    runs = [run_id for (run_id,) in world.db.execute("select run_id from sub_runs").fetchall()]
    source = "(select %s::int as tenant_id, %s::uuid as run_id)"
    sql = (
        "with "
        + over_sql(source, status="8", refused="null", port="'error'", error="'x'", output="null::jsonb")
        + " select 1"
    )
    counts = []
    for run_id in runs:
        with world.db.transaction(force_rollback=True):
            counts.append(pages(world, sql, world.tenant, run_id))
        world.db.execute(
            "insert into sub_runs (tenant_id, run_id, workflow_id, parent_run_id, parent_seq, parent_workflow_id, awaited, asked_at)"
            " select %s, (substr(%s::text, 1, 24) || lpad(to_hex(n), 12, '0'))::uuid, %s, gen_random_uuid(), 1, %s, true, clock_now()"
            " from generate_series(1, 20000) n on conflict do nothing",
            (world.tenant, run_id, child, child),
        )
        world.db.execute("analyze sub_runs")
    assert counts[1] <= counts[0] + 12, counts
