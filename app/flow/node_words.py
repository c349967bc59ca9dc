"""Labels of steps and their ports: the same on cards, drawings, lists and in sentences.

Every function takes a stored node of any type; for a type that is not installed, its name is the label.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec

from app.flow import registry
from app.flow.document import LATE, Flow, Node
from app.flow.node_type import ERROR_PORT, FIXED_PORTS, NodeType, Port, Question, SourceCode, WorkflowCall, port_label
from app.flow.references import Reference, marked_fields, references_in, topic_fields
from app.flow.scope import is_constant
from app.flow.segment_membership import segments_named
from app.flow.step_view import StepRecord
from app.lib.translation import gettext

UNKNOWN_CATEGORY = "exit"
"""Steps of a type that is not installed are grey, as ends are."""


def kind_word(type_: str) -> str:
    """What people call a step type."""
    kind = registry.find(type_)
    return gettext(kind.label) if kind else type_


def category_of(type_: str) -> str:
    """The category of a step type, which is its colour."""
    kind = registry.find(type_)
    return kind.category if kind else UNKNOWN_CATEGORY


def channel_number(type_: str) -> int | None:
    """The number of the channel by which steps of this type write to people; None when they do not."""
    kind = registry.find(type_)
    return kind.sends if kind else None


def summary_of(type_: str, data: dict[str, Any]) -> str:
    """What a step does, in one line; empty while it is not configured, or for an unknown type."""
    kind = registry.find(type_)
    config = registry.readable_config(kind, data) if kind else None
    return kind.summary(config) if kind and config is not None else ""


def title_of(type_: str, name: Any, data: dict[str, Any]) -> str:
    """What a step is called: its own name, else what it does, else what its type is called."""
    own = name if isinstance(name, str) else ""
    return own or summary_of(type_, data) or kind_word(type_)


def title_of_plain(node: dict[str, Any]) -> str:
    """The same for a node of a document that was not read."""
    return title_of(str(node.get("type", "")), node.get("name"), node.get("data") or {})


def in_readers_language(port: Port, type_: str) -> Port:
    """A port with its label in the reader's language: what a config calls its ports stands as it is."""
    kind = registry.find(type_)
    own = port.id not in FIXED_PORTS and not (kind and port in kind.outputs)
    return port if own or not port.label else Port(port.id, gettext(port.label), port.tone)


def ports_of(type_: str, data: dict[str, Any]) -> tuple[Port, ...]:
    """The ports of a step without `error`; empty for a type that is not installed."""
    kind = registry.find(type_)
    return tuple(port for port in registry.ports(kind, data) if port is not ERROR_PORT) if kind else ()


def control_group_of(type_: str, data: dict[str, Any]) -> str | None:
    """The port of a step whose contacts the others are compared with, if it has one."""
    kind = registry.find(type_)
    config = registry.readable_config(kind, data) if kind else None
    return kind.control_group(config) if kind and config is not None else None


def jumps_of(type_: str, data: dict[str, Any]) -> list[tuple[str, str]]:
    """Where a step leads without an edge: ports, each with the id of a step."""
    kind = registry.find(type_)
    config = registry.readable_config(kind, data) if kind else None
    return list(kind.jumps(config)) if kind and config is not None else []


def port_of(type_: str, data: dict[str, Any], port_id: str | None) -> Port:
    """One port. A port that the config no longer has is labelled by its id."""
    wanted = port_id or "next"
    ways = (*ports_of(type_, data), ERROR_PORT)
    if wanted.startswith(LATE):
        return Port(wanted, gettext("Cut short"))
    declared = next((port for port in ways if port.id == wanted), Port(wanted))
    return in_readers_language(Port(wanted, port_label(ways, wanted), declared.tone), type_)


def explanation_of(type_: str, data: dict[str, Any], step: StepRecord) -> str:
    """What happened at a step that neither failed nor asked for a message."""
    kind = registry.find(type_) or NodeType
    config = registry.readable_config(kind, data) if kind is not NodeType else None
    return kind.explain(config, step)


