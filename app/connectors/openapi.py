"""OpenAPI of connectors: the settings of each installed type, discriminated by `type`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, get_type_hints

import msgspec
from litestar._openapi.schema_generation import SchemaCreator
from litestar.openapi.spec import OpenAPIType, Schema

from app.connectors.schemas import ConnectorChange, ConnectorView, NewConnector
from app.messaging.channels import presentation, registry
from app.messaging.channels.connector import ConnectorType
from app.web import openapi


def _new(schema_creator: SchemaCreator) -> Schema:
    kinds = [one.kind for one in presentation.installed().values()]
    variants = {}
    for kind in kinds:
        first = kind is kinds[0]  # the default when `type` is left out
        of_type: Any = Literal[(kind.type, "") if first else (kind.type,)]
        types = {"type": of_type, "config": kind.Config}
        variants[kind.type] = openapi.variant(
            NewConnector, f"New{kind.__name__}", types, **({"type": kind.type} if first else {})
        )
    return openapi.one_of(schema_creator, NewConnector, "type", variants)


def _shown(schema_creator: SchemaCreator) -> Schema:
    variants = {}
    for kind in registry.connector_types().values():
        types: dict[str, Any] = {"type": Literal[(kind.type,)], "config": _view_of(kind)}
        variants[kind.type] = openapi.variant(ConnectorView, f"{kind.__name__}View", types)
    return openapi.one_of(schema_creator, ConnectorView, "type", variants)


def _view_of(kind: type[ConnectorType]) -> Any:
    """What `view` of a type says that it answers: a struct, or any object."""
    answer = get_type_hints(kind.view).get("return")
    return answer if isinstance(answer, type) and issubclass(answer, msgspec.Struct) else dict[str, Any]


def _change(schema_creator: SchemaCreator) -> Schema:
    kinds = registry.connector_types().values()
    some = [openapi.reference(schema_creator, kind.Change) for kind in kinds]
    properties = {
        field.encode_name: openapi.reference(schema_creator, field.type)
        for field in msgspec.structs.fields(ConnectorChange)
    }
    properties["config"] = Schema(any_of=some, description="Settings of its type to change; what is absent stays.")
    return Schema(type=OpenAPIType.OBJECT, properties=properties, additional_properties=False)


SCHEMAS: dict[type[msgspec.Struct], Callable[[SchemaCreator], Schema]] = {
    NewConnector: _new,
    ConnectorView: _shown,
    ConnectorChange: _change,
}
