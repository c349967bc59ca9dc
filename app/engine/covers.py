"""Which values an event, or its contact, must have for conditions to hold: what an index over listeners is made of.

A cover is a set of values one of which must be there: `event.sku is A-1` under "all" is one, and each value of
`contact.plan is one of …`, or the tag of `contact.tags contains vip`. Conditions that cannot be covered raise Doubt.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from app.flow import paths
from app.flow.conditions import Condition
from app.flow.operators import OPERATORS, answerable
from app.flow.segment_membership import wanted_ids
from app.lib.conversions import as_boolean, as_list, as_number, folded, printed

Names = tuple[str, ...]
Key = tuple[str, Any]
Rules = Sequence[Mapping[str, Any]]
"""Conditions as a document has them."""
EVENT, CONTACT, EITHER = "event", "contact", ""
IS, HAS, PART = "is", "has", "part"
"""How a value stands at its place: as the whole of it; as an item of a list; as that, or as a part of a text."""
_HOW = {
    "equals": IS,
    "in": IS,
    "is_true": IS,
    "is_false": IS,
    "contains_any": HAS,
    "contains_all": HAS,
    "contains": PART,
}
_MANY = ("in", "contains_any", "contains_all")
_TRUTHS = {"is_true": True, "is_false": False}


class Where(NamedTuple):
    """A path below `event` or `contact`, or bare: of the event, or else of the contact."""

    root: str
    names: Names


class Value(NamedTuple):
    """A key at a place."""

    where: Where
    how: str
    key: Key


Cover = frozenset[Value]
"""Conditions hold only where one of these is."""


class KindGuard(NamedTuple):
    """What is found here must be of a kind that an operator can compare; else the conditions cannot be answered."""

    where: Where
    operator: str


class Doubt(Exception):
    """It cannot be said which events and contacts these conditions are about: each has to be judged."""


def keys_of(value: Any) -> Iterator[Key]:
    """The keys of a value. Two values that `is` takes for equal share at least one, and what has none equals no scalar."""
    if value is None or isinstance(value, list | tuple | dict):
        return
    yield "text", folded(printed(value))
    if (number := as_number(value)) is not None:
        yield "number", number
    if (truth := as_boolean(value)) is not None:
        yield "boolean", truth


def place_of(path: str) -> Where | None:
    """Where a path looks when nothing but an event and its contact is known; None where that does not say it.

    The event's own name is no property; steps, variables and messages belong to a run, and no change tells of consent.
    """
    root, *names = paths.names_of(path)
    if root == EVENT:
        return Where(EVENT, tuple(names)) if names and names != ["name"] else None
    if root == CONTACT:
        return Where(CONTACT, tuple(names)) if names and names[0] != paths.CONSENT else None
    return None if root in paths.CONDITION_ROOTS or root in paths.REPORTED else Where(EITHER, (root, *names))


class Predicate:
    """Conditions as the index sees them: covers, each of which is enough, and guards. Raises Doubt."""

    def __init__(self, rules: Rules, match: str) -> None:
        try:
            conditions = msgspec.convert(rules, list[Condition])
        except msgspec.ValidationError as error:
            raise Doubt from error
        self.guards: set[KindGuard] = set()
        self.covers = self._list(conditions, match)
        if not self.covers:
            raise Doubt

    def _list(self, conditions: list[Condition], match: str) -> list[Cover]:
        parts = [self._condition(condition) for condition in conditions]
        if match == "none":  # what it names is what must not be there
            return []
        if match not in ("all", "any"):
            raise Doubt
        if match == "any" and parts:
            smallest = [min(part, key=len) for part in parts if part]
            return [frozenset().union(*smallest)] if len(smallest) == len(parts) else []
        return [cover for part in parts for cover in part]

    def _condition(self, condition: Condition) -> list[Cover]:
        if condition.conditions is not None:
            return self._list(condition.conditions, condition.match)
        operator = condition.operator
        if operator not in OPERATORS:
            raise Doubt
        if wanted_ids(condition.field, operator, condition.value) is not None:
            return []  # no value of an event or a contact says where somebody is
        where = place_of(condition.field)
        if answerable(operator) is not None:
            if where is None:
                raise Doubt  # whether it can be answered, the run says
            self.guards.add(KindGuard(where, operator))
        how = _HOW.get(operator)
        if where is None or how is None:
            return []
        if operator in _TRUTHS:
            return [frozenset((Value(where, how, ("boolean", _TRUTHS[operator])),))]
        wanted = as_list(condition.value) if operator in _MANY else [condition.value]
        each = [frozenset(Value(where, how, key) for key in keys_of(value)) for value in wanted]
        if operator == "contains_all":
            return [cover for cover in each if cover]
        return [frozenset().union(*each)] if all(each) else []
