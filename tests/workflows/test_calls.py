"""Workflows that call others: circles are refused whoever is published last, and what is called stays."""

from __future__ import annotations

import itertools
from typing import Any

import httpx
import pytest

from app.models.status import Role
from app.models.workspace import Workspace
from tests.fixtures.people import ApiClients
from tests.workflows.examples import PATH


@pytest.fixture
async def admin(api: ApiClients) -> httpx.AsyncClient:
    return await api(Role.ADMIN)


def calling(*callees: str, **data: Any) -> dict[str, Any]:
    """Started manually, with or without a contact; calls these one after another."""
    calls = [
        {"id": f"call-{index}", "type": "sub_workflow", "data": {"workflowId": callee, **data}}
        for index, callee in enumerate(callees)
    ]
    nodes = [*calls, {"id": "end", "type": "end", "data": {}}]
    names = ["trigger", *(node["id"] for node in nodes)]
    trigger = {"type": "manual", "data": {"contact": "optional"}}
    edges = [{"source": a, "target": b} for a, b in itertools.pairwise(names)]
    return {"trigger": trigger, "nodes": nodes, "edges": edges}


async def workflow(client: httpx.AsyncClient, name: str, *callees: str, active: bool = True, **more: Any) -> str:
    answer = await client.post(PATH, json={"name": name, **calling(*callees), **more})
    assert answer.status_code == 201, answer.text
    id_ = str(answer.json()["data"]["id"])
    if active:
        activated = await client.post(f"{PATH}/{id_}/activate")
        assert activated.status_code == 200, activated.text
    return id_


async def redrawn(client: httpx.AsyncClient, id_: str, document: dict[str, Any]) -> list[dict[str, Any]]:
    """Change the draft; what is said of it at `workflowId`, `audience` and `input` of calls."""
    draft = (await client.get(f"{PATH}/{id_}")).json()["data"]
    answer = await client.patch(f"{PATH}/{id_}", json=document, headers={"If-Match": f'"{draft["draftRev"]}"'})
    assert answer.status_code == 200, answer.text
    issues = (await client.get(f"{PATH}/{id_}")).json()["data"]["issues"]
    return [issue for issue in issues if issue["path"].startswith("nodes")]


async def refused(client: httpx.AsyncClient, id_: str) -> str:
    answer = await client.post(f"{PATH}/{id_}/activate")
    assert (answer.status_code, answer.json()["code"]) == (422, "workflow_not_ready"), answer.text
    return str(answer.json()["errors"][0]["message"])


async def test_a_circle_of_two_is_refused_whoever_is_published_last(admin: httpx.AsyncClient) -> None:
    second = await workflow(admin, "Second")
    first = await workflow(admin, "First", second)
    issues = await redrawn(admin, second, calling(first))
    assert [(issue["path"], issue["severity"]) for issue in issues] == [("nodes[0].data.workflowId", "error")]
    assert await refused(admin, second) == (
        "“First” calls this workflow, so they would call one another for ever. Choose another one."
    )
    for door in ("publish", "versions"):
        assert (await admin.post(f"{PATH}/{second}/{door}")).status_code in (404, 405, 422)
    assert (await admin.get(f"{PATH}/{second}")).json()["data"]["version"] == 1


async def test_a_circle_through_several_is_refused_and_told(admin: httpx.AsyncClient) -> None:
    last = await workflow(admin, "D")
    third = await workflow(admin, "C", last)
    second = await workflow(admin, "B", third)
    first = await workflow(admin, "A", second)
    await redrawn(admin, last, calling(first))
    assert "“A” calls “B” calls “C” calls this one again" in await refused(admin, last)


async def test_drafts_may_name_each_other_until_one_is_live(admin: httpx.AsyncClient) -> None:
    second = await workflow(admin, "Second", active=False)
    first = await workflow(admin, "First", second, active=False)
    issues = await redrawn(admin, second, calling(first))
    assert [issue["severity"] for issue in issues] == ["warning"] and "is not active" in issues[0]["message"]
    assert (await admin.post(f"{PATH}/{first}/activate")).status_code == 200
    assert "for ever" in await refused(admin, second)
    await redrawn(admin, second, calling())
    assert (await admin.post(f"{PATH}/{second}/activate")).status_code == 200


async def test_nobody_calls_themselves(admin: httpx.AsyncClient) -> None:
    id_ = await workflow(admin, "Alone", active=False)
    await redrawn(admin, id_, calling(id_))
    assert await refused(admin, id_) == "This workflow would call itself, for ever. Choose another one."
    assert (await admin.delete(f"{PATH}/{id_}")).status_code == 200, "that it names itself holds nothing up"


