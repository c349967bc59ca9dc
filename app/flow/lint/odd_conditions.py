"""Conditions that nobody meets, that everybody meets, or that stand in a group twice. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from app.flow import paths
from app.flow.contradictions import NEGATED, FieldTest, contradiction, field_test
from app.flow.diagnostic import Diagnostic, Fix, warning
from app.flow.document import Flow
from app.flow.phrases import sentence
from app.flow.trigger_registry import typed
from app.lib.translation import gettext

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
    earlier: list[tuple[str, FieldTest | None]] = []
    also = list(around) if match == "all" else []
    for index, part in parts:
        at = f"{path}[{index}]"
        text, comparison = json.dumps(part, sort_keys=True, default=str), _comparison(part)
        others = [*(one for _, one in earlier if one is not None), *also]
        tests = [] if comparison is None else [comparison]
        if isinstance(inner := part.get("conditions"), list):
            of_inner = str(part.get("match", "all"))
            yield from _in_group(inner, of_inner, f"{at}.conditions", card, others if match == "all" else ())
            of_group = tests_of(inner, of_inner) if match == "all" else []
            also += of_group
            tests = of_group if of_inner == "none" else []
        if message := _odd(text, tests, [one for one, _ in earlier], others, match):
            # One that is left alone in its group would be followed by a group without any.
            fix = Fix(gettext("Remove this condition"), take_out=at) if len(parts) > 1 else None
            yield warning(at, message, card, fix)
        earlier.append((text, comparison))


def _odd(text: str, tests: list[FieldTest], texts: list[str], others: list[FieldTest], match: str) -> str:
    """What is odd about one part of a group, as `text` and as what it asks for, beside `texts` and `others`."""
    if text in texts:
        return gettext("This condition stands here twice.")
    odd = (contradiction(other, one, match) for one in tests for other in others)
    return next(filter(None, odd), "")


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
