"""Warnings about names that no data of the workspace has: in triggers, goals, steps and the entry key. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from app.flow.diagnostic import Diagnostic, warning
from app.flow.document import TRIGGER, Graph
from app.flow.field_reads import FieldRead, KnownNames, fields_read
from app.flow.node_words import written_by

MAX_DOUBTS = 50


def events_of(graph: Graph) -> set[str]:
    """The events whose properties the graph may read."""
    goals = {goal.event for goal in graph.goals}
    return {name for name in {graph.trigger.event, *goals} if name}


def reads_fields(graph: Graph) -> bool:
    """Is there anything to doubt? Asking the database for names can be left out when not."""
    return next(_reads(graph), None) is not None


def doubts(graph: Graph, known: KnownNames) -> list[Diagnostic]:
    """One for each place that reads what no data has and no step of the graph writes; at most MAX_DOUBTS."""
    mine = known.with_attributes(_written(graph))
    found = (
        warning(read.path, message, node_id)
        for read, event, node_id in _reads(graph)
        if (message := mine.doubt(read, event)) is not None
    )
    return list(islice(dict.fromkeys(found), MAX_DOUBTS))


def _written(graph: Graph) -> Iterator[str]:
    for node in graph.nodes:
        yield from written_by(node)


def _reads(graph: Graph) -> Iterator[tuple[FieldRead, str | None, str | None]]:
    """Every field that is read, with the event it may come from and the card it is on."""
    event = graph.trigger.event if graph.trigger.type == "event" else None
    for read in fields_read(graph.trigger.conditions, "trigger.conditions"):
        yield read, event, TRIGGER
    for index, node in enumerate(graph.nodes):
        for read in fields_read(node.data, f"nodes[{index}].data"):
            yield read, event, node.id
    for index, goal in enumerate(graph.goals):
        for read in fields_read(goal.conditions, f"goals[{index}].conditions"):
            yield read, goal.event, None
    key = graph.settings.entry_key
    if isinstance(key, str) and key.startswith("event."):
        yield FieldRead("settings.entryKey", key.split(".")), event, None
