"""The operators as SQL over many contacts: what `app.flow.operators` says of one in Python, said of a set.

Each function takes the field and the wanted value and answers a boolean expression that is true, false, or null where the value cannot
be compared. A test holds the two against each other over all operators and awkward values (`tests/membership/test_agreement.py`). How a
value reads as text, number, boolean or date say the functions `rule_…` of the database, as `app.lib.conversions` says it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from app.flow.anniversaries import LONGEST_DAYS
from app.flow.durations import span_of
from app.flow.pattern_sql import pattern_sql
from app.flow.rule_sql import SqlField, SqlRule
from app.lib.conversions import as_boolean, as_date, as_exact, as_list, as_text, folded, printed

Compiler = Callable[[SqlField, Any], str]


class _Item(SqlField):
    """An item of a list, inside a subselect: nothing of it can be computed outside."""

    def _once(self, function: str) -> str:
        return f"{function}({self.json})"

    @property
    def folded(self) -> str:
        return f"rule_folded(rule_text({self.json}))"


def same(field: SqlField, wanted: Any) -> str:
    """Equal as `app.lib.conversions.same` has it; never null."""
    rule, json = field.rule, field.json
    if wanted is None:
        return f"coalesce({json} = 'null', true)"
    if isinstance(wanted, bool):
        return f"coalesce({field.boolean} = {'true' if wanted else 'false'}, false)"
    if isinstance(wanted, list | tuple | dict):
        return _same_inside(field, wanted)
    number, truth = as_exact(wanted), as_boolean(wanted)
    text = rule.parameter(folded(printed(wanted)), "text")
    by_text = f"{field.folded} = {text}"
    by_number = by_text if number is None else f"{field.number} = {rule.parameter(Decimal(number), 'numeric')}"
    of_text = by_text if isinstance(wanted, str) or number is None else by_number
    of_truth = "false" if truth is None else f"{field.boolean} = {'true' if truth else 'false'}"
    return (
        f"coalesce(case jsonb_typeof({json}) when 'string' then {of_text} when 'number' then {by_number}"
        f" when 'boolean' then {of_truth} end, false)"
    )


def _same_inside(field: SqlField, wanted: Any) -> str:
    rule, json = field.rule, field.json
    if isinstance(wanted, dict):
        size = f"(select count(*) from jsonb_object_keys({json}))"  # noqa: S608  constants
        parts, kind = [], "object"
        for name, item in wanted.items():
            key = rule.parameter(name, "text")
            parts.append(f"{json} ? {key} and {same(_Item(rule, f'({json} -> {key})'), item)}")
    else:
        size, kind = f"jsonb_array_length({json})", "array"
        parts = [same(_Item(rule, f"({json} -> {place})"), item) for place, item in enumerate(wanted)]
    inside = " and ".join([f"{size} = {len(wanted)}", *(f"({part})" for part in parts)])
    return f"coalesce(case when jsonb_typeof({json}) = '{kind}' then {inside} else false end, false)"


def is_in(field: SqlField, wanted: Any) -> str:
    return f"({' or '.join(same(field, item) for item in as_list(wanted)) or 'false'})"


def _some_item(field: SqlField, items: str, test: Callable[[SqlField], str]) -> str:
    """Is there one among `items`, a jsonb list, that passes?"""
    return f"exists (select from jsonb_array_elements({items}) as e(x) where {test(_Item(field.rule, 'e.x'))})"


def contains(field: SqlField, wanted: Any) -> str:
    plain = field.rule.parameter(folded(as_text(wanted) or ""), "text")
    json = field.json
    keys = f"(select coalesce(jsonb_agg(k), '[]') from jsonb_object_keys({json}) as k)"  # noqa: S608  constants
    some_key = _some_item(field, keys, lambda item: same(item, wanted))
    some_item = _some_item(field, json, lambda item: same(item, wanted))
    return (
        f"coalesce(case jsonb_typeof({json}) when 'array' then {some_item} when 'object' then {some_key}"
        f" else position({plain} in {field.folded}) > 0 end, false)"
    )


def _items(field: SqlField) -> str:
    """The value as a list of jsonb: nothing is an empty one, one value a list of one."""
    json = field.json
    return f"case when jsonb_typeof({json}) = 'array' then {json} when {field.blank} then '[]'::jsonb else jsonb_build_array({json}) end"


def contains_any(field: SqlField, wanted: Any) -> str:
    return _some_item(field, _items(field), lambda item: is_in(item, wanted))


def contains_all(field: SqlField, wanted: Any) -> str:
    parts = [_some_item(field, _items(field), lambda item, one=one: same(item, one)) for one in as_list(wanted)]  # type: ignore[misc]
    return f"({' and '.join(parts) or 'true'})"


def starts_with(field: SqlField, wanted: Any) -> str:
    return (
        f"coalesce(starts_with({field.folded}, {field.rule.parameter(folded(as_text(wanted) or ''), 'text')}), false)"
    )


def ends_with(field: SqlField, wanted: Any) -> str:
    plain = folded(as_text(wanted) or "")
    return f"coalesce(right({field.folded}, {len(plain)}) = {field.rule.parameter(plain, 'text')}, false)"


def matches(field: SqlField, wanted: Any) -> str:
    """By the collation C: nothing that the pattern says depends on a locale."""
    pattern = field.rule.parameter(pattern_sql(as_text(wanted) or ""), "text")
    return f'coalesce({field.composed} collate "C" ~ {pattern}, false)'


def _unless_blank(field: SqlField, sql: str) -> str:
    return f"case when {field.blank} then false else {sql} end"


def compared(sign: str) -> Compiler:
    def compile_(field: SqlField, wanted: Any) -> str:
        limit = field.rule.parameter(Decimal(as_exact(wanted) or 0), "numeric")
        return _unless_blank(field, f"{field.number} {sign} {limit}")

    return compile_


def between(field: SqlField, wanted: Any) -> str:
    low, high = (field.rule.parameter(Decimal(as_exact(item) or 0), "numeric") for item in wanted)
    return _unless_blank(field, f"{field.number} between {low} and {high}")


def truth(wanted_truth: bool) -> Compiler:
    return lambda field, _wanted: _unless_blank(field, f"{field.boolean} = {'true' if wanted_truth else 'false'}")


def dated(sign: str) -> Compiler:
    def compile_(field: SqlField, wanted: Any) -> str:
        rule, limit = field.rule, as_date(wanted)
        if isinstance(limit, datetime) and limit.tzinfo is not None:
            bound = rule.parameter(limit, "timestamptz")
        else:
            bound = rule.once(f"rule_instant({rule.parameter(wanted, 'jsonb')}, {rule.zone})")
        if sign == "=" or not isinstance(limit, datetime):
            return _unless_blank(field, f"{_day(field.instant, rule)} {sign} {_day(bound, rule)}")
        return _unless_blank(field, f"{field.instant} {sign} {bound}")

    return compile_


def _day(instant: str, rule: SqlRule) -> str:
    return f"({instant} at time zone {rule.zone})::date"


def within(sign: int) -> Compiler:
    """`seconds` and `days` as `app.flow.operators.span_of` reads them from the wanted value."""

    def compile_(field: SqlField, wanted: Any) -> str:
        rule, (span, days) = field.rule, span_of(wanted)
        length = _length(rule, span)
        early, late = (rule.now, field.instant) if sign > 0 else (field.instant, rule.now)
        test = f"{early} <= {late} and {late} - {early} <= {length}"
        if days:
            distance = f"({_day(late, rule)} - {_day(early, rule)})"
            test = f"case when {field.is_day} then {distance} between 0 and {rule.parameter(Decimal(days), 'numeric')} else {test} end"
        of_each_year = _near(field, sign, wanted)
        return _unless_blank(field, f"case when {field.yearless} is not null then {of_each_year} else ({test}) end")

    return compile_


def within_turns(sign: int) -> Callable[[SqlField, Any], list[str]]:
    """The instants at which `within` may change by itself, null where it does not any more."""

    def compile_(field: SqlField, wanted: Any) -> list[str]:
        rule, (span, days) = field.rule, span_of(wanted)
        length, moment = _length(rule, span), "interval '1 microsecond'"  # both ends belong to it
        if sign > 0:
            ends = [f"{field.instant} - {length}", f"{field.instant} + {moment}"]
        else:
            ends = [field.instant, f"{field.instant} + {length} + {moment}"]
        if days:  # of a plain date the days count
            whole = int(days)
            first, last = (-whole, 1) if sign > 0 else (0, whole + 1)
            begins = [
                f"(({_day(field.instant, rule)} + {offset})::timestamp at time zone {rule.zone})"
                for offset in (first, last)
            ]
            ends = [
                f"case when {field.is_day} then {day} else {end} end" for day, end in zip(begins, ends, strict=True)
            ]
        yearly = _turning(field, sign, wanted)
        ends = [
            f"case when {field.yearless} is not null then {end_of_year} else {end} end"
            for end_of_year, end in zip(yearly, ends, strict=True)
        ]
        return [f"case when {end} > {rule.now} then {end} end" for end in ends]

    return compile_


def _days_of(wanted: Any) -> int:
    return 0 if wanted is None else span_of(wanted)[0] // timedelta(days=1)


def _near(field: SqlField, sign: int, wanted: Any) -> str:
    """Is an anniversary today, or so many days ahead (1) or ago (-1), where the contact is? Null where there is no day."""
    today = _day(field.rule.now, field.rule)
    if sign > 0:
        return f"rule_anniversary({field.day}, {today}) - {today} <= {_days_of(wanted)}"
    past = f"coalesce({today} - rule_last_anniversary({field.day}, {today}) <= {_days_of(wanted)}, false)"
    return f"case when {field.day} is not null then {past} end"


def _turning(field: SqlField, sign: int, wanted: Any) -> list[str]:
    """When the next one comes near, and when it is over; or when the last one is too long ago, and when the next one comes."""
    rule, days = field.rule, min(_days_of(wanted), LONGEST_DAYS)
    today = _day(rule.now, rule)
    if sign > 0:
        at = f"rule_anniversary({field.day}, {today})"
        turning = [f"({at} - {days})", f"({at} + 1)"]
    else:
        turning = [
            f"(rule_last_anniversary({field.day}, {today}) + {days + 1})",
            f"rule_anniversary({field.day}, {today} + 1)",
        ]
    return [f"({day}::timestamp at time zone {rule.zone})" for day in turning]


def anniversary(sign: int) -> Compiler:
    return lambda field, wanted: _unless_blank(field, _near(field, sign, wanted))


def anniversary_turns(sign: int) -> Callable[[SqlField, Any], list[str]]:
    def compile_(field: SqlField, wanted: Any) -> list[str]:
        return [f"case when {end} > {field.rule.now} then {end} end" for end in _turning(field, sign, wanted)]

    return compile_


def anniversary_today(field: SqlField, _wanted: Any) -> str:
    return anniversary(1)(field, None)


def anniversary_today_turns(field: SqlField, _wanted: Any) -> list[str]:
    return anniversary_turns(1)(field, None)


def _length(rule: SqlRule, span: timedelta) -> str:
    """In seconds: a day of an interval has 23 hours where clocks are put forward."""
    return f"make_interval(secs => {rule.parameter(span.total_seconds(), 'float8')})"


def blank(field: SqlField, _wanted: Any) -> str:
    return field.blank


def negated(compiler: Compiler) -> Compiler:
    return lambda field, wanted: f"not {compiler(field, wanted)}"
