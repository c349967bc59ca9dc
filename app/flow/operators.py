"""The operators of conditions: which types of fields each is for, what value it takes, and how it answers.

`make(wanted)` reads the wanted value once, when a version is compiled, and returns the test that runs for each person. How a value
reads as text, number, boolean, date or list says `app.lib.conversions`; nothing is compared in any other way. `sql` says the same of many
people at once (`app.flow.operator_sql`); a test holds the two against each other.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from app.flow import date_operators as dates
from app.flow import operator_sql as sql
from app.flow.anniversaries import LONGEST_DAYS
from app.flow.comparing import NotComparable as NotComparable
from app.flow.comparing import Test, Turns
from app.flow.durations import UNITS as UNITS
from app.flow.pattern_sql import pattern_sql_problem
from app.flow.patterns import pattern_of
from app.flow.rule_sql import SqlField
from app.lib.conversions import (
    as_boolean,
    as_date,
    as_exact,
    as_list,
    as_number,
    as_text,
    folded,
    is_blank,
    same,
    yearless_day,
)
from app.lib.translation import gettext, translatable

MAX_DURATION_S = 100 * 366 * 86_400
"""A century: beyond it there are no dates to compare with."""


class ConditionError(Exception):
    """A rule cannot be answered for this person; the message names the field, the value and what was expected."""


@dataclass(frozen=True)
class Operator:
    """`kinds`: the types of fields it is offered for. `shape`: what its value looks like, one of `SHAPES`.

    `sql`: the same of many people at once. `turns` and `sql_turns`: of those whose answer changes with time alone, when it does.
    """

    label: str
    shape: str
    kinds: frozenset[str]
    make: Callable[[Any], Test]
    sql: sql.Compiler
    turns: Callable[[Any], Turns] | None = None
    sql_turns: Callable[[SqlField, Any], list[str]] | None = None
    most_s: int = MAX_DURATION_S
    """The longest length of time that it takes."""
    sql_problem: Callable[[Any], str] = lambda _value: ""
    """Why PostgreSQL cannot answer it for a value as Python does, in words; empty when it can."""


SHAPES = {
    "none": "no value",
    "text": "text",
    "any": "one value",
    "many": "a list of values",
    "number": "a number",
    "pair": "two numbers",
    "pattern": "a pattern",
    "date": "a date",
    "duration": "a number and a unit",
}


# Equality and text -------------------------------------------------------------------------------------------------


def _equals(wanted: Any) -> Test:
    if not isinstance(wanted, str):
        return lambda actual, _step: same(actual, wanted)
    plain = folded(wanted)

    def test(actual: Any, _step: Any) -> bool:
        if isinstance(actual, str):
            return actual == wanted or folded(actual) == plain
        return same(actual, wanted)

    return test


def _in(wanted: Any) -> Test:
    items = as_list(wanted)
    texts = frozenset(folded(item) for item in items if isinstance(item, str))
    others = [item for item in items if not isinstance(item, str)]

    def test(actual: Any, _step: Any) -> bool:
        if isinstance(actual, str):
            return folded(actual) in texts or any(same(actual, item) for item in others)
        return any(same(actual, item) for item in items)

    return test


def _affix(compare: Callable[[str, str], bool]) -> Callable[[Any], Test]:
    def make(wanted: Any) -> Test:
        plain = folded(as_text(wanted) or "")

        def test(actual: Any, _step: Any) -> bool:
            text = as_text(actual)
            return text is not None and compare(folded(text), plain)

        return test

    return make


def _contains(wanted: Any) -> Test:
    """A part of text, an item of a list, a name of an object."""
    equal, plain = _equals(wanted), folded(as_text(wanted) or "")

    def test(actual: Any, step: Any) -> bool:
        if isinstance(actual, str):
            return plain in folded(actual)
        if isinstance(actual, list | dict):
            return any(equal(item, step) for item in actual)
        text = as_text(actual)
        return text is not None and plain in folded(text)

    return test


def _contains_any(wanted: Any) -> Test:
    holds = _in(wanted)
    return lambda actual, step: any(holds(item, step) for item in as_list(actual))


def _contains_all(wanted: Any) -> Test:
    tests = [_equals(item) for item in as_list(wanted)]

    def test(actual: Any, step: Any) -> bool:
        items = as_list(actual)
        return all(any(equal(item, step) for item in items) for equal in tests)

    return test


def _matches(wanted: Any) -> Test:
    pattern = pattern_of(wanted)

    def test(actual: Any, _step: Any) -> bool:
        text = as_text(actual)
        return text is not None and pattern.found_in(text)

    return test


# Numbers and booleans ----------------------------------------------------------------------------------------------


def _number(actual: Any) -> int | Decimal | None:
    """None when there is nothing; NotComparable when it is something else."""
    number = as_exact(actual)
    if number is None and not is_blank(actual):
        raise NotComparable(gettext("not a number"))
    return number


def _compared(compare: Callable[[Any, Any], bool]) -> Callable[[Any], Test]:
    def make(wanted: Any) -> Test:
        limit = as_exact(wanted)

        def test(actual: Any, _step: Any) -> bool:
            number = _number(actual)
            return number is not None and compare(number, limit)

        return test

    return make


def _between(wanted: Any) -> Test:
    low, high = (as_exact(item) or 0 for item in wanted)

    def test(actual: Any, _step: Any) -> bool:
        number = _number(actual)
        return number is not None and low <= number <= high

    return test


def _truth(wanted: bool) -> Callable[[Any], Test]:
    def test(actual: Any, _step: Any) -> bool:
        truth = as_boolean(actual)
        if truth is None and not is_blank(actual):
            raise NotComparable(gettext("neither true nor false"))
        return truth is wanted

    return lambda _value: test


# Opposites ------------------------------------------------------------------------------------------------------------


def _not(make: Callable[[Any], Test]) -> Callable[[Any], Test]:
    def opposite(wanted: Any) -> Test:
        test = make(wanted)
        return lambda actual, step: not test(actual, step)

    return opposite


def _blank(_wanted: Any) -> Test:
    return lambda actual, _step: is_blank(actual)


_TEXT, _NUMBERS, _LISTS = frozenset(("text",)), frozenset(("number",)), frozenset(("list",))
_DATES, _BOOLEANS = frozenset(("date",)), frozenset(("boolean",))
KINDS = _TEXT | _NUMBERS | _BOOLEANS | _DATES | _LISTS
_LAST = dates.within_turns(-1), sql.within_turns(-1)
_NEXT = dates.within_turns(1), sql.within_turns(1)
_COMING_YEARLY = dates.anniversary_turns(1), sql.anniversary_turns(1)
_PAST_YEARLY = dates.anniversary_turns(-1), sql.anniversary_turns(-1)

OPERATORS: dict[str, Operator] = {
    "equals": Operator(translatable("is"), "any", _TEXT | _NUMBERS, _equals, sql.same),
    "not_equals": Operator(translatable("is not"), "any", _TEXT | _NUMBERS, _not(_equals), sql.negated(sql.same)),
    "contains": Operator(translatable("contains"), "any", _TEXT | _LISTS, _contains, sql.contains),
    "not_contains": Operator(
        translatable("does not contain"), "any", _TEXT | _LISTS, _not(_contains), sql.negated(sql.contains)
    ),
    "contains_any": Operator(translatable("contains any of"), "many", _LISTS, _contains_any, sql.contains_any),
    "contains_all": Operator(translatable("contains all of"), "many", _LISTS, _contains_all, sql.contains_all),
    "contains_none": Operator(
        translatable("contains none of"), "many", _LISTS, _not(_contains_any), sql.negated(sql.contains_any)
    ),
    "starts_with": Operator(translatable("starts with"), "text", _TEXT, _affix(str.startswith), sql.starts_with),
    "ends_with": Operator(translatable("ends with"), "text", _TEXT, _affix(str.endswith), sql.ends_with),
    "matches": Operator(
        translatable("matches"), "pattern", _TEXT, _matches, sql.matches, sql_problem=pattern_sql_problem
    ),
    "in": Operator(translatable("is one of"), "many", _TEXT | _NUMBERS, _in, sql.is_in),
    "not_in": Operator(translatable("is none of"), "many", _TEXT | _NUMBERS, _not(_in), sql.negated(sql.is_in)),
    "greater_than": Operator(
        translatable("is more than"), "number", _NUMBERS, _compared(operator.gt), sql.compared(">")
    ),
    "greater_or_equal": Operator(
        translatable("is at least"), "number", _NUMBERS, _compared(operator.ge), sql.compared(">=")
    ),
    "less_than": Operator(translatable("is less than"), "number", _NUMBERS, _compared(operator.lt), sql.compared("<")),
    "less_or_equal": Operator(
        translatable("is at most"), "number", _NUMBERS, _compared(operator.le), sql.compared("<=")
    ),
    "between": Operator(translatable("is between"), "pair", _NUMBERS, _between, sql.between),
    "is_true": Operator(translatable("is true"), "none", _BOOLEANS, _truth(True), sql.truth(True)),
    "is_false": Operator(translatable("is false"), "none", _BOOLEANS, _truth(False), sql.truth(False)),
    "before": Operator(translatable("is before"), "date", _DATES, dates.dated(operator.lt), sql.dated("<")),
    "on": Operator(translatable("is on"), "date", _DATES, dates.dated(operator.eq), sql.dated("=")),
    "after": Operator(translatable("is after"), "date", _DATES, dates.dated(operator.gt), sql.dated(">")),
    "within_last": Operator(
        translatable("is within the last"), "duration", _DATES, dates.within(-1), sql.within(-1), *_LAST
    ),
    "not_within_last": Operator(
        translatable("is not within the last"),
        "duration",
        _DATES,
        _not(dates.within(-1)),
        sql.negated(sql.within(-1)),
        *_LAST,
    ),
    "within_next": Operator(
        translatable("is within the next"), "duration", _DATES, dates.within(1), sql.within(1), *_NEXT
    ),
    "anniversary_today": Operator(
        translatable("has its anniversary today"),
        "none",
        _DATES,
        dates.anniversary_today,
        sql.anniversary_today,
        dates.anniversary_today_turns,
        sql.anniversary_today_turns,
    ),
    "anniversary_within_next": Operator(
        translatable("has its anniversary within the next"),
        "duration",
        _DATES,
        dates.anniversary(1),
        sql.anniversary(1),
        *_COMING_YEARLY,
        most_s=LONGEST_DAYS * 86_400,
    ),
    "anniversary_within_last": Operator(
        translatable("had its anniversary within the last"),
        "duration",
        _DATES,
        dates.anniversary(-1),
        sql.anniversary(-1),
        *_PAST_YEARLY,
        most_s=LONGEST_DAYS * 86_400,
    ),
    "is_empty": Operator(translatable("is empty"), "none", _LISTS, _blank, sql.blank),
    "exists": Operator(translatable("is known"), "none", KINDS, _not(_blank), sql.negated(sql.blank)),
    "not_exists": Operator(translatable("is not known"), "none", KINDS, _blank, sql.blank),
}
"""In the order of the form."""
WITHOUT_VALUE = frozenset(name for name, one in OPERATORS.items() if one.shape == "none")
PATTERNED = frozenset(name for name, one in OPERATORS.items() if one.shape == "pattern")
"""They compare with a pattern, which has to be read first."""
TIMED = frozenset(name for name, one in OPERATORS.items() if one.turns is not None)
"""Their answer changes with time alone."""
ZONED = TIMED | frozenset(name for name, one in OPERATORS.items() if one.shape == "date")
"""Their answer depends on the contact's time zone."""
_TRUTHS = frozenset(("is_true", "is_false"))


def answerable(name: str) -> Callable[[Any], bool] | None:
    """Can the operator answer for a value? Where it cannot, its test raises NotComparable. None: it can for every value."""
    if OPERATORS[name].shape in ("number", "pair"):
        return _is_number_or_blank
    if OPERATORS[name].shape == "date":
        return _is_date_or_blank
    if name in ZONED:
        return lambda value: _is_date_or_blank(value) or yearless_day(value) is not None
    return _is_truth_or_blank if name in _TRUTHS else None


def _is_number_or_blank(value: Any) -> bool:
    return as_number(value) is not None or is_blank(value)


def _is_date_or_blank(value: Any) -> bool:
    return as_date(value) is not None or is_blank(value)


def _is_truth_or_blank(value: Any) -> bool:
    return as_boolean(value) is not None or is_blank(value)
