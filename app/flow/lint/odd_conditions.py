"""Conditions that nobody meets, that everybody meets, or that stand in a group twice. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from app.flow import paths
from app.flow.contradictions import FieldTest, contradiction
from app.flow.diagnostic import Diagnostic, warning
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


def _in_group(conditions: Any, match: str, path: str, card: str | None) -> Iterator[Diagnostic]:
    earlier: list[tuple[str, FieldTest | None]] = []
    for index, part in enumerate(conditions if isinstance(conditions, list) else ()):
        if not isinstance(part, dict):
            continue
        at = f"{path}[{index}]"
        if isinstance(part.get("conditions"), list):
            yield from _in_group(part["conditions"], part.get("match", "all"), f"{at}.conditions", card)
        text, comparison = json.dumps(part, sort_keys=True, default=str), _comparison(part)
        if message := _odd(text, comparison, earlier, match):
            yield warning(at, message, card)
        earlier.append((text, comparison))


def _odd(text: str, comparison: FieldTest | None, earlier: list[tuple[str, FieldTest | None]], match: str) -> str:
    for other_text, other in earlier:
        if text == other_text:
            return gettext("This condition stands here twice.")
        if comparison is not None and other is not None and (message := contradiction(other, comparison, match)):
            return message
    return ""


def _comparison(part: dict[str, Any]) -> FieldTest | None:
    field, operator, value = part.get("field"), part.get("operator"), part.get("value")
    if not isinstance(field, str) or not isinstance(operator, str) or paths.problem(field) or _open(value):
        return None
    words = sentence([part])
    shown = words.partition(" is ")[2] if operator == "equals" else words
    return FieldTest(".".join(paths.names_of(field)), operator, value, paths.label_of(field), shown)


def _open(value: Any) -> bool:
    """Is it filled in for each contact, so that nobody knows it yet?"""
    return isinstance(value, str) and ("{{" in value or "{%" in value)
