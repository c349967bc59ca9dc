"""Steps by which contacts leave their own workflow, or start it anew. Pure."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from app.flow import paths
from app.flow.conditions import Condition, fields, single_conditions
from app.flow.contact_goals import on_contact
from app.flow.contradictions import SEVERAL
from app.flow.diagnostic import Diagnostic, warning
from app.flow.document import Flow, Goal, Node
from app.flow.node_words import written_by
from app.flow.scope import is_constant
from app.flow.trigger_registry import subscriptions
from app.flow.ways import typed_nodes
from app.lib.conversions import as_list, same
from app.lib.translation import gettext


def own_goals(flow: Flow) -> Iterator[Diagnostic]:
    """A step that writes what a goal on the contact looks at, and one that sends the event that reaches a goal or starts the workflow."""
    numbers = {node.id: index for index, node in enumerate(flow.nodes)}
    goals = [(goal, _looked_at(goal)) for goal in flow.goals]
    starts = frozenset(subscriptions(flow.triggers))
    for one in typed_nodes(flow):
        at, written, sent = f"nodes[{numbers[one.node.id]}]", set(written_by(one.node)), set(one.kind.emits(one.config))
        for goal, attributes in goals:
            name = goal.name or goal.event or goal.id
            if changed := sorted(_changed(one.node, goal, written & attributes)):
                message = gettext(
                    "This step changes %(field)s, which the goal “%(goal)s” looks at: whoever meets the goal by it leaves here.",
                    field=changed[0],
                    goal=name,
                )
                yield warning(at, message, one.node.id)
            elif goal.event in sent:
                message = gettext(
                    "This step sends the event that reaches the goal “%(goal)s”: contacts may leave here.", goal=name
                )
                yield warning(at, message, one.node.id)
        if sent & starts:
            message = gettext(
                "This step sends the event that starts this workflow: a contact may enter again by it, round after round."
            )
            yield warning(at, message, one.node.id)


def _changed(node: Node, goal: Goal, attributes: set[str]) -> set[str]:
    """Of tags only when it is one that the goal asks for."""
    if SEVERAL not in attributes:
        return attributes
    conditions = single_conditions(msgspec.convert(goal.conditions, list[Condition]))
    wanted = [as_list(one.value) for one in conditions if paths.label_of(one.field) == SEVERAL]
    tags = [text for text in node.data.values() if isinstance(text, str)]
    is_wanted = any(not values or any(same(tag, value) for tag in tags for value in values) for values in wanted)
    return attributes if is_wanted or not all(map(is_constant, tags)) else attributes - {SEVERAL}


def _looked_at(goal: Goal) -> set[str]:
    """The attributes that a goal on the contact reads; none of a goal that waits for its event."""
    if goal.settled().check_contact is not True:
        return set()
    try:
        conditions = msgspec.convert(goal.conditions, list[Condition])
    except msgspec.ValidationError:  # said by the diagnostics of the conditions
        return set()
    return {paths.label_of(field) for field in fields(conditions)} if on_contact(conditions) else set()
