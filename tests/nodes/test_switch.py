"""The switch: the first case that fits, by conditions or by one value; everybody else by default."""

from __future__ import annotations

from typing import Any

import pytest

from app.flow import registry
from app.flow.node_words import explanation_of, ports_of, summary_of
from app.flow.outcomes import Fail
from app.flow.phrases import decision_in_words
from tests.nodes.person import Person, person, run_of

KIND = registry.get("switch")
PLAN = "{{ contact.plan }}"


def by_value(*values: Any, value: Any = PLAN) -> dict[str, Any]:
    return {"value": value, "cases": [{"id": f"c{n}", "equals": wanted} for n, wanted in enumerate(values)]}


def rule(field: str, operator: str, value: Any = None) -> dict[str, Any]:
    return {"field": field, "operator": operator, "value": value}


BY_CONDITIONS = {
    "cases": [
        {"id": "big", "label": "Big", "conditions": [rule("event.amount", "greater_than", 100)]},
        {
            "id": "vip",
            "match": "any",
            "conditions": [
                rule("contact.tags", "contains", "vip"),
                {
                    "match": "none",
                    "conditions": [rule("contact.plan", "equals", "free"), rule("contact.plan", "not_exists")],
                },
            ],
        },
    ]
}


@pytest.mark.parametrize(
    ("someone", "port"),
    [
        (person(event={"amount": 101}, tags=["vip"]), "big"),
        (person(event={"amount": 100}, tags=["vip"]), "vip"),
        (person(attributes={"plan": "pro"}), "vip"),
        (person(attributes={"plan": "free"}), "default"),
        (person(), "default"),
        (person(event={"amount": "lots"}), "error"),
    ],
)
def test_the_first_case_whose_conditions_hold_is_taken(someone: Person, port: str) -> None:
    outcome = run_of(KIND, BY_CONDITIONS)(someone)
    assert outcome.port == port
    if port == "error":
        assert isinstance(outcome, Fail) and outcome.permanent and outcome.error.endswith("which is not a number.")


@pytest.mark.parametrize(
    ("plan", "port"),
    [
        ("pro", "c0"),
        (" PRO ", "c0"),
        ("1", "c1"),
        (1, "c1"),
        (True, "c1"),
        ("x", "default"),
        (None, "default"),
        (["pro"], "default"),
    ],
)
def test_by_value_text_is_compared_as_conditions_compare_it(plan: Any, port: str) -> None:
    assert run_of(KIND, by_value("pro", 1))(person(attributes={"plan": plan})).port == port


def test_the_decision_says_what_was_there_and_what_each_case_wanted() -> None:
    outcome = run_of(KIND, BY_CONDITIONS)(person(event={"amount": 5}, attributes={"plan": "free"}))
    lines = decision_in_words(outcome.output["rules"])
    assert [(line.label, line.held, line.depth, line.was, line.wanted) for line in lines] == [
        ("Big: all of these", False, 0, "", ""),
        ("event amount", False, 1, "5", "is more than 100"),
        ("Case 2: any of these", False, 0, "", ""),
        ("tags", False, 1, "empty", "contains vip"),
        ("None of these", False, 1, "", ""),
        ("plan", True, 2, "free", "is free"),
        ("plan", False, 2, "free", "is not known"),
    ]
    output = run_of(KIND, by_value("pro", "x" * 500))(person(attributes={"plan": "y" * 500})).output
    assert output["case"] == "default"
    assert [rule["field"] for rule in output["rules"]] == ["contact.plan"] * 2
    assert max(len(rule["actual"]) for rule in output["rules"]) < 200, "what is kept of a decision stays small"


def test_equal_people_share_one_outcome() -> None:
    run = run_of(KIND, by_value("pro", "free"))
    assert run(person(attributes={"plan": "pro"})) is run(person(attributes={"plan": "pro"}))
    assert run(person(attributes={"plan": True})) is not run(person(attributes={"plan": 1}))


def test_a_value_of_the_event_needs_no_contact() -> None:
    run = run_of(KIND, by_value("DE", value="{{ event.country | upcase }}"))
    assert run(person(event={"country": "de"})).port == "c0"
    assert not KIND.needs_contact


def test_its_ways_out_follow_the_cases() -> None:
    ports = ports_of("switch", {"value": PLAN, "cases": [
        {"id": "a", "label": "Same", "equals": 1}, {"id": "b", "label": "Same", "equals": 2}, {"id": "c", "equals": "pro"},
        {"id": "d", "label": "Default", "equals": 9}, {"id": "e"},
    ]})  # fmt: skip
    assert [port.id for port in ports] == ["a", "b", "c", "d", "e", "default"]
    assert [port.label for port in ports] == ["Same", "Same (2)", "pro", "Default (4)", "Case 5", "Default"]


@pytest.mark.parametrize(
    ("data", "path", "words", "incomplete"),
    [
        ({}, "cases", "at least one", True),
        ({"cases": [{"id": "a"}]}, "cases[0].conditions", "Say when", True),
        ({"cases": [{"id": "a", "conditions": [rule("x", "resembles", 1)]}]}, "cases[0].conditions[0].operator", "equals", False),
        ({"cases": [{"id": "default", "conditions": [rule("x", "exists")]}]}, "", "Two branches", False),
        ({"cases": [{"id": "error", "conditions": [rule("x", "exists")]}]}, "", "error", False),
        ({"cases": [{"id": "", "conditions": [rule("x", "exists")]}]}, "", "1 to 100", False),
        ({"cases": [{"id": "a", "conditions": [rule("x", "exists")]}] * 2}, "", "Two branches", False),
        ({"cases": [{"id": f"c{n}", "conditions": [rule("x", "exists")]} for n in range(21)]}, "cases", "At most 20", False),
        ({"cases": [{"id": f"c{n}", "conditions": [rule("x", "exists")] * 10} for n in range(6)]}, "cases", "At most 50", False),
        ({"cases": [{"id": "a", "conditions": [rule("x", "exists")] * 11}]}, "cases[0].conditions", "At most 10", False),
        (by_value("a", value=""), "value", "Say which value", True),
        (by_value("a", value="contact.plan"), "value", "{{ contact.plan }}", True),
        (by_value("a", " A "), "cases[1].equals", "already", True),
        (by_value(""), "cases[0].equals", "Say which value", True),
        (by_value(["a"]), "cases[0].equals", "one value", False),
        ({"value": PLAN, "cases": [{"id": "a"}]}, "cases[0].equals", "Say which value", True),
        ({"value": PLAN, "cases": [{"id": "a", "equal": 1}]}, "cases[0].equal", "equals", False),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_place(data: dict[str, Any], path: str, words: str, incomplete: bool) -> None:
    faults = registry.diagnostics(KIND, data)
    assert [(one.path, one.blocks_save) for one in faults] == [(path, not incomplete)]
    assert words in faults[0].message


def test_what_people_read() -> None:
    assert summary_of("switch", by_value("pro")) == "By contact.plan"
    assert summary_of("switch", BY_CONDITIONS) == "Big, Case 2 or default"

    class Left:
        output, started_at, completed_at = None, None, None

        def __init__(self, port: str) -> None:
            self.port = port

    assert explanation_of("switch", BY_CONDITIONS, Left("vip")) == "The case “Case 2” matched first."  # type: ignore[arg-type]
    assert (
        explanation_of("switch", BY_CONDITIONS, Left("default"))
        == "No case matched, so the run took the Default branch."
    )  # type: ignore[arg-type]
