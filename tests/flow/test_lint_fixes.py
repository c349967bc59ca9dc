"""Rows and cases that one press takes out: of conditions that nobody meets beside others, and of cases that an earlier one covers."""

from __future__ import annotations

from typing import Any

import pytest

from app.flow.document import Flow
from app.flow.lint.warnings import lint_warnings
from tests.flow.test_lint_warnings import FREE, KNOWN, PRO, flow, rule

AGE = "contact.age"
GROUP = {"match": "all", "conditions": [rule(AGE, "exists"), rule(AGE, "equals", 6)]}


def taken_out(document: Flow) -> list[str]:
    return [one.fix.take_out for one in lint_warnings(document, {}, KNOWN) if one.fix and one.fix.take_out]


@pytest.mark.parametrize(
    ("conditions", "match", "entry"),
    [
        ([PRO, FREE], "all", "[1]"),
        ([PRO, rule(AGE, "exists"), PRO], "any", "[2]"),
        (
            [rule(AGE, "equals", 5), {"match": "all", "conditions": [rule(AGE, "exists"), rule(AGE, "equals", 6)]}],
            "all",
            "[1].conditions[1]",
        ),
        ([PRO, {"match": "all", "conditions": [FREE]}], "all", ""),
        ([PRO, FREE], "any", ""),
    ],
)
def test_a_condition_beside_which_nobody_meets_it(conditions: list[Any], match: str, entry: str) -> None:
    """None where its group would be left without any."""
    expected = [f"nodes[0].data.conditions{entry}"] if entry else []
    assert taken_out(flow({"conditions": conditions, "match": match})) == expected
    of_trigger = {"type": "event", "event": "cart.left", "conditions": conditions, "match": match}
    assert taken_out(flow(trigger=of_trigger)) == [one.replace("nodes[0].data", "trigger") for one in expected]


@pytest.mark.parametrize(
    ("second", "entry"),
    [
        ([PRO], "nodes[0].data.cases[1]"),
        ([PRO, rule(AGE, "exists")], "nodes[0].data.cases[1]"),
        ([rule(AGE, "exists")], ""),
    ],
)
def test_a_case_that_an_earlier_one_covers(second: list[Any], entry: str) -> None:
    cases = [{"id": "first", "conditions": [PRO]}, {"id": "second", "conditions": second}]
    assert taken_out(flow({"cases": cases}, "switch")) == ([entry] if entry else [])
