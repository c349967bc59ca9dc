"""What is wrong with the rule of a segment, in words."""

from __future__ import annotations

from typing import Any

import msgspec

from app.flow import paths
from app.flow.conditions import Condition, diagnostics_of, single_conditions
from app.flow.diagnostic import Diagnostic, incomplete
from app.flow.operators import OPERATORS
from app.flow.segment_membership import IN, NOT_IN
from app.flow.segment_rules import (
    MAX_DEPTH,
    MAX_KEPT,
    MAX_LEAVES,
    MAX_TIMES,
    Count,
    RuleCondition,
    SegmentRule,
    as_group,
    field_path,
    leaves,
    pattern_total,
    segment_rule,
    wanted_segments,
)
from app.lib.field_errors import all_field_errors
from app.lib.formats import number
from app.lib.translation import gettext

MAX_PATTERNS = 10
"""Of one rule. PostgreSQL holds 32 patterns that it has read: beyond them it reads each anew for each contact."""


def rule_diagnostics(raw: Any) -> list[Diagnostic]:
    """All that is wrong with a rule as JSON, in words; paths are `conditions[1].operator`. None of it: it can be built."""
    if faults := all_field_errors(raw, SegmentRule, ""):
        return [Diagnostic(fault["path"], fault["message"]) for fault in faults]
    rule = segment_rule(raw)
    if not rule.conditions:
        return [incomplete("conditions", gettext("Say who belongs to it: add a condition."))]
    diagnostics = _group_diagnostics(rule.conditions, "conditions", 1)
    if not diagnostics and pattern_total(rule) > MAX_PATTERNS:
        diagnostics.append(
            Diagnostic(
                "conditions",
                gettext(
                    "At most %(most)s patterns fit into a segment. Join some by |, as in ^(ad|promo)-.",
                    most=MAX_PATTERNS,
                ),
            )
        )
    if not diagnostics and (total := sum(1 for _ in leaves(as_group(rule)))) > MAX_LEAVES:
        diagnostics.append(
            Diagnostic(
                "conditions",
                gettext(
                    "At most %(max_leaves)s conditions fit into a segment; these are %(total)s.",
                    max_leaves=MAX_LEAVES,
                    total=total,
                ),
            )
        )
    return diagnostics


def _group_diagnostics(parts: list[Any], path: str, depth: int) -> list[Diagnostic]:
    diagnostics: list[Diagnostic] = []
    for index, raw in enumerate(parts):
        at = f"{path}[{index}]"
        if faults := all_field_errors(msgspec.to_builtins(raw), RuleCondition, at):
            diagnostics += [Diagnostic(fault["path"], fault["message"]) for fault in faults]
            continue
        condition = msgspec.convert(msgspec.to_builtins(raw), RuleCondition)
        if condition.kind == "group":
            if depth >= MAX_DEPTH:
                diagnostics.append(Diagnostic(at, gettext("Groups may be nested %(value)s deep.", value=MAX_DEPTH - 1)))
            elif not condition.conditions:
                diagnostics.append(incomplete(f"{at}.conditions", gettext("A group needs a condition.")))
            else:
                diagnostics += _group_diagnostics(condition.conditions, f"{at}.conditions", depth + 1)
        else:
            diagnostics += _leaf_diagnostics(condition, at)
    return diagnostics


def _leaf_diagnostics(leaf: RuleCondition, at: str) -> list[Diagnostic]:
    if leaf.kind == "activity":
        return _event_diagnostics(leaf, at)
    if leaf.kind == "workflow":
        return []
    if leaf.kind == "segment":
        if leaf.operator not in (IN, NOT_IN):
            return [Diagnostic(f"{at}.operator", gettext("Somebody is in a segment or not: use in or not_in."))]
        wanted = leaf.value if isinstance(leaf.value, list) else [leaf.value]
        if not wanted or len(wanted_segments(leaf)) < len(wanted):
            return [incomplete(f"{at}.value", gettext("Choose a segment."))]
        return []
    root = paths.names_of(leaf.field)[0] if leaf.field else ""
    if root in paths.ROOTS and root != "contact":
        return [
            Diagnostic(f"{at}.field", gettext("A segment looks at contacts: there is no %(root)s here.", root=root))
        ]
    field = field_path(leaf.field) if leaf.field else ""
    diagnostics = diagnostics_of_one(Condition(field=field, operator=leaf.operator, value=leaf.value), at)
    if not diagnostics and (problem := OPERATORS[leaf.operator].sql_problem(leaf.value)):
        diagnostics.append(Diagnostic(f"{at}.value", problem))
    return diagnostics


def diagnostics_of_one(condition: Condition, at: str) -> list[Diagnostic]:
    """What is wrong with one condition of a step, which stands at the path `at`."""
    return [
        msgspec.structs.replace(one, path=at + one.path.removeprefix("conditions[0]"))
        for one in diagnostics_of([condition])
    ]


def _event_diagnostics(leaf: RuleCondition, at: str) -> list[Diagnostic]:
    if not (leaf.event or "").strip():
        return [incomplete(f"{at}.event", gettext("Choose an event."))]
    least, most = leaf.bounds
    limit = MAX_KEPT - 1 if leaf.within else MAX_TIMES
    diagnostics: list[Diagnostic] = []
    if leaf.did and (leaf.count or Count()).value < (0 if (leaf.count or Count()).operator == "at_most" else 1):
        diagnostics.append(Diagnostic(f"{at}.count.value", gettext("Give a number above 0.")))
    elif max(least, most or 0) > limit:
        text = (
            gettext("Events are counted up to %(limit)s within a length of time.", limit=number(limit))
            if leaf.within
            else gettext("Events are counted up to %(limit)s.", limit=number(limit))
        )
        diagnostics.append(Diagnostic(f"{at}.count.value", text))
    if leaf.within is not None and not 0 < leaf.within.micros <= 100 * 366 * 86_400_000_000:
        diagnostics.append(
            Diagnostic(f"{at}.within.duration", gettext("Give a length of time above 0, at most 100 years."))
        )
    if leaf.occurrence != "any" and leaf.within is None:
        diagnostics.append(incomplete(f"{at}.within", gettext("Say how long ago.")))
    if leaf.conditions:
        if faults := all_field_errors(msgspec.to_builtins(leaf.conditions), list[Condition], f"{at}.conditions"):
            return diagnostics + [Diagnostic(fault["path"], fault["message"]) for fault in faults]
        conditions = msgspec.convert(msgspec.to_builtins(leaf.conditions), list[Condition])
        diagnostics += diagnostics_of(conditions, f"{at}.conditions")
        problems = () if diagnostics else filter(None, map(_counting_problem, single_conditions(conditions)))
        diagnostics += [Diagnostic(f"{at}.conditions", problem) for problem in problems][:1]
    return diagnostics


def _counting_problem(condition: Condition) -> str:
    """Why events cannot be counted by a condition: what is counted must not change with time alone."""
    operator = OPERATORS[condition.operator]
    if operator.turns is not None:
        return gettext("“%(label)s” cannot be used in segments.", label=gettext(operator.label))
    return operator.sql_problem(condition.value)
