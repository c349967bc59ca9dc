"""Warnings about names that no data of the workspace has: in triggers, goals, steps and the entry key. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from app.flow.diagnostic import Diagnostic, warning
from app.flow.document import Flow
from app.flow.entry_limits import entry_key_reads
from app.flow.field_reads import FieldRead, KnownNames, NameDoubt, fields_read
from app.flow.node_words import written_by
from app.flow.trigger_registry import typed

Events = list[str | None]
"""Events by name, None for one that is not known; never empty."""
MAX_DOUBTS = 50


def reads_fields(flow: Flow) -> bool:
    """Is there a field to doubt?"""
    return next(_reads(flow), None) is not None


def unknown_names(flow: Flow, known: KnownNames) -> Iterator[Diagnostic]:
    """One for each place that reads what no data has and no step of the flow writes; at most MAX_DOUBTS."""
    with_own_fields = known.with_attributes(_written(flow))
    warnings = (
        warning(read.path, doubt.message, node_id, doubt.fix)
        for read, events, node_id in _reads(flow)
        if (doubt := _in_none(with_own_fields, read, events)) is not None
    )
    yield from islice(dict.fromkeys(warnings), MAX_DOUBTS)


def _in_none(known: KnownNames, read: FieldRead, events: Events) -> NameDoubt | None:
    """What is odd when the field is in none of the events that it may come from."""
    doubts = [known.doubt(read, event) for event in events]
    return doubts[0] if all(doubts) else None


def _written(flow: Flow) -> Iterator[str]:
    for node in flow.nodes:
        yield from () if node.is_off else written_by(node)


def _reads(flow: Flow) -> Iterator[tuple[FieldRead, Events, str | None]]:
    """Every field that is read, with the events it may come from and the card it is on."""
    events: list[str | None] = []
    for index, trigger in enumerate(flow.triggers):
        kind, config = typed(trigger)
        own: list[str | None] = [*kind.subscribes(config)] or [None]
        events += own if trigger.enabled else []
        for read in fields_read(kind.admission(config).conditions, f"{flow.trigger_path(index)}.conditions"):
            yield read, own, trigger.id
    events = events or [None]
    for index, node in enumerate(flow.nodes):
        for read in () if node.is_off else fields_read(node.data, f"nodes[{index}].data"):
            yield read, events, node.id
    for index, goal in enumerate(flow.goals):
        for read in fields_read(goal.conditions, f"goals[{index}].conditions"):
            yield read, [goal.event], None
    for path in entry_key_reads(flow.settings):
        yield FieldRead("settings.entryKey", path.split(".")), events, None
