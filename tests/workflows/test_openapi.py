"""The API's reference has the settings of every step and trigger type that is installed, told apart by `type`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import pytest

from app.flow import presentation, registry, trigger_registry
from app.models.status import Role
from tests.fixtures.people import ApiClients
from tests.fixtures.plugins import SWITCH, plugins_in, write_pick
from tests.workflows.examples import ONBOARDING

Fits = Callable[[str, Any], bool]
NODE = {"id": "a", "type": "delay"}
REFERENCE = "#/components/schemas/"


def fits_in(document: dict[str, Any]) -> Fits:
    """Does a value fit a component of the document?"""
    # The document writes patterns as Python does; here the end of a text is said as in JSON Schema.
    components = json.loads(json.dumps(document["components"]).replace(r"\\Z", "$"))

    def fits(name: str, value: Any) -> bool:
        return jsonschema_rs.Draft202012Validator({"$ref": f"{REFERENCE}{name}", "components": components}).is_valid(
            value
        )

    return fits


async def document_of(client: httpx.AsyncClient) -> dict[str, Any]:
    document: dict[str, Any] = (await client.get("/docs/openapi/openapi.json")).json()
    return document


def example_of(look: presentation.Presentation) -> Any:
    return json.loads((presentation.folder_on_disk(look.folder) / "example.json").read_text())


def configs(document: dict[str, Any], union: str) -> dict[str, set[str]]:
    """The names of the settings of each type, as the reference has them."""
    schemas = document["components"]["schemas"]
    mapping = {
        type_: schemas[name.removeprefix(REFERENCE)]
        for type_, name in schemas[union]["discriminator"]["mapping"].items()
    }
    assert [one["$ref"] for one in schemas[union]["oneOf"][:-1]] == list(
        schemas[union]["discriminator"]["mapping"].values()
    )
    assert all(one["properties"]["type"]["const"] == type_ for type_, one in mapping.items())
    data = {type_: one["properties"]["data"]["$ref"].removeprefix(REFERENCE) for type_, one in mapping.items()}
    return {type_: set(schemas[name]["properties"]) for type_, name in data.items()}


async def test_each_type_has_its_settings(client: httpx.AsyncClient) -> None:
    document = await document_of(client)
    steps = {name: set(registry.get(name).Config.__struct_encode_fields__) for name in presentation.steps()}
    assert configs(document, "Node") == steps
    for union in ("Trigger", "SingleTrigger"):
        assert configs(document, union)["event"] == set(trigger_registry.fields("event"))
        assert list(configs(document, union)) == list(trigger_registry.types())


async def test_examples_fit_and_what_the_types_refuse_does_not(client: httpx.AsyncClient) -> None:
    fits = fits_in(await document_of(client))
    for name, look in presentation.steps().items():
        assert fits("Node", {"id": "a", "type": name, "data": example_of(look)}), name
        assert fits("Node", {"id": "a", "type": name}), "unfinished ones are saved"
        assert not fits("Node", {"id": "a", "type": name, "data": {"noSuchSetting": 1}})
    for name, look in presentation.triggers().items():
        assert fits("Trigger", {"id": "t", "type": name, "data": example_of(look)}), name
        assert not fits("Trigger", {"id": "t", "type": name, "data": {"noSuchSetting": 1}})
    assert fits("Node", {**NODE, "width": 240, "measured": {"height": 66}}), "an editor's fields are left out"
    assert not fits("Node", {**NODE, "data": {"duration": "soon"}}) and not fits("Node", {**NODE, "hight": 1})
    assert fits("Node", {"id": "a", "type": "of_a_plugin", "data": {"anything": [1]}})
    assert fits("Trigger", {"data": {"event": "order.created"}}) and fits("SingleTrigger", {"event": "order.created"})


async def test_bodies_and_answers_fit(client: httpx.AsyncClient, api: ApiClients) -> None:
    fits, marketer = fits_in(await document_of(client)), await api(Role.MARKETER)
    nodes = [node for node in ONBOARDING["nodes"] if node["type"] != "send_email"]
    body = {**ONBOARDING, "nodes": [*nodes, {"id": "mail", "type": "send_email"}], "edges": [], "viewport": {"x": 1}}
    assert fits("NewWorkflow", ONBOARDING) and fits("NewWorkflow", body)
    answer = await marketer.post("/api/v1/workflows", json=body)
    workflow = answer.json()["data"]
    assert answer.status_code == 201 and fits("WorkflowDetail", workflow)
    assert fits("WorkflowPatch", {name: workflow[name] for name in ("triggers", "nodes", "edges", "goals", "settings")})
    assert not fits("WorkflowDetail", {**workflow, "nodes": [{**workflow["nodes"][0], "data": {"duration": []}}]})
    wrong = {**body, "nodes": [{**NODE, "data": {"duration": "soon"}}]}
    refused = await marketer.post("/api/v1/workflows", json=wrong)
    assert refused.status_code == 422 and not fits("NewWorkflow", wrong)
    operation = {"id": "1", "kind": "update_node", "nodeId": "mail", "data": {"templateId": None}}
    assert fits("DraftPatch", {"client": "tab", "ops": [operation]})


@pytest.mark.parametrize("text", [SWITCH, SWITCH.replace('value: str = ""', "value: msgspec.Raw = msgspec.Raw()")])
async def test_types_of_plugins_are_in_it(tmp_path: Path, text: str) -> None:
    from app.asgi import create_app

    write_pick(tmp_path)
    (tmp_path / "nodes" / "pick.py").write_text(text)
    with plugins_in(tmp_path):
        document = create_app().openapi_schema.to_schema()
    schemas = document["components"]["schemas"]
    assert "pick" in schemas["OtherNode"]["properties"]["type"]["not"]["enum"]
    data = schemas[schemas["Node"]["discriminator"]["mapping"]["pick"].removeprefix(REFERENCE)]["properties"]["data"]
    plain = {"type": "object", "additionalProperties": {}}
    assert data == ({"$ref": f"{REFERENCE}PickConfig"} if text == SWITCH else plain)
