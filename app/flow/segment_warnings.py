"""What is odd about the rule of a segment though it can be built: names that no data has, parts that nobody or everybody meets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from app.flow import paths
from app.flow.diagnostic import Diagnostic, warning
from app.flow.field_reads import FieldRead, KnownNames, fields_read
from app.flow.segment_rules import RuleCondition, SegmentRule, as_group, field_path, leaves, placed_leaves
from app.flow.segment_sentences import rule_in_words
from app.lib.conversions import as_number, folded
from app.lib.translation import gettext

OPPOSITES = {
    "equals": "not_equals",
    "contains": "not_contains",
    "in": "not_in",
    "is_true": "is_false",
    "exists": "not_exists",
    "within_last": "not_within_last",
}
OF_THE_PRODUCT = ("contact", "segment", "message", "email")
"""How events begin that the product tells itself: some of them are rare."""
_LOWER, _UPPER = ("greater_than", "greater_or_equal"), ("less_than", "less_or_equal")
_NEGATIVE = frozenset(OPPOSITES.values()) - {"is_false"}


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
            if message := known.doubt(read, None):
                yield warning(read.path, message)


def _unknown_event(leaf: RuleCondition, at: str, known: KnownNames) -> Iterator[Diagnostic]:
    event = leaf.event or ""
    if event not in known.properties:
        if event.split(".")[0] not in OF_THE_PRODUCT:
            yield warning(
                f"{at}.event",
                gettext(
                    "No event “%(event)s” has come in lately. Is it written as your program sends it?", event=event
                ),
            )
        return
    for read in fields_read(msgspec.to_builtins(leaf.conditions or []), f"{at}.conditions"):
        below = read.names if read.names[0] == "event" else ["event", *read.names]
        if message := known.doubt(FieldRead(read.path, below), event):
            yield warning(read.path, message)


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
    if one.kind != "field" or other.kind != "field" or field_path(one.field) != field_path(other.field):
        return ""
    label = paths.label_of(field_path(one.field))
    if _opposite(one, other):
        return (
            gettext("One of the two always holds, so everybody meets this group.")
            if match == "any"
            else gettext("Nobody can meet both this and “%(words)s”.", words=_words(one))
            if match == "all"
            else gettext("One of the two always holds, so nobody is left.")
        )
    if match != "all" or label == "tags":
        return ""
    if one.operator == other.operator == "equals" and not _same(one.value, other.value):
        return gettext(
            "Nobody’s %(label)s is both %(words)s and %(words_2)s. Put them into a group of which any may hold.",
            label=label,
            words=_words(one),
            words_2=_words(other),
        )
    return (
        gettext("Nobody’s %(label)s can be so large and so small at once.", label=label)
        if _empty_range(one, other)
        else ""
    )


def _opposite(one: RuleCondition, other: RuleCondition) -> bool:
    pair = (one, other) if OPPOSITES.get(one.operator) == other.operator else (other, one)
    return OPPOSITES.get(pair[0].operator) == pair[1].operator and (
        one.operator in ("is_true", "is_false", "exists", "not_exists") or _same(one.value, other.value)
    )


def _empty_range(one: RuleCondition, other: RuleCondition) -> bool:
    low, high = (one, other) if one.operator in _LOWER else (other, one)
    if low.operator not in _LOWER or high.operator not in _UPPER:
        return False
    least, most = as_number(low.value), as_number(high.value)
    if least is None or most is None:
        return False
    closed = (low.operator, high.operator) == ("greater_or_equal", "less_or_equal")
    return least > most if closed else least >= most


def _same(one: Any, other: Any) -> bool:
    return folded(one) == folded(other) if isinstance(one, str) and isinstance(other, str) else bool(one == other)


def _words(condition: RuleCondition) -> str:
    words = rule_in_words(SegmentRule(conditions=[condition]))
    return words.partition(" is ")[2] if condition.operator == "equals" else words


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
    return leaf.operator in (("not_in",) if leaf.kind == "segment" else _NEGATIVE)
