"""Would the person of a test enter now, and where would a goal end the run: as the engine judges it, by what it has stored."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from app.lib import clock
from tests.fixtures.world import World, flow, node, rule
from tests.runs.test_again import marketer as marketer
from tests.runs.test_cancel import world as world
from tests.workflows.examples import PATH

WAIT = node("wait", "delay", duration=1, unit="days")


async def walk_as(client: httpx.AsyncClient, workflow_id: UUID, contact: UUID, **more: Any) -> Any:
    answer = await client.post(f"{PATH}/{workflow_id}/test", json={"contactId": str(contact), **more})
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def waiting(**settings: Any) -> dict[str, Any]:
    return flow("cart.left", [WAIT], ("trigger", "wait"), settings=settings)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"reentry": "once"}, "in this workflow already"),
        ({"reentry": "after_exit"}, "in this workflow already"),
        ({"reentry": "always"}, ""),
        ({"reentry": "always", "maxEntries": 1}, "as the workflow takes: 1"),
        ({"reentry": "always", "maxEntries": 2}, ""),
        ({"reentry": "always", "activeUntil": "2020-01-01"}, "let nobody in after"),
    ],
    ids=str,
)
async def test_who_is_inside_or_comes_too_late_would_not_enter(
    marketer: httpx.AsyncClient, world: World, settings: dict[str, Any], words: str
) -> None:
    workflow_id = world.workflow(waiting(**{**settings, "activeUntil": None}))
    (contact,) = world.contacts(1)
    world.emit("cart.left", [contact])
    assert world.runs(workflow_id) == {"waiting": 1}
    await draft(marketer, workflow_id, waiting(**settings))
    entry = (await walk_as(marketer, workflow_id, contact))["entry"]
    assert entry["admitted"] is (not words) and words in (entry["reason"] or "")
    assert entry["refusedBy"] == ("rules" if words else None)
    assert world.runs(workflow_id) == {"waiting": 1} and world.one("select count(*) from entry_refusals") == 0


async def draft(client: httpx.AsyncClient, workflow_id: UUID, graph: dict[str, Any]) -> None:
    body = {name: graph[name] for name in ("nodes", "edges", "settings", "goals") if name in graph}
    answer = await client.patch(f"{PATH}/{workflow_id}", json=body)
    assert answer.status_code == 200, answer.text


async def test_who_was_inside_enters_again_when_the_engine_would_let_them(
    marketer: httpx.AsyncClient, world: World
) -> None:
    graph = flow(
        "cart.left",
        [node("end", "end")],
        ("trigger", "end"),
        settings={"reentry": "cooldown", "cooldownSeconds": 3_600},
    )
    workflow_id = world.workflow(graph)
    await draft(marketer, workflow_id, graph)
    (contact,) = world.contacts(1)
    world.emit("cart.left", [contact])
    assert world.runs(workflow_id) == {"completed": 1}
    assert "too short a time ago" in (await walk_as(marketer, workflow_id, contact))["entry"]["reason"]
    assert (await walk_as(marketer, workflow_id, world.contacts(1)[0]))["entry"]["admitted"]


async def test_as_many_are_inside_as_may_be_so_it_would_wait(marketer: httpx.AsyncClient, world: World) -> None:
    graph = waiting(reentry="always", rateLimitMaxConcurrent=1)
    workflow_id = world.workflow(graph)
    await draft(marketer, workflow_id, graph)
    first, second = world.contacts(2)
    world.emit("cart.left", [first])
    entry = (await walk_as(marketer, workflow_id, second))["entry"]
    assert entry["admitted"] and "wait in line first" in entry["waits"]


@pytest.mark.parametrize(("size", "ends"), [(2, True), (1, False)])
async def test_an_event_that_comes_in_the_test_ends_it_by_the_goal_as_it_would_end_the_run(
    marketer: httpx.AsyncClient, world: World, size: int, ends: bool
) -> None:
    goal = {"id": "g", "name": "Bought", "event": "paid", "conditions": [rule("event.size", "equals", 2)]}
    graph = flow(
        "cart.left",
        [node("pay", "wait_for_event", event="paid"), node("tag", "add_tag", tag="x")],
        ("trigger", "pay"), ("pay", "tag"), goals=[goal], settings={"reentry": "always"},
    )  # fmt: skip
    workflow_id = world.workflow(graph)
    await draft(marketer, workflow_id, graph)
    (contact,) = world.contacts(1)
    world.happen("paid", contact, {"size": size}, occurred_at=clock.now() - timedelta(days=1))
    world.engine.advance()
    walked = await walk_as(marketer, workflow_id, contact)
    assert walked["status"] == ("goal_reached" if ends else "completed")
    assert [step["nodeId"] for step in walked["steps"]] == (["pay"] if ends else ["pay", "tag"])
    words = walked["goalExplanation"] or ""
    assert ("Bought" in words and "paid happens there" in words) is ends
    world.emit("cart.left", [contact])
    world.happen("paid", contact, {"size": size})
    world.engine.advance()
    assert world.runs(workflow_id) == {walked["status"]: 1}, "the run comes to the same"


async def test_a_goal_that_the_contact_meets_on_the_way_ends_the_test_there(
    marketer: httpx.AsyncClient, world: World
) -> None:
    goal = {
        "id": "g",
        "name": "Pro",
        "event": "paid",
        "conditions": [rule("contact.attributes.plan", "equals", "pro")],
        "checkContact": True,
    }
    graph = flow(
        "cart.left",
        [node("set", "update_contact", set={"plan": "pro"}), node("mail", "send_email"), node("tag", "add_tag", tag="x")],
        ("trigger", "set"), ("set", "mail"), ("mail", "tag"), goals=[goal], settings={"reentry": "always"},
    )  # fmt: skip
    workflow_id = world.workflow(graph)
    await draft(marketer, workflow_id, graph)
    walked = await walk_as(marketer, workflow_id, world.contacts(1)[0])
    assert walked["status"] == "goal_reached" and walked["steps"][-1]["nodeId"] == "mail"
    assert "before" in walked["goalExplanation"] and "Pro" in walked["goalExplanation"]
    met = await walk_as(marketer, workflow_id, world.contacts(1, attributes={"plan": "pro"})[0])
    assert not met["entry"]["admitted"] and "reached the goal Pro" in met["entry"]["reason"]
