"""Runs that one workspace keeps for a shorter time go in pieces, with all that belongs to them; their numbers stay."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from psycopg.types.json import Jsonb

from app.engine import integrity
from app.inbox import InboxKind
from app.lib.ids import first_uuid7_of, uuid7
from app.retention import jobs, leaving_repository, repository
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.world import World
from tests.retention.test_leaving import FLOW, connect, send

NOW = datetime.now(UTC)


@pytest.fixture
def world(committed_database: CommittedDatabase) -> Iterator[World]:
    made = World(committed_database.url)
    yield made
    made.close()


def begin(world: World, workflow: UUID, days: int, count: int = 1, source: str = "web") -> list[UUID]:
    """Runs whose ids say that they began so many days ago."""
    first = first_uuid7_of(NOW - timedelta(days=days))
    ids = [UUID(bytes=first.bytes[:8] + uuid7().bytes[8:]) for _ in range(count)]
    for run_id, contact in zip(ids, world.contacts(count, source=source), strict=True):
        world.put("manual", [contact], kind=int(InboxKind.START), workflow_id=workflow, run_id=run_id)
    world.engine.advance()
    return ids


def keep(world: World, days: int) -> None:
    world.db.execute(
        "update workspaces set settings = %s where id = %s", (Jsonb({"retention": {"runs": days}}), world.tenant)
    )


async def test_old_runs_go_and_their_numbers_stay(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repository, "RUNS_AT_ONCE", 2)
    workflow = world.workflow(FLOW)
    begin(world, workflow, 90, count=5)
    young = begin(world, workflow, 29)
    send(world)
    world.db.execute(
        "insert into step_attempts (tenant_id, run_id, seq, attempt, error_message, at)"
        " select tenant_id, id, 1, 1, 'e', now() from ended_runs"
    )
    world.db.execute(
        "insert into message_decisions (tenant_id, run_id, seq, fence, act, by_kind, by_name, was_status, tries)"
        " select tenant_id, run_id, seq, 1, 'sent', 'user', 'Ada', 9, 1 from messages"
    )
    waiting = begin(world, workflow, 91, source="app")  # under way
    keep(world, 30)
    counted = world.counters()

    steps = list[Any]()
    monkeypatch.setattr(repository, "delete_runs", _watched(steps))
    await jobs.apply_retention()
    assert [removed for removed, _ in steps] == [2, 2, 1, 0]
    assert {run_id for (run_id,) in world.db.execute("select id from runs")} == {*young, *waiting}
    for table in ("steps", "step_attempts", "messages", "message_decisions"):
        assert {run_id for (run_id,) in world.db.execute(f"select run_id from {table}")} <= {*young, *waiting}, table
    assert world.counters() == counted
    assert integrity.check(world.db) == []
    start = world.one("select at from history_starts where tenant_id = %s and rule = 'runs'", world.tenant)
    assert abs(start - (NOW - timedelta(days=30))) < timedelta(hours=1)
    assert await jobs.apply_retention() == 0


def _watched(steps: list[Any]) -> Any:
    delete = repository.delete_runs

    async def watched(*arguments: Any) -> Any:
        steps.append(await delete(*arguments))
        return steps[-1]

    return watched


async def test_a_run_with_a_message_still_to_leave_stays(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """And does not keep those behind it: what was looked at is not looked at again."""
    monkeypatch.setattr(repository, "RUNS_AT_ONCE", 2)
    workflow = world.workflow(FLOW)
    held = begin(world, workflow, 100, count=3)
    begin(world, workflow, 90, count=3, source="other")
    world.hurry()
    world.engine.advance()
    keep(world, 30)
    await jobs.apply_retention()
    assert sorted(run_id for (run_id,) in world.db.execute("select id from runs")) == sorted(held)
    assert integrity.check(world.db) == []


async def test_nothing_goes_while_a_month_that_was_counted_is_on_its_way_out(world: World) -> None:
    workflow = world.workflow(FLOW)
    begin(world, workflow, 90)
    send(world)
    keep(world, 30)
    with connect(world) as other:
        assert leaving_repository.wait_to_be_alone(other)
        assert await jobs.apply_retention() == 0, "somebody removes runs now"
    world.db.execute(
        "insert into leaving_months (kind, suffix, first, until, replaced) values ('runs', 'x', %s, %s, true)",
        (UUID(int=0), UUID(int=1)),
    )
    assert await jobs.apply_retention() == 0
    world.db.execute("delete from leaving_months")
    assert await jobs.apply_retention() > 0
    assert world.one("select count(*) from runs") == 0


async def test_what_is_kept_for_a_year_leaves_by_whole_months(world: World) -> None:
    """Day by day a month would be empty, row by row, before it could leave at once."""
    workflow = world.workflow(FLOW)
    bound = NOW - timedelta(days=395)
    first = bound.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    begin(world, workflow, (NOW - first).days)  # of the month in which the time is over
    begin(world, workflow, (NOW - first).days + 2)
    send(world)
    await jobs.apply_retention()
    assert world.one("select count(*) from runs") == 1
    assert world.one("select at from history_starts where rule = 'runs'") == first
