"""Who entered is remembered where the policy of re-entry asks, longer than runs are kept; elsewhere it costs nothing."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.engine import history, integrity, write
from app.lib import database
from app.lib.ids import uuid7
from app.retention import entry_repository, jobs, leaving, months
from app.triggers.repository import EntryRepository
from tests.fixtures.world import World, flow, node
from tests.retention.test_leaving import connect

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
NEXT = months.this_month().later(1)
AFTER = datetime(NEXT.year, NEXT.month, 1, tzinfo=UTC)
BROKEN = "this is no statement"


def tagging(settings: dict[str, Any], tag: str = "x", **more: Any) -> dict[str, Any]:
    return flow("e", [node("t", "add_tag", tag=tag)], ("trigger", "t"), settings=settings, **more)


ONCE = tagging({"reentry": "once"})
ALWAYS = tagging({"reentry": "always"})


def entered(world: World, workflow: UUID, contacts: list[UUID], **properties: Any) -> int:
    """How many of them were let in."""
    before = sum(world.runs(workflow).values())
    world.emit("e", contacts, properties)
    return sum(world.runs(workflow).values()) - before


def complete(world: World, workflow: UUID) -> bool | None:
    state: bool | None = world.one("select entries_complete from workflows where id = %s", workflow)
    return state


def settle(world: World, workflow: UUID) -> None:
    """As after the first publication, when there were no runs."""
    world.db.execute("update workflows set entries_complete = true where id = %s", (workflow,))


def remove_all_runs(world: World) -> None:
    """The oldest part, with all runs of today, leaves."""
    with connect(world) as connection:
        assert leaving.leave(connection, {"runs": {world.tenant: AFTER}}) == ["runs_before"]
    assert world.one("select count(*) from runs") == 0


def test_once_holds_after_the_runs_were_removed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    workflow, people = world.workflow(ONCE), world.contacts(25)
    settle(world, workflow)
    monkeypatch.setattr(history, "HISTORY", BROKEN)
    assert entered(world, workflow, people) == 25
    assert integrity.check(world.db) == []
    remove_all_runs(world)
    assert entered(world, workflow, people) == 0
    assert entered(world, workflow, world.contacts(1)) == 1
    assert world.one("select count(*) from entry_refusals where reason = 'entered_before'") == 25
    assert integrity.check(world.db) == []


@pytest.mark.parametrize("copied", [True, False], ids=["copy", "pipeline"])
def test_a_cooldown_counts_from_the_last_entry(world: World, monkeypatch: pytest.MonkeyPatch, copied: bool) -> None:
    monkeypatch.setattr("app.engine.advance.SMALL", 0 if copied else 1000)
    graph = tagging({"reentry": "cooldown", "cooldownSeconds": 86_400, "entryKey": "event.order"})
    world.travel(NOON)
    workflow, people = world.workflow(graph), world.contacts(3)
    settle(world, workflow)
    assert entered(world, workflow, people, order="a") == 3
    assert entered(world, workflow, people, order="b") == 3, "another key"
    world.travel(NOON + timedelta(days=2))
    assert entered(world, workflow, people, order="a") == 3
    remove_all_runs(world)
    world.travel(NOON + timedelta(days=2, hours=23))
    assert entered(world, workflow, people, order="a") == 0
    assert entered(world, workflow, people, order="b") == 3
    world.travel(NOON + timedelta(days=3, hours=1))
    assert entered(world, workflow, people, order="a") == 3
    assert world.one("select count(*) from entries") == 6


def test_other_policies_cost_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name in ((history, "ENTRIES"), (history, "UNREMEMBERED"), (history, "HISTORY"), (write, "REMEMBER")):
        monkeypatch.setattr(module, name, BROKEN)
    people = world.contacts(3)
    for graph in (ALWAYS, tagging({"reentry": "after_exit"}, "y")):
        assert entered(world, world.workflow(graph), people) == 3
        world.db.execute("update workflows set status = 'archived'")


@pytest.mark.parametrize("removed", [False, True], ids=["runs there", "runs removed"])
@pytest.mark.parametrize("filled", [False, True], ids=["not filled", "filled"])
async def test_a_new_policy_lets_nobody_of_before_in_again(
    world: World, monkeypatch: pytest.MonkeyPatch, removed: bool, filled: bool
) -> None:
    monkeypatch.setattr(entry_repository, "PIECE", 2)
    workflow, people = world.workflow(ALWAYS), world.contacts(5)
    assert entered(world, workflow, people) == 5
    assert world.one("select count(*) from entries") == 0
    world.publish(workflow, ONCE, 2)
    await jobs.remember_entries()
    assert complete(world, workflow) is None, "a batch of the version before may still be under way"
    assert entered(world, workflow, people[:1]) == 0
    if filled:
        world.db.execute("update workflow_versions set created_at = now() - interval '1 hour'")
        await jobs.remember_entries()
        assert complete(world, workflow) is True
        assert world.one("select count(*) from entries") == 5
        monkeypatch.setattr(history, "HISTORY", BROKEN)
    if removed:
        remove_all_runs(world)
    assert entered(world, workflow, people) == 0
    assert entered(world, workflow, world.contacts(2)) == 2
    assert integrity.check(world.db) == []


async def test_filling_looks_at_runs_under_way_and_of_every_end(world: World) -> None:
    graph = flow("e", [node("d", "delay", duration=1, unit="days"), node("end", "end")], ("trigger", "d"), ("d", "end"))
    world.travel(NOON)
    workflow, (waits, over) = world.workflow(graph), world.contacts(2)
    world.emit("e", [over])
    world.travel(NOON + timedelta(days=2))
    world.emit("e", [waits])
    world.publish(workflow, {**graph, "settings": {"reentry": "once"}}, 2)
    world.db.execute("update workflow_versions set created_at = '2026-01-01'")
    await jobs.remember_entries()
    assert {contact for (contact,) in world.db.execute("select contact_id from entries")} == {waits, over}
    world.travel(NOON + timedelta(days=4))
    assert entered(world, workflow, [waits, over]) == 0


async def test_nothing_is_filled_in_of_a_contact_that_is_erased_meanwhile(world: World) -> None:
    workflow, (stays, goes) = world.workflow(ALWAYS), world.contacts(2)
    assert entered(world, workflow, [stays, goes]) == 2
    world.publish(workflow, ONCE, 2)
    world.db.execute("update workflow_versions set created_at = '2026-01-01'")
    with psycopg.connect(world.engine.connection.info.dsn) as eraser:
        eraser.execute("delete from contacts where id = %s", (goes,))
        filling = asyncio.create_task(jobs.remember_entries())
        while not world.one(
            "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and query like '%%entries%%'"
        ):
            assert not filling.done()
            await asyncio.sleep(0)
        eraser.execute("delete from entries where contact_id = %s", (goes,))
        eraser.commit()
    await filling
    assert [contact for (contact,) in world.db.execute("select contact_id from entries")] == [stays]


async def test_a_version_published_meanwhile_is_looked_at_anew(world: World) -> None:
    workflow = world.workflow(ALWAYS)
    world.db.execute("update workflow_versions set created_at = '2026-01-01'")
    async with database.transaction() as session:
        (unfilled,) = await entry_repository.unfilled(session)
        assert not unfilled.asks
        world.publish(workflow, ONCE, 2)
        await entry_repository.settle(session, unfilled)
    assert complete(world, workflow) is None
    world.db.execute("update workflow_versions set created_at = '2026-01-01'")
    await jobs.remember_entries()
    assert complete(world, workflow) is True


async def test_a_start_by_hand_knows_it_too(db_session: AsyncSession, workspace: Any) -> None:
    """The second door asks before it lets somebody wait for the engine's no."""
    from app.models import Entry

    entries = EntryRepository(db_session, workspace.id)
    workflow, contact = uuid7(), uuid7()
    assert await entries.earlier(workflow, {contact: "a"}) == {}
    db_session.add(
        Entry(tenant_id=workspace.id, contact_id=contact, workflow_id=workflow, entry_key="a", last_started=NOON)
    )
    await db_session.flush()
    assert await entries.earlier(workflow, {contact: "a", uuid7(): "a"}) == {contact: (False, NOON, None)}
    assert await entries.earlier(workflow, {contact: "b"}) == {}
