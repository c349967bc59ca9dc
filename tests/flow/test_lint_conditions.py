"""Conditions of real flows that nobody meets: values, ranges and days with nothing in common, groups in groups, cases."""

from __future__ import annotations

from typing import Any

import pytest

from app.lib.translation import using
from tests.flow.test_lint_warnings import PRO, flow, rule, said

PLAN, AGE, SEEN = "contact.attributes.plan", "contact.age", "contact.attributes.lastSeen"
NEVER, RANGE = "Nobody can meet both", "so large and so small"


def group(match: str, *conditions: dict[str, Any]) -> dict[str, Any]:
    return {"match": match, "conditions": list(conditions)}


def words_of(conditions: list[Any], match: str = "all") -> list[str]:
    document = flow({"conditions": conditions, "match": match})
    return [message for _, message in said(document) if "has “" not in message and "has `" not in message]


@pytest.mark.parametrize(
    ("conditions", "words"),
    [
        ([PRO, rule(PLAN, "in", ["free", "team"])], NEVER),
        ([rule(PLAN, "in", ["free"]), rule("contact.plan", "in", ["team", "pro"])], NEVER),
        ([rule(PLAN, "in", ["pro", "team"]), rule(PLAN, "not_in", ["TEAM", "Pro"])], NEVER),
        ([PRO, rule(PLAN, "not_exists")], NEVER),
        ([rule(AGE, "between", [1, 5]), rule(AGE, "not_exists")], NEVER),
        ([PRO, rule(PLAN, "starts_with", "fr")], NEVER),
        ([rule(AGE, "equals", 5), rule(AGE, "greater_than", "5")], NEVER),
        ([rule(AGE, "in", [1, 2]), rule(AGE, "between", [3, 9])], NEVER),
        ([rule(AGE, "between", [1, 5]), rule(AGE, "between", [6, 9])], RANGE),
        ([rule(AGE, "between", [1, 5]), rule(AGE, "greater_than", 5)], RANGE),
        ([rule(SEEN, "before", "2026-03-01"), rule(SEEN, "after", "2026-02-28")], NEVER),
        ([rule(SEEN, "on", "2026-03-01"), rule(SEEN, "before", "2026-03-01")], NEVER),
        ([rule("contact.tags", "contains_any", ["a"]), rule("contact.tags", "contains_none", ["A"])], NEVER),
        ([PRO, group("all", rule(PLAN, "equals", "free"))], "both pro and free"),
        ([group("all", group("any", PRO)), rule(PLAN, "equals", "free")], "both pro and free"),
        ([PRO, group("none", rule("contact.plan", "equals", "PRO"))], NEVER),
        ([group("none", rule(AGE, "exists"), PRO), rule(AGE, "less_than", 3)], NEVER),
    ],
)
def test_nobody_meets_these(conditions: list[Any], words: str) -> None:
    (message,) = words_of(conditions)
    assert words in message


@pytest.mark.parametrize(
    ("conditions", "match"),
    [
        ([rule(AGE, "equals", 5), rule(AGE, "equals", "5.0")], "all"),
        ([rule("contact.vip", "is_true"), rule("contact.vip", "is_false")], "any"),
        ([rule("contact.vip", "is_true"), rule("contact.vip", "is_false")], "none"),
        ([PRO, rule(PLAN, "in", ["team", "{{ event.total }}"])], "all"),
        ([PRO, rule(PLAN, "matches", "^pro$")], "all"),
        ([PRO, rule(PLAN, "equals")], "all"),
        ([rule(PLAN, "not_exists"), rule(PLAN, "not_equals", "pro")], "all"),
        ([rule("contact.tags", "in", ["a"]), rule("contact.tags", "equals", "b")], "all"),
        ([rule(AGE, "between", [1, 5]), rule(AGE, "greater_or_equal", 5)], "all"),
        ([rule(SEEN, "before", "2026-03-02"), rule(SEEN, "after", "2026-02-28")], "all"),
        ([rule(SEEN, "before", "2026-03-01T09:00"), rule(SEEN, "after", "2026-03-01T10:00:00+09:00")], "all"),
        ([PRO, group("any", rule(PLAN, "equals", "free"), rule(AGE, "exists"))], "all"),
        ([PRO, group("none", rule(PLAN, "equals", "free"))], "all"),
        ([group("all", PRO), group("all", rule(PLAN, "equals", "free"))], "any"),
        ([group("none", rule("contact.vip", "is_true")), rule("contact.vip", "not_exists")], "all"),
        ([rule("contact.orders[0].sku", "equals", "a"), rule("contact.orders[1].sku", "equals", "b")], "all"),
    ],
)
def test_somebody_may_meet_these(conditions: list[Any], match: str) -> None:
    assert words_of(conditions, match) == []


def test_the_warning_says_its_values_in_the_language_of_the_reader() -> None:
    with using("de"):
        (message,) = words_of([PRO, rule(PLAN, "equals", "free")])
    assert "pro" in message and "free" in message


def cases(*groups: tuple[str, list[Any]]) -> list[tuple[str, str]]:
    data = {"cases": [{"id": f"c{at}", "match": match, "conditions": one} for at, (match, one) in enumerate(groups)]}
    return [(path, message) for path, message in said(flow(data, "switch")) if "comes first" in message]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("all", [rule(AGE, "greater_than", 50)]), ("all", [rule(AGE, "greater_than", 100)])),
        (("all", [rule(PLAN, "in", ["pro", "team"])]), ("all", [rule("contact.plan", "equals", "Pro")])),
        (("any", [PRO, rule(AGE, "exists")]), ("any", [rule(AGE, "exists"), PRO])),
        (("all", [PRO]), ("all", [rule(AGE, "exists"), group("all", PRO)])),
    ],
)
def test_a_case_behind_a_wider_one_is_never_taken(first: tuple[str, list[Any]], second: tuple[str, list[Any]]) -> None:
    ((path, _),) = cases(first, second)
    assert path == "nodes[0].data.cases[1].conditions"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("all", [rule(AGE, "greater_than", 100)]), ("all", [rule(AGE, "greater_than", 50)])),
        (("all", [PRO, rule(AGE, "exists")]), ("all", [PRO])),
        (("none", [PRO]), ("all", [rule(AGE, "exists")])),
        (("any", [PRO, rule(AGE, "exists")]), ("all", [rule(AGE, "exists"), rule(PLAN, "equals", "free")])),
        (("all", [rule(AGE, "equals", "{{ event.total }}")]), ("all", [rule(AGE, "equals", 3)])),
    ],
)
def test_a_case_behind_a_narrower_one_may_be_taken(first: tuple[str, list[Any]], second: tuple[str, list[Any]]) -> None:
    assert cases(first, second) == []
