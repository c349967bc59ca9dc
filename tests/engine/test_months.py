"""Runs in two tables: the active ones, and the ended ones by the month of their id. Whatever happens, a run is in exactly one of them."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from app.engine import history, integrity, write
from app.engine.control import fail_run
from app.engine.progress import progress
from app.inbox import InboxKind
from app.lib.ids import first_uuid7_of, oldest_since, uuid7
from app.lib.months import Month, bounds, month_of, needed
from tests.fixtures.world import World, flow, node, rule

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
FIRST_OF_NEXT_MONTH = (
    datetime.now(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0) + timedelta(days=32)
).replace(day=1)
MAILS = flow(
    "go",
    [node("d", "delay", duration=1, unit="days"), node("t", "add_tag", tag="done")],
    ("trigger", "d"), ("d", "t"), settings={"reentry": "always"},
)  # fmt: skip
AT_ONCE = flow("now", [node("t", "add_tag", tag="done")], ("trigger", "t"), settings={"reentry": "always"})


def run_id_of(at: datetime) -> UUID:
    """An id as runs have that begin at this instant of the real clock."""
    return UUID(bytes=first_uuid7_of(at).bytes[:8] + uuid7().bytes[8:])


def start(world: World, workflow: UUID, at: datetime, contact: UUID) -> UUID:
    """Have a run begin whose id says that it began at `at`."""
    run_id = run_id_of(at)
    world.put("manual", [contact], kind=int(InboxKind.START), workflow_id=workflow, run_id=run_id)
    return run_id


def where(world: World) -> dict[UUID, list[str]]:
    """The tables, or months of them, in which each run and its steps are."""
    places: dict[UUID, list[str]] = {}
    for table, column in (("active_runs", "id"), ("ended_runs", "id"), ("steps", "run_id")):
        for run_id, leaf in world.db.execute(f"select {column}, tableoid::regclass::text from {table} order by 2"):
            places.setdefault(run_id, []).append(leaf)
    return places


def test_a_run_ends_among_the_others_of_the_month_in_which_it_began(world: World) -> None:
    """Not in that of its end; its steps are there as well, whenever they were taken."""
    world.travel(NOON)
    workflow = world.workflow(MAILS)
    now, later = world.contacts(2)
    begun = {start(world, workflow, datetime.now(UTC), now), start(world, workflow, FIRST_OF_NEXT_MONTH, later)}
    world.engine.advance()
    assert where(world) == {run_id: ["active_runs"] for run_id in begun}
    world.travel(NOON + timedelta(days=400))
    assert world.runs(workflow) == {"completed": 2}
    assert where(world) == {
        run_id: [
            f"{table}_{suffix}" for table in ("ended_runs", "steps") for _ in range(1 if table == "ended_runs" else 2)
        ]
        for run_id in begun
        for suffix in (leaf_of(world, run_id),)
    }
    assert len({leaf_of(world, run_id) for run_id in begun}) == 2
    assert integrity.check(world.db) == []


def leaf_of(world: World, run_id: UUID) -> str:
    """What the month of an id is called in the names of tables: the oldest has all that was there before."""
    months = [
        leaf
        for (leaf,) in world.db.execute(
            "select inhrelid::regclass::text from pg_inherits where inhparent = 'steps'::regclass"
        )
    ]
    name = month_of(run_id).suffix
    return name if f"steps_{name}" in months else "before"


def test_a_batch_around_midnight_of_the_first_has_two_months(world: World) -> None:
    workflow = world.workflow(AT_ONCE)
    contacts = world.contacts(40)
    instants = [FIRST_OF_NEXT_MONTH + timedelta(milliseconds=number - 20) for number in range(40)]
    begun = [start(world, workflow, at, contact) for at, contact in zip(instants, contacts, strict=True)]
    world.engine.advance()
    assert world.runs(workflow) == {"completed": 40}
    leaves = [where(world)[run_id] for run_id in begun]
    assert leaves[:20] == [leaves[0]] * 20 and leaves[20:] == [leaves[20]] * 20 and leaves[0] != leaves[20]
    assert integrity.check(world.db) == []
    world.balanced()


def test_without_a_table_for_the_month_of_now_work_waits_and_is_not_set_aside(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody has switched the scheduler off for months: nothing is wrong with the events, and they go on when there is a table."""
    workflow = world.workflow(AT_ONCE)
    far = datetime(2100, 1, 15, tzinfo=UTC)
    monkeypatch.setattr("app.engine.missing_month.needed", lambda _now: needed(Month.of(far)))
    run_id = start(world, workflow, far, world.contacts(1)[0])
    world.engine.advance()
    assert progress.report()["heldUp"]["events"]["by"] == "month"
    assert world.one("select count(*) from inbox") == 1 and world.one("select count(*) from dead_letters") == 0
    first, end = bounds(Month.of(far))
    for table in ("ended_runs", "steps"):
        world.db.execute(f"create table {table}_far partition of {table} for values from ('{first}') to ('{end}')")
    world.engine.advance()
    assert progress.report()["heldUp"] == {}
    assert where(world) == {run_id: ["ended_runs_far", "steps_far"]}
    world.db.execute("drop table ended_runs_far, steps_far")


