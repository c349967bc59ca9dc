"""Conditions and decisions in words."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.flow.operators import OPERATORS
from app.flow.phrases import decision_in_words, sentence, wanted_in_words


@pytest.mark.parametrize(
    ("operator", "wanted", "words"),
    [
        ("within_last", {"duration": 1, "unit": "weeks"}, "is within the last week"),
        ("within_next", {"duration": 36.0, "unit": "hours"}, "is within the next 36 hours"),
        ("between", [1, "9"], "is between 1 and 9"),
        ("in", ["a", True, None], "is one of a, Yes, –"),
        ("equals", False, "is no"),
        ("is_empty", None, "is empty"),
        ("on", "2026-11-25", "is on Nov 25, 2026"),
        ("after", "2026-11-25T09:30", "is after Nov 25, 2026 09:30"),
        ("before", 1795617000, "is before Nov 25, 2026 14:30 UTC"),
        ("contains", {"a": True}, 'contains {"a": true}'),
        ("of_an_older_release", 7, "of an older release 7"),
        ("before", None, "is before …"),
    ],
)
def test_what_a_rule_wants(operator: str, wanted: Any, words: str) -> None:
    assert wanted_in_words(operator, wanted) == words


def test_a_list_and_a_decision() -> None:
    rules: list[Any] = [
        {"field": "contact.attributes.plan", "operator": "equals", "value": "pro"},
        {"match": "any", "conditions": [{"field": "event.items[0].sku", "operator": "exists"}, {"field": "tags"}, 7]},
    ]
    assert sentence(rules) == "plan is pro and (event items › 0 › sku is known or tags … …)"
    assert sentence(rules[:1], "none") == "not (plan is pro)"
    assert sentence([*rules[:1], {"match": "none", "conditions": [rules[0], rules[0]]}], "none") == (
        "neither plan is pro nor (neither plan is pro nor plan is pro)"
    )
    held = {"field": "contact.paid", "operator": "is_true", "wanted": None, "actual": "yes", "held": True}
    lines = decision_in_words(
        [{"match": "any", "held": True, "rules": [held, {**held, "actual": None, "held": False}]}]
    )
    assert [(line.label, line.depth, line.held, line.was, line.wanted) for line in lines] == [
        ("Any of these", 0, True, "", ""),
        ("paid", 1, True, "yes", "is true"),
        ("paid", 1, False, "empty", "is true"),
    ]


def test_dates_of_a_decision_are_in_the_readers_zone() -> None:
    rule = {
        "field": "event.at",
        "operator": "on",
        "wanted": "2026-11-26",
        "actual": "2026-11-25T23:30:00Z",
        "held": True,
    }
    (line,) = decision_in_words([rule], ZoneInfo("Europe/Berlin"))
    assert (line.was, line.wanted) == ("Nov 26, 2026 00:30 CET", "is on Nov 26, 2026")
    (line,) = decision_in_words(
        [{**rule, "operator": "within_last", "actual": 1795617000, "wanted": {"duration": 2, "unit": "days"}}]
    )
    assert (line.was, line.wanted) == ("Nov 25, 2026 14:30 UTC", "is within the last 2 days")


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text("ab "),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["field", "operator", "unit", "duration"]), inner)
    ),
    max_leaves=6,
)


@given(st.sampled_from(sorted(OPERATORS)), anything, anything)
def test_no_words_show_python(operator: str, wanted: Any, actual: Any) -> None:
    rule = {"field": "contact.x", "operator": operator, "wanted": wanted, "actual": actual, "held": False}
    (line,) = decision_in_words([rule])
    shown = f"{line.was} {line.wanted} {sentence([{**rule, 'value': wanted}, wanted])} {sentence(wanted)}"
    assert not [word for word in ("{'", "True", "False", "None", "nan", "inf", "e+", "e-") if word in shown], shown


def test_segments_are_called_by_their_names_where_these_are_known() -> None:
    vips, lost = "0193a1b2-7c3d-7e4f-8a5b-1c2d3e4f5a6b", "0193a1b2-7c3d-7e4f-8a5b-1c2d3e4f5a6c"
    conditions = [
        {"field": "segment", "operator": "in", "value": [vips]},
        {"match": "any", "conditions": [{"field": "segment", "operator": "not_in", "value": [vips, lost]}]},
    ]
    assert sentence(conditions) == "is in a segment and (is not in any of 2 segments)"
    named = sentence(conditions, "all", {vips: "VIPs"})
    assert named == "is in “VIPs” and (is not in “VIPs” or a deleted segment)"
    assert sentence([{"field": "segment", "operator": "in", "value": ["gold"]}], "all", {}) == "segment is one of gold"