async def test_a_revert_is_a_door_like_publishing(admin: httpx.AsyncClient) -> None:
    second = await workflow(admin, "Second")
    first = await workflow(admin, "First", second)
    await redrawn(admin, first, calling())
    await admin.post(f"{PATH}/{first}/activate")
    await redrawn(admin, second, calling(first))
    assert (await admin.post(f"{PATH}/{second}/activate")).status_code == 200
    answer = await admin.post(f"{PATH}/{first}/versions/1/revert")
    assert answer.status_code == 422 and "for ever" in answer.text


async def test_the_same_is_called_twice_and_by_two_without_a_circle(admin: httpx.AsyncClient) -> None:
    leaf = await workflow(admin, "Leaf")
    left, right = await workflow(admin, "Left", leaf, leaf), await workflow(admin, "Right", leaf)
    await workflow(admin, "Top", left, right, leaf)


async def test_what_others_call_is_not_taken_away(admin: httpx.AsyncClient) -> None:
    callee = await workflow(admin, "Callee")
    caller = await workflow(admin, "Caller", callee)
    await admin.post(f"{PATH}/{callee}/pause")
    for answer in (await admin.delete(f"{PATH}/{callee}"), await admin.post(f"{PATH}/{callee}/archive")):
        problem = answer.json()
        assert (answer.status_code, problem["code"]) == (409, "workflow_in_use")
        assert "“Caller” (" in problem["detail"] and {use["workflowId"] for use in problem["usedBy"]} == {caller}
    await admin.post(f"{PATH}/{caller}/pause")
    assert (await admin.post(f"{PATH}/{caller}/archive")).status_code == 200
    assert (await admin.post(f"{PATH}/{callee}/archive")).status_code == 200


async def test_a_foreign_workflow_is_none(
    admin: httpx.AsyncClient, api: ApiClients, other_workspace: Workspace
) -> None:
    foreign = await workflow(await api(Role.ADMIN, other_workspace), "Theirs")
    answer = await admin.post(PATH, json={"name": "Ours", **calling(foreign)})
    assert answer.status_code == 422 and "There is no such workflow" in answer.text


SCHEMA = {
    "properties": {"total": {"type": "number"}, "plan": {"type": "string", "enum": ["free", "pro"]}},
    "required": ["total"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "“total” is missing"),
        ({"total": "{{ event.total }}"}, ""),
        ({"total": 3, "plan": "gold"}, "“plan” must be one of"),
        ({"total": 3, "plan": "{{ contact.attributes.plan }}"}, ""),
        ({"total": 3, "colour": "red"}, "“colour” is not known here"),
        ({"total": "many"}, "“total” must be a number"),
    ],
)
async def test_the_input_is_held_against_what_the_trigger_takes(
    admin: httpx.AsyncClient, given: dict[str, Any], said: str
) -> None:
    trigger = {"type": "manual", "data": {"contact": "optional", "input": SCHEMA}}
    callee = await workflow(admin, "Callee", trigger=trigger)
    caller = await workflow(admin, "Caller", active=False)
    issues = await redrawn(admin, caller, calling(callee, input=given))
    messages = [issue["message"] for issue in issues if " asks: " in issue["message"]]
    assert [message.startswith(f"“Callee” asks: {said}") for message in messages] == ([True] if said else [])


@pytest.mark.parametrize(
    ("rule", "audience", "said"),
    [
        ("required", "company", "takes no runs without a contact"),
        ("none", "contact", "takes no contacts"),
        ("none", "company", ""),
        ("optional", "contact", ""),
    ],
)
async def test_whom_the_called_workflow_takes_is_asked(
    admin: httpx.AsyncClient, rule: str, audience: str, said: str
) -> None:
    callee = await workflow(admin, "Callee", trigger={"type": "manual", "data": {"contact": rule}})
    caller = await workflow(admin, "Caller", active=False)
    issues = await redrawn(admin, caller, calling(callee, audience=audience))
    assert [said in issue["message"] for issue in issues] == ([True] if said else [])


@pytest.mark.parametrize(
    ("data", "path"),
    [
        ({}, "nodes[0].data.workflowId"),
        ({"audience": {}}, "nodes[0].data.audience.segmentId"),
        ({"input": {" ": 1}}, "nodes[0].data.input"),
    ],
)
async def test_what_is_still_to_be_chosen(admin: httpx.AsyncClient, data: dict[str, Any], path: str) -> None:
    callee = await workflow(admin, "Callee")
    caller = await workflow(admin, "Caller", active=False)
    document = calling(callee, **data)
    if path.endswith("workflowId"):
        del document["nodes"][0]["data"]["workflowId"]
    issues = await redrawn(admin, caller, document)
    assert path in [issue["path"] for issue in issues if issue["severity"] == "error"]
