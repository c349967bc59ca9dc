"""How a rule compares the actual value with the wanted one. Numbers may come as text; text is compared without case."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

Test = Callable[[Any, Any], bool]


class ConditionError(Exception):
    """A rule cannot be answered for this person; the message names the field, the value and what was expected."""


# What people call a number: float() also takes "nan", "1_000" and digits of other scripts.
_NUMBER = re.compile(r"\s*[+-]?[0-9]{1,300}(\.[0-9]{1,300})?([eE][+-]?[0-9]{1,2})?\s*")


def as_number(value: Any) -> float | None:
    """A number, or text that is one; None for anything else, booleans and what is not finite too."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, str):
        if not _NUMBER.fullmatch(value):
            return None
        value = float(value) if set(value) & set(".eE") else int(value)
        return value if isinstance(value, int) or math.isfinite(value) else None
    return value if isinstance(value, float) and math.isfinite(value) else None


def as_instant(value: Any) -> datetime | None:
    """An instant from ISO 8601 text or a date; without a zone it is UTC. None for anything else."""
    if isinstance(value, datetime):
        found = value
    elif isinstance(value, date):
        found = datetime(value.year, value.month, value.day)
    elif isinstance(value, str):
        try:
            found = datetime.fromisoformat(value.strip().replace("Z", "+00:00"))
        except ValueError:
            return None
    else:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _same(actual: Any, wanted: Any) -> bool:
    if actual.__class__ is wanted.__class__:
        return bool(actual == wanted)
    if actual is None or wanted is None:
        return False
    if isinstance(actual, bool) or isinstance(wanted, bool):
        return str(actual).lower() == str(wanted).lower()
    left, right = as_number(actual), as_number(wanted)
    return left == right if left is not None and right is not None else bool(actual == wanted)


def _contains(actual: Any, wanted: Any) -> bool:
    if actual is None:
        return False
    if isinstance(actual, list):
        return any(_same(item, wanted) for item in actual)
    if isinstance(actual, dict):
        return str(wanted) in actual
    return str(wanted).casefold() in str(actual).casefold()


def _in(actual: Any, wanted: Any) -> bool:
    return any(_same(actual, item) for item in wanted)


def _exists(actual: Any, _wanted: Any) -> bool:
    return actual is not None and actual not in ("", [], {})


def _affix(test: Callable[[str, str], bool]) -> Test:
    return lambda actual, wanted: actual is not None and test(str(actual).casefold(), str(wanted).casefold())


def _compared(compare: Test, convert: Callable[[Any], Any], what: str) -> Test:
    """A comparison that a missing value never meets, and that fails aloud on a value of the wrong kind."""

    def test(actual: Any, wanted: Any) -> bool:
        if actual is None:
            return False
        left, right = convert(actual), convert(wanted)
        if left is None or right is None:
            raise ConditionError(f"is {actual!r}, which cannot be compared with {wanted!r} as {what}")
        return compare(left, right)

    return test


def _not(test: Test) -> Test:
    return lambda actual, wanted: not test(actual, wanted)


OPERATORS: dict[str, Test] = {
    "equals": _same,
    "not_equals": _not(_same),
    "contains": _contains,
    "not_contains": _not(_contains),
    "starts_with": _affix(str.startswith),
    "ends_with": _affix(str.endswith),
    "greater_than": _compared(operator.gt, as_number, "a number"),
    "greater_or_equal": _compared(operator.ge, as_number, "a number"),
    "less_than": _compared(operator.lt, as_number, "a number"),
    "less_or_equal": _compared(operator.le, as_number, "a number"),
    "in": _in,
    "not_in": _not(_in),
    "exists": _exists,
    "not_exists": _not(_exists),
    "is_true": lambda actual, _wanted: _same(actual, True),
    "is_false": lambda actual, _wanted: _same(actual, False),
    "before": _compared(operator.lt, as_instant, "a date"),
    "after": _compared(operator.gt, as_instant, "a date"),
}
LABELS = {
    "equals": "is",
    "not_equals": "is not",
    "contains": "contains",
    "not_contains": "does not contain",
    "starts_with": "starts with",
    "ends_with": "ends with",
    "greater_than": "is more than",
    "greater_or_equal": "is at least",
    "less_than": "is less than",
    "less_or_equal": "is at most",
    "in": "is one of",
    "not_in": "is none of",
    "exists": "is set",
    "not_exists": "is not set",
    "is_true": "is true",
    "is_false": "is false",
    "before": "is before",
    "after": "is after",
}
"""What people read, in the order of the form."""
WITHOUT_VALUE = {"exists", "not_exists", "is_true", "is_false"}
