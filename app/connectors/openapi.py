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


def _variant(
    base: type[msgspec.Struct], name: str, kind: type[ConnectorType], config: Any, *, optional: bool = False
) -> type[msgspec.Struct]:
    """`base` for one connector type. `optional`: the default when `type` is left out."""
    of_type: Any = Literal[(kind.type, "") if optional else (kind.type,)]
    typed = {"type": (of_type, kind.type) if optional else (of_type,), "config": (config,)}
    hints = get_type_hints(base, include_extras=True)
    fields = [
        (field.name, *typed[field.name])
        if field.name in typed
        else (field.name, hints[field.name])
        if field.required
        else (field.name, hints[field.name], field.default)
        for field in msgspec.structs.fields(base)
    ]
    strict = base.__struct_config__.forbid_unknown_fields
    return msgspec.defstruct(name, fields, rename="camel", kw_only=True, forbid_unknown_fields=strict)


def _new(schema_creator: SchemaCreator) -> Schema:
    kinds = [one.kind for one in presentation.installed().values()]
    return openapi.one_of(
        schema_creator,
        "type",
        {
            kind.type: _variant(NewConnector, f"New{kind.__name__}", kind, kind.Config, optional=kind is kinds[0])
            for kind in kinds
        },
    )


def _shown(schema_creator: SchemaCreator) -> Schema:
    kinds = registry.connector_types().values()
    return openapi.one_of(
        schema_creator,
        "type",
        {kind.type: _variant(ConnectorView, f"{kind.__name__}View", kind, _view_of(kind)) for kind in kinds},
    )


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
