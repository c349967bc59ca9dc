"""What is odd about two conditions beside each other in one group: nobody meets both, or everybody meets one of them. Pure."""

from __future__ import annotations

from typing import Any, NamedTuple

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
NEGATIVE = frozenset(OPPOSITES.values()) - {"is_false"}
"""Operators that say who is left out."""
_LOWER, _UPPER = ("greater_than", "greater_or_equal"), ("less_than", "less_or_equal")
_WITHOUT_VALUE = ("is_true", "is_false", "exists", "not_exists")
SEVERAL = "tags"
"""A field that holds several values at once, so that it can be equal to two of them."""


class FieldTest(NamedTuple):
    """A condition on one field. `label`: the field as people call it; `words`: the condition, or of `equals` its value alone."""

    path: str
    operator: str
    value: Any
    label: str
    words: str


def contradiction(one: FieldTest, other: FieldTest, match: str) -> str:
    """What is odd about two conditions of a group joined by `match`; empty when nothing is."""
    if one.path != other.path:
        return ""
    if _opposite(one, other):
        return (
            gettext("One of the two always holds, so everybody meets this group.")
            if match == "any"
            else gettext("Nobody can meet both this and “%(words)s”.", words=one.words)
            if match == "all"
            else gettext("One of the two always holds, so nobody is left.")
        )
    if match != "all" or one.label == SEVERAL:
        return ""
    if one.operator == other.operator == "equals" and not _same(one.value, other.value):
        return gettext(
            "Nobody’s %(label)s is both %(words)s and %(words_2)s. Put them into a group of which any may hold.",
            label=one.label,
            words=one.words,
            words_2=other.words,
        )
    return (
        gettext("Nobody’s %(label)s can be so large and so small at once.", label=one.label)
        if _empty_range(one, other)
        else ""
    )


def _opposite(one: FieldTest, other: FieldTest) -> bool:
    pair = (one, other) if OPPOSITES.get(one.operator) == other.operator else (other, one)
    return OPPOSITES.get(pair[0].operator) == pair[1].operator and (
        one.operator in _WITHOUT_VALUE or _same(one.value, other.value)
    )


def _empty_range(one: FieldTest, other: FieldTest) -> bool:
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
