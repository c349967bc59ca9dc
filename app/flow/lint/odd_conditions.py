"""Conditions that nobody meets, that everybody meets, or that stand in a group twice. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from app.flow import paths
from app.flow.contradictions import NEGATED, FieldTest, contradiction, field_test
from app.flow.diagnostic import Diagnostic, Fix, warning
from app.flow.document import Flow
from app.flow.phrases import sentence
from app.flow.trigger_registry import typed
from app.lib.translation import gettext

Entry = dict[str, Any]
"""A condition or a group, as the document has it."""
MOST = 50
"""Of a flow: more of them are no news."""


def odd_conditions(flow: Flow) -> Iterator[Diagnostic]:
    """Those of triggers, steps and goals."""
    for index, trigger in enumerate(flow.triggers):
        kind, config = typed(trigger)
        admission = kind.admission(config)
        yield from _in_group(
            admission.conditions, admission.match, f"{flow.trigger_path(index)}.conditions", trigger.id
        )
    for index, node in enumerate(flow.nodes):
        if not node.is_off:
            yield from _in_value(node.data, f"nodes[{index}].data", node.id)
    for index, goal in enumerate(flow.goals):
        yield from _in_group(goal.conditions, goal.match, f"goals[{index}].conditions", None)


def _in_value(value: Any, path: str, card: str) -> Iterator[Diagnostic]:
    """Every list of conditions in the configuration of a step, whatever its type calls the part that has one."""
    if isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _in_value(inner, f"{path}[{index}]", card)
    elif isinstance(value, dict):
        for key, inner in value.items():
            if key == "conditions" and isinstance(inner, list):
                yield from _in_group(inner, value.get("match", "all"), f"{path}.conditions", card)
            else:
                yield from _in_value(inner, f"{path}.{key}", card)


def _in_group(
    conditions: Any, match: str, path: str, card: str | None, around: Sequence[FieldTest] = ()
) -> Iterator[Diagnostic]:
    """What is odd in a group. `around`: what holds as well for all who meet it, of the groups that it is in."""
    parts = [one for one in enumerate(conditions if isinstance(conditions, list) else ()) if isinstance(one[1], dict)]
    match = "all" if match == "any" and len(parts) == 1 else match
    texts: dict[str, Entry] = {}
    known = [_Known(one, None) for one in around] if match == "all" else []
    for index, part in parts:
        at = f"{path}[{index}]"
        text, comparison = json.dumps(part, sort_keys=True, default=str), _comparison(part)
        tests = [] if comparison is None else [comparison]
        of_group: list[FieldTest] = []
        if isinstance(inner := part.get("conditions"), list):
            of_inner = str(part.get("match", "all"))
            holds = [one.test for one in known] if match == "all" else []
            yield from _in_group(inner, of_inner, f"{at}.conditions", card, holds)
            of_group = tests_of(inner, of_inner) if match == "all" else []
            tests = of_group if of_inner == "none" else []
        odd = (
            _Odd(gettext("This condition stands here twice."), texts[text])
            if text in texts
            else _odd(tests, known, match)
        )
        if odd is not None:
            # One that is left alone in its group would be followed by a group without any.
            words = gettext("Remove this condition")
            fix = Fix(words, take_out=at, entry=part, beside=odd.beside) if len(parts) > 1 else None
            yield warning(at, odd.message, card, fix)
        texts.setdefault(text, part)
        known += [_Known(one, part) for one in (*of_group, comparison) if one is not None]


class _Known(NamedTuple):
    """What holds of all who come to the rest of a group. `entry`: of which of its entries; None of what is around the group."""

    test: FieldTest
    entry: Entry | None


class _Odd(NamedTuple):
    """What is odd about an entry, and the one beside which it is."""

    message: str
    beside: Entry | None


def _odd(tests: list[FieldTest], known: list[_Known], match: str) -> _Odd | None:
    """What is odd about what one entry of a group asks for, beside what is `known`."""
    odd = (_Odd(contradiction(other.test, one, match), other.entry) for one in tests for other in known)
    return next((one for one in odd if one.message), None)


def tests_of(conditions: list[Any], match: str) -> list[FieldTest]:
    """What holds of everybody who meets a group: its conditions and those of groups in it, as far as each must hold."""
    parts = [part for part in conditions if isinstance(part, dict)]
    if match == "none":
        return [one for part in parts if "conditions" not in part and (one := _negated(part)) is not None]
    tests: list[FieldTest] = []
    for part in parts if match == "all" or len(parts) == 1 else ():
        if isinstance(inner := part.get("conditions"), list):
            tests += tests_of(inner, str(part.get("match", "all")))
        elif (comparison := _comparison(part)) is not None:
            tests.append(comparison)
    return tests


def _negated(part: dict[str, Any]) -> FieldTest | None:
    """What holds of those who do not meet a condition; of a yes or a no nothing, as nothing may be known."""
    operator = NEGATED.get(part.get("operator") or "")
    return None if operator in (None, "is_true", "is_false") else _comparison({**part, "operator": operator})


def _comparison(part: dict[str, Any]) -> FieldTest | None:
    field, operator, value = part.get("field"), part.get("operator"), part.get("value")
    if not isinstance(field, str) or not isinstance(operator, str) or paths.problem(field) or _open(value):
        return None
    return field_test(field, operator, value, sentence([part]))


def _open(value: Any) -> bool:
    """Is it filled in for each contact, so that nobody knows it yet?"""
    if isinstance(value, list | dict):
        return any(map(_open, value.values() if isinstance(value, dict) else value))
    return isinstance(value, str) and ("{{" in value or "{%" in value)
