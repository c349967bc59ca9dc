"""Condition lists `{field, operator, value}` in all/any groups: what is wrong with them, and what they say of a person.

Used by the condition node, by triggers and goals, and by validation. A rule that cannot be answered (a text compared with a
number) raises ConditionError: the step fails with that sentence; it is never silently false.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal

import msgspec

from app.nodes import paths
from app.nodes.base import Issue
from app.nodes.operators import OPERATORS, WITHOUT_VALUE, ConditionError, as_instant, as_number

MAX_CONDITIONS = 10
MAX_DEPTH = 3
SHOWN = 120
_NUMERIC = {"greater_than", "greater_or_equal", "less_than", "less_or_equal"}


class Condition(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """One rule, or a nested group when `conditions` is given."""

    field: str = ""
    operator: str = ""
    value: Any = None
    match: Literal["all", "any"] = "all"
    conditions: list[Condition] | None = None


class Verdict(msgspec.Struct, frozen=True):
    """Whether the rules hold, and for each rule what was wanted and what was there."""

    held: bool
    rules: list[dict[str, Any]]


def count(conditions: list[Condition]) -> int:
    """How many rules there are, in all groups."""
    return sum(count(c.conditions) if c.conditions is not None else 1 for c in conditions)


def fields(conditions: list[Condition]) -> list[str]:
    """The fields that a list looks at, in order, each once."""
    found: dict[str, None] = {}
    for condition in conditions:
        found |= dict.fromkeys([condition.field] if condition.conditions is None else fields(condition.conditions))
    return list(found)


def issues(conditions: list[Condition], path: str = "conditions", depth: int = 0) -> list[Issue]:
    """All that is wrong with a list; paths are `conditions[1].operator`."""
    found = []
    if depth == 0 and (total := count(conditions)) > MAX_CONDITIONS:
        found.append(
            Issue(path, f"At most {MAX_CONDITIONS} conditions fit here; these are {total}. Split them over two steps.")
        )
    for index, condition in enumerate(conditions):
        here = f"{path}[{index}]"
        if condition.conditions is None:
            found += _rule_issues(condition, here)
        elif depth + 1 >= MAX_DEPTH:
            found.append(Issue(here, f"Groups may be nested {MAX_DEPTH - 1} deep."))
        else:
            found += issues(condition.conditions, f"{here}.conditions", depth + 1)
    return found


def _rule_issues(condition: Condition, here: str) -> list[Issue]:
    found = []
    if wrong := paths.problem(condition.field):
        found.append(Issue(f"{here}.field", wrong, incomplete=not condition.field.strip()))
    name, value = condition.operator, condition.value
    if not name:
        return [*found, Issue(f"{here}.operator", "Choose how to compare.", incomplete=True)]
    if name not in OPERATORS:
        known = ", ".join(OPERATORS)
        return [*found, Issue(f"{here}.operator", f"Unknown operator {name!r}. Use one of {known}.")]
    if name in WITHOUT_VALUE:
        return found
    if value is None or value == "":
        found.append(Issue(f"{here}.value", "Say what to compare with.", incomplete=True))
    elif name in ("in", "not_in") and not isinstance(value, list):
        found.append(Issue(f"{here}.value", "Give a list of values."))
    elif name in _NUMERIC and as_number(value) is None:
        found.append(Issue(f"{here}.value", f"{value!r} is not a number."))
    elif name in ("before", "after") and as_instant(value) is None:
        found.append(Issue(f"{here}.value", f"{value!r} is not a date. Write 2026-11-21 or 2026-11-21T09:00:00Z."))
    return found


def problems(raw: list[dict[str, Any]]) -> list[Issue]:
    """The same for a list as JSON, for validation of triggers and goals."""
    try:
        return issues(msgspec.convert(raw, list[Condition]))
    except msgspec.ValidationError as error:
        message, _, where = str(error).partition(" - at `")
        return [Issue("conditions" + where.rstrip("`").removeprefix("$"), message)]


def _shown(value: Any) -> Any:
    """A value small enough to keep with the decision."""
    if isinstance(value, str):
        return value if len(value) <= SHOWN else value[:SHOWN] + "…"
    if isinstance(value, list | dict) and len(str(value)) > SHOWN:
        return f"{str(value)[:SHOWN]}…"
    return value.isoformat() if isinstance(value, datetime) else value


def compile_list(conditions: list[Condition], match: str, reads: set[str]) -> Callable[[Any], Verdict]:
    """A function from a step to the verdict. An empty list holds. Every rule is looked at, so that each can be shown."""
    parts = [_compile(condition, reads) for condition in conditions]
    wants_all = match != "any" or not parts

    def judge(step: Any) -> Verdict:
        rules: list[dict[str, Any]] = []
        answers = [part(step, rules) for part in parts]
        return Verdict(all(answers) if wants_all else any(answers), rules)

    return judge


def _compile(condition: Condition, reads: set[str]) -> Callable[[Any, list[dict[str, Any]]], bool]:
    if condition.conditions is not None:
        inner = compile_list(condition.conditions, condition.match, reads)

        def group(step: Any, rules: list[dict[str, Any]]) -> bool:
            verdict = inner(step)
            rules.append({"match": condition.match, "held": verdict.held, "rules": verdict.rules})
            return verdict.held

        return group
    read, test, wanted = paths.reader(condition.field, reads), OPERATORS[condition.operator], condition.value
    head = {"field": condition.field, "operator": condition.operator, "wanted": _shown(wanted)}

    def rule(step: Any, rules: list[dict[str, Any]]) -> bool:
        actual = read(step)
        try:
            held = test(actual, wanted)
        except ConditionError as error:
            raise ConditionError(f"{condition.field} {error}") from None
        rules.append({**head, "actual": _shown(actual), "held": held})
        return held

    return rule
