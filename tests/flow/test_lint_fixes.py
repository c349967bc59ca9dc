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
    ("conditions", "entry", "beside"),
    [
        ([PRO, FREE], FREE, PRO),
        ([FREE, PRO, FREE], PRO, FREE),
        ([PRO, rule(AGE, "exists"), PRO], PRO, PRO),
        (
            [{"match": "all", "conditions": [PRO]}, rule(AGE, "exists"), FREE],
            FREE,
            {"match": "all", "conditions": [PRO]},
        ),
        ([PRO, {"match": "all", "conditions": [rule(AGE, "exists"), FREE]}], FREE, None),
    ],
)
def test_what_is_taken_out_is_named_with_what_it_stands_beside(conditions: list[Any], entry: Any, beside: Any) -> None:
    """Its place alone says nothing once somebody else has changed the list."""
    of_goal = flow(goals=[{"id": "g", "event": "order.paid", "conditions": conditions}])
    of_trigger = flow(trigger={"type": "event", "event": "cart.left", "conditions": conditions, "match": "all"})
    for document in (flow({"conditions": conditions, "match": "all"}), of_goal, of_trigger):
        fix = next(one.fix for one in lint_warnings(document, {}, KNOWN) if one.fix and one.fix.take_out)
        assert (fix.entry, fix.beside) == (entry, beside)


def test_a_case_is_named_with_the_one_that_covers_it() -> None:
    cases = [{"id": id_, "label": id_, "conditions": [rule(AGE, "exists")] if id_ == "b" else [PRO]} for id_ in "abc"]
    (fix,) = [
        one.fix for one in lint_warnings(flow({"cases": cases}, "switch"), {}, KNOWN) if one.fix and one.fix.take_out
    ]
    assert (fix.entry, fix.beside) == (cases[2], cases[0])


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
