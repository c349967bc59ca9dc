"""The `timeout` of a loop ends waits inside its body: a run goes back to the loop, which leaves by `error`, and counts as what it did."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from app.engine import control, integrity
from app.engine.crashes import MOST
from app.engine.held_runs import release_runs
from app.flow import registry
from app.lib import database
from tests.engine.test_against_reference import When
from tests.engine.test_hold import answer as answer_by_hand
from tests.fixtures.world import World, flow, node

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)  # a Monday
TEMPLATE = "550e8400-e29b-41d4-a716-446655440001"
CALLEE = "01900000-0000-7000-8000-0000000000cc"
RETRY = {"attempts": 3, "backoff": {"type": "fixed", "delay": 3_600_000, "jitter": False}}
WHY = "The loop was not through within 60 seconds."
WAITS: dict[str, dict[str, Any]] = {
    "delay": {"duration": 3, "unit": "hours"},
    "wait_until": {"at": "2026-06-02T12:00:00Z"},
    "wait_until_their_date": {"field": "contact.renews"},
    "wait_for_event": {"event": "paid", "timeout": {"duration": 3, "unit": "days"}},
    "time_window": {"from": "18:00", "to": "19:00"},
    "hold": {"question": "Let {{ contact.name }} in?", "choices": [{"id": "yes", "label": "Yes"}]},
    "sub_workflow": {"workflowId": CALLEE, "mode": "wait"},
    "send_email": {"templateId": TEMPLATE, "goOn": "sent"},
    "http_request": {"method": "GET", "url": "https://shop.example/{{ event.k }}"},
}


def looping(*body: dict[str, Any], policies: dict[str, Any] | None = None, error: bool = True) -> dict[str, Any]:
    """A loop of 60 seconds over the items of the event whose body is these steps; then a tag, which says how it was left."""
    loop = {**node("s", "loop", items="{{ event.items }}"), "timeout": 60, **(policies or {})}
    nodes = [loop, *body, node("done", "add_tag", tag="done"), node("late", "add_tag", tag="late{{ vars.item }}")]
    ways: list[tuple[str, ...]] = [("trigger", "s"), ("s", body[0]["id"], "body"), ("s", "done", "done")]
    ways += [(one["id"], other["id"]) for one, other in zip(body, [*body[1:], loop], strict=True)]
    return flow("go", nodes, *ways, *([("s", "late", "error")] if error else []))


def seconds(world: World, *moments: float) -> None:
    for second in moments:
        world.travel(NOON + timedelta(seconds=second))


def ways(world: World, workflow: Any) -> list[tuple[Any, ...]]:
    """Node, status and port of the steps that all runs have in common, in order."""
    rows = world.db.execute(
        "select distinct s.seq, s.node_id, s.status, s.port, s.error_message from steps s join runs r on r.id = s.run_id"
        " where r.workflow_id = %s order by 1",
        (workflow,),
    ).fetchall()
    return [row[1:] for row in rows]


def sound(world: World) -> None:
    world.balanced()
    assert [str(one) for one in integrity.check(world.db)] == []
    assert world.one("select count(*) from runs where context->'loops' <> '{}'") == 0


@pytest.mark.parametrize("limit", [1, 7, 1_000])
@pytest.mark.parametrize("kind", WAITS)
def test_a_wait_of_any_kind_ends_with_the_time_of_the_loop(any_way: World, kind: str, limit: int) -> None:
    world = any_way
    world.engine.limit = limit
    world.travel(NOON)
    if kind == "sub_workflow":
        trigger = {"data": {"contact": "optional"}}
        steps = [node("w", "delay", duration=3, unit="hours")]
        world.workflow(flow(None, steps, ("trigger", "w"), trigger=trigger), id_=UUID(CALLEE))
    type_ = "wait_until" if kind == "wait_until_their_date" else kind
    workflow = world.workflow(looping(node("w", type_, **WAITS[kind])))
    world.emit("go", world.contacts(3, attributes={"name": "Ada", "renews": "2026-06-05"}), {"items": ["a", "b"]})
    seconds(world, 59)
    waiting = world.one("select count(*) from active_runs where workflow_id = %s", workflow)
    assert waiting == 3, "the time of the loop is not over"
    seconds(world, 61)
    assert ways(world, workflow) == [
        ("s", 4, "body", None),
        ("w", 6, "late.s", None),
        ("s", 5, "error", WHY),
        ("late", 4, "next", None),
    ]
    assert world.db.execute("select tags, count(*) from contacts group by 1").fetchall() == [(["late"], 3)]
    if kind != "sub_workflow":  # what was called goes on by itself
        sound(world)


def test_what_comes_in_time_goes_on_and_what_is_later_moves_nobody(any_way: World) -> None:
    world = any_way
    world.travel(NOON)
    graph = looping(node("w", "hold", **WAITS["hold"]))
    workflow = world.workflow(
        {**graph, "edges": [*graph["edges"], {"id": "yes", "source": "w", "sourceHandle": "yes", "target": "s"}]}
    )
    (ada,) = world.contacts(1, attributes={"name": "Ada"})
    world.emit("go", [ada], {"items": ["a", "b"]})
    seconds(world, 30)
    assert answer_by_hand(world, ada, "yes", at="w")
    world.engine.advance()
    assert world.runs(workflow) == {"waiting": 1}, "the next round asks again"
    seconds(world, 61)
    assert world.runs(workflow) == {"completed": 1}
    assert not answer_by_hand(world, ada, "yes", at="w")
    assert [one[2] for one in ways(world, workflow)] == ["body", "yes", "body", "late.s", "error", "next"]
    sound(world)


def test_the_last_round_is_cut_short_too(any_way: World) -> None:
    world = any_way
    world.travel(NOON)
    workflow = world.workflow(looping(node("w", "delay", duration=40, unit="seconds"), error=False))
    world.emit("go", world.contacts(2), {"items": ["a", "b"]})
    seconds(world, 41, 61)
    assert world.runs(workflow) == {"failed": 2}
    assert [one[2] for one in ways(world, workflow)] == ["body", "next", "body", "late.s", "error"]
    sound(world)


def test_a_body_that_leads_nowhere_comes_back_for_the_time_of_its_loop(any_way: World) -> None:
    world = any_way
    world.travel(NOON)
    graph = looping(node("w", "delay", duration=40, unit="hours"))
    graph["edges"] = [edge for edge in graph["edges"] if edge["source"] != "w"]
    workflow = world.workflow(graph)
    world.emit("go", world.contacts(2), {"items": ["a"]})
    seconds(world, 61)
    assert world.runs(workflow) == {"completed": 2}
    assert world.one("select max(occurrence) from steps where node_id = 's'") == 2
    sound(world)


def test_the_pause_before_another_try_ends_with_the_loop(any_way: World) -> None:
    world = any_way
    world.travel(NOON)
    registry._types |= {"trouble": When}
    workflow = world.workflow(looping(node("w", "trouble", RETRY, when=1)))
    world.emit("go", world.contacts(2), {"items": ["a"], "k": 1})
    assert world.runs(workflow) == {"running": 2}
    seconds(world, 61)
    assert [one[2] for one in ways(world, workflow)] == ["body", "late.s", "error", "next"]
    assert world.one("select distinct attempt from steps where node_id = 'w'") == 2
    sound(world)


@pytest.mark.parametrize(("inner", "outer", "port"), [(60, 90, "late.i"), (90, 60, "late.s"), (60, 60, "late.s")])
@pytest.mark.parametrize("limit", [1, 1_000])
def test_of_two_loops_the_first_to_end_counts_and_the_outer_one_of_those_that_end_together(
    any_way: World, inner: int, outer: int, port: str, limit: int
) -> None:
    world = any_way
    world.engine.limit = limit
    world.travel(NOON)
    nodes = [
        {**node("s", "loop", items="{{ event.items }}", **{"as": "row"}), "timeout": outer},
        {**node("i", "loop", items=[1, 2]), "timeout": inner},
        node("w", "delay", duration=3, unit="hours"),
        node("done", "add_tag", tag="done"),
        node("late-s", "add_tag", tag="late-s"),
        node("late-i", "add_tag", tag="late-i-{{ vars.row }}"),
    ]
    ways_ = [
        ("trigger", "s"),
        ("s", "i", "body"),
        ("i", "w", "body"),
        ("w", "i"),
        ("i", "s", "done"),
        ("s", "done", "done"),
    ]
    ways_ += [("s", "late-s", "error"), ("i", "late-i", "error"), ("late-i", "s")]
    workflow = world.workflow(flow("go", nodes, *ways_))
    world.emit("go", world.contacts(2), {"items": ["a", "b"]})
    seconds(world, 61)
    tags = world.one("select distinct tags from contacts")
    assert ways(world, workflow)[2][2] == port
    assert tags == (["late-i-a"] if port == "late.i" else ["late-s"])
    seconds(world, 91, 200)
    assert world.runs(workflow) == {"completed": 2}
    sound(world)


def test_a_contact_that_changes_moves_its_wait_and_not_the_time_of_the_loop(any_way: World) -> None:
    world = any_way
    world.travel(NOON)
    workflow = world.workflow(looping(node("w", "wait_until", **WAITS["wait_until_their_date"])))
    (ada,) = world.contacts(1, attributes={"renews": "2026-06-05"})
    world.emit("go", [ada], {"items": ["a", "b"]})
    seconds(world, 20)
    world.db.execute('update contacts set attributes = attributes || \'{"renews": "2026-06-07"}\'')
    world.happen("contact.updated", ada, {"changed": ["attributes.renews"]})
    world.engine.advance()
    assert world.runs(workflow) == {"waiting": 1}, "it waits for the new date"
    seconds(world, 61)
    assert [one[2] for one in ways(world, workflow)] == ["body", "late.s", "error", "next"]
    sound(world)


def test_a_goal_ends_a_wait_that_a_loop_would_have_ended_in_the_same_batch(any_way: World) -> None:
    world = any_way
    world.travel(NOON)
    graph = looping(node("w", "wait_for_event", **WAITS["wait_for_event"]))
    workflow = world.workflow({**graph, "goals": [{"id": "g", "event": "bought"}]})
    (ada,) = world.contacts(1)
    world.put("go", [ada], {"items": ["a", "b"]})
    world.put("bought", [ada], {})
    world.engine.advance()
    assert world.runs(workflow) == {"goal_reached": 1}
    seconds(world, 61)
    sound(world)


def test_runs_that_began_at_other_times_end_at_their_own(world: World) -> None:
    """They stand at one step of one version, and are walked together."""
    world.travel(NOON)
    workflow = world.workflow(
        looping(node("w", "delay", duration=40, unit="seconds"), node("v", "delay", duration=1, unit="hours"))
    )
    for second in (0, 10, 20):
        seconds(world, second)
        world.emit("go", world.contacts(1), {"items": ["a"]})
    seconds(world, 65)
    assert world.runs(workflow) == {"completed": 1, "waiting": 2}
    due = world.db.execute("select extract(epoch from resume_at - %s)::int from active_runs order by 1", (NOON,))
    assert due.fetchall() == [(70,), (80,)]
    seconds(world, 81)
    assert world.runs(workflow) == {"completed": 3}
    sound(world)


@pytest.mark.parametrize("limit", [1, 1_000])
def test_an_event_of_the_same_batch_ends_a_wait_before_its_loop_does(any_way: World, limit: int) -> None:
    world = any_way
    world.engine.limit = limit
    world.travel(NOON)
    workflow = world.workflow(looping(node("w", "wait_for_event", **WAITS["wait_for_event"])))
    (ada,) = world.contacts(1)
    world.put("go", [ada], {"items": ["a"]})
    world.put("paid", [ada], {})
    world.engine.advance()
    assert world.runs(workflow) == {"completed": 1}
    assert [one[2] for one in ways(world, workflow)] == ["body", "next", "done", "next"]
    sound(world)


async def released(world: World) -> None:
    async with database.transaction() as session:
        ids = [run_id for (run_id,) in world.db.execute("select id from runs where status = 3").fetchall()]
        assert await release_runs(session, world.tenant, ids) == len(ids) == 1


@pytest.mark.parametrize("second", [20, 90])
async def test_a_run_that_was_held_waits_until_the_time_of_its_loop_once_it_is_released(
    world: World, second: int
) -> None:
    world.travel(NOON)
    workflow = world.workflow(looping(node("w", "wait_for_event", **WAITS["wait_for_event"])))
    (ada,) = world.contacts(1)
    world.emit("go", [ada], {"items": ["a", "b"]})
    control.hold_run(world.db, world.tenant, world.one("select id from runs"), "A month was missing.")
    seconds(world, second)
    await released(world)
    world.engine.advance()
    assert world.runs(workflow) == ({"waiting": 1} if second < 60 else {"completed": 1})
    seconds(world, 95)
    assert [one[2] for one in ways(world, workflow)] == ["body", "late.s", "error", "next"]
    sound(world)


async def test_what_a_released_run_waits_for_may_still_come_in_time(world: World) -> None:
    world.travel(NOON)
    workflow = world.workflow(looping(node("w", "wait_for_event", **WAITS["wait_for_event"])))
    (ada,) = world.contacts(1)
    world.emit("go", [ada], {"items": ["a"]})
    control.hold_run(world.db, world.tenant, world.one("select id from runs"), "A month was missing.")
    seconds(world, 20)
    await released(world)
    world.emit("paid", [ada])
    assert world.runs(workflow) == {"completed": 1}
    assert [one[2] for one in ways(world, workflow)] == ["body", "next", "done", "next"]
    sound(world)


def test_who_was_moved_on_since_a_worker_died_is_not_held_where_it_rests_now(world: World) -> None:
    """A third death was counted of a run that another worker has walked meanwhile: it is not what stops workers."""
    world.travel(NOON)
    workflow = world.workflow(looping(node("w", "delay", duration=3, unit="hours")))
    world.emit("go", world.contacts(1), {"items": ["a", "b"]})
    world.db.execute(
        "insert into crashes (tenant_id, run_id, count, at) select tenant_id, id, %s, now() from active_runs", (MOST,)
    )
    world.engine.crashes.examine()
    assert world.runs(workflow) == {"waiting": 1} and world.one("select count(*) from crashes") == 0
    seconds(world, 61)
    assert world.runs(workflow) == {"completed": 1}
    sound(world)
