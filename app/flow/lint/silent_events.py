"""Events that a flow listens for and that have never come in, as far as is known. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from app.flow.diagnostic import Diagnostic, Fix, warning
from app.flow.document import Flow
from app.flow.field_reads import KnownNames
from app.flow.trigger_registry import subscriptions, typed
from app.flow.ways import typed_nodes
from app.lib.nearest import nearest
from app.lib.translation import gettext
from app.values.event_names import is_recorded

SLIP = 0.82
"""How similar two names of events are when one is a slip of the pen: `order.bought` and `order.began`, which are not, come to 0.70."""


def events_of(flow: Flow) -> set[str]:
    """The events that it listens for: its triggers, its goals, and its steps."""
    goals = {goal.event for goal in flow.goals if goal.event}
    awaited = {event for one in typed_nodes(flow) for event in one.kind.events(one.config)}
    return {name for name in {*subscriptions(flow.triggers), *goals, *awaited} if name}


def silent_events(flow: Flow, known: KnownNames) -> Iterator[Diagnostic]:
    """A goal whose event never came in; triggers and steps that wait for one only when it looks like a slip of the pen: people build
    before their programs send."""
    if known.events is None:
        return
    sent = {event for one in typed_nodes(flow) for event in one.kind.emits(one.config)}
    heard = known.events | sent
    for index, goal in enumerate(flow.goals):
        if goal.event and not is_recorded(goal.event) and goal.event not in heard:
            message = gettext(
                "No event “%(event)s” has ever come in, so nobody reaches this goal by it.", event=goal.event
            )
            near, fix = _near(goal.event, heard)
            yield warning(f"goals[{index}].event", message + near, None, fix)
    for path, name, card in _awaited(flow):
        near, fix = _near(name, heard)
        if fix is not None and not is_recorded(name) and name not in heard:
            message = gettext("No event “%(event)s” has ever come in.", event=name)
            yield warning(path, message + near, card, fix)


def _awaited(flow: Flow) -> Iterator[tuple[str, str, str]]:
    """Where a trigger or a step names an event, the event, and the card."""
    for index, trigger in enumerate(flow.triggers):
        kind, config = typed(trigger)
        for event in kind.subscribes(config) if trigger.enabled else ():
            if trigger.data.get("event") == event:
                yield f"{flow.trigger_path(index)}.event", event, trigger.id
    numbers = {node.id: index for index, node in enumerate(flow.nodes)}
    for one in typed_nodes(flow):
        for event in one.kind.events(one.config):
            if one.node.data.get("event") == event:
                yield f"nodes[{numbers[one.node.id]}].data.event", event, one.node.id


def _near(name: str, heard: frozenset[str]) -> tuple[str, Fix | None]:
    near = nearest(name, sorted(heard), SLIP)
    if not near:
        return "", None
    return gettext(" Did you mean “%(near)s”?", near=near), Fix(gettext("Use “%(name)s”", name=near), name, near)
