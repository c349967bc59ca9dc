"""Which of many listeners an event may concern, without asking each in turn: an index over their conditions.

A listener hangs on values of which one must be there for its conditions to hold (`covers`): values of the event, or of its contact.
The event alone says who hangs on its own values; who hangs on those of the contact is found when the contact is known, as it is then.
Who cannot be hung anywhere is answered for every event.

The answer may hold listeners that say no when they are asked. It lacks none that would say yes, nor one whose conditions cannot be
answered for this event and contact, because that is kept as a refusal for people to read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Generic, TypeVar

from app.engine.covers import CONTACT, EITHER, EVENT, Cover, Doubt, Names, Predicate, Rules, Where
from app.engine.index_places import HappenedTo, IndexPlace, KnownContact
from app.values.contact_view import FIELD_COLUMNS

Listener = TypeVar("Listener")


class EventMatch(Generic[Listener]):
    """Whom an event concerns as far as it says so alone. `listeners`: those, in order."""

    __slots__ = ("event", "listeners", "numbers")

    def __init__(self, event: Mapping[str, Any], numbers: frozenset[int], listeners: tuple[Listener, ...]) -> None:
        self.event, self.numbers, self.listeners = event, numbers, listeners


class Index(Generic[Listener]):
    """Listeners to events of one name, to be asked which of them an event of a contact may concern."""

    def __init__(self, listeners: Iterable[tuple[Listener, Rules, str]]) -> None:
        """`listeners`: each with its conditions and how they are joined, `all` or `any`. One may be there several times in a row."""
        self._listeners: list[Listener] = []
        always: set[int] = set()
        self._places: dict[Where, IndexPlace] = {}
        self._of_contact: set[int] = set()
        """Whom the contact may decide about."""
        fields: set[str] = set()
        self.attributes: frozenset[str] | None = frozenset()
        """Of changes of contacts: the fields one of which must have changed for the change alone to concern anybody. None: any may."""
        predicates: dict[int, Predicate] = {}
        for number, (listener, rules, match) in enumerate(listeners):
            self._listeners.append(listener)
            try:
                predicates[number] = Predicate(rules, match)
            except Doubt:
                always.add(number)
        self.everybody = tuple(dict.fromkeys(self._listeners))
        self.rank = {listener: place for place, listener in enumerate(self.everybody)}
        """The place of each in the order of all answers."""
        self._hang(predicates, always, fields)
        self.fields = frozenset(fields)
        """Fields of contacts that decide whom an event concerns."""
        self.by_event = any(where.root != CONTACT for where in self._places)
        """Do the properties of an event decide whom it concerns?"""
        self.by_contact = bool(self._of_contact)
        """Does its contact decide?"""
        self._arrange()
        self.whatever = self._match({}, frozenset(always))
        """Those whom every event of every contact concerns."""
        self.whoever = frozenset(self._in_order(always | self._of_contact))
        """Those whom an event may concern whatever it has, if its contact is fit for it."""

    def of_event(self, event: Mapping[str, Any]) -> EventMatch[Listener]:
        """Whom an event with these properties concerns whoever its contact is; `of_contact` says who else."""
        numbers, always = self._of_properties(event), self.whatever
        if not numbers:
            return EventMatch(event, always.numbers, always.listeners) if self.by_event else always
        return self._match(event, always.numbers | numbers)

    def hung(self, event: Mapping[str, Any]) -> frozenset[Listener]:
        """Those of them who hang on what this event has."""
        return frozenset(self._listeners[number] for number in self._of_properties(event))

    def of_contact(self, match: EventMatch[Listener], contact: KnownContact) -> tuple[Listener, ...]:
        """Whom the event concerns when its contact is like this: those of `match` and more, in order."""
        numbers = self._numbers(match.event, contact)
        return match.listeners if numbers <= match.numbers else self._in_order(match.numbers | numbers)

    def matching(self, event: Mapping[str, Any], contact: KnownContact) -> tuple[Listener, ...]:
        """Those whose conditions may hold for this event of this contact, or cannot be answered; in their order."""
        return self.of_contact(self.of_event(event), contact)

    def may_concern(self, changed: Iterable[str], contact: KnownContact) -> bool:
        """May a change of these fields concern anybody, when the contact is like this afterwards?"""
        if self.attributes is None:
            return bool(self._listeners)
        return not self.attributes.isdisjoint(changed) or bool(self._of_contact and self._numbers({}, contact))

    def _of_properties(self, event: Mapping[str, Any]) -> set[int]:
        numbers, view = set[int](), HappenedTo(event, None)
        for first in self._by_first.keys() & event.keys():
            for place in self._by_first[first]:
                place.look(view, numbers)
        return numbers

    def _numbers(self, event: Mapping[str, Any], contact: KnownContact) -> set[int]:
        """Who hangs on values of the contact, or on bare names."""
        numbers, view = set[int](), HappenedTo(event, contact)
        for place in self._always_there:
            place.look(view, numbers)
        if self._by_attribute:
            for first in self._by_attribute.keys() & contact.attributes.keys():
                for place in self._by_attribute[first]:
                    place.look(view, numbers)
        if event and self._bare_by_first:
            for first in self._bare_by_first.keys() & event.keys():
                for place in self._bare_by_first[first]:
                    place.look(view, numbers)
        return numbers

    def _hang(self, predicates: Mapping[int, Predicate], always: set[int], fields: set[str]) -> None:
        """Each on the cover that fewest others share; of two alike on that which the event alone answers."""
        shared = Counter(value for one in predicates.values() for cover in one.covers for value in cover)

        def cost(cover: Cover) -> tuple[int, bool]:
            return sum(shared[value] for value in cover), any(value.where.root != EVENT for value in cover)

        needed = set[str | None]([None] if always else [])
        for number, one in predicates.items():
            for where, how, key in min(one.covers, key=cost):
                self._place(where, number, needed, fields).hang(how, key, number)
            for guard in one.guards:
                self._place(guard.where, number, needed, fields).guard(guard.operator, number)
        self.attributes = None if None in needed else frozenset(name for name in needed if name is not None)

    def _place(self, where: Where, number: int, needed: set[str | None], fields: set[str]) -> IndexPlace:
        place = self._places.get(where)
        if place is None:
            place = self._places[where] = IndexPlace(where, fields)
            if where.root == EVENT or (where.root == EITHER and where.names[0] in _OF_CHANGES):
                needed.add(_changed_field(where.names))
        if where.root != EVENT:
            self._of_contact.add(number)
        return place

    def _arrange(self) -> None:
        """The places by the first name below which they look: what is not there concerns nobody."""
        self._by_first: dict[str, list[IndexPlace]] = {}
        self._bare_by_first: dict[str, list[IndexPlace]] = {}
        self._by_attribute: dict[str, list[IndexPlace]] = {}
        self._always_there: list[IndexPlace] = []
        for (root, names), place in self._places.items():
            if root != CONTACT:
                (self._by_first if root == EVENT else self._bare_by_first).setdefault(names[0], []).append(place)
            if root == EVENT:
                continue
            if names[0] in FIELD_COLUMNS or names[0] in ("tags", "id"):
                self._always_there.append(place)
                continue
            firsts = {names[1] if names[0] == "attributes" and len(names) > 1 else names[0]}
            if root == EITHER:
                firsts.add(names[0])
            for first in firsts:
                self._by_attribute.setdefault(first, []).append(place)

    def _match(self, event: Mapping[str, Any], numbers: frozenset[int]) -> EventMatch[Listener]:
        return EventMatch(event, numbers, self._in_order(numbers))

    def _in_order(self, numbers: Iterable[int]) -> tuple[Listener, ...]:
        return tuple(dict.fromkeys(self._listeners[number] for number in sorted(numbers)))


NO_LISTENERS = Index[Any](())
_OF_CHANGES = ("changed", "previous", "current", "attributes")
"""What events about changes of contacts have."""


def _changed_field(names: Names) -> str | None:
    """The field of a contact that must have changed for something to stand here in a change of one; None: it may be any."""
    match names:
        case ("current", "attributes", *below) | ("attributes", *below) | ("current", *below) if "size" not in names:
            return below[0] if below else None
    return None
