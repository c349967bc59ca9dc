"""A limit by firing counts who enters: whoever is refused makes room for another, and never does one too many enter."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from app.enrolments import entering_repository, jobs, runner
from app.lib import database
from tests.enrolments.test_enrolments import begin
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.world import World, flow, node


@pytest.fixture
def world(committed_database: CommittedDatabase) -> Iterator[World]:
    one = World(committed_database.url)
    yield one
    one.close()


def daily(reentry: str = "after_exit", **settings: Any) -> dict[str, Any]:
    """A workflow that the clock starts, whose runs stand at a wait."""
    graph = flow(
        None, [node("w", "delay", duration=9, unit="days")], ("t", "w"), settings={"reentry": reentry, **settings}
    )
    del graph["trigger"]
    trigger = {"id": "t", "type": "schedule", "data": {"cron": "0 9 * * *", "audience": {"segmentId": None}}}
    return {**graph, "triggers": [trigger]}


async def look(world: World, times: int = 1, *, engine: bool = True) -> None:
    """Enrolments whose next look is not due yet are looked at all the same."""
    for _ in range(times):
        world.db.execute("update enrolments set next_at = clock_now() where next_at is not null")
        await jobs.enrol_due()
        if engine:
            world.engine.advance()


def state(world: World, enrolment: UUID) -> tuple[Any, ...]:
    row = world.db.execute(
        "select status, enrolled, open_runs is null from enrolments where id = %s", (enrolment,)
    ).fetchone()
    assert row is not None
    return tuple(row)


def entered(world: World, workflow: UUID) -> set[UUID]:
    return {row[0] for row in world.db.execute("select contact_id from runs where workflow_id = %s", (workflow,))}


@pytest.mark.parametrize("piece", [2, 1_000])
async def test_whom_reentry_refuses_makes_room_for_another(
    world: World, monkeypatch: pytest.MonkeyPatch, piece: int
) -> None:
    monkeypatch.setattr(runner, "PIECE", piece)
    people = world.contacts(12)
    workflow = world.workflow(daily())
    inside = [people[0], people[2], people[3]]
    world.put("t", inside, {}, kind=6, workflow_id=workflow)
    world.engine.advance()
    assert entered(world, workflow) == set(inside)
    enrolment = begin(world, workflow, None, most=5)
    await look(world, 20)
    assert state(world, enrolment) == ("done", 5, True)
    assert entered(world, workflow) - set(inside) == {people[1], *people[4:8]}, "in order, and not one more"
    refused = world.db.execute("select contact_id, reason from entry_refusals order by 1").fetchall()
    assert refused == [(one, "already_active") for one in inside], "and it is said who was not let in"
    world.balanced()


async def test_who_enters_elsewhere_between_the_question_and_the_engine_does_not_count(world: World) -> None:
    people = world.contacts(4)
    workflow = world.workflow(daily())
    enrolment = begin(world, workflow, None, most=2)
    await look(world, engine=False)
    assert state(world, enrolment) == ("running", 0, False), "nothing is decided"
    world.put("t", [people[0]], {}, kind=6, workflow_id=workflow)
    world.db.execute(
        "update inbox set occurred_at = occurred_at - interval '1 minute' where id = (select max(id) from inbox)"
    )
    await look(world, engine=False)
    assert world.one("select count(*) from inbox") == 3, "while it is not decided nobody else is asked in"
    await look(world, 8)
    assert state(world, enrolment)[:2] == ("done", 2)
    assert entered(world, workflow) == set(people[:3]), "two of the firing, and one beside it"


@pytest.mark.parametrize("reentry", ["once", "after_exit", "always"])
async def test_who_was_in_before_counts_by_the_rule_of_reentry(world: World, reentry: str) -> None:
    people = world.contacts(3)
    workflow = world.workflow(daily(reentry))
    world.put("t", people[:2], {}, kind=6, workflow_id=workflow)
    world.engine.advance()
    world.hurry()
    world.engine.advance()
    assert world.runs(workflow) == {"completed": 2}
    enrolment = begin(world, workflow, None, most=3)
    await look(world, 8)
    assert state(world, enrolment) == ("done", {"once": 1, "after_exit": 3, "always": 3}[reentry], True)


async def test_an_entry_key_is_asked_by_the_engine_alone(world: World) -> None:
    people = world.contacts(3)
    workflow = world.workflow(daily(entryKey="event.order"))
    world.put("t", people, {"order": 1}, kind=6, workflow_id=workflow)
    world.engine.advance()
    enrolment = begin(world, workflow, None, most=3)
    world.db.execute("""update enrolments set event = '{"order": 2}'""")
    await look(world, 8)
    assert state(world, enrolment) == ("done", 3, True) and world.runs(workflow) == {"waiting": 6}


async def test_one_that_is_stopped_counts_who_has_entered_meanwhile(world: World) -> None:
    world.contacts(4)
    workflow = world.workflow(daily())
    enrolment = begin(world, workflow, None, most=3)
    await look(world, engine=False)
    world.db.execute("update enrolments set status = 'stopped', ended_at = clock_now(), next_at = clock_now()")
    await look(world)
    await look(world)
    assert state(world, enrolment) == ("stopped", 3, True)
    assert world.one("select next_at from enrolments") is None


async def test_an_enrolment_slows_down_behind_a_long_line(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """However large the audience, so many wait at most, and all of them enter."""
    monkeypatch.setattr(entering_repository, "LONGEST_LINE", 10)
    monkeypatch.setattr(runner, "PIECE", 4)
    people = world.contacts(40)
    workflow = world.workflow(daily(rateLimitPerMinute=60))
    enrolment, longest = begin(world, workflow, None), 0
    for _ in range(60):
        await look(world)
        longest = max(longest, world.one("select count(*) from waiting_starts"))
        world.db.execute("update entry_paces set not_before = null, last_at = null, recent = null")
        if state(world, enrolment)[0] == "done" and not world.one("select count(*) from waiting_starts"):
            break
    assert state(world, enrolment)[:2] == ("done", 40) and entered(world, workflow) == set(people)
    assert longest <= 10 + 4


async def test_the_statements_of_a_piece_are_the_same_for_few_and_for_many(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = database.execute
    counts = dict[int, int]()
    for size in (5, 200):
        world.contacts(size)
        workflow = world.workflow(daily())
        begin(world, workflow, None, most=size)
        statements = list[str]()

        async def counting(session: Any, sql: str, statements: Any = statements, **values: Any) -> Any:
            statements.append(sql)
            return await real(session, sql, **values)

        for module in (runner.repository, runner.entering_repository, runner.audience_repository):
            monkeypatch.setattr(module, "execute", counting)
        await look(world, engine=False)
        counts[size] = len(statements)
        world.engine.advance()
        world.db.execute("delete from enrolments")
    assert len(set(counts.values())) == 1, counts
