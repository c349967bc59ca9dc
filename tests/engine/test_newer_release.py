"""Old and new workers side by side: what a newer one published is left to it, whole and in order, and nobody fails of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from app.engine import integrity, matcher
from app.engine.advance import Engine
from app.engine.compiled import CompiledFlow
from app.engine.work_status import work_status
from app.flow import registry
from app.inbox import InboxKind
from app.lib import database
from app.lib.ids import uuid7
from tests.engine.conftest import Trouble
from tests.fixtures.world import World, flow, node, rule

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
AFTER = node("t", "add_tag", tag="done")


@contextmanager
def older(world: World, *workflows: UUID) -> Iterator[Engine]:
    """Another worker, of a release that understands none of these workflows' documents."""

    class Blind(CompiledFlow):
        def __init__(self, workflow_id: bytes, *more: Any, **given: Any) -> None:
            if UUID(bytes=workflow_id) in workflows:
                raise ValueError("reentry: sometimes")
            super().__init__(workflow_id, *more, **given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(matcher, "CompiledFlow", Blind)
        engine = Engine(database.connect("engine"))
        yield engine
        engine.close()


def travel(world: World, at: datetime) -> None:
    """Move the clock; nobody advances."""
    world.db.execute("update virtual_clock set at = %s", (at,))


@pytest.mark.parametrize(
    ("step", "says"),
    [
        (node("x", "teleport"), "The step type “teleport” is not installed."),
        (node("x", "add_tag", tag="a", until="tomorrow"), "This step cannot be understood"),
        (node("x", "delay", duration=1, unit="moons"), "This step cannot be understood"),
        (node("x", "update_contact", set={"a": "{{ event.x | telepathy }}"}), "telepathy"),
    ],
)
def test_a_step_that_only_a_newer_worker_knows_is_left_to_it(world: World, step: dict[str, Any], says: str) -> None:
    world.travel(NOON)
    before = node("b", "add_tag", tag="before")
    workflow = world.workflow(flow("e", [before, step, AFTER], ("trigger", "b"), ("b", "x"), ("x", "t")))
    world.emit("e", world.contacts(3))
    assert world.runs(workflow) == {"running": 3}
    why = world.one("select error_message from runs limit 1")
    assert says in why and "as soon as a worker with a newer version" in why
    world.travel(NOON + timedelta(hours=1))
    assert world.runs(workflow) == {"running": 3}
    assert world.steps(workflow) == [("b", "completed", "next")] * 3
    late = world.one("select max(resume_at) - clock_now() from runs")
    assert timedelta(minutes=5) < late <= timedelta(minutes=10), "who waited long is looked at seldom"
    assert integrity.check(world.db) == []
    world.travel(NOON + timedelta(days=8))
    assert world.runs(workflow) == {"failed": 3}
    world.balanced()


def test_the_newer_worker_takes_them_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry._types, "teleport", Trouble)
    graph = flow("e", [node("x", "teleport", who="nobody"), AFTER], ("trigger", "x"), ("x", "t"))
    monkeypatch.delitem(registry._types, "teleport")
    world.travel(NOON)
    workflow = world.workflow(graph)
    world.emit("e", world.contacts(40))
    assert world.runs(workflow) == {"running": 40}
    travel(world, NOON + timedelta(minutes=1))
    monkeypatch.setitem(registry._types, "teleport", Trouble)
    newer = Engine(database.connect("engine"))
    newer.advance()
    newer.close()
    assert world.runs(workflow) == {"completed": 40}
    assert world.one("select count(*) from runs where error_message is not null") == 0
    assert world.steps(workflow) == [("x", "completed", "next"), ("t", "completed", "next")] * 40
    assert world.one("select bool_and(attempt = 1) from steps")
    assert integrity.check(world.db) == []


