"""What the installed step types say about configurations, through the API."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from app.models.status import Role
from tests.fixtures.people import ApiClients
from tests.workflows.examples import PATH, created, field_errors, op, patch_draft, tagging

RULE = {"field": "source", "operator": "equals", "value": "web"}


@pytest.fixture
async def marketer(api: ApiClients) -> httpx.AsyncClient:
    return await api(Role.MARKETER)


def with_node(type_: str, **data: Any) -> dict[str, Any]:
    return tagging(nodes=[{"id": "it", "type": type_, "data": data}], edges=[{"source": "trigger", "target": "it"}])


@pytest.mark.parametrize(
    ("type_", "data", "path", "words"),
    [
        ("delay", {"duration": 366, "unit": "days"}, "duration", "365 days"),
        ("delay", {"duration": 365 * 86_400 + 1, "unit": "seconds"}, "duration", "365 days"),
        ("delay", {"duration": 0}, "duration", "above 0"),
        ("delay", {"duration": "soon"}, "duration", "Send a number, not text."),
        ("delay", {"duration": 1, "unit": "fortnights"}, "unit", "fortnights"),
        ("delay", {"lenght": 1}, "lenght", "duration, unit"),
        ("condition", {"conditions": [RULE] * 11}, "conditions", "At most 10"),
        ("condition", {"conditions": [{"match": "any", "conditions": [RULE] * 11}]}, "conditions", "At most 10"),
        ("condition", {"conditions": [{**RULE, "operator": "resembles"}]}, "conditions[0].operator", "equals"),
        ("condition", {"conditions": [RULE, {**RULE, "field": "a b"}]}, "conditions[1].field", "not a field"),
        ("condition", {"conditions": [RULE], "match": "some"}, "match", "some"),
        ("condition", {"conditions": "source = web"}, "conditions", "a list, not text"),
        ("send_email", {"templateId": "welcome"}, "templateId", "UUID"),
        ("send_email", {"fromEmail": "nobody"}, "fromEmail", "address"),
        ("update_contact", {"set": {"email": "x@example.com"}}, "set.email", "cannot be changed"),
        ("end", {"now": True}, "now", "outcome, output"),
    ],
)
async def test_a_configuration_that_contradicts_itself_is_refused(
    marketer: httpx.AsyncClient, type_: str, data: dict[str, Any], path: str, words: str
) -> None:
    answer = await marketer.post(PATH, json=with_node(type_, **data))
    assert answer.status_code == 422, answer.text
    found = field_errors(answer)
    assert words in found[f"nodes[0].data.{path}"], found


@pytest.mark.parametrize(
    ("type_", "data", "path"),
    [
        ("send_email", {}, "templateId"),
        ("condition", {}, "conditions"),
        ("condition", {"conditions": [{"field": "", "operator": "equals", "value": "x"}]}, "conditions[0].field"),
        ("condition", {"conditions": [{"field": "source", "operator": "equals"}]}, "conditions[0].value"),
        ("add_tag", {}, "tag"),
        ("update_contact", {}, "set"),
        ("update_contact", {"set": {"plan": ["{% if %}"]}}, "set.plan[0]"),
        ("update_contact", {"set": {"plan": "{{ event.plan "}}, "set.plan"),
    ],
)
async def test_what_is_still_to_be_chosen_is_saved_and_listed(
    marketer: httpx.AsyncClient, api: ApiClients, type_: str, data: dict[str, Any], path: str
) -> None:
    flow = await created(marketer, with_node(type_, **data))
    (issue,) = flow["issues"]
    assert issue["path"] == f"nodes[0].data.{path}" and issue["nodeId"] == "it" and issue["severity"] == "error"
    refused = await (await api(Role.ADMIN)).post(f"{PATH}/{flow['id']}/activate")
    assert refused.status_code == 422 and list(field_errors(refused)) == [issue["path"]]


@pytest.mark.parametrize("part", ["trigger", "goal"])
async def test_conditions_of_the_trigger_and_of_goals_are_checked(marketer: httpx.AsyncClient, part: str) -> None:
    rules = [{**RULE, "operator": "resembles"}]
    if part == "trigger":
        body, path = tagging(trigger={"type": "event", "event": "x", "conditions": rules}), "trigger"
    else:
        body, path = tagging(goals=[{"id": "g", "event": "x", "conditions": rules}]), "goals[0]"
    found = field_errors(await marketer.post(PATH, json=body))
    assert "resembles" in found[f"{path}.conditions[0].operator"]


async def test_an_edge_from_the_error_port(marketer: httpx.AsyncClient) -> None:
    flow = await created(marketer)
    edge = {"source": "tag", "target": "end", "sourceHandle": "error"}
    assert (await patch_draft(marketer, flow["id"], 1, op("add_edge", edge=edge))).status_code == 200


async def test_node_types(api: ApiClients, client: httpx.AsyncClient) -> None:
    answer = await (await api(Role.VIEWER)).get("/api/v1/node-types")
    assert answer.status_code == 200
    types = {kind["type"]: kind for kind in answer.json()["data"]}
    assert {"send_email", "delay", "condition", "update_contact", "add_tag", "remove_tag", "end"} <= set(types)
    assert types["condition"]["ports"] == ["true", "false", "error"] and types["end"]["ports"] == []
    assert all(kind["label"] and kind["category"] and kind["description"] for kind in types.values())
    (definition,) = (body for name, body in types["delay"]["schema"]["$defs"].items() if "Delay" in name)
    assert set(definition["properties"]) == {"duration", "unit", "until"}
    assert (await client.get("/api/v1/node-types")).status_code == 401


async def test_trigger_types(api: ApiClients, client: httpx.AsyncClient) -> None:
    answer = await (await api(Role.VIEWER)).get("/api/v1/trigger-types")
    types = {kind["type"]: kind for kind in answer.json()["data"]}
    assert {"event", "manual"} <= set(types)
    assert types["event"]["ports"] == ["next"] and types["event"]["category"] == "trigger"
    assert "event" in str(types["event"]["schema"])
    assert (await client.get("/api/v1/trigger-types")).status_code == 401
