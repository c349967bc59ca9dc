"""The condition language: what it refuses, what it answers, and that it never hides a fault."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.nodes import conditions
from app.nodes.conditions import Condition, Verdict
from app.nodes.operators import LABELS, OPERATORS, WITHOUT_VALUE, ConditionError
from tests.nodes.person import person


def judge(step: Any, items: list[dict[str, Any]], match: str = "all") -> Verdict:
    return conditions.compile_list(msgspec.convert(items, list[Condition]), match, set())(step)


def holds(step: Any, *items: dict[str, Any], match: str = "all") -> bool:
    assert conditions.problems(list(items)) == []
    return judge(step, list(items), match).held


def is_(field: str, value: Any, operator: str = "equals") -> dict[str, Any]:
    return {"field": field, "operator": operator, "value": value}


@pytest.mark.parametrize(
    ("operator", "value", "actual", "expected"),
    [
        ("equals", "a", "a", True),
        ("equals", "a", "A", False),
        ("equals", 1, "1", True),
        ("equals", "1", 1, True),
        ("equals", 1, True, False),
        ("equals", True, "true", True),
        ("equals", "a", None, False),
        ("not_equals", "a", None, True),
        ("contains", "ELL", "hello", True),
        ("contains", "vip", ["vip", "new"], True),
        ("contains", "vip", None, False),
        ("not_contains", "vip", ["new"], True),
        ("starts_with", "he", "Hello", True),
        ("ends_with", "he", "hello", False),
        ("greater_than", 3, 4, True),
        ("greater_than", "3", "4", True),
        ("greater_than", 3, None, False),
        ("greater_or_equal", 4, 4, True),
        ("less_than", 4, 4, False),
        ("less_or_equal", 4, 4.0, True),
        ("in", ["a", 2], "2", True),
        ("in", ["a"], None, False),
        ("not_in", ["a"], "b", True),
        ("exists", None, "x", True),
        ("exists", None, "", False),
        ("not_exists", None, None, True),
        ("is_true", None, "True", True),
        ("is_true", None, 1, False),
        ("is_false", None, False, True),
        ("before", "2026-02-01", "2026-01-31T23:59:59Z", True),
        ("after", "2026-01-31T09:00:00+01:00", "2026-01-31T08:00:00Z", False),
    ],
)
def test_every_operator_answers(operator: str, value: Any, actual: Any, expected: bool) -> None:
    assert holds(person(attributes={"x": actual}), is_("contact.attributes.x", value, operator)) is expected


def test_every_operator_is_tested_above_and_has_a_label() -> None:
    rows = test_every_operator_answers.pytestmark[0].args[1]  # type: ignore[attr-defined]
    assert {row[0] for row in rows} == set(OPERATORS) == set(LABELS)


@pytest.mark.parametrize(("operator", "value"), [("greater_than", 3), ("less_or_equal", "3"), ("before", "2026-01-01")])
def test_a_value_of_the_wrong_kind_is_an_error_with_the_field(operator: str, value: Any) -> None:
    with pytest.raises(ConditionError, match=r"contact\.attributes\.x is {'no': 'sense'}"):
        holds(person(attributes={"x": {"no": "sense"}}), is_("contact.attributes.x", value, operator))


@pytest.mark.parametrize("odd", ["nan", "inf", "-Infinity", "1_000", "٣"])
def test_what_python_takes_for_a_number_but_people_do_not_is_none(odd: str) -> None:
    with pytest.raises(ConditionError):
        holds(person(attributes={"x": odd}), is_("contact.x", 3, "greater_than"))
    assert [one.path for one in conditions.problems([is_("contact.x", odd, "greater_than")])] == ["conditions[0].value"]


def test_a_bare_name_is_looked_up_in_the_event_then_the_contact_then_its_attributes() -> None:
    step = person(source="form", attributes={"source": "attribute", "plan": "pro"}, event={"source": "ad"})
    assert holds(step, is_("source", "ad"))
    assert holds(person(source="form", attributes={"source": "attribute"}), is_("source", "form"))
    assert holds(person(attributes={"source": "attribute"}), is_("source", "attribute"))
    assert holds(step, is_("plan", "pro"), is_("attributes.plan", "pro"), is_("contact.source", "form"))
    assert holds(step, is_("event.plan", None, "not_exists"))


def test_an_event_of_changed_attributes_wins_over_the_contact() -> None:
    step = person(attributes={"has_purchased": False}, event={"attributes": {"has_purchased": True}})
    assert holds(step, is_("attributes.has_purchased", True))
    assert holds(step, is_("contact.attributes.has_purchased", False))


def test_groups_nest_and_every_rule_is_shown() -> None:
    step = person(attributes={"a": 1, "b": 2})
    group = {"match": "any", "conditions": [is_("contact.a", 2), is_("contact.b", 2)]}
    verdict = judge(step, [group, is_("contact.c", None, "not_exists")])
    assert verdict.held
    assert verdict.rules == [
        {
            "match": "any",
            "held": True,
            "rules": [
                {"field": "contact.a", "operator": "equals", "wanted": 2, "actual": 1, "held": False},
                {"field": "contact.b", "operator": "equals", "wanted": 2, "actual": 2, "held": True},
            ],
        },
        {"field": "contact.c", "operator": "not_exists", "wanted": None, "actual": None, "held": True},
    ]


def test_what_is_kept_of_a_decision_stays_small() -> None:
    rules = judge(person(attributes={"x": "y" * 5000}), [is_("contact.x", "z" * 5000)]).rules
    assert len(msgspec.json.encode(rules)) < 500


def test_steps_and_vars() -> None:
    step = person(steps={"node-1": {"branch": "true"}}, variables={"n": [4]})
    assert holds(step, is_("steps.node-1.branch", "true"), is_("vars.n.0", 4))
    assert holds(step, is_("steps.node-2.branch", None, "not_exists"), is_("vars.n.7", None, "not_exists"))


def test_reading_is_noted_so_that_only_it_is_loaded_and_kept() -> None:
    reads: set[str] = set()
    rules = [is_("event.a", 1), is_("steps.node-1.branch", "true"), is_("vars.n", 1)]
    conditions.compile_list(msgspec.convert(rules, list[Condition]), "all", reads)
    assert reads == {"steps.node-1"}
    conditions.compile_list(msgspec.convert([is_("contact.x", 1)], list[Condition]), "all", reads)
    assert reads == {"steps.node-1", "contact.attributes"}
    rules = [is_("contact.tags", 1), is_("contact.externalId", 1), is_("source", 1), is_("contact.id", 1)]
    reads.clear()
    conditions.compile_list(msgspec.convert(rules, list[Condition]), "all", reads)
    assert reads == {f"contact.{field}" for field in ("tags", "external_id", "source", "attributes", "id")}


@pytest.mark.parametrize(
    ("items", "path", "words", "incomplete"),
    [
        ([{"field": "a", "operator": "equls", "value": 1}], "conditions[0].operator", "equals", False),
        ([{"field": "a", "operator": "equals", "vlue": 1}], "conditions[0]", "vlue", False),
        ([is_("a", "x", "greater_than")], "conditions[0].value", "not a number", False),
        ([is_("a", "soon", "before")], "conditions[0].value", "not a date", False),
        ([is_("a", "x", "in")], "conditions[0].value", "a list", False),
        ([is_("contact", 1)], "conditions[0].field", "contact.something", False),
        ([is_("a..b", 1)], "conditions[0].field", "dots", False),
        (["x"], "conditions[0]", "object", False),
        ([{"match": "none", "conditions": []}], "conditions[0].match", "none", False),
        ([is_("", 1)], "conditions[0].field", "Choose", True),
        ([{"field": "a"}], "conditions[0].operator", "Choose", True),
        ([is_("a", "")], "conditions[0].value", "compare with", True),
        ([is_("a", 1)] * 11, "conditions", "11", False),
        ([{"conditions": [is_("a", 1)] * 6}] * 2, "conditions", "12", False),
        (
            [{"conditions": [{"conditions": [{"conditions": []}]}]}],
            "conditions[0].conditions[0].conditions[0]",
            "deep",
            False,
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_path(items: Any, path: str, words: str, incomplete: bool) -> None:
    found = conditions.problems(items)
    assert [(one.path, one.incomplete) for one in found] == [(path, incomplete)]
    assert words in found[0].message


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
anything = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)
rule = st.fixed_dictionaries(
    {"field": st.sampled_from(["x", "contact.x", "event.x", "steps.a.x", "contact.tags"])},
    optional={"operator": st.sampled_from(sorted(OPERATORS)), "value": anything},
)


@given(st.lists(rule | anything, max_size=4), st.sampled_from(["all", "any"]), anything)
def test_a_list_without_problems_always_answers_or_says_why(items: list[Any], match: str, actual: Any) -> None:
    if conditions.problems(items):
        return
    try:
        verdict = judge(person(attributes={"x": actual}, event={"x": actual}), items, match)
    except ConditionError as error:
        assert str(error)
    else:
        assert isinstance(verdict.held, bool)
        msgspec.json.encode(verdict.rules)


@given(scalars, scalars)
def test_an_operator_and_its_opposite_never_agree(actual: Any, wanted: Any) -> None:
    for name, opposite in (("equals", "not_equals"), ("contains", "not_contains"), ("exists", "not_exists")):
        assert OPERATORS[name](actual, wanted) is not OPERATORS[opposite](actual, wanted)
    assert "exists" in WITHOUT_VALUE
