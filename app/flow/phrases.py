"""Conditions said in words: `plan is pro and last visit is within the last 7 days`. For cards, dialogs and the pages of runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from datetime import date as date_type
from typing import Any

from babel.dates import format_date

from app.flow.field_names import field_name
from app.flow.local_time import amount_in_words, unit_in_words
from app.flow.operators import OPERATORS, UNITS, ZONED
from app.flow.segment_membership import IN, NOT_IN, wanted_ids
from app.lib import translation
from app.lib.conversions import as_date, printed
from app.lib.formats import readable
from app.lib.translation import gettext, ngettext, translatable
from app.lib.zones import zone_word

TO_CHOOSE = "…"
GONE = translatable("a deleted segment")
_IS_IN = {IN: translatable("is in"), NOT_IN: translatable("is not in")}
_GROUPS = {
    "all": translatable("All of these"),
    "any": translatable("Any of these"),
    "none": translatable("None of these"),
}


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
    label = gettext(operator_type.label)
    if operator_type.shape == "none":
        return label
    if operator_type.shape == "duration":
        parts = wanted if isinstance(wanted, dict) else {}
        unit, amount = printed(parts.get("unit")) or TO_CHOOSE, readable(parts.get("duration"), TO_CHOOSE)
        length = unit_in_words(unit) if unit in UNITS and amount == "1" else amount_in_words(amount, unit)
        return f"{label} {length}"
    if operator_type.shape == "date":
        return f"{label} {_dated(wanted, zone) or _said(wanted)}"
    if operator_type.shape == "pair" and isinstance(wanted, list):
        return f"{label} {gettext('%(first)s and %(last)s', first=_said(wanted[0]), last=_said(wanted[-1])) if wanted else ''}"
    return f"{label} {_said(wanted)}"


def _dated(value: Any, zone: tzinfo) -> str:
    """A date as people write one; an instant in `zone`, a date without one as it stands. Nothing when it is no date."""
    date = as_date(value)
    if date is None:
        return ""
    if not isinstance(date, datetime):
        return _day(date)
    try:
        local = date.astimezone(zone) if date.tzinfo else date
    except OverflowError:
        return ""
    return f"{_day(local)}{local: %H:%M}{' ' + zone_word(local) if local.tzinfo else ''}"


def _day(date: date_type) -> str:
    if translation.language() == translation.ENGLISH:
        return f"{date:%b} {date.day}, {date:%Y}"
    return format_date(date, "medium", locale=translation.locale())


def _said(value: Any) -> str:
    """A value inside a sentence."""
    return (gettext("yes") if value else gettext("no")) if isinstance(value, bool) else readable(value, TO_CHOOSE)


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
        several = gettext(" nor ").join(parts)
        return gettext("neither %(conditions)s", conditions=several) if len(parts) > 1 else "".join(map(_not, parts))
    return (gettext(" or ") if match == "any" else gettext(" and ")).join(parts)


def _not(part: str) -> str:
    return gettext("not (%(condition)s)", condition=part)


def _part(condition: dict[str, Any], names: Mapping[str, str] | None) -> str:
    operator, value = printed(condition.get("operator")), condition.get("value")
    segments = wanted_ids(condition.get("field"), operator, value)
    if segments and names is not None:
        which = gettext(" or ").join(
            f"“{names[id_]}”" if (id_ := str(one)) in names else gettext(GONE) for one in segments
        )
        return f"{gettext(_IS_IN[operator])} {which}"
    if segments is not None:
        count = len(segments)
        which = ngettext("a segment", "any of %(number)s segments", count) if segments else TO_CHOOSE
        return f"{gettext(_IS_IN[operator])} {which}"
    return f"{field_name(printed(condition.get('field')) or TO_CHOOSE)} {wanted_in_words(operator, value)}"


def _membership(rule: dict[str, Any], depth: int) -> RuleLine:
    """Where somebody stood with segments, by their names at that time."""
    wanted = (
        gettext(" or ").join(f"“{name}”" if name else gettext(GONE) for name in rule.get("wanted") or ()) or TO_CHOOSE
    )
    inside = gettext(" and ").join(f"“{name}”" for name in rule.get("actual") or ())
    building = gettext(" and ").join(f"“{name}”" for name in rule.get("building") or ())
    none = gettext("in none of them") if len(rule.get("wanted") or ()) > 1 else gettext("not in it")
    was = gettext("in %(segments)s", segments=inside) if inside else none
    if building:
        was = gettext(
            "%(where)s; %(segments)s was still being built, so nobody was in it", where=was, segments=building
        )
    is_in = gettext(_IS_IN.get(str(rule.get("operator")), _IS_IN[IN]))
    return RuleLine(gettext("segment"), bool(rule.get("held")), depth, was, f"{is_in} {wanted}")


def decision_in_words(rules: list[dict[str, Any]], zone: tzinfo = UTC, depth: int = 0) -> list[RuleLine]:
    """The stored rules of a decision, one line each, groups before what is in them. `zone`: the reader's."""
    lines = []
    for rule in rules:
        if "rules" in rule:
            label = gettext(_GROUPS.get(str(rule.get("match")), _GROUPS["all"]))
            name = rule.get("label")
            lines.append(RuleLine(f"{name}: {label.lower()}" if name else label, bool(rule.get("held")), depth))
            lines += decision_in_words(rule["rules"], zone, depth + 1)
        elif "segments" in rule:
            lines.append(_membership(rule, depth))
        else:
            operator, actual = str(rule.get("operator", "")), rule.get("actual")
            wanted = wanted_in_words(operator, rule.get("wanted"), zone)
            was = (_dated(actual, zone) if operator in ZONED else "") or readable(actual, gettext("empty"))
            if rule.get("unknown"):  # another rule decided
                was = gettext("%(value)s, which is %(problem)s", value=was, problem=gettext(rule["unknown"]))
            lines.append(RuleLine(field_name(str(rule.get("field", ""))), bool(rule.get("held")), depth, was, wanted))
    return lines
