"""Conditions said in words: `plan is pro and last visit is within the last 7 days`. For cards, dialogs and the pages of runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any

from app.flow.operators import OPERATORS, UNITS, ZONED
from app.flow.paths import label_of
from app.flow.segment_membership import IN, NOT_IN, wanted_ids
from app.lib.conversions import as_date, printed
from app.lib.formats import readable
from app.lib.zones import zone_word

TO_CHOOSE = "…"
GONE = "a segment that is gone"
_IS_IN = {IN: "is in", NOT_IN: "is not in"}
_GROUPS = {"all": "All of these", "any": "Any of these", "none": "None of these"}


@dataclass(frozen=True)
class RuleLine:
    """One rule of a decision: what was there, what was wanted. A group has neither and a label of its own; `depth` indents."""

    label: str
    held: bool
    depth: int
    was: str = ""
    wanted: str = ""


def wanted_in_words(operator: str, wanted: Any, zone: tzinfo = UTC) -> str:
    """What a rule wants: `is within the last 7 days`, `is between 1 and 9`, `is known`. `zone`: the reader's."""
    operator_type = OPERATORS.get(operator)
    if operator_type is None:
        return f"{operator.replace('_', ' ') or TO_CHOOSE} {_said(wanted)}"
    if operator_type.shape == "none":
        return operator_type.label
    if operator_type.shape == "duration":
        parts = wanted if isinstance(wanted, dict) else {}
        unit, amount = printed(parts.get("unit")) or TO_CHOOSE, readable(parts.get("duration"), TO_CHOOSE)
        if unit in UNITS and amount == "1":
            return f"{operator_type.label} {unit.removesuffix('s')}"
        return f"{operator_type.label} {amount} {unit}"
    if operator_type.shape == "date":
        return f"{operator_type.label} {_dated(wanted, zone) or _said(wanted)}"
    if operator_type.shape == "pair" and isinstance(wanted, list):
        return f"{operator_type.label} {' and '.join(_said(item) for item in wanted)}"
    return f"{operator_type.label} {_said(wanted)}"


def _dated(value: Any, zone: tzinfo) -> str:
    """A date as people write one; an instant in `zone`, a date without one as it stands. Nothing when it is no date."""
    date = as_date(value)
    if date is None:
        return ""
    if not isinstance(date, datetime):
        return f"{date:%b} {date.day}, {date:%Y}"
    try:
        local = date.astimezone(zone) if date.tzinfo else date
    except OverflowError:
        return ""
    return f"{local:%b} {local.day}, {local:%Y %H:%M}{' ' + zone_word(local) if local.tzinfo else ''}"


def _said(value: Any) -> str:
    """A value inside a sentence."""
    return ("yes" if value else "no") if isinstance(value, bool) else readable(value, TO_CHOOSE)


def sentence(conditions: Any, match: Any = "all", names: Mapping[str, str] | None = None) -> str:
    """A list of conditions as a card says it; nothing for an empty one. Takes drafts, so anything may be missing.

    `names`: what segments are called, by their ids; without them it says how many are asked for.
    """
    parts = []
    for item in conditions if isinstance(conditions, list) else ():
        if not isinstance(item, dict):
            continue
        if item.get("conditions") is not None:
            parts.append(f"({sentence(item['conditions'], item.get('match'), names)})")
        else:
            parts.append(_part(item, names))
    if match == "none":
        return f"neither {' nor '.join(parts)}" if len(parts) > 1 else "".join(f"not ({part})" for part in parts)
    return (" or " if match == "any" else " and ").join(parts)


def _part(condition: dict[str, Any], names: Mapping[str, str] | None) -> str:
    operator, value = printed(condition.get("operator")), condition.get("value")
    segments = wanted_ids(condition.get("field"), operator, value)
    if segments and names is not None:
        which = " or ".join(f"“{names[id_]}”" if (id_ := str(one)) in names else GONE for one in segments)
        return f"{_IS_IN[operator]} {which}"
    if segments is not None:
        which = TO_CHOOSE if not segments else "a segment" if len(segments) == 1 else f"any of {len(segments)} segments"
        return f"{_IS_IN[operator]} {which}"
    return f"{label_of(printed(condition.get('field')) or TO_CHOOSE)} {wanted_in_words(operator, value)}"


def _membership(rule: dict[str, Any], depth: int) -> RuleLine:
    """Where somebody stood with segments, by their names at that time."""
    wanted = " or ".join(f"“{name}”" if name else GONE for name in rule.get("wanted") or ()) or TO_CHOOSE
    inside = " and ".join(f"“{name}”" for name in rule.get("actual") or ())
    building = " and ".join(f"“{name}”" for name in rule.get("building") or ())
    was = f"in {inside}" if inside else "in none of them" if len(rule.get("wanted") or ()) > 1 else "not in it"
    if building:
        was += f"; {building} was still being built, so nobody was in it"
    is_in = _IS_IN.get(str(rule.get("operator")), "is in")
    return RuleLine("segment", bool(rule.get("held")), depth, was, f"{is_in} {wanted}")


def decision_in_words(rules: list[dict[str, Any]], zone: tzinfo = UTC, depth: int = 0) -> list[RuleLine]:
    """The stored rules of a decision, one line each, groups before what is in them. `zone`: the reader's."""
    lines = []
    for rule in rules:
        if "rules" in rule:
            label = _GROUPS.get(str(rule.get("match")), _GROUPS["all"])
            name = rule.get("label")
            lines.append(RuleLine(f"{name}: {label.lower()}" if name else label, bool(rule.get("held")), depth))
            lines += decision_in_words(rule["rules"], zone, depth + 1)
        elif "segments" in rule:
            lines.append(_membership(rule, depth))
        else:
            operator, actual = str(rule.get("operator", "")), rule.get("actual")
            wanted = wanted_in_words(operator, rule.get("wanted"), zone)
            was = (_dated(actual, zone) if operator in ZONED else "") or readable(actual, "empty")
            if rule.get("unknown"):  # another rule decided
                was += f", which is {rule['unknown']}"
            lines.append(RuleLine(label_of(str(rule.get("field", ""))), bool(rule.get("held")), depth, was, wanted))
    return lines
