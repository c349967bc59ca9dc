"""Which of many listeners an event may concern, without asking each in turn: an index over their conditions.

A listener hangs on values that the event must have for its conditions to hold: `event.sku is A-1` under "all", or each value of
`event.plan is one of …`. An event looks up the values that it has. Who cannot be hung anywhere is answered for every event.

The answer may hold listeners that say no when they are asked. It lacks none that would say yes, nor one whose conditions cannot be
answered for this event, because that is kept as a refusal for people to read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec

from app.flow import paths
from app.flow.conditions import Condition
from app.flow.operators import OPERATORS, answerable
from app.lib.conversions import as_boolean, as_list, as_number, folded, printed

Listener = TypeVar("Listener")
Names = tuple[str, ...]
"""A path below `event`."""
Key = tuple[str, Any]
Value = tuple[Names, Key]
"""A key at a path."""
Cover = frozenset[Value]
"""Conditions hold only for events that have one of these."""
Rules = Sequence[Mapping[str, Any]]
"""Conditions as a document has them."""


class _Guard(NamedTuple):
    """What is found here must be of a kind that an operator can compare; else the conditions cannot be answered."""

    names: Names
    operator: str


class Doubt(Exception):
    """It cannot be said which events these conditions are about: every one has to be judged."""


class _EventOnly:
    """What a reader of a path below `event` is handed."""

    __slots__ = ("event",)

    def __init__(self, event: Mapping[str, Any]) -> None:
        self.event = event


def keys_of(value: Any) -> Iterator[Key]:
    """The keys of a value. Two values that `is` takes for equal share at least one, and what has none equals no scalar."""
    if value is None or isinstance(value, list | tuple | dict):
        return
    yield "text", folded(printed(value))
    if (number := as_number(value)) is not None:
        yield "number", number
    if (truth := as_boolean(value)) is not None:
        yield "boolean", truth


class _Predicate:
    """Conditions as the index sees them: covers, each of which is enough, and guards. Raises Doubt."""

    def __init__(self, rules: Rules, match: str) -> None:
        try:
            conditions = msgspec.convert(rules, list[Condition])
        except msgspec.ValidationError as error:
            raise Doubt from error
        self.guards: set[_Guard] = set()
        self.covers = self._list(conditions, match)
        if not self.covers:
            raise Doubt

    def _list(self, conditions: list[Condition], match: str) -> list[Cover]:
        parts = [self._condition(condition) for condition in conditions]
        if match == "none":  # what it names is what must not be there
            return []
        if match == "any" and parts:
            smallest = [min(part, key=len) for part in parts if part]
            return [frozenset().union(*smallest)] if len(smallest) == len(parts) else []
        return [cover for part in parts for cover in part]

    def _condition(self, condition: Condition) -> list[Cover]:
        if condition.conditions is not None:
            return self._list(condition.conditions, condition.match)
        if condition.operator not in OPERATORS:
            raise Doubt
        names = _below_event(condition.field)
        if answerable(condition.operator) is not None:
            if names is None:
                raise Doubt  # whether it can be answered, the contact says
            self.guards.add(_Guard(names, condition.operator))
        if names is None or condition.operator not in ("equals", "in"):
            return []
        wanted = as_list(condition.value) if condition.operator == "in" else [condition.value]
        keys = [list(keys_of(value)) for value in wanted]
        return [frozenset((names, key) for some in keys for key in some)] if all(keys) else []


def _below_event(path: str) -> Names | None:
    """The names below `event`; None for another place, and for the event's own name, which is no property."""
    root, *names = paths.names_of(path)
    return tuple(names) if root == "event" and names and names != ["name"] else None


class _Place:
    """A path, the listeners that hang there by key, and those that cannot be answered for some values, by operator."""

    def __init__(self, names: Names) -> None:
        self.read = paths.reader(".".join(("event", *names)), set())
        self.by_key: dict[Key, list[int]] = {}
        self.guarded: dict[str, tuple[Callable[[Any], bool], list[int]]] = {}

    def guard(self, operator: str, number: int) -> None:
        test = answerable(operator)
        assert test is not None
        self.guarded.setdefault(test.__name__, (test, []))[1].append(number)


class Index(Generic[Listener]):
    """Listeners to events of one name, to be asked which of them an event may concern."""

    def __init__(self, listeners: Iterable[tuple[Listener, Rules, str]]) -> None:
        """`listeners`: each with its conditions and how they are joined, `all` or `any`. One may be there several times."""
        self._listeners: list[Listener] = []
        self._always: set[int] = set()
        self._places: dict[Names, _Place] = {}
        self.attributes: frozenset[str] | None = frozenset()
        """Of changes of contacts: the fields one of which must have changed for anybody to be concerned. None: any may."""
        predicates: dict[int, _Predicate] = {}
        for number, (listener, rules, match) in enumerate(listeners):
            self._listeners.append(listener)
            try:
                predicates[number] = _Predicate(rules, match)
            except Doubt:
                self._always.add(number)
        self.everybody = tuple(dict.fromkeys(self._listeners))
        self._hang(predicates)
        self._by_first: dict[str, list[_Place]] = {}
        for names, place in self._places.items():
            self._by_first.setdefault(names[0], []).append(place)

    @property
    def plain(self) -> bool:
        """Does every event concern everybody?"""
        return not self._places

    def matching(self, event: Mapping[str, Any]) -> tuple[Listener, ...]:
        """Those whose conditions may hold for an event with these properties, or cannot be answered; in their order."""
        if self.plain:
            return self.everybody
        numbers = set(self._always)
        view = _EventOnly(event)
        for first in self._by_first.keys() & event.keys():
            for place in self._by_first[first]:
                value = place.read(view)
                if place.by_key:
                    for key in keys_of(value):
                        numbers.update(place.by_key.get(key, ()))
                for is_answerable, guarded in place.guarded.values():
                    if not is_answerable(value):
                        numbers.update(guarded)
        return tuple(dict.fromkeys(self._listeners[number] for number in sorted(numbers)))

    def may_concern(self, changed: Iterable[str]) -> bool:
        """May a change of these fields of a contact concern anybody?"""
        return bool(self._listeners) and (self.attributes is None or not self.attributes.isdisjoint(changed))

    def _hang(self, predicates: Mapping[int, _Predicate]) -> None:
        """Each on the cover that fewest others share."""
        shared = Counter(value for one in predicates.values() for cover in one.covers for value in cover)
        needed = set[str | None]([None] if self._always else [])
        for number, one in predicates.items():
            for names, key in min(one.covers, key=lambda cover: sum(shared[value] for value in cover)):
                self._place(names).by_key.setdefault(key, []).append(number)
                needed.add(_changed_field(names))
            for guard in one.guards:
                self._place(guard.names).guard(guard.operator, number)
                needed.add(_changed_field(guard.names))
        self.attributes = None if None in needed else frozenset(name for name in needed if name is not None)

    def _place(self, names: Names) -> _Place:
        place = self._places.get(names)
        if place is None:
            place = self._places[names] = _Place(names)
        return place


def _changed_field(names: Names) -> str | None:
    """The field of a contact that must have changed for something to stand here in a change of one; None: it may be any."""
    match names:
        case ("current", "attributes", *below) | ("attributes", *below) | ("current", *below) if "size" not in names:
            return below[0] if below else None
    return None
