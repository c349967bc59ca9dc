"""What is odd about the rule of a segment though it can be built: names that no data has, parts that nobody or everybody meets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from app.flow import paths
from app.flow.contradictions import NEGATIVE, FieldTest, contradiction, field_test
from app.flow.diagnostic import Diagnostic, warning
from app.flow.field_reads import FieldRead, KnownNames, fields_read
from app.flow.segment_rules import RuleCondition, SegmentRule, as_group, field_path, leaves, placed_leaves
from app.flow.segment_sentences import rule_in_words
from app.lib.translation import gettext
from app.values.event_names import is_recorded


def rule_warnings(rule: SegmentRule, known: KnownNames) -> list[Diagnostic]:
    """What people should know of a rule without faults. `known`: the names that data has, with the rule's events."""
    return [*_unknown(rule, known), *_odd(as_group(rule), "conditions"), *_only_without(rule)]


def events_read(rule: SegmentRule) -> set[str]:
    """The events that a rule counts."""
    return {leaf.event for leaf in leaves(as_group(rule)) if leaf.event}


def _unknown(rule: SegmentRule, known: KnownNames) -> Iterator[Diagnostic]:
    for at, leaf in placed_leaves(rule):
        if leaf.kind == "activity":
            yield from _unknown_event(leaf, at, known)
        elif leaf.kind == "field":
            read = FieldRead(f"{at}.field", paths.names_of(field_path(leaf.field)))
            if doubt := known.doubt(read, None):
                yield warning(read.path, doubt.message)


def _unknown_event(leaf: RuleCondition, at: str, known: KnownNames) -> Iterator[Diagnostic]:
    event = leaf.event or ""
    if event not in known.properties:
        if not is_recorded(event):
            yield warning(
                f"{at}.event",
                gettext(
                    "No event “%(event)s” has come in lately. Is it written as your program sends it?", event=event
                ),
            )
        return
    for read in fields_read(msgspec.to_builtins(leaf.conditions or []), f"{at}.conditions"):
        below = read.names if read.names[0] == "event" else ["event", *read.names]
        if doubt := known.doubt(FieldRead(read.path, below), event):
            yield warning(read.path, doubt.message)


def _odd(group: RuleCondition, path: str) -> Iterator[Diagnostic]:
    parts = group.parts
    seen: dict[bytes, int] = {}
    for index, part in enumerate(parts):
        at = f"{path}[{index}]"
        text = msgspec.json.encode(part, order="sorted")
        if text in seen:
            yield warning(at, gettext("This condition stands here twice."))
        seen.setdefault(text, index)
        if part.kind == "group":
            yield from _odd(part, f"{at}.conditions")
        for other in parts[:index]:
            if message := _clash(other, part, group.match):
                yield warning(at, message)
                break


def _clash(one: RuleCondition, other: RuleCondition, match: str) -> str:
    """What is odd about two conditions of a group beside each other."""
    if one.kind != "field" or other.kind != "field":
        return ""
    return contradiction(_comparison(one), _comparison(other), match)


def _comparison(condition: RuleCondition) -> FieldTest:
    path = field_path(condition.field)
    return field_test(path, condition.operator, condition.value, rule_in_words(SegmentRule(conditions=[condition])))


def _only_without(rule: SegmentRule) -> Sequence[Diagnostic]:
    """A rule that only leaves out holds for all those of whom nothing is known."""
    without = [_leaves_out(leaf) for leaf in leaves(as_group(rule))]
    if any(without) if rule.match == "none" else not all(without):
        return []
    message = gettext(
        "It only says who is left out: everybody else belongs to it, also contacts of whom you know nothing."
    )
    return [warning("conditions", message)]


def _leaves_out(leaf: RuleCondition) -> bool:
    if leaf.kind == "activity":
        return leaf.bounds == (0, 0)
    if leaf.kind == "workflow":
        return leaf.state == "never"
    return leaf.operator in (("not_in",) if leaf.kind == "segment" else NEGATIVE)
