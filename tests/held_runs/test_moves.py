"""Moving held runs: to another step, of their version or the live one; what they carry, and what is refused in words."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import httpx
import pytest

from app.engine import integrity
from tests.fixtures.world import World, flow, node, rule
from tests.held_runs.conftest import TOO_MANY, asking, finish, hold, start
from tests.runs.test_cancel import run_ids
from tests.workflows.examples import PATH


def sound(world: World) -> None:
    world.balanced()
    assert integrity.check(world.db) == []


async def move(client: httpx.AsyncClient, workflow_id: UUID, run_id: UUID, status: int = 200, **where: Any) -> Any:
    answer = await client.post(f"{PATH}/{workflow_id}/runs/{run_id}/move", json=where)
    assert answer.status_code == status, answer.text
    return answer.json()["data"]["runId"] if status == 200 else answer.json()


NOBODY = {"totalRuns": 0, "runningRuns": 0, "completedRuns": 0, "cancelledRuns": 0}


async def counted(client: httpx.AsyncClient, workflow_id: UUID, version: int | None = None) -> dict[str, int]:
    query = {} if version is None else {"version": version}
    stats = (await client.get(f"{PATH}/{workflow_id}/stats", params=query)).json()["data"]
    return {name: stats[name] for name in NOBODY}


async def test_a_run_goes_on_at_another_step(marketer: httpx.AsyncClient, world: World) -> None:
    workflow_id = hold(world, 2)
    first, second = run_ids(world, workflow_id)
    successor = await move(marketer, workflow_id, first, nodeId="tag")
    world.engine.advance()
    assert world.runs(workflow_id) == {"cancelled": 1, "completed": 1, "held": 1}
    before = (await marketer.get(f"{PATH}/{workflow_id}/runs/{first}")).json()["data"]
    assert before["status"] == "cancelled" and before["steps"][-1]["output"]["movedTo"] == successor
    after = (await marketer.get(f"{PATH}/{workflow_id}/runs/{successor}")).json()["data"]
    assert [step["nodeId"] for step in after["steps"]] == ["tag", "end"] and after["triggerId"] == "trigger"
    assert after["contactId"] == before["contactId"] and after["triggerEvent"]["name"] == "cart.left"
    assert (await move(marketer, workflow_id, first, 409, nodeId="tag"))["code"] == "run_not_held"
    assert world.one("select count(*) from active_runs where id = %s", second) == 1
    sound(world)
    stats = await counted(marketer, workflow_id)
    assert stats == {"totalRuns": 2, "runningRuns": 1, "completedRuns": 1, "cancelledRuns": 0}
    assert (await marketer.post(f"{PATH}/{workflow_id}/runs/{second}/cancel")).status_code == 200
    stats = await counted(marketer, workflow_id)
    assert stats == {"totalRuns": 2, "runningRuns": 0, "completedRuns": 1, "cancelledRuns": 1}


async def test_it_goes_to_the_version_that_is_live_by_now(marketer: httpx.AsyncClient, world: World) -> None:
    """With the outputs that this one reads, though its own version read none of them."""
    note = node("note", "set_variable", set={"greeting": "Hello {{ contact.email }}"})
    step = {**node("ask", "condition", conditions=[TOO_MANY]), "onError": "hold"}
    workflow_id = world.workflow(flow("cart.left", [note, step], ("trigger", "note"), ("note", "ask")))
    hold(world, 3, workflow_id)
    newer = [note, step, node("mark", "update_contact", set={"said": "{{ steps.note.greeting }}"})]
    world.publish(
        workflow_id, flow("cart.left", newer, ("trigger", "note"), ("note", "ask"), ("ask", "mark", "true")), 2
    )
    first, *_ = run_ids(world, workflow_id)
    successor = await move(marketer, workflow_id, first, nodeId="mark", version=2)
    assert world.one("select workflow_version from active_runs where id = %s", UUID(successor)) == 2
    await start(marketer, "move", filter={"workflowId": str(workflow_id)}, nodeId="mark", version=2)
    finish()
    world.engine.advance()
    assert world.runs(workflow_id) == {"cancelled": 3, "completed": 3}
    said = world.db.execute("select email, attributes->>'said' from contacts").fetchall()
    assert len(said) == 3 and all(text == f"Hello {email}" for email, text in said)
    sound(world)
    # Somebody who was moved counts once, where they went: the first version has nobody any more.
    assert await counted(marketer, workflow_id) == {**NOBODY, "totalRuns": 3, "completedRuns": 3}
    assert await counted(marketer, workflow_id, 1) == NOBODY
    assert await counted(marketer, workflow_id, 2) == {**NOBODY, "totalRuns": 3, "completedRuns": 3}
    listed = (await marketer.get(f"{PATH}/{workflow_id}")).json()["data"]["stats"]
    assert {name: listed[name] for name in NOBODY} == {**NOBODY, "totalRuns": 3, "completedRuns": 3}


async def test_one_contact_has_one_run_all_the_while(marketer: httpx.AsyncClient, world: World) -> None:
    workflow_id = world.workflow(asking(settings={"reentry": "after_exit"}))
    hold(world, 1, workflow_id)
    (first,) = run_ids(world, workflow_id)
    graph = asking(settings={"reentry": "after_exit"})
    graph["nodes"].append(node("wait", "delay", duration=1, unit="days"))
    graph["edges"].append({"source": "tag", "target": "wait", "sourceHandle": "next"})
    graph["edges"] = [edge for edge in graph["edges"] if edge["target"] != "end"]
    world.publish(workflow_id, graph, 2)
    successor = await move(marketer, workflow_id, first, nodeId="tag", version=2)
    world.engine.advance()
    world.emit("cart.left", [world.one("select contact_id from active_runs")])
    assert world.one("select array_agg(id) from active_runs") == [UUID(successor)], "who is in does not enter again"
    sound(world)


LOOP = flow(
    "cart.left",
    [
        node("round", "loop", items="{{ event.items }}", maxIterations=10),
        {**node("ask", "condition", conditions=[TOO_MANY]), "onError": "hold"},
        node("count", "update_contact", increment={"rounds": 1}),
        node("end", "end"),
    ],
    ("trigger", "round"), ("round", "ask", "body"), ("ask", "count", "true"), ("count", "round"), ("round", "end", "done"),
)  # fmt: skip


async def test_inside_a_loop_it_goes_on_with_the_same_round(marketer: httpx.AsyncClient, world: World) -> None:
    workflow_id = world.workflow(LOOP)
    world.emit("cart.left", world.contacts(1, attributes={"n": "many"}), {"items": [1, 2, 3]})
    for rounds in (1, 2, 3):
        run_id = world.one("select id from active_runs")
        await move(marketer, workflow_id, run_id, nodeId="count")
        world.engine.advance()
        assert world.one("select (attributes->>'rounds')::int from contacts") == rounds
    assert world.runs(workflow_id) == {"cancelled": 3, "completed": 1}
    sound(world)


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ({"nodeId": "nowhere"}, "no step"),
        ({"nodeId": "ask"}, "Try it again instead"),
        ({"nodeId": "tag", "version": 3}, "not to version 3"),
        ({"nodeId": "inner", "version": 2}, "inside the loop"),
        ({"nodeId": "odd", "version": 2}, "not installed"),
    ],
)
async def test_where_it_cannot_go(marketer: httpx.AsyncClient, world: World, where: Any, words: str) -> None:
    workflow_id = hold(world, 1)
    graph = asking()
    graph["nodes"] += [
        node("round", "loop", items="{{ event.items }}", maxIterations=10),
        node("inner", "add_tag", tag="x"),
        node("odd", "no_such_type"),
    ]
    graph["edges"] += [
        {"source": "ask", "target": "round", "sourceHandle": "false"},
        {"source": "round", "target": "inner", "sourceHandle": "body"},
        {"source": "inner", "target": "round", "sourceHandle": "next"},
    ]
    world.publish(workflow_id, graph, 2)
    (run_id,) = run_ids(world, workflow_id)
    body = await move(marketer, workflow_id, run_id, 422, **where)
    assert words in body["errors"][0]["message"], body
    job = await start(marketer, "move", 422, filter={"workflowId": str(workflow_id)}, **where)
    assert words in job["errors"][0]["message"]
    assert world.runs(workflow_id) == {"held": 1}


async def test_a_run_of_nobody_stays_away_from_steps_about_contacts(marketer: httpx.AsyncClient, world: World) -> None:
    asks = {**node("ask", "condition", conditions=[rule("event.n", "greater_than", 1)]), "onError": "hold"}
    graph = flow(None, [asks, node("tag", "add_tag", tag="x"), node("end", "end")], ("trigger", "ask"), ("ask", "end", "true"),
        ("ask", "tag", "false"), trigger={"data": {"contact": "optional"}})  # fmt: skip
    workflow_id = world.workflow(graph)
    (run_id,) = world.start_nobody(workflow_id, {"n": "many"})
    world.engine.advance()
    assert world.runs(workflow_id) == {"held": 1}
    assert "needs a contact" in (await move(marketer, workflow_id, run_id, 422, nodeId="tag"))["errors"][0]["message"]
    await move(marketer, workflow_id, run_id, nodeId="end")
    world.engine.advance()
    assert world.runs(workflow_id) == {"cancelled": 1, "completed": 1}
    sound(world)


async def test_one_that_was_moved_may_be_held_and_moved_again(marketer: httpx.AsyncClient, world: World) -> None:
    graph = asking()
    graph["nodes"].append({**node("again", "condition", conditions=[TOO_MANY]), "onError": "hold"})
    graph["edges"].append({"source": "ask", "target": "again", "sourceHandle": "false"})
    workflow_id = hold(world, 1, world.workflow(graph))
    (run_id,) = run_ids(world, workflow_id)
    second = await move(marketer, workflow_id, run_id, nodeId="again")
    world.engine.advance()
    assert world.runs(workflow_id) == {"cancelled": 1, "held": 1}
    await move(marketer, workflow_id, UUID(second), nodeId="end")
    world.engine.advance()
    assert world.runs(workflow_id) == {"cancelled": 2, "completed": 1}
    sound(world)
