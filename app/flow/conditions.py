"""Condition lists `{field, operator, value}` in all/any/none groups: what is wrong with them, and what they say of a person.

Used by the condition node, by triggers and goals, and by validation. A rule that cannot be answered (a text compared with a
number) is neither true nor false: where no other rule decides the list raises ConditionError, and the step fails with that sentence.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Literal

import msgspec

from app.flow import paths
from app.flow.diagnostic import Diagnostic, incomplete
from app.flow.operators import (
    MAX_DURATION_S,
    OPERATORS,
    UNITS,
    WITHOUT_VALUE,
    Operator,
)
from app.flow.patterns import BadPattern, pattern_of
from app.flow.segment_membership import membership_diagnostics, wanted_ids
from app.lib.conversions import as_date, as_number, printed_json, quoted
from app.lib.field_errors import all_field_errors
from app.lib.translation import gettext

Match = Literal["all", "any", "none"]
"""How the rules of a list are joined. An empty list holds, however it is joined."""
MAX_CONDITIONS = 10
MAX_DEPTH = 5
SHOWN = 120


class Condition(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """One rule, or a nested group when `conditions` is given."""

    field: str = ""
    operator: str = ""
    value: Any = None
    match: Match = "all"
    conditions: list[Condition] | None = None


class Evaluation(msgspec.Struct, frozen=True):
    """Whether the rules hold, and for each rule what was wanted and what was there."""

    held: bool
    rules: list[dict[str, Any]]


def rule_count(conditions: list[Condition]) -> int:
    """How many rules there are, in all groups."""
    return sum(rule_count(c.conditions) if c.conditions is not None else 1 for c in conditions)


def fields(conditions: list[Condition]) -> list[str]:
    """The fields that a list looks at, in order, each once."""
    return list(dict.fromkeys(condition.field for condition in single_conditions(conditions)))


def single_conditions(conditions: list[Condition]) -> Iterator[Condition]:
    """All that is no group, in order."""
    for condition in conditions:
        if condition.conditions is None:
            yield condition
        else:
            yield from single_conditions(condition.conditions)


def operators_of(conditions: list[Condition]) -> Iterator[str]:
    """The operators that a list uses."""
    return (condition.operator for condition in single_conditions(conditions))


def diagnostics_of(conditions: list[Condition], path: str = "conditions", depth: int = 0) -> list[Diagnostic]:
    """All that is wrong with a list; paths are `conditions[1].operator`."""
    diagnostics = []
    if depth == 0 and (total := rule_count(conditions)) > MAX_CONDITIONS:
        diagnostics.append(
            Diagnostic(
                path,
                gettext(
                    "At most %(max_conditions)s conditions fit here; these are %(total)s. Split them over two steps.",
                    max_conditions=MAX_CONDITIONS,
                    total=total,
                ),
            )
        )
    for index, condition in enumerate(conditions):
        rule_path = f"{path}[{index}]"
        if condition.conditions is None:
            diagnostics += _rule_diagnostics(condition, rule_path)
        elif depth + 1 >= MAX_DEPTH:
            diagnostics.append(
                Diagnostic(rule_path, gettext("Groups may be nested %(number)s deep.", number=MAX_DEPTH - 1))
            )
        else:
            diagnostics += diagnostics_of(condition.conditions, f"{rule_path}.conditions", depth + 1)
    return diagnostics


def _rule_diagnostics(condition: Condition, rule_path: str) -> list[Diagnostic]:
    segments = wanted_ids(condition.field, condition.operator, condition.value)
    if segments is not None:
        return membership_diagnostics(segments, rule_path)
    diagnostics = []
    if wrong := paths.problem(condition.field):
        diagnostics.append(Diagnostic(f"{rule_path}.field", wrong, blocks_save=bool(condition.field.strip())))
    name, value = condition.operator, condition.value
    if not name:
        return [*diagnostics, incomplete(f"{rule_path}.operator", gettext("Choose how to compare."))]
    if name not in OPERATORS:
        operator_names = ", ".join(OPERATORS)
        return [
            *diagnostics,
            Diagnostic(
                f"{rule_path}.operator",
                gettext(
                    "There is no operator “%(name)s”. Use one of %(operator_names)s.",
                    name=name[:60],
                    operator_names=operator_names,
                ),
            ),
        ]
    if name in WITHOUT_VALUE:
        return diagnostics
    if value is None or value == "" or value == []:
        return [*diagnostics, incomplete(f"{rule_path}.value", gettext("Say what to compare with."))]
    path, wrong = _value_problem(OPERATORS[name], value)
    return [*diagnostics, Diagnostic(f"{rule_path}.value{path}", wrong)] if wrong else diagnostics


def _value_problem(operator: Operator, value: Any) -> tuple[str, str]:
    """What is wrong with the value of an operator, and where in it; two empty texts when nothing is."""
    match operator.shape:
        case "text" if isinstance(value, list | dict):
            return "", gettext("Give one text.")
        case "many" if not isinstance(value, list):
            return "", gettext("Give a list of values.")
        case "number" if as_number(value) is None:
            return "", gettext("%(value)s is not a number.", value=quoted(value))
        case "date" if as_date(value) is None:
            return "", gettext(
                "%(value)s is not a date. Write 2026-11-21 or 2026-11-21T09:00:00Z.", value=quoted(value)
            )
        case "pair":
            return _pair_problem(value)
        case "duration":
            return _duration_problem(value, operator.most_s)
        case "pattern":
            return _pattern_problem(value)
    return "", ""


def _pair_problem(value: Any) -> tuple[str, str]:
    if not isinstance(value, list) or len(value) != 2:
        return "", gettext("Give two numbers, the smaller first.")
    low, high = (as_number(item) for item in value)
    if low is None or high is None:
        odd = 0 if low is None else 1
        return f"[{odd}]", gettext("%(value)s is not a number.", value=quoted(value[odd]))
    return (
        ("", gettext("The first number is larger than the second; nothing is between them."))
        if low > high
        else ("", "")
    )


def _duration_problem(value: Any, most_s: int) -> tuple[str, str]:
    if not isinstance(value, dict) or value.keys() != {"duration", "unit"}:
        return "", gettext('Give a number and a unit, such as {"duration": 7, "unit": "days"}.')
    amount = as_number(value["duration"])
    if amount is None or amount <= 0:
        return ".duration", gettext(
            "%(value)s is not a length of time. Give a number above 0.", value=quoted(value["duration"])
        )
    if value["unit"] not in UNITS:
        return ".unit", gettext(
            "%(value)s is not a unit of time. Use one of %(units)s.",
            value=quoted(value["unit"]),
            units=", ".join(UNITS),
        )
    if amount * UNITS[value["unit"]] <= most_s:
        return "", ""
    if most_s == MAX_DURATION_S:
        return ".duration", gettext("At most 100 years.")
    return ".duration", gettext("At most %(number)s days.", number=most_s // 86_400)


def _pattern_problem(value: Any) -> tuple[str, str]:
    if isinstance(value, list | dict):
        return "", gettext("Give one pattern.")
    try:
        pattern_of(value)
    except BadPattern as error:
        return "", str(error)
    return "", ""


def diagnostics_of_json(raw: list[dict[str, Any]]) -> list[Diagnostic]:
    """The same for a list as JSON, for validation of triggers and goals."""
    if faults := all_field_errors(raw, list[Condition], "conditions"):
        return [Diagnostic(fault["path"], fault["message"]) for fault in faults]
    return diagnostics_of(msgspec.convert(raw, list[Condition]))


def shown_value(value: Any) -> Any:
    """A value small enough to keep with the decision."""
    if isinstance(value, str):
        return value if len(value) <= SHOWN else value[:SHOWN] + "…"
    if isinstance(value, list | dict) and len(text := printed_json(value)) > SHOWN:
        return f"{text[:SHOWN]}…"
    return value.isoformat() if isinstance(value, datetime) else value
