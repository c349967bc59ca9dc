"""What is wrong with a graph document. Pure: what the database knows is handed in.

*Refusals* keep a document from being saved: it contradicts itself (an edge to nowhere, a circle) or a limit. *Issues* are
saved and listed, because people build step by step: a mail without a template yet, a step nothing leads to. Issues of
severity `error` block activation, `warning` does not. Every message says where (`nodes[2].data.duration`) and what to do.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

import msgspec

from app.errors import Complaint
from app.flow.document import (
    MAX_EDGES,
    MAX_GOALS,
    MAX_NODES,
    MAX_NOTES,
    TRIGGER,
    UNIT_SECONDS,
    Edge,
    Goal,
    Graph,
    Node,
    Note,
    Settings,
    Span,
    UncertainRule,
    cycle,
)
from app.flow.field_reads import KnownNames
from app.flow.lint import doubts
from app.flow.step_types import Problem, StepTypes
from app.lib import jsonlimits
from app.lib.nearest import did_you_mean
from app.lib.readings import quoted

ONLY_WITH_EVENT = (
    "This goal can be checked only when its event happens, because its conditions read the event. "
    "Use fields of the contact, such as contact.plan, or switch this off."
)
MAX_CONFIG_BYTES, MAX_CONFIG_DEPTH = 65_536, 20
MAX_MARKS = 2_000
"""`{{` and `{%` in all settings together. Each takes some 30 µs to compile, and a draft is compiled at every change."""
Severity = Literal["error", "warning"]
Exists = Callable[[UUID], bool]
NOTHING_KNOWN = KnownNames()
LONGEST_UNCERTAIN_DAYS = 30
"""How long an email may stay uncertain before the rule of its workflow decides."""


class Finding(msgspec.Struct, rename="camel", kw_only=True, frozen=True):
    """One thing wrong: where, what to do, on which card (`trigger` for the trigger), and whether it blocks activation."""

    path: str
    message: str
    node_id: str | None = None
    severity: Severity = "error"

    def complaint(self) -> Complaint:
        """The same for the `errors` list of an answer."""
        told: Complaint = {"path": self.path, "message": self.message}
        if self.node_id is not None:
            told["nodeId"] = self.node_id
        return told

    @property
    def identity(self) -> tuple[str, str, str | None]:
        """Equal for the same fault in two revisions: the index of a node moves when another one is removed."""
        return re.sub(r"^(\w+)\[\d+\]", r"\1", self.path), self.message, self.node_id


@dataclass
class Findings:
    refusals: list[Finding] = field(default_factory=list)
    issues: list[Finding] = field(default_factory=list)

    @property
    def all(self) -> list[Finding]:
        """What people see on the cards: a stored document has refusals too when a template was deleted since."""
        return self.refusals + self.issues

    @property
    def blocking(self) -> list[Finding]:
        """What keeps the workflow from being activated."""
        return [finding for finding in self.all if finding.severity == "error"]


def references(graph: Graph, key: str) -> set[UUID]:
    """The ids that nodes name under `data[key]` (`templateId`, `connectorId`), as far as they are ids."""
    found = set()
    for node in graph.nodes:
        try:
            found.add(UUID(str(node.data.get(key))))
        except ValueError:
            continue
    return found


def validate(
    graph: Graph,
    *,
    types: StepTypes,
    template_exists: Exists,
    connector_exists: Exists = lambda _: True,
    known: KnownNames = NOTHING_KNOWN,
) -> Findings:
    """Everything wrong with `graph`. `types` knows the step types and the condition language, `known` the names of data."""
    found = Findings()
    found.refusals += _shape(graph)
    if too_much := list(_sizes(graph)):
        found.refusals += too_much
        return found  # nothing that is too large is compiled
    for index, node in enumerate(graph.nodes):
        _judge_node(found, index, node, types)
        for key, exists, noun in (
            ("templateId", template_exists, "template"),
            ("connectorId", connector_exists, "connector"),
        ):
            found.refusals += _reference(index, node, key, exists, noun)
    _judge_edges(found, graph, types)
    _judge_trigger(found, graph, types)
    _judge_goals(found, graph, types)
    found.issues += _lost_steps(graph)
    for doubt in doubts(graph, known):
        warning = Finding(path=doubt.path, message=doubt.message, node_id=doubt.node_id, severity="warning")
        found.issues.append(warning)
    return found


def _shape(graph: Graph) -> Iterator[Finding]:
    limited: list[tuple[str, Sequence[Node | Edge | Goal | Note], int]] = [
        ("nodes", graph.nodes, MAX_NODES),
        ("edges", graph.edges, MAX_EDGES),
        ("goals", graph.goals, MAX_GOALS),
        ("notes", graph.notes, MAX_NOTES),
    ]
    for name, parts, most in limited:
        if len(parts) > most:
            yield Finding(
                path=name, message=f"A workflow has at most {most} {name}; this one has {len(parts)}. Split it in two."
            )
        ids = Counter(str(part.id) for part in parts)
        for index, part in enumerate(parts):
            if ids[str(part.id)] > 1:
                message = f"Two {name} are called {quoted(part.id)}. Give each an id of its own."
                yield Finding(path=f"{name}[{index}].id", message=message)
    for index, node in enumerate(graph.nodes):
        if node.id == TRIGGER:
            yield Finding(
                path=f"nodes[{index}].id", message="`trigger` is the trigger's id. Give the node another one."
            )
    if b"\\u0000" in msgspec.json.encode(graph):
        for path in _zero_bytes(graph.document(), ""):
            yield Finding(path=path, message="This text holds a zero character. Remove it.")


def _sizes(graph: Graph) -> Iterator[Finding]:
    """Parts that are too large, or that hold more placeholders than can be read while somebody types."""
    marks = 0
    for path, value in _free_parts(graph):
        try:
            encoded = jsonlimits.storable(value, max_bytes=MAX_CONFIG_BYTES, max_depth=MAX_CONFIG_DEPTH)
        except jsonlimits.Unstorable as error:
            if "U+0000" not in str(error):
                yield Finding(path=path, message=str(error))
                return
            continue
        marks += encoded.count("{{") + encoded.count("{%")
        if marks > MAX_MARKS:
            message = f"A workflow has at most {MAX_MARKS:,} placeholders in all its steps. Take some out of this one."
            yield Finding(path=path, message=message)
            return


def _free_parts(graph: Graph) -> Iterator[tuple[str, Any]]:
    """The parts whose shape is not fixed by the document."""
    yield "trigger.conditions", graph.trigger.conditions
    for index, node in enumerate(graph.nodes):
        yield f"nodes[{index}].data", node.data
    for index, goal in enumerate(graph.goals):
        yield f"goals[{index}].conditions", goal.conditions


def _zero_bytes(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, str) and "\0" in value:
        yield path
    elif isinstance(value, dict):
        for key, inner in value.items():
            if "\0" in key:
                yield f"{path}.{key!r}".lstrip(".")
            yield from _zero_bytes(inner, f"{path}.{key}".lstrip("."))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _zero_bytes(inner, f"{path}[{index}]")


def _take(found: Findings, problems: list[Problem], path: str, node_id: str | None) -> None:
    for problem in problems:
        where = f"{path}.{problem.path}" if problem.path else path
        finding = Finding(path=where, message=problem.message, node_id=node_id)
        (found.issues if problem.incomplete else found.refusals).append(finding)


def _judge_node(found: Findings, index: int, node: Node, types: StepTypes) -> None:
    path = f"nodes[{index}]"
    if node.type not in types.names():
        found.refusals.append(
            Finding(path=f"{path}.type", message=_unknown(node.type, types.names(), "node type"), node_id=node.id)
        )
        return
    _take(found, types.problems(node.type, node.data), f"{path}.data", node.id)


def _unknown(word: str, known: list[str], noun: str) -> str:
    return f"There is no {noun} `{word}`. {did_you_mean(word, known)}"


def _reference(index: int, node: Node, key: str, exists: Exists, noun: str) -> Iterator[Finding]:
    value = node.data.get(key)
    if value in (None, ""):
        return
    path = f"nodes[{index}].data.{key}"
    try:
        known = exists(UUID(str(value)))
    except ValueError:
        yield Finding(path=path, message=f"{quoted(value)} is not an id. Send the UUID of a {noun}.", node_id=node.id)
        return
    if not known:
        yield Finding(path=path, message=f"There is no {noun} {value}. Choose one of this workspace.", node_id=node.id)


def _lost_steps(graph: Graph) -> Iterator[Finding]:
    """Rules that ask for the output of a step that is not there: they would always find nothing."""
    known = {node.id for node in graph.nodes}
    for index, node in enumerate(graph.nodes):
        for path, name in _steps_read(node.data, f"nodes[{index}].data"):
            if name not in known:
                message = f"There is no step `{name}` to read from. Choose another field."
                yield Finding(path=path, message=message, node_id=node.id, severity="warning")


def _steps_read(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        read = value.get("field")
        if isinstance(read, str) and "operator" in value and read.startswith("steps."):
            yield f"{path}.field", read.split(".")[1]
        for key, inner in value.items():
            yield from _steps_read(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _steps_read(inner, f"{path}[{index}]")


def _judge_edges(found: Findings, graph: Graph, types: StepTypes) -> None:
    nodes = {node.id: node for node in graph.nodes}
    taken: dict[tuple[str, str], int] = {}
    for index, edge in enumerate(graph.edges):
        path = f"edges[{index}]"
        at = edge.source if edge.source in nodes or edge.source == TRIGGER else None

        def refuse(name: str, message: str, path: str = path, at: str | None = at) -> None:
            found.refusals.append(Finding(path=f"{path}.{name}", message=message, node_id=at))

        if at is None:
            refuse("source", f"There is no node {quoted(edge.source)}. Use the id of a node, or `trigger`.")
        if edge.target == TRIGGER:
            refuse("target", "Nothing leads into the trigger. Let the edge end at a node.")
        elif edge.target not in nodes:
            refuse("target", f"There is no node {quoted(edge.target)}. Use the id of a node.")
        ports = _ports(edge.source, nodes, types)
        if ports is not None and edge.source_handle not in ports:
            refuse("sourceHandle", _no_port(edge.source, edge.source_handle, ports))
        first = taken.setdefault((edge.source, edge.source_handle), index)
        if first != index:
            refuse(
                "sourceHandle",
                f"`{edge.source}` has two edges on its port `{edge.source_handle}` (the other is edges[{first}]). Keep one.",
            )
    if circle := cycle(nodes, graph.edges):
        index = next(
            number for number, edge in enumerate(graph.edges) if edge.source == circle[-1] and edge.target == circle[0]
        )
        way = " → ".join([*circle, circle[0]])
        found.refusals.append(
            Finding(
                path=f"edges[{index}]",
                message=f"This edge closes a circle: {way}. Remove it; a run may not come back.",
                node_id=circle[-1],
            )
        )
    reachable = graph.reachable()
    for index, node in enumerate(graph.nodes):
        if node.id not in reachable:
            found.issues.append(
                Finding(
                    path=f"nodes[{index}]",
                    message="Nothing leads to this step. Connect it, or remove it.",
                    node_id=node.id,
                    severity="warning",
                )
            )


def _ports(source: str, nodes: dict[str, Node], types: StepTypes) -> list[str] | None:
    """Names of the ways out of `source`; None when they cannot be known (no such node, unknown type)."""
    if source == TRIGGER:
        return ["next"]
    node = nodes.get(source)
    return types.ports(node.type, node.data) if node and node.type in types.names() else None


def _no_port(source: str, handle: str, ports: list[str]) -> str:
    if not ports:
        return f"`{source}` ends the run: no edge can leave it."
    named = ", ".join(f"`{port}`" for port in ports)
    return f"`{source}` has no port `{handle}`. It has {named}: send one as `sourceHandle`."


def _judge_trigger(found: Findings, graph: Graph, types: StepTypes) -> None:
    trigger = graph.trigger
    if trigger.type not in types.trigger_names():
        message = _unknown(trigger.type, types.trigger_names(), "trigger type")
        found.refusals.append(Finding(path="trigger.type", message=message, node_id=TRIGGER))
    else:
        _take(found, types.trigger_problems(trigger.type, trigger.data), "trigger", TRIGGER)
    if not any(graph.leaving(TRIGGER)):
        message = (
            "Connect the trigger to the first step." if graph.nodes else "Add the first step: nothing happens yet."
        )
        found.issues.append(Finding(path="trigger", message=message, node_id=TRIGGER))


def _judge_goals(found: Findings, graph: Graph, types: StepTypes) -> None:
    for index, goal in enumerate(graph.goals):
        path = f"goals[{index}]"
        _take(found, types.condition_problems(goal.conditions, goal.match), path, None)
        if not (goal.event or "").strip():
            found.issues.append(Finding(path=f"{path}.event", message="Choose the event that reaches this goal."))
        if goal.check_contact is True and goal.conditions and not types.asks_contact(goal.conditions):
            found.issues.append(Finding(path=f"{path}.checkContact", message=ONLY_WITH_EVENT, severity="warning"))
    settings = graph.settings
    if settings.reentry == "cooldown" and not isinstance(settings.cooldown_seconds, int):
        found.issues.append(
            Finding(path="settings.cooldownSeconds", message="Say how long a contact must stay away, in seconds.")
        )
    _judge_uncertain(found, settings)
    if isinstance(settings.entry_key, str) and not settings.entry_key.startswith("event."):
        found.refusals.append(
            Finding(
                path="settings.entryKey",
                message="The key comes from the event that starts the run. Write it as `event.order_id`.",
            )
        )


def _judge_uncertain(found: Findings, settings: Settings) -> None:
    """The rule for uncertain emails: it needs a time, and a mail server's log is not kept for ever."""
    rule = settings.uncertain
    if not isinstance(rule, UncertainRule):
        return
    if not isinstance(rule.after, Span):
        message = "Say after how long nobody has to decide any more, such as 2 hours."
        found.issues.append(Finding(path="settings.uncertain.after", message=message))
    elif rule.after.duration * UNIT_SECONDS[rule.after.unit] > LONGEST_UNCERTAIN_DAYS * 86_400:
        message = f"Wait {LONGEST_UNCERTAIN_DAYS} days at most."
        found.refusals.append(Finding(path="settings.uncertain.after.duration", message=message))
