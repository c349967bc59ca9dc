"""Rules of dynamic segments: the conditions of steps, and what only a segment asks: what somebody did, and where somebody is.

A rule is `{"match": "all", "conditions": […]}`. A condition is a group with `conditions`, or looks at a field of the contact
(`contact.plan`, `attributes.plan`, `tags`, `consent.email`, `segment`), or says what events, or a workflow, have to do with the contact.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal
from uuid import UUID

import msgspec

from app.flow import paths
from app.flow.conditions import Condition, operators_of
from app.flow.durations import UNITS
from app.flow.operators import PATTERNED, ZONED
from app.flow.segment_membership import SEGMENT

MAX_LEAVES = 20
MAX_DEPTH = 3
MAX_KEPT = 100
"""Instants that are remembered of what somebody did: `within` counts no further."""
KEPT = (1, 3, 10, 30, MAX_KEPT)
"""How many instants a rule needs of a fact: the next of these."""
LEAST_KEPT = 10
"""How many instants a fact remembers at least, so that rules which ask for other numbers share its row: 80 bytes at most."""
MAX_TIMES = 1_000_000
Match = Literal["all", "any", "none"]


class Duration(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    duration: float
    unit: Literal["seconds", "minutes", "hours", "days", "weeks"] = "days"

    @property
    def micros(self) -> int:
        return round(self.duration * UNITS[self.unit] * 1_000_000)


class Count(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    operator: Literal["at_least", "at_most", "exactly"] = "at_least"
    value: int = 1


class RuleCondition(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """A field, a group, an event, or a workflow: `kind` says which."""

    field: str = ""
    operator: str = ""
    value: Any = None
    match: Match = "all"
    conditions: list[Any] | None = None
    """Of a group more RuleConditions, of an event conditions on its properties."""
    event: str | None = None
    did: bool = True
    count: Count | None = None
    within: Duration | None = None
    occurrence: Literal["any", "first", "last"] = "any"
    """`first`, `last`: when it happened for the first or the last time counts; with `did` false: longer ago than `within`."""
    workflow: UUID | None = None
    state: Literal["in", "finished", "never"] = "in"

    @property
    def kind(self) -> Literal["activity", "workflow", "group", "segment", "field"]:
        if self.event is not None:
            return "activity"
        if self.workflow is not None:
            return "workflow"
        if self.conditions is not None:
            return "group"
        return "segment" if self.field == SEGMENT else "field"

    @property
    def parts(self) -> list[RuleCondition]:
        """Of a group."""
        return [msgspec.convert(part, RuleCondition) for part in self.conditions or ()]

    @property
    def bounds(self) -> tuple[int, int | None]:
        """Of an event: how often at least, and at most (None: any number)."""
        if not self.did:
            return 0, 0
        count = self.count or Count()
        if count.operator == "at_least":
            return count.value, None
        return (0 if count.operator == "at_most" else count.value), count.value

    @property
    def fact(self) -> Fact:
        """Of an event: what is counted for it."""
        least, most = self.bounds
        needed = max(least, 0 if most is None else most + 1, 1) if self.within is not None else 1
        keep = next((size for size in KEPT if size >= needed), MAX_KEPT)
        return Fact(self.event or "", _canonical(self.conditions or []), self.match, keep)


class SegmentRule(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What a dynamic segment consists of. An empty rule holds for nobody is refused: everybody is `contact.id is known`."""

    match: Match = "all"
    conditions: list[RuleCondition] = []


class Fact(msgspec.Struct, frozen=True):
    """What is counted for each contact: events of a name whose properties meet conditions, with the newest `keep` instants."""

    event: str
    conditions: str
    """JSON in one form, so that rules that count the same thing share it."""
    match: str
    keep: int

    @property
    def shared(self) -> Fact:
        """As it is stored: with enough instants for most rules that count the same."""
        return msgspec.structs.replace(self, keep=max(self.keep, LEAST_KEPT))

    @property
    def hash(self) -> str:
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()[:32]

    @property
    def counts_all(self) -> bool:
        """Does each event of its name count? Then what is known of events that have left counts too."""
        return self.conditions == "[]"

    @property
    def property_conditions(self) -> list[Condition]:
        return msgspec.json.decode(self.conditions, type=list[Condition])


def _canonical(conditions: list[Any]) -> str:
    texts = [json.dumps(one, sort_keys=True, ensure_ascii=False) for one in msgspec.to_builtins(conditions)]
    return f"[{','.join(sorted(texts))}]"


def segment_rule(raw: Any) -> SegmentRule:
    """A rule from its stored JSON. Raises msgspec.ValidationError."""
    return msgspec.convert(raw, SegmentRule)


