"""How many a workflow lets in, and how fast: who is kept out waits in line and enters later, in order."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from app.engine import integrity
from app.engine.control import CANCELLED, ending, fail_run
from app.inbox import InboxKind
from tests.engine.calling_runs import came, parent_flow
from tests.engine.limited import NOON, called, long, reasons, short, waiting
from tests.fixtures.world import World


def minutes(world: World, count: int, start: datetime = NOON) -> list[int]:
    """Let minutes pass, a look every five seconds; answers how many runs there were at the end of each."""
    totals = []
    for minute in range(count):
        for second in range(0, 60, 5):
            world.travel(start + timedelta(minutes=minute, seconds=second))
        totals.append(world.one("select count(*) from runs"))
    return totals


def test_no_more_than_the_limit_begin_in_a_minute_and_all_do_in_order(world: World) -> None:
    world.travel(NOON)
    people = world.contacts(25)
    workflow = world.workflow(short({"rateLimitPerMinute": 10}))
    world.emit("e", people)
    assert (world.one("select count(*) from runs"), waiting(world)) == (1, 24)
    assert minutes(world, 3) == [10, 20, 25]
    assert world.runs(workflow) == {"completed": 25} and waiting(world) == 0
    order = [row[0] for row in world.db.execute("select contact_id from runs order by started_at, id").fetchall()]
    assert order == people, "in the order in which they came"
    starts = [row[0] for row in world.db.execute("select started_at from runs order by 1").fetchall()]
    assert all(b - a >= timedelta(minutes=1) for a, b in zip(starts, starts[10:], strict=False))
    world.balanced()
    assert integrity.check(world.db) == [] and reasons(world) == {}


def test_no_more_than_the_limit_are_inside(world: World) -> None:
    world.travel(NOON)
    people = world.contacts(7)
    workflow = world.workflow(long({"rateLimitMaxConcurrent": 3}))
    world.emit("e", people)
    assert world.runs(workflow) == {"waiting": 3} and waiting(world) == 4
    for hour, (over, inside) in enumerate([(3, 3), (6, 1), (7, 0)], start=1):
        world.travel(NOON + timedelta(hours=hour, minutes=hour))
        assert world.runs(workflow) == {"completed": over, **({"waiting": inside} if inside else {})}
    assert integrity.check(world.db) == []
    world.balanced()


def cancel(world: World, run_id: UUID, contact_id: UUID) -> None:
    world.db.execute(ending("id = %(id)s"), {"id": run_id, **CANCELLED})


def erase(world: World, run_id: UUID, contact_id: UUID) -> None:
    world.db.execute("delete from contacts where id = %s", (contact_id,))
    world.put("contact.erased", [contact_id], kind=int(InboxKind.ERASED))


def fail(world: World, run_id: UUID, contact_id: UUID) -> None:
    fail_run(world.db, world.tenant, run_id, "broken")


def reach(world: World, run_id: UUID, contact_id: UUID) -> None:
    world.put("bought", [contact_id])


@pytest.mark.parametrize("end", [cancel, erase, fail, reach])
def test_however_a_run_ends_it_frees_its_place(world: World, end: Callable[[World, UUID, UUID], None]) -> None:
    world.travel(NOON)
    people = world.contacts(2)
    goals = [{"id": "g", "event": "bought"}]
    workflow = world.workflow(long({"rateLimitMaxConcurrent": 1}, goals=goals))
    world.emit("e", people)
    run_id, contact_id = world.db.execute("select id, contact_id from active_runs").fetchone() or ()
    end(world, run_id, contact_id)
    world.travel(NOON + timedelta(seconds=3))
    assert world.one("select contact_id from active_runs") == people[1]
    assert waiting(world) == 0 and world.runs(workflow)["waiting"] == 1
    assert integrity.check(world.db) == []


def test_entries_are_counted_over_all_versions(world: World) -> None:
    people = world.contacts(6)
    workflow = world.workflow(short({"reentry": "always"}))
    world.emit("e", people[:2])
    world.publish(workflow, short({"reentry": "always", "maxEntries": 4}), 2)
    world.emit("e", people[2:])
    world.emit("e", people[5:])
    assert world.runs(workflow) == {"completed": 4} and waiting(world) == 0
    assert reasons(world) == {"entries_used_up": 3}
    assert world.one("select detail from entry_refusals limit 1") == {"most": 4}
    world.publish(workflow, short({"reentry": "always", "maxEntries": 5}), 3)
    world.emit("e", people[:2])
    assert world.runs(workflow) == {"completed": 5} and reasons(world) == {"entries_used_up": 4}
    world.balanced()


def test_a_pause_keeps_those_who_wait_and_they_come_no_faster_after_it(world: World) -> None:
    world.travel(NOON)
    workflow = world.workflow(short({"rateLimitPerMinute": 6}))
    world.emit("e", world.contacts(20))
    world.set_status(workflow, "paused")
    world.travel(NOON + timedelta(hours=1))
    assert (world.one("select count(*) from runs"), waiting(world)) == (1, 19)
    world.set_status(workflow, "active")
    assert minutes(world, 2, NOON + timedelta(hours=1)) == [7, 13]


def test_who_waits_for_an_archived_workflow_is_told(world: World) -> None:
    world.travel(NOON)
    workflow = world.workflow(long({"rateLimitMaxConcurrent": 1}))
    world.emit("e", world.contacts(3))
    world.set_status(workflow, "archived")
    world.travel(NOON + timedelta(seconds=5))
    assert waiting(world) == 0 and reasons(world) == {"workflow_not_active": 2}


def test_a_new_version_counts_with_the_old_one_and_may_lift_the_limit(world: World) -> None:
    world.travel(NOON)
    workflow = world.workflow(long({"rateLimitMaxConcurrent": 2}))
    world.emit("e", world.contacts(6))
    world.publish(workflow, long({"rateLimitMaxConcurrent": 3}), 2)
    world.travel(NOON + timedelta(seconds=5))
    assert world.runs(workflow) == {"waiting": 3}
    world.publish(workflow, long({}), 3)
    world.travel(NOON + timedelta(seconds=10))
    assert world.runs(workflow) == {"waiting": 6} and waiting(world) == 0
    assert world.db.execute("select workflow_version, count(*) from runs group by 1 order by 1").fetchall() == [
        (1, 2), (2, 1), (3, 3),
    ]  # fmt: skip
    world.balanced()


def test_who_waits_does_not_wait_twice_and_who_no_longer_fits_is_refused(world: World) -> None:
    world.travel(NOON)
    ada, bob = world.contacts(2, attributes={"plan": "pro"})
    conditions = [{"field": "contact.attributes.plan", "operator": "equals", "value": "pro"}]
    world.workflow(long({"rateLimitMaxConcurrent": 1}, trigger={"conditions": conditions}))
    world.emit("e", [ada, bob, bob])
    world.emit("e", [bob])
    assert waiting(world) == 1 and reasons(world) == {"already_waiting": 2}
    world.db.execute("update contacts set attributes = '{}' where id = %s", (bob,))
    world.travel(NOON + timedelta(hours=2))
    assert waiting(world) == 0
    assert reasons(world) == {"already_waiting": 2, "conditions_not_met": 1}


def test_a_goal_that_is_reached_while_waiting_ends_the_run_where_it_begins(world: World) -> None:
    world.travel(NOON)
    ada, bob = world.contacts(2)
    workflow = world.workflow(long({"rateLimitMaxConcurrent": 1}, goals=[{"id": "g", "event": "bought"}]))
    world.emit("e", [ada, bob])
    world.travel(NOON + timedelta(minutes=1))
    world.happen("bought", bob)
    world.travel(NOON + timedelta(hours=2))
    assert world.runs(workflow) == {"completed": 1, "goal_reached": 1}
    world.balanced()


def test_many_who_wait_hold_up_nobody_else(world: World) -> None:
    """200,000 wait for one workflow: a pass takes as many as may begin, and a single one of another workflow begins with it."""
    world.travel(NOON)
    trigger = {"type": "manual", "data": {"contact": "none"}}
    many, one = (world.workflow(long({"rateLimitPerMinute": 60}, trigger=trigger)) for _ in range(2))
    world.db.execute(
        "insert into waiting_starts (tenant_id, workflow_id, kind, name, occurred_at, at, since)"
        " select %s, %s, 1, 'manual', clock_now(), clock_now(), clock_now() from generate_series(1, 200000)",
        (world.tenant, many),
    )
    world.start_nobody(one)
    world.travel(NOON + timedelta(seconds=1))
    assert world.runs(one) == {"waiting": 1}
    assert sum(world.runs(many).values()) == 2
    world.travel(NOON + timedelta(seconds=2))
    assert sum(world.runs(many).values()) == 3 and waiting(world) == 200_000 - 3


def test_a_step_that_calls_waits_in_line_too_and_is_told_when_nobody_enters(world: World) -> None:
    world.travel(NOON)
    people = world.contacts(3)
    child = world.workflow(called({"rateLimitMaxConcurrent": 1}))
    parent = world.workflow(parent_flow(child))
    world.emit("go", people)
    assert (world.runs(child), waiting(world), world.runs(parent)) == ({"waiting": 1}, 2, {"running": 3})
    assert integrity.check(world.db) == []
    world.publish(child, called({"rateLimitMaxConcurrent": 1, "activeUntil": "2026-03-01T13:00"}), 2)
    world.travel(NOON + timedelta(hours=2))
    assert waiting(world) == 0 and reasons(world) == {"closed": 2}
    world.engine.advance()
    assert sorted(port for port, *_ in came(world, parent)) == ["error", "error", "next"]
    assert all("did not let it in" in error for port, _, error in came(world, parent) if port == "error")
    assert integrity.check(world.db) == []
