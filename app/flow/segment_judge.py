"""A rule of a segment as a function of one contact: is the contact a member, and until when is that so if nothing happens?

Three answers: yes, no, and None where a value cannot be compared (`age` is “n/a”). Only yes makes a member. `all`, `any` and `none` combine
them as SQL does, so that many people at once (`app.membership.rule_repository`) get the same answers. Instants are microseconds since
2000, as the engine has them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from app.flow import paths
from app.flow.operators import OPERATORS, NotComparable
from app.flow.segment_rules import Fact, RuleCondition, SegmentRule, as_group, field_path, wanted_segments
from app.lib.binary_fields import microseconds

FOREVER = 2**62
Verdict = tuple[bool | None, int]
"""The answer, and the instant before which it does not change by itself."""
Judge = Callable[["Person"], Verdict]


class Sum(NamedTuple):
    """What events add up to: how many, when the first was, and the newest ones, newest first."""

    n: int
    first: int
    recent: Sequence[int]

    def plus(self, instants: list[int], keep: int) -> Sum:
        """With further events, in any order: one that comes late finds its place. `keep`: how many of the newest are remembered."""
        recent = self.recent
        if len(instants) == 1 and recent and instants[0] >= recent[0]:  # as most do
            return Sum(self.n + 1, self.first, [instants[0], *recent[: keep - 1]])
        newest = sorted([*instants, *recent], reverse=True)[:keep]
        first = min(instants)
        return Sum(self.n + len(instants), min(self.first, first) if self.n else first, newest)


NOTHING = Sum(0, 0, ())


class Person(Protocol):
    """A contact at an instant, as rules look at it; also what a step is to the readers of `app.flow.paths`."""

    @property
    def contact(self) -> Any: ...
    @property
    def consent(self) -> Mapping[str, Any]: ...
    @property
    def moment(self) -> int:
        """Now."""

    @property
    def facts(self) -> Mapping[int, Sum]: ...
    @property
    def segments(self) -> set[int]:
        """Numbers of those that the contact is in."""

    @property
    def workflows(self) -> Mapping[UUID, set[str]]:
        """`in`, `finished` and `entered`, by workflow."""


class RuleNames(NamedTuple):
    """The numbers by which what a rule names is stored: facts, and the versions of segments that count now."""

    facts: Mapping[Fact, int]
    segments: Mapping[UUID, int]


def judge_of(rule: SegmentRule, names: RuleNames) -> Judge:
    """Compile a rule that has no faults. A fact without a number never happened, a segment without one has no members."""
    return _judge(as_group(rule), names)


def _judge(condition: RuleCondition, names: RuleNames) -> Judge:
    match condition.kind:
        case "group":
            return _group([_judge(part, names) for part in condition.parts], condition.match)
        case "activity":
            return _event(condition, names.facts.get(condition.fact, -1))
        case "workflow":
            return _workflow(condition)
        case "segment":
            return _segment(condition, names)
        case _:
            return _field(condition)


def _group(parts: list[Judge], match: str) -> Judge:
    wins = match != "all"
    """The answer of one part that decides the whole."""
    flips = match == "none"

    def group(person: Person) -> Verdict:
        decided, unsure, latest, earliest = False, False, 0, FOREVER
        for part in parts:
            held, until = part(person)
            if held is wins:
                decided, latest = True, max(latest, until)  # it stands until the last of them falls
            unsure = unsure or held is None
            earliest = min(earliest, until)
        if decided:
            return wins is not flips, latest
        return (None, earliest) if unsure else (wins is flips, earliest)

    return group


def _event(condition: RuleCondition, fact: int) -> Judge:
    length = condition.within.micros if condition.within is not None else None
    least, most = condition.bounds
    if condition.occurrence != "any":
        return _occurrence(condition, fact, length or 0)

    def at_least(counted: Sum, times: int, now: int) -> Verdict:
        if length is None:
            return counted.n >= times, FOREVER
        if len(counted.recent) < times or (end := counted.recent[times - 1] + length) <= now:
            return False, FOREVER
        return True, end

    def did(person: Person) -> Verdict:
        counted, now = person.facts.get(fact, NOTHING), person.moment
        enough, until = at_least(counted, least, now) if least else (True, FOREVER)
        too_many, also_until = at_least(counted, most + 1, now) if most is not None else (False, FOREVER)
        return enough is True and too_many is False, min(until, also_until)

    return did


def _occurrence(condition: RuleCondition, fact: int, length: int) -> Judge:
    of_first, recently = condition.occurrence == "first", condition.did

    def happened(person: Person) -> Verdict:
        counted = person.facts.get(fact, NOTHING)
        if not counted.n:
            return False, FOREVER
        end = (counted.first if of_first else counted.recent[0]) + length
        is_recent = end > person.moment
        return is_recent is recently, end if is_recent else FOREVER

    return happened


def _workflow(condition: RuleCondition) -> Judge:
    workflow, state = condition.workflow, condition.state
    if workflow is None:
        raise ValueError("a condition on a workflow names one")
    nowhere: set[str] = set()
    if state == "never":
        return lambda person: ("entered" not in person.workflows.get(workflow, nowhere), FOREVER)
    return lambda person: (state in person.workflows.get(workflow, nowhere), FOREVER)


def _segment(condition: RuleCondition, names: RuleNames) -> Judge:
    wanted = {names.segments[one] for one in wanted_segments(condition) if one in names.segments}
    is_in = condition.operator == "in"
    return lambda person: (wanted.isdisjoint(person.segments) is not is_in, FOREVER)


def _field(condition: RuleCondition) -> Judge:
    operator, name = OPERATORS[condition.operator], field_path(condition.field)
    test = operator.make(condition.value)
    turn = operator.turns(condition.value) if operator.turns is not None else None
    topic = name.removeprefix("contact.consent.")
    read: Callable[[Any], Any] = paths.reader(name, set())
    if topic != name:
        read = lambda person: person.consent.get(topic)  # noqa: E731

    def leaf(person: Person) -> Verdict:
        actual = read(person)
        try:
            held: bool | None = test(actual, person)
        except NotComparable:
            return None, FOREVER
        if turn is None:
            return held, FOREVER
        at = turn(actual, person)
        return held, FOREVER if at is None else microseconds(at)

    return leaf