def due_at(type_: str, data: dict[str, Any], step: StepRecord) -> datetime | None:
    """When a wait that is over was due to end; None for other steps."""
    kind = registry.find(type_)
    config = registry.readable_config(kind, data) if kind else None
    return kind.due_at(config, step) if kind and config is not None else None


def references_of(node: Node) -> Iterator[Reference]:
    """The rows of the workspace that a step names; none of a type that is not installed."""
    kind = registry.find(node.type)
    if kind is not None:
        yield from references_in(kind.Config, node.data)
    yield from segments_named(node.data)


def topics_of(node: Node) -> Iterator[tuple[str, str]]:
    """The topics of consent that a step names: field of its config, name. One that is filled in as the step is taken is none."""
    kind = registry.find(node.type)
    for field in topic_fields(kind.Config) if kind is not None else ():
        name = node.data.get(field)
        if isinstance(name, str) and (name := name.strip()) and is_constant(name):
            yield field, name


@functools.cache
def field_titles(type_: str) -> dict[str, str]:
    """What people call the fields of a type's config: a reference by its kind, others by the title of their `Meta`, if any."""
    kind = registry.find(type_)
    if kind is None:
        return {}
    schema = msgspec.json.schema(kind.Config)
    fields = schema["$defs"][schema["$ref"].rpartition("/")[2]]["properties"]
    titles = {name: str(field["title"]) for name, field in fields.items() if "title" in field}
    return titles | {field.names[0]: field.kind for field in marked_fields(kind.Config) if len(field.names) == 1}


def written_by(node: Node) -> Iterator[str]:
    """Names of the attributes that a step writes."""
    kind = registry.find(node.type)
    config = registry.readable_config(kind, node.data) if kind else None
    if kind is not None and config is not None:
        yield from kind.writes(config)


def results_of(type_: str, data: dict[str, Any]) -> Mapping[str, str]:
    """What a step puts out for later ones: names with their kinds; nothing of an unknown type or of a config that cannot be read."""
    kind = registry.find(type_)
    config = registry.readable_config(kind, data) if kind else None
    return kind.results(config) if kind is not None and config is not None else {}


def variables_of(type_: str, data: dict[str, Any]) -> Mapping[str, str]:
    """Variables that a step sets, the same way."""
    kind = registry.find(type_)
    config = registry.readable_config(kind, data) if kind else None
    return kind.variables(config) if kind is not None and config is not None else {}


def goal_of(type_: str, data: dict[str, Any]) -> str:
    """The name of the goal that a step is; empty when it is none."""
    kind = registry.find(type_)
    config = registry.readable_config(kind, data) if kind else None
    return kind.goal(config) if kind is not None and config is not None else ""


def goals_of(flow: Flow) -> list[str]:
    """Names of all that a run can reach: the goals of the workflow, then the steps that are one."""
    steps = (goal_of(node.type, node.data) for node in flow.nodes)
    return [*(goal.name or goal.id for goal in flow.goals), *dict.fromkeys(filter(None, steps))]


def code_of(type_: str, data: dict[str, Any]) -> SourceCode | None:
    """The code that a step runs, if it runs any."""
    kind = registry.find(type_)
    config = registry.readable_config(kind, data) if kind else None
    return kind.source_code(config) if kind and config is not None else None


def call_of(type_: str, data: dict[str, Any]) -> WorkflowCall | None:
    """The workflow that a step calls; None at all others, and while none is chosen."""
    kind = registry.find(type_)
    config = registry.readable_config(kind, data) if kind else None
    return kind.calls(config) if kind is not None and config is not None else None


def question_of(type_: str, data: dict[str, Any]) -> Question | None:
    """What a person is asked at a step; None at those that ask nobody."""
    kind = registry.find(type_)
    config = registry.readable_config(kind, data) if kind else None
    return kind.asks(config) if kind is not None and config is not None else None
