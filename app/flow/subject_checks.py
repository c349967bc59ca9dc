"""What is wrong with a flow some of whose runs have no contact: steps that need one, fields of one, rules about one. Pure.

Their trigger decides (`TriggerType.contact_rule`); the checks are for the steps reachable from it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from app.flow.diagnostic import Diagnostic, incomplete, warning
from app.flow.document import Flow, Node, Trigger
from app.flow.field_reads import fields_read
from app.flow.node_words import title_of_plain
from app.flow.settings import REMEMBERED, FlowSettings
from app.flow.step_types import StepTypes
from app.flow.trigger_registry import contact_rule, typed
from app.flow.trigger_type import ContactRule
from app.flow.ways import hidden_ways
from app.lib.conversions import quoted
from app.lib.translation import gettext, translatable

MOST = 50
"""Places of one kind that are named; more of them are no news."""
NO_GOAL = translatable(
    "Every run of this workflow is without a contact, and goals are reached by contacts. Nobody reaches this goal."
)
NO_RULE = translatable(
    "Who may enter again is asked of contacts alone: a run without a contact starts each time it is asked for."
)


def check_subject(flow: Flow, types: StepTypes) -> Iterator[Diagnostic]:
    """All of it; `types` knows which step types need a contact."""
    rules = {trigger.id: contact_rule(trigger) for trigger in flow.triggers if trigger.enabled}
    nobody = [trigger for trigger in flow.triggers if trigger.id in rules and rules[trigger.id].lets_nobody_in]
    if not nobody:
        return
    yield from islice(_steps(flow, nobody, types), MOST)
    persons = [trigger for trigger in flow.triggers if rules.get(trigger.id, ContactRule.NONE) is not ContactRule.NONE]
    yield from islice(_reads(flow, nobody, persons, types), MOST)
    if not persons:
        for index, _ in enumerate(flow.goals):
            yield warning(f"goals[{index}]", NO_GOAL)
    if (field := _entry_rule(flow.settings)) is not None:
        yield warning(f"settings.{field}", NO_RULE)


def _steps(flow: Flow, nobody: Sequence[Trigger], types: StepTypes) -> Iterator[Diagnostic]:
    """Steps reachable by such a run that are meaningless without a contact."""
    for index, node in _reached(flow, nobody):
        if types.needs_contact(node.type, node.data) and not node.is_off:
            message = gettext(
                "%(node)s needs a contact, and a run without one may come here. Take the step out of its way, or let the "
                "trigger start runs of contacts only.",
                node=_title(node),
            )
            yield incomplete(f"nodes[{index}]", message, node.id)


def _reads(flow: Flow, nobody: Sequence[Trigger], persons: Sequence[Trigger], types: StepTypes) -> Iterator[Diagnostic]:
    """Fields of the contact that are read where there may be none: an error where there never is one."""
    for index, trigger in enumerate(flow.triggers):
        if trigger in nobody:
            kind, config = typed(trigger)
            path = f"{flow.trigger_path(index)}.conditions"
            yield from _of_contact(kind.admission(config).conditions, path, trigger.id, never=trigger not in persons)
    of_persons = {node.id for _, node in _reached(flow, persons)}
    for index, node in _reached(flow, nobody):
        if not types.needs_contact(node.type, node.data):
            yield from _of_contact(node.data, f"nodes[{index}].data", node.id, never=node.id not in of_persons)


def _of_contact(value: Any, path: str, card: str, *, never: bool) -> Iterator[Diagnostic]:
    for read in fields_read(value, path):
        if read.names[0] != "contact":
            continue
        field = quoted(".".join(read.names))
        if never:
            message = gettext(
                "%(field)s is read, but runs that come here have no contact. Read what they were started with: event.…",
                field=field,
            )
            yield incomplete(read.path, message, card)
        else:
            message = gettext("%(field)s is empty for runs without a contact, which come here too.", field=field)
            yield warning(read.path, message, card)


def _reached(flow: Flow, triggers: Sequence[Trigger]) -> Iterator[tuple[int, Node]]:
    reached = flow.reachable(triggers, hidden_ways(flow))
    return ((index, node) for index, node in enumerate(flow.nodes) if node.id in reached)


def _title(node: Node) -> str:
    """The label of the step; a name given by the author is in quotes."""
    if isinstance(node.name, str) and node.name:
        return quoted(node.name)
    return title_of_plain({"type": node.type, "name": node.name, "data": node.data})


def _entry_rule(settings: FlowSettings) -> str | None:
    """The re-entry setting that the author has changed."""
    if settings.reentry in REMEMBERED:
        return "reentry"
    return "entryKey" if isinstance(settings.entry_key, str) and settings.entry_key else None
