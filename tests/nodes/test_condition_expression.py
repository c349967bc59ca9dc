"""Conditions by a CEL expression: two ways, mistakes in words, and nothing that runs for long."""

from __future__ import annotations

from typing import Any

import pytest

from app.flow import registry
from app.flow.node_words import explanation_of, summary_of
from app.flow.outcomes import Fail
from tests.nodes.person import person, run_of

KIND = registry.get("condition")


def by(expression: str) -> dict[str, Any]:
    return {"expression": expression}


@pytest.mark.parametrize(
    ("expression", "port"),
    [
        ("event.amount > 100 && contact.attributes.plan == 'pro'", "true"),
        ("event.amount >= 120.5", "false"),
        ("event.items.exists(item, item.price > 9)", "true"),
        ("'vip' in contact.tags", "true"),
        ("has(contact.attributes.city) && contact.attributes.city == 'Rome'", "false"),
        ("steps.first.branch == 'true' && vars.n == 3", "true"),
    ],
)
def test_an_expression_decides(expression: str, port: str) -> None:
    someone = person(
        event={"amount": 120, "items": [{"price": 3}, {"price": 10}]}, attributes={"plan": "pro"}, tags=["vip"],
        steps={"first": {"branch": "true"}}, variables={"n": 3},
    )  # fmt: skip
    assert registry.diagnostics(KIND, by(expression)) == []
    outcome = run_of(KIND, by(expression))(someone)
    assert (outcome.port, outcome.output["branch"]) == (port, port)


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("contact.attributes.city == 'Rome'", "There is no “city”."),
        ("event.amount", "neither true nor false"),
        ("event.amount > 'much'", "does not work"),
        ("event.list.all(a, event.list.all(b, event.list.all(c, a + b + c >= 0)))", "too many items"),
    ],
)
def test_what_cannot_be_answered_fails_the_step_for_good(expression: str, words: str) -> None:
    outcome = run_of(KIND, by(expression))(person(event={"amount": 3, "list": list(range(300))}))
    assert isinstance(outcome, Fail) and outcome.permanent and words in outcome.error


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("", "true or false"),
        ("event.amount >", "ends too early"),
        ("amount > 3", "there is nothing called amount"),
        ("1 + 2", "true or false"),
        ("'a'", "true or false"),
    ],
)
def test_mistakes_are_said_while_one_types(expression: str, words: str) -> None:
    (fault,) = registry.diagnostics(KIND, by(expression))
    assert (fault.path, fault.blocks_save) == ("expression", False) and words in fault.message


def test_conditions_beside_an_expression_are_kept_and_not_asked() -> None:
    data = {"expression": "true", "conditions": [{"field": "x", "operator": "exists"}]}
    assert run_of(KIND, data)(person()).port == "true"


def test_the_decision_says_what_was_read() -> None:
    data = by("event.amount > 100 && contact.attributes.plan == 'pro'")
    output = run_of(KIND, data)(person(event={"amount": 120}, attributes={"plan": "pro"})).output
    assert output["values"] == {"contact.attributes.plan": "pro", "event.amount": 120}

    class Left:
        port, started_at, completed_at = "true", None, None

    Left.output = output  # type: ignore[attr-defined]
    words = explanation_of("condition", data, Left())  # type: ignore[arg-type]
    assert words == "The expression is true: contact.attributes.plan is pro, event.amount is 120."
    assert summary_of("condition", data) == "If event.amount > 100 && contact.attributes.plan == 'pro'"
