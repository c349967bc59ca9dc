"""Many contacts enter a workflow one piece after another: once each, paced, to be stopped, and only while somebody wants it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
from psycopg.types.json import Jsonb

from app.enrolments import jobs, runner
from app.lib.ids import uuid7
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.world import World, flow, node, rule


@pytest.fixture
def world(committed_database: CommittedDatabase) -> Iterator[World]:
    one = World(committed_database.url)
    yield one
    one.close()


def listening(segment_id: UUID, **data: Any) -> dict[str, Any]:
    graph = flow(None, [node("a", "add_tag", tag="x")], ("t", "a"))
    del graph["trigger"]
    trigger = {"id": "t", "type": "segment_entry", "data": {"segmentId": str(segment_id), "existing": "enter", **data}}
    return {**graph, "triggers": [trigger]}


def segment_of(world: World, people: Sequence[UUID]) -> UUID:
    id_ = uuid7()
    world.db.execute(
        "insert into segments (tenant_id, id, number, name, kind) values (%s, %s, 1, 'VIPs', 'static')",
        (world.tenant, id_),
    )
    world.db.cursor().executemany(
        "insert into segment_members values (%s, 1, %s, clock_now())", [(world.tenant, person) for person in people]
    )
    return id_


def begin(world: World, workflow: UUID, segment_id: UUID | None, **columns: Any) -> UUID:
    id_ = uuid7()
    values = {
        "tenant_id": world.tenant, "id": id_, "workflow_id": workflow, "trigger_id": "t", "reason": "Everybody in VIPs",
        "audience": Jsonb({"segmentId": str(segment_id)} if segment_id else {}), "per_minute": 60_000_000,
        "event": Jsonb({"segmentId": str(segment_id), "segmentName": "VIPs"}), "started_by": "Ada", **columns,
    }  # fmt: skip
    world.db.execute(
        f"insert into enrolments ({', '.join(values)}, next_at) values ({', '.join(['%s'] * len(values))}, clock_now())",
        list(values.values()),
    )
    return id_


def row(world: World, enrolment: UUID) -> dict[str, Any]:
    names = ("status", "enrolled", "error", "next_at")
    found = world.db.execute(f"select {', '.join(names)} from enrolments where id = %s", (enrolment,)).fetchone()
    assert found is not None
    return dict(zip(names, found, strict=True))


def poll(world: World) -> None:
    """What the workers do each second."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(jobs.poll_enrolments).result()
    world.engine.advance()


def test_everybody_enters_once_in_pieces(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "PIECE", 7)
    people = world.contacts(23)
    others = world.contacts(2)
    vips = segment_of(world, people)
    workflow = world.workflow(listening(vips))
    enrolment = begin(world, workflow, vips)
    poll(world)
    poll(world)
    assert row(world, enrolment) == {"status": "done", "enrolled": 23, "error": None, "next_at": None}
    inside = world.db.execute("select contact_id from runs where workflow_id = %s", (workflow,)).fetchall()
    assert sorted(inside) == sorted((person,) for person in people) and not {(one,) for one in others} & set(inside)
    origin, event = world.db.execute("select distinct origin, trigger_event from runs").fetchall()[0]
    assert origin == 3 and event["segmentName"] == "VIPs"
    world.balanced()


def test_conditions_of_the_trigger_and_of_the_workflow_hold(world: World) -> None:
    pro = world.contacts(2, attributes={"plan": "pro"})
    vips = segment_of(world, [*pro, *world.contacts(3)])
    graph = listening(vips, conditions=[rule("contact.plan", "equals", "pro")])
    workflow = world.workflow({**graph, "settings": {"reentry": "once"}})
    begin(world, workflow, vips)
    begin(world, workflow, vips)
    poll(world)
    assert world.runs(workflow) == {"completed": 2}
    reasons = world.db.execute("select distinct reason from entry_refusals order by 1").fetchall()
    assert reasons == [("conditions_not_met",), ("entered_before",)], (
        "each who was asked for and not let in has a reason"
    )


