"""What a worker knows of the dynamic segments of one workspace: rules compiled once, and which of them something may concern."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from app.flow.conditions import Condition
from app.flow.judging import compile_list
from app.flow.operators import OPERATORS, ConditionError
from app.flow.segment_judge import Judge, RuleNames, Sum, judge_of
from app.flow.segment_membership import MOVES
from app.flow.segment_rules import (
    Fact,
    RuleCondition,
    SegmentRule,
    as_group,
    counted_facts,
    leaves,
    read_of,
    reads_of,
    serving,
)
from app.lib.zones import zone_of

TIMED = "time"
"""What rules read whose answer changes with time alone."""
CREATED = "*"
"""What a contact that is new has changed."""
CHANGES = frozenset(("contact.created", "contact.updated", "contact.unsubscribed", "contact.resubscribed", *MOVES))
"""Names of events that say that a contact has changed."""


class RuleVersion(NamedTuple):
    """A version of a segment's rule. `silent`: it does not count yet, so nobody is told who moves. `epoch`: contacts whose state was built
    before it have not been judged by it."""

    number: int
    segment_id: UUID
    rule: SegmentRule
    silent: bool
    epoch: int


class CountedFact(NamedTuple):
    """Something that rules count, under its number."""

    number: int
    fact: Fact
    epoch: int


class _Bit(NamedTuple):
    """A yes or no about a fact that rules share: only when it turns can it move somebody. `length` 0: without a limit of time."""

    kind: str
    times: int
    length: int

    def held(self, counted: Sum, now: int) -> bool | int | None:
        if self.kind == "first":  # an event that comes late makes it end earlier
            return counted.first if counted.n else None
        if self.kind == "last":
            return counted.n > 0 and (2 if counted.recent[0] + self.length > now else 1)
        if not self.length:
            return counted.n >= self.times
        return len(counted.recent) >= self.times and counted.recent[self.times - 1] + self.length > now


def _bits_of(leaf: RuleCondition) -> list[_Bit]:
    length = leaf.within.micros if leaf.within is not None else 0
    if leaf.occurrence != "any":
        return [_Bit(leaf.occurrence, 1, length)]
    least, most = leaf.bounds
    thresholds = ([least] if least else []) + ([most + 1] if most is not None else [])
    return [_Bit("times", times, length) for times in thresholds]


class _PropertiesOnly:
    """What conditions on the properties of an event look at."""

    __slots__ = ("event", "zone")
    event_name = ""

    def __init__(self, event: Mapping[str, Any], zone: Any) -> None:
        self.event, self.zone = event, zone


def _counts(fact: Fact, zone: Any) -> Callable[[Mapping[str, Any]], bool] | None:
    """Does an event with these properties count? None: each does. What cannot be compared does not."""
    conditions = fact.property_conditions
    if not conditions:
        return None
    below = [_below_event(condition) for condition in conditions]
    judge = compile_list(below, fact.match, set())

    def test(properties: Mapping[str, Any]) -> bool:
        try:
            return judge(_PropertiesOnly(properties, zone)).held
        except ConditionError:
            return False

    return test


def _below_event(condition: Condition) -> Condition:
    """A bare name is a property of the event: there is no contact here."""
    if condition.conditions is not None:
        return msgspec.structs.replace(condition, conditions=[_below_event(one) for one in condition.conditions])
    field = condition.field
    return condition if field.startswith("event.") else msgspec.structs.replace(condition, field=f"event.{field}")


class Book:
    """The dynamic segments of one workspace as of an epoch. Never changes."""

    def __init__(
        self,
        versions: Sequence[RuleVersion],
        facts: Sequence[CountedFact],
        segments: Mapping[UUID, int],
        *,
        timezone: str | None = None,
        building: int = 0,
    ) -> None:
        """`segments`: the number that counts now of each segment, static ones too. `building`: the epoch of the newest build that is not
        over, 0 when all are."""
        needed = {fact for one in versions for fact in counted_facts(one.rule)}
        names = RuleNames(serving(needed, {one.fact: one.number for one in facts}), segments)
        self.timezone, self.building, self.names = timezone, building, names
        self.versions = {version.number: version for version in versions}
        self.judges: dict[int, Judge] = {one.number: judge_of(one.rule, names) for one in versions}
        self.facts = {one.number: one for one in facts}
        self.facts_of = {
            one.number: frozenset(names.facts[fact] for fact in counted_facts(one.rule) if fact in names.facts)
            for one in versions
        }
        """Numbers of the facts that a version reads."""
        self.epoch = max([0, *(one.epoch for one in versions), *(one.epoch for one in facts)])
        self.readers: dict[str, list[int]] = {}
        bits: dict[int, dict[_Bit, list[int]]] = {}
        for version in versions:
            self._note(version, names, bits)
        self._bits = {fact: list(those.items()) for fact, those in bits.items()}
        by_id = {
            version.segment_id: version.number
            for version in versions
            if segments.get(version.segment_id) == version.number
        }
        read = {UUID(key[8:]) for key in self.readers if key.startswith("segment:")}
        self.static = sorted({segments[one] for one in read if one in segments and one not in by_id})
        """Numbers of static segments that rules read."""
        self.dynamic = frozenset(str(one) for one in by_id)
        """Ids of those whose members are moved here: who reads them is judged with them, not by what is told of it."""
        self.workflows = sorted(UUID(key[9:]) for key in self.readers if key.startswith("workflow:"))
        self.timed = frozenset(self.readers.get(TIMED, ()))
        self.fields = self._fields()
        self._note_events(facts)
        self._place = {number: place for place, number in enumerate(_sorted(versions, by_id))}
        self._above = {one.number: self.readers.get(f"segment:{one.segment_id}", ()) for one in versions}
        """Versions that read the segment of a version."""

    def _note_events(self, facts: Sequence[CountedFact]) -> None:
        zone = zone_of(self.timezone)
        self._counted: dict[str, list[tuple[int, Callable[[Mapping[str, Any]], bool] | None]]] = {}
        for one in facts:
            self._counted.setdefault(one.fact.event, []).append((one.number, _counts(one.fact, zone)))
        plain = (name for name, several in self._counted.items() if all(test is None for _, test in several))
        self.unconditional = frozenset(plain)
        """Names of events that count whatever their properties."""

    def _note(self, version: RuleVersion, names: RuleNames, bits: dict[int, dict[_Bit, list[int]]]) -> None:
        for key in reads_of(version.rule):
            self.readers.setdefault(key, []).append(version.number)
        timed = False
        for leaf in leaves(as_group(version.rule)):
            if leaf.kind == "activity":
                fact = names.facts.get(leaf.fact)
                for bit in _bits_of(leaf) if fact is not None else ():
                    bits.setdefault(fact or 0, {}).setdefault(bit, []).append(version.number)
                timed = timed or leaf.within is not None
            elif leaf.kind == "field":
                timed = timed or OPERATORS[leaf.operator].turns is not None
        if timed:
            self.readers.setdefault(TIMED, []).append(version.number)

    def _fields(self) -> frozenset[str]:
        """Fields of contacts that have to be loaded to judge anybody, as the engine names them."""
        fields: set[str] = set()
        for key in self.readers:
            root, _, name = key.partition(".")
            if root == "contact":
                fields.add(name)
            elif root == "attributes" or key in ("tags", "consent"):
                fields.add(root)
        return frozenset(fields | {"timezone"}) if self.versions else frozenset()

    def ordered(self) -> list[RuleVersion]:
        """All versions, each behind those of the segments that it reads."""
        return sorted(self.versions.values(), key=lambda version: self._place[version.number])

    def counted(self, name: str) -> bool:
        """Does any rule count events of this name?"""
        return name in self._counted

    def counting(self, name: str) -> Sequence[tuple[int, Callable[[Mapping[str, Any]], bool] | None]]:
        """The facts for which events of a name count, each with a test of their properties; None: every event counts."""
        return self._counted.get(name, ())

    def concerned(self, name: str, properties: Mapping[str, Any]) -> set[str]:
        """What an event about a contact says has changed, and rules read. Not the moves that are made here: who reads those is judged
        with them."""
        keys = changed_keys(name, properties)
        if not keys or CREATED in keys or properties.get("segmentId") in self.dynamic:
            return keys if CREATED in keys else set()
        return {key for key in keys if key in self.readers}

    def turned(self, fact: int, before: Sum, after: Sum, now: int) -> list[int]:
        """Versions that read a bit which events have turned: most turn none. A bit that asks for more than there is has not turned."""
        return [
            number
            for bit, numbers in self._bits.get(fact, ())
            if bit.times <= after.n and bit.held(before, now) != bit.held(after, now)
            for number in numbers
        ]

    def touched(self, keys: Iterable[str], numbers: Iterable[int] = ()) -> list[int]:
        """Versions that read one of `keys`, `numbers`, and those that read their segments; a segment before who reads it."""
        keys = set(keys)
        if CREATED in keys:
            return sorted(self.versions, key=self._place.__getitem__)
        touched: set[int] = set()
        waiting = [*numbers, *(number for key in keys for number in self.readers.get(key, ()))]
        while waiting:
            number = waiting.pop()
            if number not in touched:
                touched.add(number)
                waiting += self._above[number]
        return sorted(touched, key=self._place.__getitem__)


def changed_keys(name: str, properties: Mapping[str, Any]) -> set[str]:
    """What an event about a contact says has changed, as rules read it; nothing for other events."""
    if name == "contact.created":
        return {CREATED}
    if name in ("contact.unsubscribed", "contact.resubscribed"):
        return {"consent"}
    if name in MOVES:
        return {f"segment:{properties.get('segmentId')}"}
    if name != "contact.updated":
        return set()
    return changed_paths(properties.get("changed") or ())


def changed_paths(paths: Iterable[str]) -> set[str]:
    """Paths like `email`, `attributes.plan` and `consent.email` as rules read them."""
    return {read_of(path) for path in paths}


def _sorted(versions: Sequence[RuleVersion], by_id: Mapping[UUID, int]) -> list[int]:
    """Numbers, each behind those of the segments that it reads. In a circle, which nobody can save, one of them comes first."""
    reads = {
        version.number: [
            by_id[UUID(key[8:])]
            for key in reads_of(version.rule)
            if key.startswith("segment:") and UUID(key[8:]) in by_id
        ]
        for version in versions
    }
    ordered: dict[int, None] = {}

    def put(number: int, above: frozenset[int]) -> None:
        for other in reads[number]:
            if other not in ordered and other not in above:
                put(other, above | {number})
        ordered.setdefault(number)

    for version in versions:
        put(version.number, frozenset((version.number,)))
    return list(ordered)
