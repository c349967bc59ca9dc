"""What the scheduler asks each second costs the same beside thousands of workspaces that have something later."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from app import features
from app.contacts.imports import repository as imports
from app.dates import repository as dates
from app.enrolments import repository as enrolments
from app.held_runs import repository as held_runs
from app.lists import bulk_repository
from app.messaging import account_mail_repository
from app.schedules import jobs, repository
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.world import World, flow, node

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
FEW, MANY = 20, 3_000
_WORKSPACES = """
insert into workspaces (name, slug) select 'W', 'w-' || n from generate_series(%(first)s::int, %(last)s::int) n
"""
_FLOWS = """
insert into workflows (id, tenant_id, name, status, draft)
select gen_random_uuid(), w.id, 'Flow', 'active', '{}' from workspaces w where not exists (select from workflows f where f.tenant_id = w.id)
"""
_LATER = [
    """insert into schedules (tenant_id, workflow_id, trigger_id, trigger, zone, active, next_at)
    select tenant_id, id, 't', '{}', 'UTC', true, clock_now() + interval '1 day' from workflows on conflict do nothing""",
    """insert into date_schedules (tenant_id, workflow_id, trigger_id, trigger, zone, active, since, next_at, built_at)
    select tenant_id, id, 't', '{}', 'UTC', true, clock_now(), clock_now() + interval '1 day', clock_now() from workflows
    on conflict do nothing""",
    """insert into enrolments (tenant_id, id, workflow_id, trigger_id, reason, audience, event, per_minute, started_by, next_at)
    select tenant_id, gen_random_uuid(), id, 't', '', '{}', '{}', 1, '', clock_now() + interval '1 day' from workflows""",
    """insert into held_run_jobs (tenant_id, id, act, wanted, by_kind, by_name, matched, next_at)
    select tenant_id, gen_random_uuid(), 'retry', '{}', 'user', '', 1, clock_now() + interval '1 day' from workflows""",
    """insert into bulk_jobs (tenant_id, id, list_name, verb, arguments, target_ids, matched, by_id, by_name, next_at)
    select tenant_id, gen_random_uuid(), 'contacts', 'tag', '{}', '{}', 1, gen_random_uuid(), '', clock_now() + interval '1 day'
    from workflows""",
    """insert into entry_paces (tenant_id, workflow_id, not_before)
    select tenant_id, id, clock_now() + interval '1 day' from workflows on conflict do nothing""",
    "update workflow_epochs set compared = n",
]
POLLS = {
    "schedules": repository.ANY_DUE,
    "dates": dates.ANY_DUE,
    "enrolments": enrolments.ANY_DUE,
    "held runs": held_runs.ANY_DUE,
    "many rows": bulk_repository.ANY_DUE,
    "imports": imports.WAITING,
    "account mails": account_mail_repository.ANY_DUE,
}
"""What workers ask each second, beside the wake-ups."""


@pytest.fixture
def world(committed_database: CommittedDatabase) -> Iterator[World]:
    new = World(committed_database.url)
    new.travel(NOON)
    yield new
    new.close()


def pages(world: World, sql: str, parameters: dict[str, Any] | None = None) -> int:
    """Pages that a statement touches, once its plan and its caches are warm."""
    for _ in range(2):
        row = world.db.execute(f"explain (analyze, buffers, format json) {sql}", parameters).fetchone()
    assert row is not None
    plan = (row[0] if isinstance(row[0], list) else json.loads(row[0]))[0]["Plan"]
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


def _workspaces(world: World, first: int, last: int) -> None:
    """Workspaces in each of which everything that time brings is due tomorrow."""
    world.db.execute(_WORKSPACES, {"first": first, "last": last})
    world.db.execute(_FLOWS)
    for statement in _LATER:
        world.db.execute(statement)
    world.db.execute("vacuum analyze")


def test_a_look_costs_the_same_beside_thousands_of_workspaces(world: World) -> None:
    def costs() -> dict[str, int]:
        asked = {}
        for wakeup in features.wakeups():
            parameters = dict(wakeup.parameters()) if wakeup.parameters else None
            asked[f"{wakeup.actor} due"] = pages(world, f"select {wakeup.due}", parameters)
            if wakeup.next_due:
                asked[f"{wakeup.actor} next"] = pages(world, f"select ({wakeup.next_due})", parameters)
        for name, sql in POLLS.items():
            asked[f"poll {name}"] = pages(world, sql)
        return asked

    _workspaces(world, 1, FEW)
    before = costs()
    _workspaces(world, FEW + 1, MANY)
    after = costs()
    assert {name: (before[name], pages) for name, pages in after.items() if pages > before[name] + 4} == {}


async def test_a_workspace_is_compared_once_for_each_change_whoever_dies(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def dies(*_: object) -> None:
        raise ConnectionError

    workflow = world.workflow(flow("go", [node("end", "end")], ("trigger", "end")))
    with monkeypatch.context() as patched:
        patched.setattr(repository, "note_compared", dies)
        with pytest.raises(ConnectionError):
            await jobs.work()
    assert world.one(f"select {repository.IS_DUE}"), "nobody knows that it was compared"
    await jobs.work()
    assert not world.one(f"select {repository.IS_DUE}")
    world.set_status(workflow, "paused")
    assert world.one(f"select {repository.IS_DUE}")
