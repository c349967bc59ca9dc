"""The list of node types. A module in `app/nodes` is on it by being there; two types of one name are refused."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from typing import Any

import msgspec

import app.nodes as package
from app.flow.diagnostic import Diagnostic
from app.flow.node_type import NodeType
from app.lib.complaints import all_complaints

CATEGORIES = ("message", "timing", "logic", "data", "integration", "exit")
_types: dict[str, type[NodeType]] = {}


def node(cls: type[NodeType]) -> type[NodeType]:
    """Put a node type on the list. Raises ValueError when its name is taken."""
    if cls.type in _types:
        raise ValueError(f"Two node types are called {cls.type!r}.")
    _types[cls.type] = cls
    return cls


@functools.cache
def _discover() -> None:
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{package.__name__}.{module.name}")


def types() -> dict[str, type[NodeType]]:
    """All node types by name, in the order of category and label."""
    _discover()
    return dict(sorted(_types.items(), key=lambda item: (CATEGORIES.index(item[1].category), item[1].label)))


def find(name: str) -> type[NodeType] | None:
    """The type called `name`, None when there is none (any more)."""
    _discover()
    return _types.get(name)


def get(name: str) -> type[NodeType]:
    """The type called `name`. Raises KeyError."""
    _discover()
    return _types[name]


def ports(kind: type[NodeType]) -> tuple[str, ...]:
    """All ways out of a type, `error` among them; the end of a workflow has none."""
    return (*kind.ports, "error") if kind.ports else ()


def config_schema(kind: type[NodeType]) -> dict[str, Any]:
    """JSON Schema of the type's config."""
    return msgspec.json.schema(kind.Config)


def config_of(kind: type[NodeType], data: dict[str, Any]) -> Any:
    """`data` as the type's config. Raises msgspec.ValidationError."""
    return msgspec.convert(data, kind.Config)


def problems(kind: type[NodeType], data: dict[str, Any]) -> list[Diagnostic]:
    """All that is wrong with `data`; paths begin below `data` (`duration`, `conditions[0].operator`)."""
    if faults := all_complaints(data, kind.Config):
        return [Diagnostic(fault["path"], fault["message"]) for fault in faults]
    return kind.issues(config_of(kind, data))
