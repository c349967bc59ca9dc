"""What is odd about two conditions beside each other in one group: nobody meets both, or everybody meets one of them. Pure."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from app.flow import paths
from app.flow.comparing import NotComparable
from app.flow.field_names import field_name
from app.flow.field_reads import OF_CONTACT
from app.flow.operators import OPERATORS, ZONED
from app.flow.phrases import wanted_in_words
from app.lib.conversions import as_date, as_exact, folded, same
from app.lib.translation import gettext

OPPOSITES = {
    "equals": "not_equals",
    "contains": "not_contains",
    "contains_any": "contains_none",
    "in": "not_in",
    "is_true": "is_false",
    "exists": "not_exists",
    "within_last": "not_within_last",
}
NEGATIVE = frozenset(OPPOSITES.values()) - {"is_false"}
"""Operators that say who is left out."""
NEGATED = {**OPPOSITES, **{name: opposite for opposite, name in OPPOSITES.items()}}
_WITHOUT_VALUE = ("is_true", "is_false", "exists", "not_exists")
_EMPTY = ("not_exists", "is_empty")
_OF_VALUES = ("equals", "in")
_UNSAFE = frozenset({"matches", "contains_any", "contains_all", "contains_none", "is_empty"}) | ZONED
"""What they answer for a value hangs on how it is written, on its being a list, or on the contact."""
SEVERAL = "tags"
"""A field that holds several values at once, so that it can be equal to two of them."""
_LEAST, _MOST = Decimal("-Infinity"), Decimal("Infinity")


class FieldTest(NamedTuple):
    """A condition on one field. `label`: the field as people call it; `words`: the condition, or of `equals` its value alone."""

    path: str
    operator: str
    value: Any
    label: str
    words: str


def contradiction(one: FieldTest, other: FieldTest, match: str) -> str:
    """What is odd about two conditions of a group joined by `match`; empty when nothing is."""
    if one.path != other.path or not (_is_finished(one) and _is_finished(other)):
        return ""
    if _opposite(one, other):
        return _of_opposites(one, match)
    if match != "all":
        return ""
    if {one.operator, other.operator} & {*_EMPTY} and not {one.operator, other.operator} <= {*NEGATIVE, "is_empty"}:
        return _never_both(one)
    if _holds_several(one):
        return ""
    if one.operator == other.operator == "equals" and not _same(one.value, other.value):
        return gettext(
            "Nobody’s %(label)s is both %(words)s and %(words_2)s. Put them into a group of which any may hold.",
            label=one.label,
            words=one.words,
            words_2=other.words,
        )
    if _apart(one, other):
        return gettext("Nobody’s %(label)s can be so large and so small at once.", label=one.label)
    return _never_both(one) if _no_day(one, other) or _no_value(one, other) or _no_value(other, one) else ""


def covers(one: FieldTest, other: FieldTest) -> bool:
    """Does everybody who meets `other` meet `one`? False where that is not sure."""
    if one.path != other.path or _holds_several(one):
        return False
    values = _values(other)
    if values is not None and one.operator not in _UNSAFE:
        return bool(values) and all(_passes(one, value) is True for value in values)
    wide, narrow = _range(one), _range(other)
    if wide is None or narrow is None:
        return False
    lower = wide[0] < narrow[0] or (wide[0] == narrow[0] and (wide[1] or not narrow[1]))
    upper = wide[2] > narrow[2] or (wide[2] == narrow[2] and (wide[3] or not narrow[3]))
    return lower and upper


def field_test(path: str, operator: str, value: Any, words: str) -> FieldTest:
    """A condition as it is compared with others; `words`: its sentence."""
    if operator == "equals":
        words = wanted_in_words(operator, value).removeprefix(gettext(OPERATORS[operator].label)).strip()
    return FieldTest(_one_way(path), operator, value, field_name(path), words)


def _holds_several(test: FieldTest) -> bool:
    return paths.label_of(test.path) == SEVERAL


def _one_way(path: str) -> str:
    """`contact.attributes.plan` and `contact.plan` are one field, and so are `a[0]` and `a.0`."""
    names = paths.names_of(path)
    if names[:2] == ["contact", "attributes"] and len(names) > 2 and names[2] not in OF_CONTACT:
        del names[1]
    return ".".join(names)


def _is_finished(test: FieldTest) -> bool:
    operator = OPERATORS.get(test.operator)
    return operator is not None and (operator.shape == "none" or test.value not in (None, "", []))


def _of_opposites(one: FieldTest, match: str) -> str:
    if match == "all":
        return _never_both(one)
    if one.operator in ("is_true", "is_false"):
        return ""  # of whom nothing is known meets neither
    if match == "any":
        return gettext("One of the two always holds, so everybody meets this group.")
    return gettext("One of the two always holds, so nobody is left.")


def _never_both(one: FieldTest) -> str:
    words = f"{one.label} {gettext(OPERATORS['equals'].label)} {one.words}" if one.operator == "equals" else one.words
    return gettext("Nobody can meet both this and “%(words)s”.", words=words)


def _opposite(one: FieldTest, other: FieldTest) -> bool:
    pair = (one, other) if OPPOSITES.get(one.operator) == other.operator else (other, one)
    return OPPOSITES.get(pair[0].operator) == pair[1].operator and (
        one.operator in _WITHOUT_VALUE or _same(one.value, other.value)
    )


def _values(test: FieldTest) -> list[Any] | None:
    """All that the field may be; None where that is not said."""
    if test.operator not in _OF_VALUES:
        return None
    values = test.value if test.operator == "in" and isinstance(test.value, list) else [test.value]
    return values if all(isinstance(one, str | int | float) for one in values) else None


def _passes(test: FieldTest, value: Any) -> bool | None:
    """None where it is not sure: it cannot be compared, or the wanted value is not finished."""
    try:
        return OPERATORS[test.operator].make(test.value)(value, None)
    except (NotComparable, TypeError, ValueError):
        return None


def _no_value(one: FieldTest, other: FieldTest) -> bool:
    """Does none of the values that `one` allows meet `other`?"""
    values = _values(one)
    if not values or other.operator not in OPERATORS or other.operator in _UNSAFE:
        return False
    return all(_passes(other, value) is False for value in values)


def _range(test: FieldTest) -> tuple[Decimal, bool, Decimal, bool] | None:
    """Of a comparison of numbers: the least and the most, each with whether it belongs to it."""
    if test.operator == "between" and isinstance(test.value, list) and len(test.value) == 2:
        low, high = map(as_exact, test.value)
        return None if low is None or high is None else (Decimal(low), True, Decimal(high), True)
    limit = as_exact(test.value)
    if limit is None:
        return None
    match test.operator:
        case "greater_than" | "greater_or_equal":
            return Decimal(limit), test.operator == "greater_or_equal", _MOST, False
        case "less_than" | "less_or_equal":
            return _LEAST, False, Decimal(limit), test.operator == "less_or_equal"
    return None


def _apart(one: FieldTest, other: FieldTest) -> bool:
    """Do two ranges of numbers have nothing in common?"""
    first, second = _range(one), _range(other)
    if first is None or second is None:
        return False
    (_, _, high, is_high), (low, is_low, _, _) = (first, second) if first[2] <= second[2] else (second, first)
    return high < low or (high == low and not (is_high and is_low))


def _no_day(one: FieldTest, other: FieldTest) -> bool:
    """Is there no day that is after the one and before the other? Of days alone: times may be of other zones."""
    spans = [_days(test) for test in (one, other)]
    if None in spans:
        return False
    (from_one, to_one), (from_other, to_other) = spans  # type: ignore[misc]
    return max(from_one, from_other) > min(to_one, to_other)


def _days(test: FieldTest) -> tuple[date, date] | None:
    """The first and the last day that a comparison with a plain day allows."""
    day = as_date(test.value) if test.operator in ("before", "on", "after") else None
    if day is None or isinstance(day, datetime) or not date.min < day < date.max:
        return None
    one = timedelta(days=1)
    return {"before": (date.min, day - one), "on": (day, day), "after": (day + one, date.max)}[test.operator]


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(any(_same(item, each) for each in other) for item in one)
    return folded(one) == folded(other) if isinstance(one, str) and isinstance(other, str) else same(one, other)
