"""What is wrong with a flow document. Pure: what the database knows is handed in.

Some diagnostics keep a document from being saved: it contradicts itself (an edge to nowhere) or a limit. The others are
saved and listed, because people build step by step: a mail without a template yet, a step nothing leads to. Every message says
where (`nodes[2].data.duration`) and what to do.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from uuid import UUID

import msgspec

from app.flow import reference_words, trigger_registry
from app.flow.diagnostic import Diagnostic, Diagnostics, incomplete, warning
from app.flow.document import (
    MAX_EDGES,
    MAX_GOALS,
    MAX_NOTES,
    MAX_TRIGGERS,
    TRIGGER,
    Edge,
    Flow,
    Goal,
    Node,
    Note,
    Trigger,
    most_steps,
)
from app.flow.edges import check_edges
from app.flow.field_reads import KnownNames
from app.flow.lint.warnings import lint_warnings
from app.flow.node_words import references_of, title_of
from app.flow.references import ReferencedRows, reference_fault
from app.flow.segment_membership import segments_named
from app.flow.settings_checks import check_settings
from app.flow.step_types import StepTypes
from app.flow.subject_checks import check_subject
from app.flow.trigger_checks import check_triggers
from app.lib import jsonlimits
from app.lib.conversions import quoted
from app.lib.formats import counted, number
from app.lib.nearest import did_you_mean
from app.lib.translation import gettext, translatable

ONLY_WITH_EVENT = translatable(
    "This goal can be checked only when its event happens, because its conditions read the event. "
    "Use fields of the contact, such as contact.plan, or switch this off."
)
ENDS_BY_ITSELF = translatable(
    "This step ends at the time that it says itself, so a timeout means nothing here. Remove it."
)
MAX_CONFIG_BYTES, MAX_CONFIG_DEPTH = 65_536, 20
MAX_MARKS = 2_000
"""`{{` and `{%` in all settings together. Each takes some 30 µs to compile, and a draft is compiled at every change."""
NOTHING_KNOWN = KnownNames()


def references(flow: Flow) -> dict[str, set[UUID]]:
    """The rows of the workspace that its steps, triggers and goals name: kind (`template`, `connector`, `segment`) → ids."""
    ids_by_kind: dict[str, set[UUID]] = {}
    of_triggers = (trigger_registry.references(trigger.type, trigger.data) for trigger in flow.triggers)
    of_goals = (segments_named(goal.conditions) for goal in flow.goals)
    for reference in itertools.chain(*map(references_of, flow.nodes), *of_triggers, *of_goals):
        ids_by_kind.setdefault(reference.kind, set()).add(reference.id)
    return ids_by_kind


def validate(
    flow: Flow,
    *,
    types: StepTypes,
    rows: ReferencedRows,
    known: KnownNames = NOTHING_KNOWN,
) -> Diagnostics:
    """Everything wrong with `flow`.

    `types` knows the step types and the condition language, `rows` those that steps refer to, `known` the names of data.
    """
    too_much = [*crowding(flow), *_sizes(flow)]
    shape = [*_shape(flow), *too_much]
    if too_much:
        return _in_order(shape)  # nothing that is too large is compiled
    steps: list[Diagnostic] = []
    for index, node in enumerate(flow.nodes):
        steps += _check_node(index, node, types, rows)
    return _in_order(
        [
            *shape,
            *steps,
            *check_edges(flow, types),
            *check_triggers(flow, types, rows),
            *check_subject(flow, types),
            *_check_goals(flow, types, rows),
            *check_settings(flow.settings),
            *lint_warnings(flow, rows, known),
        ]
    )


def _in_order(diagnostics: Iterable[Diagnostic]) -> Diagnostics:
    return Diagnostics(tuple(sorted(diagnostics, key=lambda one: not one.blocks_save)))


def crowding(flow: Flow) -> Iterator[Diagnostic]:
    """Parts of which there are more than a workflow may have. Cheap, so that it can be asked before anything that grows with them."""
    for name, parts, most in _parts(flow):
        if len(parts) > most:
            numbers = {"most": number(most), "number": number(len(parts))}
            yield Diagnostic(
                name,
                gettext("A workflow has at most %(most)s steps; this one has %(number)s. Split it in two.", **numbers)
                if name == "nodes"
                else gettext(
                    "A workflow has at most %(most)s %(words)s; this one has %(number)s. Split it in two.",
                    words={"edges": "lines"}.get(name, name),
                    **numbers,
                ),
            )


def _parts(flow: Flow) -> list[tuple[str, Sequence[Node | Edge | Goal | Note | Trigger], int]]:
    return [
        ("triggers", flow.triggers, MAX_TRIGGERS),
        ("nodes", flow.nodes, most_steps()),
        ("edges", flow.edges, MAX_EDGES),
        ("goals", flow.goals, MAX_GOALS),
        ("notes", flow.notes, MAX_NOTES),
    ]


def _shape(flow: Flow) -> Iterator[Diagnostic]:
    for name, parts, _ in _parts(flow):
        ids = Counter(str(part.id) for part in parts)
        for index, part in enumerate(parts):
            if ids[str(part.id)] > 1:
                message = gettext(
                    "Two %(name)s are called %(id)s. Give each an id of its own.", name=name, id=quoted(part.id)
                )
                yield Diagnostic(f"{name}[{index}].id", message)
    for index, node in enumerate(flow.nodes):
        if node.id == TRIGGER or flow.trigger_of(node.id) is not None:
            yield Diagnostic(f"nodes[{index}].id", f"`{node.id}` is the trigger's id. Give the node another one.")
    if b"\\u0000" in msgspec.json.encode(flow):
        for path in _zero_bytes(flow.plain(), ""):
            yield Diagnostic(path, gettext("This text holds a zero character. Remove it."))


def _sizes(flow: Flow) -> Iterator[Diagnostic]:
    """Parts that are too large, or that hold more placeholders than can be parsed at each edit."""
    marks = 0
    for path, value in _free_parts(flow):
        try:
            encoded = jsonlimits.storable(value, max_bytes=MAX_CONFIG_BYTES, max_depth=MAX_CONFIG_DEPTH)
        except jsonlimits.Unstorable as error:
            if "U+0000" not in str(error):
                yield Diagnostic(path, str(error))
                return
            continue
        marks += encoded.count("{{") + encoded.count("{%")
        if marks > MAX_MARKS:
            message = gettext(
                "A workflow has at most %(max_marks)s placeholders in all its steps. Take some out of this one.",
                max_marks=number(MAX_MARKS),
            )
            yield Diagnostic(path, message)
            return


def _free_parts(flow: Flow) -> Iterator[tuple[str, Any]]:
    """The parts whose shape is not fixed by the document."""
    for index, trigger in enumerate(flow.triggers):
        single = flow.single is not None
        yield (
            ("trigger.conditions", trigger.data.get("conditions"))
            if single
            else (f"triggers[{index}].data", trigger.data)
        )
    for index, node in enumerate(flow.nodes):
        yield f"nodes[{index}].data", node.data
    for index, goal in enumerate(flow.goals):
        yield f"goals[{index}].conditions", goal.conditions


def _zero_bytes(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, str) and "\0" in value:
        yield path
    elif isinstance(value, dict):
        for key, inner in value.items():
            if "\0" in key:
                yield f"{path}.{key!r}".lstrip(".")
            yield from _zero_bytes(inner, f"{path}.{key}".lstrip("."))
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from _zero_bytes(inner, f"{path}[{index}]")


def _check_node(index: int, node: Node, types: StepTypes, rows: ReferencedRows) -> Iterator[Diagnostic]:
    if node.type not in types.names():
        yield Diagnostic(f"nodes[{index}].type", _unknown(node.type, types.names(), "node type"), node.id)
        return
    for diagnostic in types.diagnostics(node.type, node.data):
        if node.is_off and not diagnostic.blocks_save:
            continue  # nobody does the step, so it need not be finished
        yield diagnostic.below(f"nodes[{index}].data", node.id)
    if not node.is_off:
        for diagnostic in types.row_diagnostics(node.type, node.data, rows):
            yield diagnostic.below(f"nodes[{index}].data", node.id)
    if isinstance(node.timeout, int):
        yield from _check_timeout(f"nodes[{index}].timeout", node, node.timeout, types)
    for reference in types.references(node.type, node.data):
        row = rows.get(reference.kind, {}).get(reference.id)
        if (fault := reference_fault(reference, row)) is not None:
            yield Diagnostic(f"nodes[{index}].data.{reference.path}", fault, node.id)
        elif row is not None and (channel := types.sends(node.type)) is not None and row.channel != channel:
            step = title_of(node.type, node.name, node.data)
            message = reference_words.row_of_other_channel(reference.kind, step, row.name, row.channel_label)
            yield Diagnostic(f"nodes[{index}].data.{reference.path}", message, node.id)


def _check_timeout(path: str, node: Node, timeout: int, types: StepTypes) -> Iterator[Diagnostic]:
    longest = types.longest_timeout_s(node.type)
    if timeout > longest:
        yield Diagnostic(
            path, gettext("A timeout here may be %(longest)s at most.", longest=counted(longest, "second")), node.id
        )
    elif types.ends_by_itself(node.type):
        yield incomplete(path, ENDS_BY_ITSELF, node.id)


def _unknown(word: str, known: list[str], noun: str) -> str:
    return gettext(
        "There is no %(noun)s “%(word)s”. %(word_2)s", noun=noun, word=word, word_2=did_you_mean(word, known)
    )


def _check_goals(flow: Flow, types: StepTypes, rows: ReferencedRows) -> Iterator[Diagnostic]:
    for index, goal in enumerate(flow.goals):
        path = f"goals[{index}]"
        for diagnostic in types.condition_diagnostics(goal.conditions, goal.match):
            yield diagnostic.below(path, None)
        for reference in segments_named(goal.conditions, "conditions"):
            fault = reference_fault(reference, rows.get(reference.kind, {}).get(reference.id))
            if fault is not None:
                yield Diagnostic(f"{path}.{reference.path}", fault)
        if not (goal.event or "").strip():
            yield incomplete(f"{path}.event", gettext("Choose the event that reaches this goal."))
        if goal.check_contact is True and goal.conditions and not types.asks_contact(goal.conditions):
            yield warning(f"{path}.checkContact", ONLY_WITH_EVENT)