@pytest.mark.parametrize(
    "id_", [UUID(int=2**128 - 5), run_id_of(datetime(2100, 1, 15, tzinfo=UTC))], ids=["no time", "2100"]
)
def test_a_run_whose_id_has_no_month_is_set_aside_and_holds_nobody_up(world: World, id_: UUID) -> None:
    """The product makes none; a program that writes into its tables may."""
    world.travel(NOON)
    at_once, waits = world.workflow(AT_ONCE), world.workflow(MAILS)
    one, two, other = world.contacts(3)
    world.put("manual", [one], kind=int(InboxKind.START), workflow_id=at_once, run_id=id_)
    world.put("manual", [two], kind=int(InboxKind.START), workflow_id=waits, run_id=id_)
    world.emit("now", world.contacts(30))
    assert progress.report()["heldUp"] == {}
    assert world.runs(at_once) == {"completed": 30}
    assert world.one("select count(*) from dead_letters where error like '%%no table%%'") == 1
    world.emit("go", [other])
    world.travel(NOON + timedelta(days=2))
    assert world.runs(waits) == {"held": 1, "completed": 1}
    assert "no table" in world.one("select error_message from active_runs where id = %s", id_)
    assert world.engine.advance() == 0, "it is not taken again"


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("people", [2, 30], ids=["pipeline", "copy"])
@pytest.mark.parametrize(
    "statement", ["moved_runs", "run_rows", "step_rows", "call_rows", "contact_updates", "stats_arguments"]
)
def test_who_dies_between_two_statements_leaves_every_run_once(
    world: World, monkeypatch: pytest.MonkeyPatch, statement: str, people: int
) -> None:
    """Runs that end, runs that begin and runs that begin and end, in one batch."""
    world.travel(NOON)
    parked, at_once = world.workflow(MAILS), world.workflow(AT_ONCE)
    contacts = world.contacts(people)
    world.emit("go", contacts)
    before = where(world)

    def die(*_: Any) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(write, statement, die)
        world.put("now", contacts)
        with pytest.raises(Killed):
            world.travel(NOON + timedelta(days=1))
    assert where(world) == before
    world.engine.advance()
    assert world.runs(parked) == world.runs(at_once) == {"completed": people}
    assert all(len([leaf for leaf in leaves if "runs" in leaf]) == 1 for leaves in where(world).values())
    assert integrity.check(world.db) == []
    world.balanced()


def test_a_run_that_ended_is_no_more_to_be_moved(world: World) -> None:
    """By whoever claimed it before: somebody ended it meanwhile, so its row is gone and not only its fence another."""
    world.travel(NOON)
    workflow = world.workflow(MAILS)
    world.emit("go", world.contacts(3))
    world.db.execute(
        "update active_runs set fence = fence + 1 where id = (select min(id::text)::uuid from active_runs)"
    )
    world.travel(NOON + timedelta(days=1))
    assert world.runs(workflow) == {"completed": 3}
    assert world.one("select count(*) from active_runs") == 0
    assert integrity.check(world.db) == []


