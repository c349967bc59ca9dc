"""Retrying failed runs: from the step that failed, in their version or in the live one, once, and what is refused in words."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from app.engine import integrity
from app.lib import clock
from app.models.status import Role
from tests.fixtures.world import World, flow, node, rule
from tests.runs.test_cancel import as_role, run_ids
from tests.runs.test_cancel import world as world
from tests.workflows.examples import PATH

TOO_MANY = rule("contact.attributes.n", "greater_than", 1)


@pytest.fixture
async def marketer(committed_client: httpx.AsyncClient, world: World) -> httpx.AsyncClient:
    return await as_role(committed_client, world, Role.MARKETER)


def asking(*more: dict[str, Any], **settings: Any) -> dict[str, Any]:
    """Note something, ask for a number, mark with what was noted; whoever has a text there fails."""
    steps = [
        node("note", "set_variable", set={"greeting": "Hello {{ contact.email }}"}),
        node("ask", "condition", conditions=[TOO_MANY]),
        node("mark", "update_contact", set={"said": "{{ steps.note.greeting }}"}),
        *more,
    ]
    return flow("cart.left", steps, ("trigger", "note"), ("note", "ask"), ("ask", "mark", "true"), **settings)


def failed(world: World, graph: dict[str, Any], count: int = 1) -> UUID:
    workflow_id = world.workflow(graph)
    world.emit("cart.left", world.contacts(count, attributes={"n": "many"}))
    assert world.runs(workflow_id) == {"failed": count}
    return workflow_id


def mend(world: World) -> None:
    world.db.execute("update contacts set attributes = '{\"n\": 2}'")


async def retry(client: httpx.AsyncClient, workflow_id: UUID, run_id: UUID, status: int = 200, **body: Any) -> Any:
    answer = await client.post(f"{PATH}/{workflow_id}/runs/{run_id}/retry", json=body)
    assert answer.status_code == status, answer.text
    return answer.json()["data"] if status == 200 else answer.json()


def sound(world: World) -> None:
    world.balanced()
    assert integrity.check(world.db) == []


async def test_it_goes_on_from_the_step_that_failed_and_once(marketer: httpx.AsyncClient, world: World) -> None:
    workflow_id = failed(world, asking())
    (first,) = run_ids(world, workflow_id)
    mend(world)
    begun = await retry(marketer, workflow_id, first)
    assert begun["version"] == 1 and await retry(marketer, workflow_id, first, version="same") == begun
    world.engine.advance()
    assert world.runs(workflow_id) == {"failed": 1, "completed": 1}
    before = (await marketer.get(f"{PATH}/{workflow_id}/runs/{first}")).json()["data"]
    assert before["status"] == "failed" and [step["nodeId"] for step in before["steps"]] == ["note", "ask"]
    assert before["goesOn"]["runId"] == begun["runId"] and before["goesOn"]["nodeId"] == "ask"
    after = (await marketer.get(f"{PATH}/{workflow_id}/runs/{begun['runId']}")).json()["data"]
    assert [step["nodeId"] for step in after["steps"]] == ["ask", "mark"] and after["goesOn"] is None
    assert after["contactId"] == before["contactId"] and after["triggerEvent"] == before["triggerEvent"]
    assert world.one("select attributes->>'said' from contacts").startswith("Hello ")
    sound(world)
    body = await retry(marketer, workflow_id, UUID(begun["runId"]), 409)
    assert body["code"] == "run_not_failed"


async def test_it_goes_on_as_the_live_version_with_what_that_reads(marketer: httpx.AsyncClient, world: World) -> None:
    plain = asking()
    plain["nodes"][2]["data"] = {"set": {"said": "nothing"}}
    workflow_id = failed(world, plain, 2)
    # Waits that only the new version has are heard, and its steps read what the old one did not carry.
    newer = asking(node("wait", "wait_for_event", event="paid"), node("end", "end"))
    newer["edges"] += [
        {"source": "mark", "target": "wait", "sourceHandle": "next"},
        {"source": "wait", "target": "end", "sourceHandle": "next"},
    ]
    world.publish(workflow_id, newer, 2)
    mend(world)
    first, second = run_ids(world, workflow_id)
    live = await retry(marketer, workflow_id, first, version="live")
    old = await retry(marketer, workflow_id, second)
    assert (live["version"], old["version"]) == (2, 1)
    assert (await retry(marketer, workflow_id, first, 409))["code"] == "run_cannot_go_on"
    world.engine.advance()
    assert world.runs(workflow_id) == {"failed": 2, "completed": 1, "waiting": 1}
    said = world.db.execute("select attributes->>'said' from contacts order by id").fetchall()
    assert [text for (text,) in said][1] == "nothing" and str(said[0][0]).startswith("Hello ")
    sound(world)
    world.emit("paid", [world.one("select contact_id from active_runs")])
    assert world.runs(workflow_id) == {"failed": 2, "completed": 2}
    sound(world)


async def test_waits_of_the_old_version_are_heard(marketer: httpx.AsyncClient, world: World) -> None:
    old = asking(
        node("wait", "wait_for_event", event="paid", timeout={"duration": 1, "unit": "days"}), node("end", "end")
    )
    old["edges"] += [
        {"source": "mark", "target": "wait", "sourceHandle": "next"},
        {"source": "wait", "target": "end", "sourceHandle": "next"},
    ]
    workflow_id = failed(world, old, 2)
    world.publish(workflow_id, asking(), 2)
    mend(world)
    for run_id in run_ids(world, workflow_id):
        await retry(marketer, workflow_id, run_id)
    world.engine.advance()
    assert world.runs(workflow_id) == {"failed": 2, "waiting": 2}
    world.emit("paid", [world.one("select contact_id from active_runs order by id limit 1")])
    assert world.runs(workflow_id) == {"failed": 2, "waiting": 1, "completed": 1}
    world.travel(clock.now() + timedelta(days=2))
    world.engine.advance()
    assert world.runs(workflow_id) == {"failed": 2, "completed": 2}
    sound(world)


async def test_of_two_who_retry_at_once_one_begins_a_run(marketer: httpx.AsyncClient, world: World) -> None:
    workflow_id = failed(world, asking())
    (first,) = run_ids(world, workflow_id)
    answers = await asyncio.gather(*(retry(marketer, workflow_id, first) for _ in range(4)))
    assert len({one["runId"] for one in answers}) == 1
    assert world.one("select count(*) from active_runs") == 1
    world.engine.advance()
    assert world.runs(workflow_id) == {"failed": 2}, "nothing was mended"
    sound(world)
    mend(world)
    await retry(marketer, workflow_id, UUID(answers[0]["runId"]))
    world.engine.advance()
    assert world.runs(workflow_id) == {"failed": 2, "completed": 1}
    sound(world)


@pytest.mark.parametrize("change", ["gone", "other", "archived", "deleted", "inside", "full"])
async def test_what_cannot_go_on_says_why(marketer: httpx.AsyncClient, world: World, change: str) -> None:
    settings: dict[str, Any] = {"reentry": "after_exit"}
    if change == "full":
        settings |= {"reentry": "always", "rateLimitMaxConcurrent": 1}
    graph = asking(settings=settings)
    workflow_id = failed(world, graph)
    (run_id,) = run_ids(world, workflow_id)
    contact_id = world.one("select id from contacts")
    newer, body = asking(settings=settings), {"version": "live"}
    if change == "gone":
        newer["nodes"] = [one for one in newer["nodes"] if one["id"] != "ask"]
        newer["edges"] = newer["edges"][:1]
        world.publish(workflow_id, newer, 2)
    elif change == "other":
        newer["nodes"][1] = node("ask", "add_tag", tag="x")
        newer["edges"][2]["sourceHandle"] = "next"
        world.publish(workflow_id, newer, 2)
    elif change == "archived":
        world.set_status(workflow_id, "archived")
    elif change == "deleted":
        assert (await marketer.delete(f"/api/v1/contacts/{contact_id}")).status_code in (200, 202, 204)
        world.engine.advance()
    elif change in ("inside", "full"):
        graph = asking(node("wait", "delay", duration=1, unit="days"), settings=settings)
        graph["edges"][1] = {"source": "note", "target": "wait", "sourceHandle": "next"}
        graph["edges"].append({"source": "wait", "target": "ask", "sourceHandle": "next"})
        world.publish(workflow_id, graph, 2)
        world.emit("cart.left", [contact_id])
        assert world.runs(workflow_id) == {"failed": 1, "waiting": 1}
    words = {
        "gone": "does not have this step", "other": "another one: Add tag", "archived": "not active",
        "deleted": "was deleted", "inside": "in the workflow again", "full": "as the workflow lets in at once",
    }  # fmt: skip
    answer = await retry(marketer, workflow_id, run_id, 422 if change in ("gone", "other") else 409, **body)
    said = answer["errors"][0]["message"] if answer.get("errors") else answer["detail"]
    assert words[change] in said, answer
    assert world.one("select count(*) from runs") == (2 if change in ("inside", "full") else 1)


GOAL = {"id": "g", "name": "Bought", "event": "paid", "conditions": [rule("event.size", "greater_than", 1)]}


@pytest.mark.parametrize("size", [1, 2])
async def test_who_reached_a_goal_since_it_failed_is_left_alone(
    marketer: httpx.AsyncClient, world: World, size: int
) -> None:
    workflow_id = world.workflow(asking(goals=[GOAL]))
    first, second = world.contacts(2, attributes={"n": "many"})
    world.happen("paid", first, {"size": 2}, occurred_at=clock.now() - timedelta(hours=1))
    for contact_id in (first, second):
        world.happen("cart.left", contact_id)
    world.engine.advance()
    assert world.runs(workflow_id) == {"failed": 2}
    run_id = world.one("select id from runs where contact_id = %s", first)
    mend(world)
    world.travel(clock.now() + timedelta(hours=1))
    world.happen("paid", first, {"size": size})
    world.happen("paid", second, {"size": 2})
    world.engine.advance()
    if size == 1:
        await retry(marketer, workflow_id, run_id)
        return
    answer = await retry(marketer, workflow_id, run_id, 409)
    assert answer["code"] == "run_cannot_go_on" and "reached the goal Bought since" in answer["detail"], answer
    assert world.runs(workflow_id) == {"failed": 2}
    world.publish(workflow_id, asking(), 2)
    assert (await retry(marketer, workflow_id, run_id, version="live"))["version"] == 2, "that version has no goal"


async def test_the_event_that_began_a_run_is_no_goal_reached_since(marketer: httpx.AsyncClient, world: World) -> None:
    goal = {"id": "g", "event": "cart.left", "conditions": []}
    workflow_id = world.workflow(asking(goals=[goal]))
    (contact_id,) = world.contacts(1, attributes={"n": "many"})
    world.happen("cart.left", contact_id)
    world.engine.advance()
    assert world.runs(workflow_id) == {"failed": 1}
    (run_id,) = run_ids(world, workflow_id)
    mend(world)
    await retry(marketer, workflow_id, run_id)


@pytest.mark.parametrize(("before", "after"), [("always", "after_exit"), ("after_exit", "always")])
async def test_a_contact_is_inside_once_where_the_rule_of_reentry_changed(
    marketer: httpx.AsyncClient, world: World, before: str, after: str
) -> None:
    workflow_id = failed(world, asking(settings={"reentry": before}))
    (run_id,) = run_ids(world, workflow_id)
    graph = asking(node("wait", "delay", duration=1, unit="days"), settings={"reentry": after})
    graph["edges"][1] = {"source": "note", "target": "wait", "sourceHandle": "next"}
    graph["edges"].append({"source": "wait", "target": "ask", "sourceHandle": "next"})
    world.publish(workflow_id, graph, 2)
    world.emit("cart.left", [world.one("select id from contacts")])
    assert world.runs(workflow_id) == {"failed": 1, "waiting": 1}
    for version in ("same", "live"):
        answer = await retry(marketer, workflow_id, run_id, 409, version=version)
        assert "in the workflow again" in answer["detail"]
    assert world.one("select count(*) from active_runs") == 1


async def test_of_several_contacts_retried_at_once_as_many_begin_as_the_workflow_lets_in(
    marketer: httpx.AsyncClient, world: World
) -> None:
    workflow_id = failed(world, asking(settings={"reentry": "always"}), 6)
    world.publish(workflow_id, asking(settings={"reentry": "always", "rateLimitMaxConcurrent": 1}), 2)
    path = f"{PATH}/{workflow_id}/runs"
    posts = [marketer.post(f"{path}/{run_id}/retry", json={}) for run_id in run_ids(world, workflow_id)]
    answers = await asyncio.gather(*posts)
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409, 409, 409]
    assert world.one("select count(*) from active_runs") == 1


async def test_inside_a_loop_it_goes_on_with_the_same_round(marketer: httpx.AsyncClient, world: World) -> None:
    graph = flow(
        "cart.left",
        [
            node("round", "loop", items="{{ event.items }}", maxIterations=10),
            node("ask", "condition", conditions=[TOO_MANY]),
            node("count", "update_contact", increment={"rounds": 1}),
            node("end", "end"),
        ],
        ("trigger", "round"), ("round", "ask", "body"), ("ask", "count", "true"), ("count", "round"), ("round", "end", "done"),
    )  # fmt: skip
    workflow_id = world.workflow(graph)
    world.emit("cart.left", world.contacts(1, attributes={"n": "many"}), {"items": [1, 2, 3]})
    (run_id,) = run_ids(world, workflow_id)
    mend(world)
    await retry(marketer, workflow_id, run_id)
    world.engine.advance()
    assert world.runs(workflow_id) == {"failed": 1, "completed": 1}
    assert world.one("select (attributes->>'rounds')::int from contacts") == 3
    sound(world)
