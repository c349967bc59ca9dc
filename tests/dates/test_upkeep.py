"""Dates follow the workflow, its rules of entry and other writers; what is no date is told; nobody keeps others from firing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.dates import jobs, repository
from app.lib import database
from tests.dates.dated import change, contact, dated, next_times, set_clock, settle, started, travel
from tests.fixtures.world import World, flow, node

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
RENEWAL = datetime(2026, 6, 10, 7, tzinfo=UTC)  # nine in Berlin


async def test_it_follows_the_live_version(world: World) -> None:
    await travel(world, NOON)
    contact(world, renewal="2026-06-10", trial="2026-06-15")
    workflow, draft = world.workflow(dated()), world.workflow(dated(), status="draft")
    await settle(world)
    assert next_times(world) == [RENEWAL], "a draft watches nothing"
    world.publish(workflow, dated(at="10:00", conditions=[]), 2)
    await settle(world)
    assert next_times(world) == [RENEWAL + timedelta(hours=1)]
    world.publish(workflow, dated("contact.attributes.trial"), 3)
    await settle(world)
    assert next_times(world) == [datetime(2026, 6, 15, 7, tzinfo=UTC)]
    off = dated("contact.attributes.trial")
    off["triggers"][0]["enabled"] = False
    world.publish(workflow, off, 4)
    await settle(world)
    assert next_times(world) == [] and world.one("select count(*) from date_schedules") == 0
    world.publish(workflow, dated(), 5)
    await settle(world)
    assert next_times(world) == [RENEWAL]
    world.set_status(workflow, "archived")
    await settle(world)
    assert next_times(world) == []
    await travel(world, RENEWAL + timedelta(days=20))
    assert world.one("select count(*) from runs") == 0
    assert draft


async def test_publishing_what_means_the_same_reads_nothing_again(world: World) -> None:
    await travel(world, NOON)
    contact(world, renewal="2026-06-10")
    workflow = world.workflow(dated())
    await settle(world)
    condition = {"field": "contact.attributes.renewal", "operator": "exists"}
    world.publish(workflow, dated(conditions=[condition]), 2)
    await settle(world)
    assert world.one("select revision from date_schedules") == 0
    world.db.execute("update workspaces set timezone = 'Asia/Tokyo'")
    await settle(world)
    assert world.one("select revision from date_schedules") == 0, "its zone is another"
    await travel(world, RENEWAL)
    assert world.one("select workflow_version from runs") == 2


async def test_conditions_and_the_rules_of_entry_are_asked_at_the_date(world: World) -> None:
    await travel(world, NOON)
    pro, _ = contact(world, renewal="2026-06-10", plan="pro"), contact(world, renewal="2026-06-10", plan="free")
    rule = {"field": "contact.attributes.plan", "operator": "equals", "value": "pro"}
    document = {**dated(conditions=[rule]), "settings": {"reentry": "once"}}
    workflow = world.workflow(document)
    await settle(world)
    await travel(world, RENEWAL)
    assert [row[0] for row in world.db.execute("select contact_id from runs")] == [pro]
    assert world.one("select reason from entry_refusals") == "conditions_not_met"
    change(world, pro, renewal="2026-06-20")
    await settle(world)
    await travel(world, RENEWAL + timedelta(days=10))
    assert len(started(world, workflow)) == 1
    assert world.one("select count(*) from entry_refusals where reason = 'entered_before'") == 1


async def test_a_step_that_sets_the_date(world: World) -> None:
    await travel(world, NOON)
    ada = contact(world)
    workflow = world.workflow(dated())
    setting = [node("set", "update_contact", set={"attributes.renewal": "2026-06-10"}), node("end", "end")]
    world.workflow(flow("paid", setting, ("trigger", "set"), ("set", "end")))
    await settle(world)
    world.emit("paid", [ada])
    assert next_times(world) == [RENEWAL]
    await travel(world, RENEWAL)
    assert len(started(world, workflow)) == 1


async def test_the_time_at_which_a_contact_was_made(world: World) -> None:
    await travel(world, NOON)
    world.contacts(1, created_at=datetime(2026, 5, 20, 3, tzinfo=UTC))
    offset = {"duration": 30, "unit": "days", "direction": "after"}
    workflow = world.workflow(dated("contact.created_at", offset=offset))
    await settle(world)
    await travel(world, datetime(2026, 6, 19, 7, tzinfo=UTC))
    assert [at for _, at in started(world, workflow)] == ["2026-06-19 07:00"]


async def test_what_is_no_date_is_told_and_counted(world: World) -> None:
    await travel(world, NOON)
    ada, bea = contact(world, renewal="next June"), contact(world, renewal="2026-06-10")
    workflow = world.workflow(dated())
    await settle(world)
    told = "select contact_id, reason, detail->>'value', times from entry_refusals order by contact_id"
    assert world.db.execute(told).fetchall() == [(ada, "date_not_understood", "next June", 1)]
    change(world, bea, renewal="31.12.2026")
    change(world, ada, renewal="later")
    await settle(world)
    assert world.db.execute(told).fetchall()[1:] == [(bea, "date_not_understood", "31.12.2026", 1)]
    assert world.one("select count(*) from due_dates where unreadable") == 2
    change(world, ada, renewal="2026-06-10")
    await settle(world)
    assert world.one("select count(*) from due_dates where unreadable") == 1
    await travel(world, RENEWAL)
    assert len(started(world, workflow)) == 1


async def test_several_triggers_of_one_contact(world: World) -> None:
    await travel(world, NOON)
    contact(world, renewal="2026-06-10")
    document = dated()
    second = {**document["triggers"][0], "id": "second", "data": {**document["triggers"][0]["data"], "at": "10:00"}}
    document = {**document, "triggers": [*document["triggers"], second]}
    document["edges"] = [*document["edges"], {"source": "second", "target": "end", "sourceHandle": "next"}]
    workflow = world.workflow(document)
    await settle(world)
    await travel(world, RENEWAL + timedelta(hours=2))
    rows = world.db.execute("select trigger_id from runs where workflow_id = %s order by 1", (workflow,)).fetchall()
    assert rows == [("second",), (None,)], "the first one of a document has no name in runs"


async def test_erasing_a_contact_takes_its_dates(world: World) -> None:
    from app.contacts.erasure_repository import erase

    await travel(world, NOON)
    ada = contact(world, renewal="2026-06-10")
    workflow = world.workflow(dated())
    await settle(world)
    async with database.transaction() as session:
        assert await erase(session, world.tenant, ada, NOON)
    assert next_times(world) == []
    await travel(world, RENEWAL)
    assert started(world, workflow) == [] and world.one("select next_at from date_schedules") is None


async def test_whoever_is_held_by_somebody_is_started_later_and_keeps_none_of_the_others(world: World) -> None:
    await travel(world, NOON)
    ada, bea = (contact(world, renewal="2026-06-10") for _ in range(2))
    workflow = world.workflow(dated())
    await settle(world)
    with world.db.transaction():
        world.db.execute("select from contacts where id = %s for update", (ada,))
        set_clock_elsewhere(RENEWAL)
        await jobs.work()
    world.engine.advance()
    assert [row[0] for row in world.db.execute("select contact_id from runs")] == [bea]
    await travel(world, RENEWAL + timedelta(seconds=1))
    assert len(started(world, workflow)) == 2


def set_clock_elsewhere(at: datetime) -> None:
    with database.connect("test", None) as connection:
        connection.execute("update virtual_clock set at = %s", (at,))


async def test_a_due_date_that_is_written_just_now_is_not_overlooked(world: World) -> None:
    """Somebody writes one for ten while the trigger is fired at nine, and commits afterwards."""
    await travel(world, NOON)
    contact(world, renewal="2026-06-10")
    late = contact(world)
    workflow = world.workflow(dated(at=None))
    await settle(world)
    midnight = datetime(2026, 6, 9, 22, tzinfo=UTC)
    soon = midnight + timedelta(hours=1)
    with database.connect("test", None) as other, other.transaction():
        other.execute(
            "insert into due_dates (tenant_id, contact_id, workflow_id, trigger_id, next_at) values (%s, %s, %s, 'trigger', %s)",
            (world.tenant, late, workflow, soon),
        )
        set_clock(world, midnight)
        await jobs.work()
    world.db.execute('update contacts set attributes = \'{"renewal": "2026-06-10T01:00"}\' where id = %s', (late,))
    world.engine.advance()
    assert len(started(world, workflow)) == 1
    await travel(world, soon)
    assert len(started(world, workflow)) == 2


async def test_one_that_breaks_keeps_none_of_the_others(world: World) -> None:
    await travel(world, NOON)
    contact(world, renewal="2026-06-10")
    broken, fine = world.workflow(dated()), world.workflow(dated())
    await settle(world)
    world.db.execute(
        'update date_schedules set trigger = \'{"type": "newer", "data": {}}\' where workflow_id = %s', (broken,)
    )
    set_clock(world, RENEWAL)
    await jobs.work()
    world.engine.advance()
    assert len(started(world, fine)) == 1 and started(world, broken) == []
    assert world.one("select next_at from date_schedules where workflow_id = %s", broken) == RENEWAL


async def test_many_are_fired_in_pieces(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from app.dates import firing

    monkeypatch.setattr(firing, "PIECE", 7)
    await travel(world, NOON)
    world.contacts(30, attributes={"renewal": "2026-06-10"})
    workflow = world.workflow(dated(missed="skip"))
    await settle(world)
    moment = RENEWAL
    for _ in range(12):
        await travel(world, moment, schedulers=2)
        moment += timedelta(seconds=1)
    assert len(started(world, workflow)) == 30, "those of later pieces were not missed"
    assert world.one("select next_at from date_schedules") is None


async def test_a_look_reads_no_contact(world: World) -> None:
    """However many contacts have dates, the question of each second costs one row a trigger."""
    await travel(world, NOON)
    world.contacts(50, attributes={"renewal": "2026-06-10"})
    world.workflow(dated())
    await settle(world)
    for sql in (repository.ANY_DUE, repository.NEXT_DUE):
        plan = "\n".join(row[0] for row in world.db.execute(f"explain {sql}"))
        assert "contacts" not in plan and "due_dates" not in plan
    assert not world.one(f"select exists ({repository.ANY_DUE})")
