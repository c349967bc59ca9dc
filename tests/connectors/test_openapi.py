"""The API's reference has the settings of every connector type that is installed, told apart by `type`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from litestar import Litestar

from app.messaging.channels import registry
from app.models.status import Role
from tests.fixtures.plugins import plugins_in
from tests.messaging.pager import write_pager

SERVER = {"host": "smtp.example.com", "fromEmail": "shop@example.com"}


def body_of(document: dict[str, Any], path: str, method: str) -> dict[str, Any]:
    schema = document["paths"][path][method]["requestBody"]["content"]["application/json"]["schema"]
    return component(document, schema["$ref"]) if "$ref" in schema else schema


def component(document: dict[str, Any], reference: str) -> dict[str, Any]:
    schema: dict[str, Any] = document["components"]["schemas"][reference.removeprefix("#/components/schemas/")]
    return schema


async def test_each_type_has_its_own_body(client: httpx.AsyncClient) -> None:
    document = (await client.get("/docs/openapi/openapi.json")).json()
    new = body_of(document, "/api/v1/connectors", "post")
    mapping = new["discriminator"]["mapping"]
    assert new["discriminator"]["propertyName"] == "type" and list(mapping) == list(registry.connector_types())
    assert [one["$ref"] for one in new["oneOf"]] == list(mapping.values())
    for name, kind in registry.connector_types().items():
        variant = component(document, mapping[name])
        assert variant["additionalProperties"] is False and set(variant["properties"]) == {
            "name",
            "type",
            "config",
            "isDefault",
            "limits",
            "standInId",
        }
        config = component(document, variant["properties"]["config"]["$ref"])
        assert set(config["properties"]) == set(kind.fields()) and config["additionalProperties"] is False
    change = body_of(document, "/api/v1/connectors/{connector_id}", "patch")
    changes = [component(document, one["$ref"]) for one in change["properties"]["config"]["anyOf"]]
    assert [set(one["properties"]) for one in changes] == [
        {field.encode_name for field in msgspec.structs.fields(kind.Change)}
        for kind in registry.connector_types().values()
    ]
    assert all(not one["required"] for one in changes)
    shown = document["components"]["schemas"]
    views = next(
        one
        for name, one in shown.items()
        if name.startswith("Envelope") and "ConnectorView" in name and "list" not in name
    )
    union = component(document, views["properties"]["data"]["$ref"])
    view = component(document, union["discriminator"]["mapping"]["smtp"])
    assert "password" not in component(document, view["properties"]["config"]["$ref"])["properties"]


async def test_types_of_plugins_are_in_it(tmp_path: Path, test_app: Litestar) -> None:
    from app.asgi import create_app

    write_pager(tmp_path)
    with plugins_in(tmp_path):
        document = create_app().openapi_schema.to_schema()
    new = body_of(document, "/api/v1/connectors", "post")
    variant = component(document, new["discriminator"]["mapping"]["pager"])
    assert variant["properties"]["type"]["const"] == "pager" and "type" in variant["required"]
    assert set(component(document, variant["properties"]["config"]["$ref"])["properties"]) == {"token", "signature"}


@pytest.mark.parametrize("type_", [None, "", "smtp"])
async def test_bodies_of_before_are_accepted(api: Any, type_: str | None) -> None:
    """Without a type the first is meant."""
    client = await api(Role.ADMIN)
    body = {"name": "Relay", "config": SERVER} | ({} if type_ is None else {"type": type_})
    answer = await client.post("/api/v1/connectors", json=body)
    assert answer.status_code == 201 and answer.json()["data"]["type"] == "smtp"