GOALS = [{"id": "g", "name": "Bought", "event": "buy", "conditions": []}]
LONG = flow(
    "go",
    [
        node("c", "condition", match="all", conditions=[rule("tags", "contains", "done")]),
        node("d", "delay", duration=1, unit="days"),
        node("t", "add_tag", tag="done"),
    ],
    ("trigger", "c"), ("c", "t", "true"), ("c", "d", "false"), ("d", "t"), settings={"reentry": "after_exit"}, goals=GOALS,
)  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_happens_a_run_is_in_one_table(world: World, seed: int) -> None:
    """Entries, goals, timers, people who cancel and contacts that are erased, in any order."""
    dice, at = random.Random(seed), NOON
    world.travel(at)
    workflow = world.workflow(LONG)
    people = world.contacts(12)
    seen = set[UUID]()
    for _ in range(25):
        some = dice.sample(people, dice.randint(1, 6))
        what = dice.choice(["go", "go", "buy", "time", "cancel", "erase"])
        if what in ("go", "buy"):
            world.emit(what, some)
        elif what == "time":
            at += timedelta(hours=dice.randint(1, 30))
            world.travel(at)
        elif what == "cancel":
            standing = world.db.execute(
                "select id from active_runs where contact_id = any(%s) limit 1", (some,)
            ).fetchall()
            for (run_id,) in standing:
                fail_run(world.db, world.tenant, run_id, "Ended by hand")
        else:
            world.put("contact.erased", some[:1], kind=int(InboxKind.ERASED))
            world.engine.advance()
        tables = {
            run_id: [leaf for leaf in leaves if not leaf.startswith("steps")] for run_id, leaves in where(world).items()
        }
        assert all(len(leaves) == 1 for leaves in tables.values())
        assert seen <= tables.keys(), "no run is lost"
        seen = set(tables)
        assert world.one("select count(*) from active_runs where status >= 4") == 0
        assert world.one("select count(*) from ended_runs where status < 4 or completed_at is null") == 0
    assert world.one("select count(*) from runs where workflow_id = %s", workflow) == len(seen) > 10
    assert integrity.check(world.db) == []
    world.balanced()


def test_a_look_back_opens_no_month_before_what_it_looks_for(world: World) -> None:
    (contact,) = world.contacts(1)
    with world.db.cursor() as cursor:
        plans = []
        for at in (FIRST_OF_NEXT_MONTH, FIRST_OF_NEXT_MONTH + timedelta(days=40)):
            arguments = [world.tenant], [contact], ["buy"], [at], first_uuid7_of(at)
            plans.append("\n".join(line for (line,) in cursor.execute(f"explain {history._PAST_OF}", arguments)))
    earlier, later = Month.of(FIRST_OF_NEXT_MONTH), Month.of(FIRST_OF_NEXT_MONTH).later(1)
    assert "events_before" not in plans[0] and f"events_{earlier.suffix}" in plans[0]
    assert f"events_{earlier.suffix}" not in plans[1] and f"events_{later.suffix}" in plans[1]


def test_the_bound_of_a_look_back_is_below_all_that_came_in_since() -> None:
    """An event may be said to happen a moment after it came in, and tests set a time that ids do not follow."""
    moment = timedelta(hours=1)
    for at in (NOON, FIRST_OF_NEXT_MONTH - timedelta(days=3)):
        assert oldest_since(at) < run_id_of(min(at, datetime.now(UTC)) - moment)
    assert oldest_since(datetime.now(UTC) + timedelta(days=400)) < run_id_of(datetime.now(UTC) - moment)
    assert oldest_since(NOON) > run_id_of(NOON - timedelta(days=2)), "it is a bound"
