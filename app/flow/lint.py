"""Warnings about names that no data of the workspace has: in triggers, goals, steps and the entry key. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from app.flow.diagnostic import Diagnostic, warning
from app.flow.document import Flow
from app.flow.entry_limits import entry_key_reads
from app.flow.field_reads import FieldRead, KnownNames, fields_read
from app.flow.node_words import written_by
from app.flow.trigger_registry import subscriptions, typed

Events = list[str | None]
"""Events by name, None for one that is not known; never empty."""
MAX_DOUBTS = 50


def events_of(flow: Flow) -> set[str]:
    """The events whose properties the flow may read."""
    goals = {goal.event for goal in flow.goals}
    return {name for name in {*subscriptions(flow.triggers), *goals} if name}


def reads_fields(flow: Flow) -> bool:
    """Is there anything to doubt? Asking the database for names can be left out when not."""
    return next(_reads(flow), None) is not None


def doubts(flow: Flow, known: KnownNames) -> list[Diagnostic]:
    """One for each place that reads what no data has and no step of the flow writes; at most MAX_DOUBTS."""
    with_own_fields = known.with_attributes(_written(flow))
    warnings = (
        warning(read.path, message, node_id)
        for read, events, node_id in _reads(flow)
        if (message := _in_none(with_own_fields, read, events)) is not None
    )
    return list(islice(dict.fromkeys(warnings), MAX_DOUBTS))


def _in_none(known: KnownNames, read: FieldRead, events: Events) -> str | None:
    """A sentence when the field is in none of the events that it may come from."""
    sentences = [known.doubt(read, event) for event in events]
    return sentences[0] if all(sentences) else None


def _written(flow: Flow) -> Iterator[str]:
    for node in flow.nodes:
        yield from written_by(node)


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
        for read in fields_read(node.data, f"nodes[{index}].data"):
            yield read, events, node.id
    for index, goal in enumerate(flow.goals):
        for read in fields_read(goal.conditions, f"goals[{index}].conditions"):
            yield read, [goal.event], None
    for path in entry_key_reads(flow.settings):
        yield FieldRead("settings.entryKey", path.split(".")), events, None