def as_group(rule: SegmentRule) -> RuleCondition:
    return RuleCondition(match=rule.match, conditions=list(rule.conditions))


def leaves(condition: RuleCondition) -> Iterator[RuleCondition]:
    """All that is no group, in order."""
    if condition.kind == "group":
        for part in condition.parts:
            yield from leaves(part)
    else:
        yield condition


def pattern_total(rule: SegmentRule) -> int:
    """How many patterns a rule asks for, of fields and of properties of events."""
    return sum(_patterns(leaves(as_group(rule))))


def _patterns(conditions: Iterable[RuleCondition]) -> Iterator[int]:
    for one in conditions:
        if one.kind == "field":
            yield one.operator in PATTERNED
        elif one.kind == "activity" and one.conditions:
            operators = operators_of(msgspec.convert(msgspec.to_builtins(one.conditions), list[Condition]))
            yield sum(operator in PATTERNED for operator in operators)


def placed_leaves(rule: SegmentRule) -> Iterator[tuple[str, RuleCondition]]:
    """All that is no group, in order, each with its path: `conditions[1].conditions[0]`."""
    yield from _placed(as_group(rule), "")


def _placed(group: RuleCondition, path: str) -> Iterator[tuple[str, RuleCondition]]:
    for index, part in enumerate(group.parts):
        at = f"{path}conditions[{index}]"
        if part.kind == "group":
            yield from _placed(part, f"{at}.")
        else:
            yield at, part


def field_path(field: str) -> str:
    """The path of a field as steps have it: `attributes.plan` and `plan` are `contact.attributes.plan` and `contact.plan`."""
    return field if field.startswith("contact.") else f"contact.{field}"


def segments_of(rule: SegmentRule) -> list[UUID]:
    """Ids of the segments that a rule reads, each once."""
    ids: dict[UUID, None] = {}
    for leaf in leaves(as_group(rule)):
        if leaf.kind == "segment":
            ids |= dict.fromkeys(wanted_segments(leaf))
    return list(ids)


def wanted_segments(leaf: RuleCondition) -> list[UUID]:
    """The segments that a `segment` condition names, one or a list of them; those that are no ids are left out."""
    wanted = leaf.value if isinstance(leaf.value, list) else [leaf.value]
    ids = []
    for one in wanted:
        try:
            ids.append(UUID(str(one)))
        except ValueError:
            continue
    return ids


def counted_facts(rule: SegmentRule) -> list[Fact]:
    """What a rule counts, each once."""
    return list(dict.fromkeys(leaf.fact for leaf in leaves(as_group(rule)) if leaf.kind == "activity"))


def serving(needed: Iterable[Fact], stored: Mapping[Fact, int]) -> dict[Fact, int]:
    """Which of the `stored` facts serves each of those that rules need: what counts the same and remembers enough, the least of them.

    Nothing narrower is stored while one serves, so the answer stays as it is while that one is in use."""
    by_events: dict[tuple[str, str, str], list[tuple[int, int]]] = {}
    for fact, number in stored.items():
        by_events.setdefault((fact.event, fact.conditions, fact.match), []).append((fact.keep, number))
    numbers: dict[Fact, int] = {}
    for fact in needed:
        enough = [one for one in by_events.get((fact.event, fact.conditions, fact.match), ()) if one[0] >= fact.keep]
        if enough:
            numbers[fact] = min(enough)[1]
    return numbers


def reads_of(rule: SegmentRule) -> set[str]:
    """What of a contact a rule looks at: `attributes.plan`, `contact.email`, `tags`, `consent`, `event:NAME`, `segment:ID`,
    `workflow:ID`. Changes of nothing else can move somebody in or out, except time."""
    reads: set[str] = set()
    for leaf in leaves(as_group(rule)):
        if leaf.kind == "activity":
            reads.add(f"event:{leaf.event}")
        elif leaf.kind == "workflow":
            reads.add(f"workflow:{leaf.workflow}")
        elif leaf.kind == "segment":
            reads |= {f"segment:{one}" for one in wanted_segments(leaf)}
        else:
            reads.add(read_of(leaf.field))
            if leaf.operator in ZONED:
                reads.add("contact.timezone")
    return reads


def read_of(field: str) -> str:
    """What a field of a rule looks at, as changes of contacts name it."""
    root, *names = paths.names_of(field_path(field))[1:] or [""]
    if root == "consent":
        return "consent"
    name = paths.field_of([root, *names])
    if name == "attributes":
        return f"attributes.{names[0] if root == 'attributes' and names else root}"
    return name if name in ("tags", "id") else f"contact.{name}"
