"""What the API's reference says of workflow documents: the settings of each step and trigger type, as they are installed.

Requests and answers share these components, so that a program sends back what it read. A type that is not installed, of a plugin that is
gone, is described by the last member of each union.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec
from litestar._openapi.schema_generation import SchemaCreator
from litestar.exceptions import ImproperlyConfiguredException
from litestar.openapi.spec import OpenAPIType, Reference, Schema
from msgspec import UNSET

from app.flow import presentation, registry, trigger_registry
from app.flow.document import MAX_COORDINATE, Edge, Goal, Node, Note, Position, SingleTrigger, Trigger
from app.flow.node_type import NodeType
from app.flow.ops import UpdateNode
from app.flow.settings import FlowSettings
from app.flow.trigger_type import TriggerType
from app.web import openapi
from app.workflows.schemas import VersionDetail, WorkflowDetail, WorkflowSummary

Kind = type[NodeType] | type[TriggerType]


def _steps() -> dict[str, Kind]:
    return {name: registry.get(name) for name in presentation.steps()}


def _triggers() -> dict[str, Kind]:
    return dict(trigger_registry.types())


def _union(schema_creator: SchemaCreator, part: type[msgspec.Struct], kinds: Mapping[str, Kind]) -> Schema:
    """`part` by its `type`; one that names none is of the type that the part says itself."""
    noun = part.__name__
    default = next(one.default for one in msgspec.structs.fields(part) if one.name == "type")
    variants = {}
    for name, kind in kinds.items():
        of_type: Any = Literal[(name,)]
        types = {"type": of_type, "data": _config(schema_creator, kind)}
        meant = {"type": name} if name == default else {}
        called = kind.__name__.removesuffix("Node").removesuffix("Trigger")
        variants[name] = openapi.variant(part, f"{called}{noun}", types, data=UNSET, **meant)
    other = openapi.variant(part, f"Other{noun}", {"type": str})
    return openapi.one_of(schema_creator, part, "type", variants, other)


def _config(schema_creator: SchemaCreator, kind: Kind) -> Any:
    """The settings of a type. A plugin may have some that JSON Schema has no word for: they are any object."""
    try:
        openapi.reference(schema_creator, kind.Config)
    except (ImproperlyConfiguredException, TypeError):
        return dict[str, Any]
    return kind.Config


def _node(schema_creator: SchemaCreator) -> Schema:
    return _union(schema_creator, Node, _steps())


def _trigger(schema_creator: SchemaCreator) -> Schema:
    return _union(schema_creator, Trigger, _triggers())


def _single_trigger(schema_creator: SchemaCreator) -> Schema:
    return _union(schema_creator, SingleTrigger, _triggers())


def _position(schema_creator: SchemaCreator) -> Schema:
    """A whole number is a number, so that coordinates are not one of the two."""
    schema = openapi.members(schema_creator, Position)
    for name in ("x", "y"):
        limits = Schema(type=OpenAPIType.NUMBER, minimum=-MAX_COORDINATE, maximum=MAX_COORDINATE, default=0)
        schema.properties = {**(schema.properties or {}), name: limits}
    return schema


def _update_node(schema_creator: SchemaCreator) -> Schema:
    """An op names the step and not its type, so its settings are those of any."""
    schema = openapi.members(schema_creator, UpdateNode)
    kinds = dict.fromkeys(kind.Config for kind in _steps().values() if _config(schema_creator, kind) is kind.Config)
    configs = [openapi.reference(schema_creator, config) for config in kinds]
    data = Schema(any_of=[*configs, Schema(type=OpenAPIType.OBJECT)], description="All settings, as its type has them.")
    schema.properties = {**(schema.properties or {}), "data": data}
    return schema


ARRAYS: dict[str, type[msgspec.Struct]] = {
    "triggers": Trigger,
    "nodes": Node,
    "edges": Edge,
    "goals": Goal,
    "notes": Note,
}
OBJECTS: dict[str, type[msgspec.Struct]] = {"trigger": SingleTrigger, "settings": FlowSettings}


def _answer(struct: type[msgspec.Struct]) -> Callable[[SchemaCreator], Schema]:
    """An answer that shows a document: its parts are those that requests have."""

    def schema_of(schema_creator: SchemaCreator) -> Schema:
        schema = openapi.members(schema_creator, struct)
        properties: dict[str, Schema | Reference] = schema.properties or {}
        for name, part in ARRAYS.items():
            if name in properties:
                properties[name] = Schema(type=OpenAPIType.ARRAY, items=openapi.reference(schema_creator, part))
        for name, part in OBJECTS.items():
            if name in properties:
                properties[name] = openapi.reference(schema_creator, part)
        return schema

    return schema_of


SCHEMAS: dict[type[msgspec.Struct], Callable[[SchemaCreator], Schema]] = {
    Node: _node,
    Trigger: _trigger,
    SingleTrigger: _single_trigger,
    Position: _position,
    UpdateNode: _update_node,
    **{struct: _answer(struct) for struct in (WorkflowSummary, WorkflowDetail, VersionDetail)},
}