def test_who_does_not_meet_the_conditions_is_refused_once_for_each_enrolment(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "PIECE", 2)
    people = [*world.contacts(3), *world.contacts(3, attributes={"plan": "pro"}), *world.contacts(3)]
    vips = segment_of(world, people)
    workflow = world.workflow(listening(vips, conditions=[rule("contact.plan", "equals", "pro")]))
    for times in (1, 2):
        enrolment = begin(world, workflow, vips)
        poll(world)
        poll(world)
        assert row(world, enrolment)["status"] == "done" and row(world, enrolment)["enrolled"] == 3
        kept = "select contact_id, times, trigger_id, last_at >= at from entry_refusals where reason = 'conditions_not_met'"
        refused = world.db.execute(kept).fetchall()
        assert sorted(refused) == sorted((one, times, "t", True) for one in [*people[:3], *people[6:]])


def test_it_goes_at_its_pace_and_ends_with_its_most(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "PIECE", 4)
    vips = segment_of(world, world.contacts(20))
    workflow = world.workflow(listening(vips))
    enrolment = begin(world, workflow, vips, per_minute=2, most=5)
    for entered in (0, 2, 4, 5):  # who has entered is counted with the next piece
        poll(world)
        assert row(world, enrolment)["enrolled"] == entered
        world.db.execute("update enrolments set next_at = next_at - interval '1 minute' where next_at is not null")
    assert row(world, enrolment)["status"] == "done" and world.runs(workflow) == {"completed": 5}


def test_all_contacts_are_an_audience_too(world: World) -> None:
    world.contacts(3)
    workflow = world.workflow(listening(uuid7(), conditions=[]))
    world.db.execute(
        "update workflow_versions set graph = jsonb_set(graph, '{triggers,0}', %s)",
        (Jsonb({"id": "t", "type": "manual", "data": {}}),),
    )
    begin(world, workflow, None)
    poll(world)
    assert world.runs(workflow) == {"completed": 3}


def test_a_paused_workflow_is_waited_for(world: World) -> None:
    vips = segment_of(world, world.contacts(3))
    workflow = world.workflow(listening(vips), status="paused")
    enrolment = begin(world, workflow, vips)
    poll(world)
    assert row(world, enrolment)["status"] == "running" and world.runs(workflow) == {}
    world.set_status(workflow, "active")
    world.db.execute("update enrolments set next_at = clock_now()")
    poll(world)
    assert world.runs(workflow) == {"completed": 3}


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("update workflows set status = 'archived'", "The workflow is archived."),
        ("update workflows set deleted_at = clock_now()", "The workflow was deleted."),
        ("update segments set deleted_at = clock_now()", "The segment was deleted."),
        (
            "update workflow_versions set graph = jsonb_set(graph, '{triggers,0,enabled}', 'false')",
            "The trigger was switched off, or is not part of the live version.",
        ),
    ],
)
def test_it_stops_in_words_when_nobody_can_enter(world: World, sql: str, words: str) -> None:
    vips = segment_of(world, world.contacts(3))
    workflow = world.workflow(listening(vips))
    enrolment = begin(world, workflow, vips)
    world.db.execute(sql)
    poll(world)
    assert row(world, enrolment) == {"status": "stopped", "enrolled": 0, "error": words, "next_at": None}
    assert world.one("select count(*) from inbox") == 0


def test_a_piece_that_is_not_committed_asks_for_nobody(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    vips = segment_of(world, world.contacts(3))
    workflow = world.workflow(listening(vips))
    enrolment = begin(world, workflow, vips)
    advance = runner.repository.advance

    async def dies(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(runner.repository, "advance", dies)
    with pytest.raises(KeyboardInterrupt):
        poll(world)
    assert (row(world, enrolment)["enrolled"], world.one("select count(*) from inbox")) == (0, 0)
    monkeypatch.setattr(runner.repository, "advance", advance)
    poll(world)
    assert world.runs(workflow) == {"completed": 3}
