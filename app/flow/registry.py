"""The list of node types. A module in `app/nodes`, or in `nodes/` of the plugin directory, is found automatically.

Two types of one name are refused, and types that do not say what they are. How a type looks is checked by `presentation`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec

from app.flow import discovery
from app.flow.diagnostic import Diagnostic
from app.flow.node_type import ERROR_PORT, RESERVED_PORTS, NodeType, Port
from app.flow.policies import LONGEST_TIMEOUT_S
from app.flow.references import ReferencedRows
from app.lib.conversions import quoted
from app.lib.field_errors import all_field_errors
from app.lib.translation import gettext

CATEGORIES = ("message", "timing", "logic", "data", "integration", "exit")
MAX_PORT = 100
PLUGINS = "nodes"
SAYS = ("type", "label", "category", "description", "Config")
_list: discovery.TypeList[type[NodeType]] = discovery.TypeList("node type", PLUGINS, SAYS)
_types, _failures = _list.by_name, _list.failures
_aliases: dict[str, str] = {}
look_in = _list.look_in


def node(cls: type[NodeType]) -> type[NodeType]:
    """Put a node type on the list. Raises ValueError when its name is taken or something is missing that every type says."""
    _list.check(cls)
    if cls.category not in CATEGORIES:
        raise ValueError(f"{cls.category!r} is no category. Use one of {', '.join(CATEGORIES)}.")
    if cls.compile is NodeType.compile:
        raise ValueError(f"The node type {cls.type!r} has no compile.")
    _types[cls.type] = cls
    _aliases.update(dict.fromkeys(cls.aliases, cls.type))
    return cls


def failures() -> dict[str, str]:
    """Modules that could not be loaded, each with a sentence that says why."""
    _list.discover()
    return dict(_failures)


def types() -> dict[str, type[NodeType]]:
    """All node types by name, in the order of category and label."""
    _list.discover()
    return dict(sorted(_types.items(), key=lambda item: (CATEGORIES.index(item[1].category), item[1].label)))


def find(name: str) -> type[NodeType] | None:
    """The type called `name`; None when it is not installed (any more)."""
    _list.discover()
    return _types.get(name)


def own_name(name: str) -> str:
    """The name of the type that documents may call `name`; `name` itself for those that have no other."""
    if _list.is_placed:
        _list.discover()
    return name if name in _types else _aliases.get(name, name)


def with_own_fields(name: str, data: dict[str, Any]) -> dict[str, Any]:
    """A configuration of a type with the fields' own names; itself when it has no others, or both of one field."""
    kind = _types.get(name)
    others = {} if kind is None else kind.field_aliases
    if not any(alias in data and own not in data for alias, own in others.items()):
        return data
    return {others[key] if key in others and others[key] not in data else key: value for key, value in data.items()}


def get(name: str) -> type[NodeType]:
    """The type called `name`. Raises KeyError."""
    _list.discover()
    return _types[name]


def ports(kind: type[NodeType], data: dict[str, Any] | None = None) -> tuple[Port, ...]:
    """All ports of a step with this config, `error` included; none for the end of a workflow.

    A config that is not given, or that cannot be read yet, has the ways of the type.
    """
    own = kind.outputs
    if has_own_ports(kind) and (config := readable_config(kind, data)) is not None:
        own = kind.ports(config)
    return (*own, ERROR_PORT) if own else ()


def may_handle(kind: type[NodeType]) -> bool:
    """Do errors of other steps lead to its steps, and no edges?"""
    return getattr(kind.handles, "__func__", None) is not getattr(NodeType.handles, "__func__", None)


def learns_of_errors(kind: type[NodeType]) -> bool:
    """Does what its steps do depend on the error that brought a run there, and so on that none did?"""
    own = getattr(kind.alternatives, "__func__", None) is not getattr(NodeType.alternatives, "__func__", None)
    return own or may_handle(kind)


def may_hold_code(name: str) -> bool:
    """May steps of the type called `name` hold code of people?"""
    kind = find(name)
    return kind is not None and getattr(kind.source_code, "__func__", None) is not getattr(
        NodeType.source_code, "__func__", None
    )


def has_own_ports(kind: type[NodeType]) -> bool:
    """Does the config of its steps declare their ports?"""
    return getattr(kind.ports, "__func__", None) is not getattr(NodeType.ports, "__func__", None)


def is_timed(kind: type[NodeType]) -> bool:
    """Does somebody else end its steps, so that a `timeout` says how long that may take?"""
    return kind.timed or kind.sends is not None


def longest_timeout_s(kind: type[NodeType]) -> int:
    """The longest `timeout` of its steps, in seconds."""
    return LONGEST_TIMEOUT_S if kind.sends is not None else kind.longest_timeout_s


def needs_contact(kind: type[NodeType], data: dict[str, Any]) -> bool:
    """Is a step with this config meaningless without a contact?"""
    config = readable_config(kind, data)
    return kind.needs_contact if config is None else kind.means_contact(config)


def config_schema(kind: type[NodeType]) -> dict[str, Any]:
    """JSON Schema of the type's config."""
    return msgspec.json.schema(kind.Config)


def config_of(kind: type[NodeType], data: dict[str, Any]) -> Any:
    """`data` as the type's config. Raises msgspec.ValidationError."""
    return msgspec.convert(data, kind.Config)


def readable_config(kind: type[NodeType], data: dict[str, Any] | None) -> Any:
    """The same; None when it is invalid, as it may be in a draft or an old version."""
    try:
        return None if data is None else config_of(kind, data)
    except msgspec.ValidationError:
        return None


def diagnostics(kind: type[NodeType], data: dict[str, Any]) -> list[Diagnostic]:
    """All that is wrong with `data`; paths begin below `data` (`duration`, `conditions[0].operator`)."""
    if faults := all_field_errors(data, kind.Config):
        return [Diagnostic(fault["path"], fault["message"]) for fault in faults]
    config = config_of(kind, data)
    return [*kind.diagnostics(config), *(_port_diagnostics(kind, kind.ports(config)) if has_own_ports(kind) else ())]


def row_diagnostics(kind: type[NodeType], data: dict[str, Any], rows: ReferencedRows) -> list[Diagnostic]:
    """What is wrong between `data` and the rows that it names; nothing where `data` cannot be read."""
    return [] if all_field_errors(data, kind.Config) else kind.row_diagnostics(config_of(kind, data), rows)


def _port_diagnostics(kind: type[NodeType], ports: tuple[Port, ...]) -> Iterator[Diagnostic]:
    """Ways out that a config makes and that could not be told from each other, or from what is counted of a step."""
    counts = Counter(port.id for port in ports)
    reserved = RESERVED_PORTS - {port.id for port in kind.outputs}
    for port_id, times in counts.items():
        if not port_id or len(port_id) > MAX_PORT:
            yield Diagnostic("", gettext("The name of a branch has 1 to %(max_port)s characters.", max_port=MAX_PORT))
        elif port_id in reserved or "." in port_id:
            yield Diagnostic(
                "",
                gettext(
                    "No branch may be called %(port_id)s. Choose another name without a dot.", port_id=quoted(port_id)
                ),
            )
        elif times > 1:
            yield Diagnostic(
                "",
                gettext("Two branches are called %(port_id)s. Give each a name of its own.", port_id=quoted(port_id)),
            )
