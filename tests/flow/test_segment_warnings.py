"""What is odd about a rule though it can be built."""

from __future__ import annotations

from typing import Any

import pytest

from app.flow.field_reads import KnownNames
from app.flow.segment_rule_checks import rule_diagnostics
from app.flow.segment_rules import placed_leaves, segment_rule
from app.flow.segment_warnings import rule_warnings

KNOWN = KnownNames(frozenset({"plan", "age"}), {"order.paid": frozenset({"amount"})})
WORKFLOW = "0193a1b2-7c3d-7e4f-8a5b-1c2d3e4f5a6b"


def f(field: str, operator: str, value: Any = None) -> dict[str, Any]:
    return {"field": field, "operator": operator, **({} if value is None else {"value": value})}


def group(match: str, *conditions: dict[str, Any]) -> dict[str, Any]:
    return {"match": match, "conditions": list(conditions)}


def warnings(rule: dict[str, Any]) -> list[tuple[str, str]]:
    assert rule_diagnostics(rule) == [], rule
    return [(one.path, one.message) for one in rule_warnings(segment_rule(rule), KNOWN)]


@pytest.mark.parametrize(
    ("rule", "path", "words"),
    [
        (group("all", f("attributes.plam", "exists")), "conditions[0].field", "Did you mean “plan”?"),
        (
            group("any", f("tags", "contains", "x"), group("all", f("contact.plam", "exists"))),
            "conditions[1].conditions[0].field",
            "No contact has “plam”",
        ),
        (group("all", {"event": "order.payed"}), "conditions[0].event", "No event “order.payed” has come in lately"),
        (
            group("all", {"event": "order.paid", "conditions": [f("amuont", "greater_than", 1)]}),
            "conditions[0].conditions[0].field",
            "Did you mean “amount”?",
        ),
        (
            group(
                "all",
                f("plan", "equals", "pro"),
                f("contact.attributes.age", "exists"),
                f("contact.plan", "equals", "free"),
            ),
            "conditions[2]",
            "Nobody’s plan is both pro and free",
        ),
        (group("all", f("plan", "exists"), f("plan", "not_exists")), "conditions[1]", "Nobody can meet both"),
        (
            group("any", f("plan", "equals", "Pro"), f("plan", "not_equals", "pro")),
            "conditions[1]",
            "everybody meets this group",
        ),
        (group("none", f("plan", "exists"), f("plan", "not_exists")), "conditions[1]", "nobody is left"),
        (
            group("all", f("age", "greater_than", 30), f("age", "less_than", "30")),
            "conditions[1]",
            "so large and so small",
        ),
        (group("all", f("plan", "equals", "pro"), f("plan", "equals", "pro")), "conditions[1]", "stands here twice"),
        (group("all", f("plan", "not_equals", "pro")), "conditions", "who is left out"),
        (group("all", {"event": "order.paid", "did": False}), "conditions", "who is left out"),
        (group("none", {"workflow": WORKFLOW, "state": "in"}), "conditions", "who is left out"),
    ],
)
def test_what_is_odd_is_said_where_it_stands(rule: dict[str, Any], path: str, words: str) -> None:
    said_there = [message for at, message in warnings(rule) if at == path]
    assert any(words in message for message in said_there), warnings(rule)


@pytest.mark.parametrize(
    "rule",
    [
        group("all", f("plan", "equals", "pro"), f("age", "greater_or_equal", 30), f("age", "less_or_equal", 30)),
        group("any", f("plan", "equals", "pro"), f("plan", "equals", "free")),
        group("all", f("tags", "contains", "a"), f("tags", "contains", "b")),
        group("all", f("plan", "equals", "pro"), {"event": "order.paid", "did": False}),
        group(
            "all", {"event": "contact.updated"}, {"event": "order.paid", "conditions": [f("event.amount", "exists")]}
        ),
        group("none", f("plan", "not_equals", "pro")),
        group("all", f("consent.email", "is_true"), f("created_at", "exists")),
    ],
)
def test_what_may_be_meant_is_left_alone(rule: dict[str, Any]) -> None:
    assert warnings(rule) == []


def test_leaves_know_where_they_stand() -> None:
    rule = group("all", f("a", "exists"), group("any", group("none", {"event": "x"}), f("b", "exists")))
    places = [at for at, _ in placed_leaves(segment_rule(rule))]
    assert places == ["conditions[0]", "conditions[1].conditions[0].conditions[0]", "conditions[1].conditions[1]"]