def test_a_workflow_that_only_a_newer_worker_understands_loses_no_event(world: World) -> None:
    """The older one starts the others by the same event, and leaves it for the one that it does not understand."""
    world.travel(NOON)
    strange = world.workflow(flow("e", [AFTER], ("trigger", "t"), settings={"reentry": "always"}))
    other = node("p", "add_tag", tag="plain")
    plain = world.workflow(flow("e", [other], ("trigger", "p"), settings={"reentry": "always"}))
    people = world.contacts(5)
    by_hand = uuid7()
    with older(world, strange) as engine:
        world.put("e", people, {"n": 1})
        world.put("manual", people[:1], kind=InboxKind.START, workflow_id=strange, run_id=by_hand)
        world.put("e", people[:1], {"n": 2})
        engine.advance()
        engine.advance()
        assert world.runs(plain) == {"completed": 6}
        assert world.runs(strange) == {}
        assert world.one("select count(*) from inbox") == 7
    world.engine.advance()
    assert (world.runs(plain), world.runs(strange)) == ({"completed": 6}, {"completed": 7})
    assert world.one("select count(*) from runs where id = %s", by_hand) == 1
    order = world.db.execute(
        "select trigger_event->>'n' from runs where workflow_id = %s and contact_id = %s and trigger_event ? 'n' order by id",
        (strange, people[0]),
    ).fetchall()
    assert order == [("1",), ("2",)]
    assert world.one("select count(*) from inbox") == 0
    assert integrity.check(world.db) == []


async def test_its_runs_their_goals_and_their_timers_wait_for_it_too(world: World) -> None:
    world.travel(NOON)
    wait = node("d", "delay", duration=1, unit="hours")
    goal = [{"id": "g", "event": "bought", "name": "Bought", "conditions": [rule("event.n", "equals", 1)]}]
    strange = world.workflow(flow("e", [wait, AFTER], ("trigger", "d"), ("d", "t"), goals=goal))
    buyer, waiter, gone = people = world.contacts(3)
    world.emit("e", people)
    with older(world, strange) as engine:
        world.put("bought", [buyer], {"n": 1})
        world.db.execute("delete from contacts where id = %s", (gone,))
        world.put("erased", [gone], kind=InboxKind.ERASED)
        engine.advance()
        assert world.runs(strange) == {"waiting": 2, "cancelled": 1}
        travel(world, NOON + timedelta(hours=1))
        engine.advance()
        assert world.runs(strange) == {"waiting": 2, "cancelled": 1}
        assert "newer version" in world.one("select error_message from runs where contact_id = %s", waiter)
        assert world.one("select min(resume_at) - clock_now() from runs where status = 1") == timedelta(minutes=1)
        async with database.transaction() as session:
            assert "worker of a newer release" in " ".join((await work_status(session)).words())
    travel(world, NOON + timedelta(hours=2))
    world.engine.advance()
    assert world.runs(strange) == {"goal_reached": 1, "completed": 1, "cancelled": 1}
    assert integrity.check(world.db) == []


def test_an_inbox_row_of_a_kind_that_is_not_known_stays(world: World) -> None:
    workflow = world.workflow(flow("e", [AFTER], ("trigger", "t")))
    people = world.contacts(2)
    for kind in (77, 99):
        world.put("e", people[:1], kind=kind)
    world.emit("e", people)
    assert world.runs(workflow) == {"completed": 2}
    assert world.one("select array_agg(kind order by id) from inbox") == [77, 99]


def test_a_document_that_nobody_understands_any_more_is_told_and_can_be_ended(world: World) -> None:
    """The workflow is archived: nothing waits for it any longer, neither by event nor by hand."""
    strange = world.workflow(flow("e", [AFTER], ("trigger", "t")))
    people = world.contacts(2)
    with older(world, strange) as engine:
        world.put("e", people)
        engine.advance()
        assert world.one("select count(*) from inbox") == 2
        world.db.execute("update workflows set status = 'archived' where id = %s", (strange,))
        world.put("e", people)
        engine.advance()
        assert world.one("select count(*) from inbox") == 0
