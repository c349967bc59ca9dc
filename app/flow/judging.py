"""Condition lists compiled: what they say of a person, rule by rule, and what they look at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from app.flow import paths
from app.flow.conditions import Condition, Evaluation, shown_value, single_conditions
from app.flow.field_names import field_name
from app.flow.operators import OPERATORS, ZONED, ConditionError, NotComparable
from app.flow.outcomes import Read
from app.flow.segment_membership import standings, verdict, wanted_ids
from app.lib.conversions import quoted
from app.lib.translation import gettext


def readers(conditions: list[Condition], reads: set[str]) -> list[Read]:
    """What a list looks at, each once: fields, and where the contact stands with segments. Adds what is read to `reads`."""
    by_place: dict[Any, Read] = {}
    for condition in single_conditions(conditions):
        segments = wanted_ids(condition.field, condition.operator, condition.value)
        if segments is None:
            by_place.setdefault(condition.field, paths.reader(condition.field, reads))
        else:
            by_place.setdefault(tuple(segments), standings(segments, reads))
    return list(by_place.values())


_Rule = Callable[[Any, list[dict[str, Any]], list[str]], bool | None]
"""(step, what the decision keeps, why rules could not be answered) -> does it hold? None: it cannot be answered."""


def joined_answers(answers: list[bool | None], match: str) -> bool | None:
    """The answer of a group, as SQL has it: one that cannot be given matters only where no other one decides. An empty group holds."""
    if not answers or match == "all":
        return False if False in answers else None if None in answers else True
    held = True if True in answers else None if None in answers else False
    return held if held is None or match == "any" else not held


def compile_list(conditions: list[Condition], match: str, reads: set[str]) -> Callable[[Any], Evaluation]:
    """A function from a step to the verdict. An empty list holds. Every rule is looked at, so that each can be shown.

    It raises ConditionError when a rule cannot be answered and no other one decides.
    """
    group = _group(conditions, match, reads)

    def judge(step: Any) -> Evaluation:
        rules, faults = list[dict[str, Any]](), list[str]()
        held = group(step, rules, faults)
        if held is None:
            raise ConditionError(faults[0])
        return Evaluation(held, rules)

    return judge


def _group(conditions: list[Condition], match: str, reads: set[str]) -> _Rule:
    parts = [_compile(condition, reads) for condition in conditions]

    def group(step: Any, rules: list[dict[str, Any]], faults: list[str]) -> bool | None:
        return joined_answers([part(step, rules, faults) for part in parts], match)

    return group


def _compile(condition: Condition, reads: set[str]) -> _Rule:
    if condition.conditions is not None:
        return _nested(condition.conditions, condition.match, reads)
    segments = wanted_ids(condition.field, condition.operator, condition.value)
    if segments is not None:
        return _membership(condition.operator, segments, reads)
    read, test = paths.reader(condition.field, reads), OPERATORS[condition.operator].make(condition.value)
    if condition.operator in ZONED:
        reads.add("contact.timezone")
    head = {"field": condition.field, "operator": condition.operator, "wanted": shown_value(condition.value)}

    def rule(step: Any, rules: list[dict[str, Any]], faults: list[str]) -> bool | None:
        actual = read(step)
        try:
            passed = test(actual, step)
        except NotComparable as error:
            faults.append(
                gettext(
                    "%(field)s is %(actual)s, which is %(error)s.",
                    field=field_name(condition.field),
                    actual=quoted(actual),
                    error=error,
                )
            )
            rules.append({**head, "actual": shown_value(actual), "held": False, "unknown": str(error)})
            return None
        rules.append({**head, "actual": shown_value(actual), "held": passed})
        return passed

    return rule


def _nested(conditions: list[Condition], match: str, reads: set[str]) -> _Rule:
    inner = _group(conditions, match, reads)

    def group(step: Any, rules: list[dict[str, Any]], faults: list[str]) -> bool | None:
        below: list[dict[str, Any]] = []
        held = inner(step, below, faults)
        rules.append({"match": match, "held": held is True, "rules": below})
        return held

    return group


def _membership(operator: str, ids: list[UUID], reads: set[str]) -> _Rule:
    read = standings(ids, reads)

    def rule(step: Any, rules: list[dict[str, Any]], _faults: list[str]) -> bool:
        answer = verdict(operator, ids, read(step))
        rules.append(answer)
        return bool(answer["held"])

    return rule
