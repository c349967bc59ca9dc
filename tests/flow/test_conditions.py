"""The condition language: what it refuses, what it answers, and that it never hides a fault."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.flow import conditions, judging
from app.flow.conditions import Condition, Evaluation
from app.flow.operators import KINDS, OPERATORS, SHAPES, WITHOUT_VALUE, ConditionError
from tests.nodes.person import person


def judge(step: Any, items: list[dict[str, Any]], match: str = "all") -> Evaluation:
    return judging.compile_list(msgspec.convert(items, list[Condition]), match, set())(step)


def holds(step: Any, *items: dict[str, Any], match: str = "all") -> bool:
    assert conditions.diagnostics_of_json(list(items)) == []
    return judge(step, list(items), match).held


def is_(field: str, value: Any, operator: str = "equals") -> dict[str, Any]:
    return {"field": field, "operator": operator, "value": value}


DAYS = {"duration": 7, "unit": "days"}
DECOMPOSED = "cafe\u0301"


@pytest.mark.parametrize(
    ("operator", "value", "actual", "expected"),
    [
        ("equals", "a", "a", True),
        ("equals", "a", " A ", True),
        ("equals", "Café", DECOMPOSED, True),
        ("equals", "STRASSE", "straße", True),
        ("equals", "07", "7", False),
        ("equals", 1, "1", True),
        ("equals", "1", 1.0, True),
        ("equals", 1, True, True),
        ("equals", "no", False, True),
        ("equals", True, "On", True),
        ("equals", True, "maybe", False),
        ("equals", "a", None, False),
        ("equals", ["b", "A"], ["B", "a"], True),
        ("not_equals", "a", None, True),
        ("not_equals", "a", "A", False),
        ("contains", "ELL", "hello", True),
        ("contains", "É", "e\u0301clair", True),
        ("contains", "vip", [" VIP", "new"], True),
        ("contains", 3, [1, "3"], True),
        ("contains", "sku", {"SKU": 1}, True),
        ("contains", "vip", None, False),
        ("contains", "vip", "", False),
        ("not_contains", "vip", ["new"], True),
        ("contains_any", ["Gold", 2], ["silver", "2"], True),
        ("contains_any", ["gold"], [], False),
        ("contains_all", ["a", "B"], ["b", "c", "A"], True),
        ("contains_all", ["a", "d"], ["b", "a"], False),
        ("contains_all", ["a"], "A", True),
        ("contains_none", ["gold"], ["silver", "GOLD "], False),
        ("is_empty", None, [], True),
        ("is_empty", None, ["x"], False),
        ("starts_with", "he", " Hello", True),
        ("ends_with", "he", "hello", False),
        ("ends_with", "7", 1.7, True),
        ("matches", "^p.o$", " PRO ", True),
        ("matches", r"\d{3}", "a12b", False),
        ("matches", "é+$", "cafe\u0301", True),
        ("greater_than", 3, 4, True),
        ("greater_than", "3", " 4 ", True),
        ("greater_than", 3, None, False),
        ("greater_than", 3, " ", False),
        ("greater_or_equal", 4, 4, True),
        ("less_than", 4, 4, False),
        ("less_or_equal", 4, 4.0, True),
        ("between", [1, "9"], "9.0", True),
        ("between", [1, 9], 9.01, False),
        ("in", ["a", 2], "2", True),
        ("in", ["A "], "a", True),
        ("in", ["a"], None, False),
        ("in", ["yes"], True, True),
        ("not_in", ["a"], "b", True),
        ("exists", None, "x", True),
        ("exists", None, " ", False),
        ("exists", None, False, True),
        ("not_exists", None, None, True),
        ("is_true", None, "True", True),
        ("is_true", None, 1, True),
        ("is_true", None, "yes", True),
        ("is_true", None, "Off", False),
        ("is_true", None, None, False),
        ("is_false", None, False, True),
        ("is_false", None, "0", True),
        ("is_false", None, "", False),
        ("before", "2026-02-01", "2026-01-31T23:59:59Z", True),
        ("before", "2026-02-01T10:00:00Z", 1769940000, False),
        ("before", "2026-02-01T10:00:01Z", "1769940000000", True),
        ("before", 1769940001, "2026-02-01T10:00:00Z", True),
        ("after", "2026-01-31T09:00:00+01:00", "2026-01-31T08:00:00Z", False),
        ("after", "2026-01-31", "2026-01-31T23:00:00Z", False),
        ("after", "2026-01-31", "2026-02-01", True),
        ("on", "2026-01-31", "2026-01-31T23:00:00Z", True),
        ("on", "2026-01-31T09:00:00Z", "20260131", True),
        ("on", "2026-01-31", None, False),
        ("within_last", DAYS, "2026-05-25T12:00:00Z", True),
        ("within_last", DAYS, "2026-05-25T11:59:59Z", False),
        ("within_last", DAYS, "2026-05-25", True),
        ("within_last", DAYS, "2026-06-01T12:00:01Z", False),
        ("within_last", {"duration": 0.5, "unit": "hours"}, 1780314000, True),
        ("not_within_last", DAYS, "2025-05-25", True),
        ("not_within_last", DAYS, None, True),
        ("within_next", {"duration": 2, "unit": "weeks"}, "2026-06-15", True),
        ("within_next", {"duration": 2, "unit": "weeks"}, "2026-06-16", False),
        ("within_next", {"duration": 90, "unit": "minutes"}, "2026-06-01T13:30:00Z", True),
        ("within_next", {"duration": 90, "unit": "minutes"}, "2026-06-01T11:59:59Z", False),
        ("anniversary_today", None, "1990-06-01", True),
        ("anniversary_today", None, "1990-06-02", False),
        ("anniversary_today", None, "2026-06-01", False),
        ("anniversary_today", None, "2025-06-01T23:59:59Z", True),
        ("anniversary_today", None, None, False),
        ("anniversary_within_last", DAYS, "--05-25", True),
        ("anniversary_within_next", DAYS, "2000-06-08", True),
        ("anniversary_within_next", DAYS, "2000-06-09", False),
        ("anniversary_within_next", DAYS, "2000-05-31", False),
        ("anniversary_within_next", DAYS, "2026-06-03", False),
        ("anniversary_within_next", {"duration": 39, "unit": "weeks"}, "2004-02-29", True),
        ("anniversary_within_next", {"duration": 271, "unit": "days"}, "2004-02-29", False),
        ("anniversary_within_next", {"duration": 272, "unit": "days"}, "2004-02-29", True),
    ],
)
def test_every_operator_answers(operator: str, value: Any, actual: Any, expected: bool) -> None:
    assert holds(person(attributes={"x": actual}), is_("contact.attributes.x", value, operator)) is expected


def test_every_operator_is_tested_above_and_is_offered_for_something() -> None:
    rows = test_every_operator_answers.pytestmark[0].args[1]  # type: ignore[attr-defined]
    assert {row[0] for row in rows} == set(OPERATORS)
    for one in OPERATORS.values():
        assert one.label and one.shape in SHAPES and one.kinds and one.kinds <= KINDS


@pytest.mark.parametrize(
    ("operator", "value", "actual", "words"),
    [
        ("greater_than", 3, {"no": "sense"}, 'x is {"no": "sense"}, which is not a number.'),
        ("less_or_equal", "3", True, "x is true, which is not a number."),
        ("between", [1, 2], "seven", "x is “seven”, which is not a number."),
        ("before", "2026-01-01", "next week", "x is “next week”, which is not a date."),
        ("within_last", DAYS, [1], "x is [1], which is not a date."),
        ("anniversary_today", None, "soon", "x is “soon”, which is not a date."),
        ("anniversary_today", None, "--02-30", "x is “--02-30”, which is not a date."),
        ("before", "2026-06-01", "--05-17", "x is “--05-17”, which is a day without a year."),
        ("is_true", None, "perhaps", "x is “perhaps”, which is neither true nor false."),
        ("is_false", None, 2, "x is 2, which is neither true nor false."),
    ],
)
def test_a_value_of_the_wrong_kind_is_an_error_in_words(operator: str, value: Any, actual: Any, words: str) -> None:
    with pytest.raises(ConditionError) as caught:
        holds(person(attributes={"x": actual}), is_("contact.attributes.x", value, operator))
    assert str(caught.value) == words


@pytest.mark.parametrize(
    ("zone", "workspace", "day"),
    [("Asia/Tokyo", "Europe/Berlin", "2026-03-02"), (None, "Europe/Berlin", "2026-03-01"), ("Mars/Base", "UTC", "2026-03-01")],
)  # fmt: skip
def test_dates_without_a_zone_are_of_the_contact_else_of_the_workspace(zone: str, workspace: str, day: str) -> None:
    step = person(attributes={"at": "2026-03-01T16:00:00Z", "local": "2026-03-01T12:00"}, timezone=zone)
    step.workspace = workspace
    assert holds(step, is_("contact.at", day, "on"))
    noon = {"Asia/Tokyo": "03:00:00", "Europe/Berlin": "11:00:00"}.get(zone or workspace, "12:00:00")
    assert holds(step, is_("contact.local", f"2026-03-01T{noon}Z", "after")) is False
    assert holds(step, is_("contact.local", f"2026-03-01T{noon}Z", "before")) is False


def test_a_day_is_the_last_day_where_the_contact_is() -> None:
    step = person(attributes={"seen": "2026-05-25"}, timezone="Pacific/Kiritimati")  # where it is June 2 already
    assert not holds(step, is_("contact.seen", DAYS, "within_last"))
    assert holds(step, is_("contact.seen", {"duration": 8, "unit": "days"}, "within_last"))


@pytest.mark.parametrize("path", ["items[1].sku", "items.1.sku", "event.items[1].sku", "event.items.1.sku"])
def test_positions_may_be_written_in_both_ways(path: str) -> None:
    assert holds(person(event={"items": [{"sku": "A"}, {"sku": "B"}]}), is_(path, "b"))
    assert holds(person(tags=["new", "vip"]), is_("contact.tags[1]", "VIP"), is_("contact.tags.size", 2))


@pytest.mark.parametrize("odd", ["nan", "inf", "-Infinity", "1_000", "٣"])
def test_what_python_takes_for_a_number_but_people_do_not_is_none(odd: str) -> None:
    with pytest.raises(ConditionError):
        holds(person(attributes={"x": odd}), is_("contact.x", 3, "greater_than"))
    assert [one.path for one in conditions.diagnostics_of_json([is_("contact.x", odd, "greater_than")])] == [
        "conditions[0].value"
    ]


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


@pytest.mark.parametrize(("a", "b", "expected"), [(1, 2, False), (1, 3, True), (3, 2, False), (3, 3, True)])
def test_a_group_of_none_holds_where_no_rule_of_it_does(a: int, b: int, expected: bool) -> None:
    step = person(attributes={"a": a, "b": b})
    none = {
        "match": "none",
        "conditions": [is_("contact.b", 2), {"match": "none", "conditions": [is_("contact.b", b)]}],
    }
    assert holds(step, none) is expected
    assert holds(step, is_("contact.b", 2), is_("contact.b", 7), match="none") is expected
    assert holds(step, {"match": "none", "conditions": []}), "an empty group says nothing"
    with pytest.raises(ConditionError):
        judge(step, [{"match": "none", "conditions": [is_("contact.b", 1, "is_true")]}])


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
    judging.compile_list(msgspec.convert(rules, list[Condition]), "all", reads)
    assert reads == {"event.a", "steps.node-1", "vars.n"}
    judging.compile_list(msgspec.convert([is_("contact.x", 1)], list[Condition]), "all", reads)
    assert reads == {"event.a", "steps.node-1", "vars.n", "contact.attributes"}
    rules = [is_("contact.tags", 1), is_("contact.externalId", 1), is_("source", 1), is_("contact.id", 1)]
    reads.clear()
    judging.compile_list(msgspec.convert(rules, list[Condition]), "all", reads)
    fields = {f"contact.{field}" for field in ("tags", "external_id", "source", "attributes", "id")}
    assert reads == {*fields, "event.source"}  # a bare name may be the event's


@pytest.mark.parametrize(
    ("items", "path", "words", "incomplete"),
    [
        ([{"field": "a", "operator": "equls", "value": 1}], "conditions[0].operator", "equals", False),
        ([{"field": "a", "operator": "equals", "vlue": 1}], "conditions[0].vlue", "Did you mean `value`?", False),
        ([is_("a", "x", "greater_than")], "conditions[0].value", "not a number", False),
        ([is_("a", "soon", "before")], "conditions[0].value", "not a date", False),
        ([is_("a", "x", "in")], "conditions[0].value", "a list", False),
        ([is_("a", "x", "contains_any")], "conditions[0].value", "a list", False),
        ([is_("a", [], "contains_all")], "conditions[0].value", "compare with", True),
        ([is_("a", [1], "between")], "conditions[0].value", "two numbers", False),
        ([is_("a", [1, "x"], "between")], "conditions[0].value[1]", "“x” is not a number", False),
        ([is_("a", [9, 1], "between")], "conditions[0].value", "larger", False),
        ([is_("a", 7, "within_last")], "conditions[0].value", "number and a unit", False),
        ([is_("a", {"duration": 0, "unit": "days"}, "within_last")], "conditions[0].value.duration", "above 0", False),
        ([is_("a", {"duration": 7, "unit": "moons"}, "within_next")], "conditions[0].value.unit", "weeks", False),
        ([is_("a", {"duration": 9e9, "unit": "weeks"}, "within_next")], "conditions[0].value.duration", "100", False),
        ([is_("a", "(", "matches")], "conditions[0].value", "not a pattern", False),
        ([is_("a", "(?=x)", "matches")], "conditions[0].value", "not a pattern", False),
        ([is_("a", "x" * 501, "matches")], "conditions[0].value", "500", False),
        ([is_("a", {"b": 1}, "starts_with")], "conditions[0].value", "one text", False),
        ([is_("a[x]", 1)], "conditions[0].field", "dots", False),
        ([is_("contact", 1)], "conditions[0].field", "contact.something", False),
        ([is_("a..b", 1)], "conditions[0].field", "dots", False),
        (["x"], "conditions[0]", "object", False),
        ([{"match": "some", "conditions": []}], "conditions[0].match", "some", False),
        ([is_("", 1)], "conditions[0].field", "Choose", True),
        ([{"field": "a"}], "conditions[0].operator", "Choose", True),
        ([is_("a", "")], "conditions[0].value", "compare with", True),
        ([is_("a", 1)] * 11, "conditions", "11", False),
        ([{"conditions": [is_("a", 1)] * 6}] * 2, "conditions", "12", False),
        (
            [
                {
                    "conditions": [
                        {"conditions": [{"conditions": [{"match": "none", "conditions": [{"conditions": []}]}]}]}
                    ]
                }
            ],
            "conditions[0].conditions[0].conditions[0].conditions[0].conditions[0]",
            "deep",
            False,
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_path(items: Any, path: str, words: str, incomplete: bool) -> None:
    found = conditions.diagnostics_of_json(items)
    assert [(one.path, one.blocks_save) for one in found] == [(path, not incomplete)]
    assert words in found[0].message


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
anything = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)
rule = st.fixed_dictionaries(
    {"field": st.sampled_from(["x", "contact.x", "event.x", "steps.a.x", "contact.tags"])},
    optional={"operator": st.sampled_from(sorted(OPERATORS)), "value": anything},
)


@given(st.lists(rule | anything, max_size=4), st.sampled_from(["all", "any", "none"]), anything)
def test_a_list_without_problems_always_answers_or_says_why(items: list[Any], match: str, actual: Any) -> None:
    if conditions.diagnostics_of_json(items):
        return
    try:
        verdict = judge(person(attributes={"x": actual}, event={"x": actual}), items, match)
    except ConditionError as error:
        told = str(error)
        if isinstance(actual, bool | int | float | None):
            assert not [
                word for word in ("True", "False", "None", "<class", "object at 0x", "e+", "'") if word in told
            ], told
        assert told.endswith(("not a number.", "not a date.", "neither true nor false."))
    else:
        assert isinstance(verdict.held, bool)
        msgspec.json.encode(verdict.rules)


OPPOSITES = [("equals", "not_equals"), ("contains", "not_contains"), ("exists", "not_exists"), ("in", "not_in")]


@given(anything, scalars)
def test_an_operator_and_its_opposite_never_agree(actual: Any, wanted: Any) -> None:
    for name, opposite in OPPOSITES:
        value = [wanted] if name == "in" else wanted
        assert OPERATORS[name].make(value)(actual, None) is not OPERATORS[opposite].make(value)(actual, None)
    assert "exists" in WITHOUT_VALUE


@given(st.datetimes() | st.dates() | st.integers(-(10**10), 10**13), st.dates(), st.sampled_from(["Asia/Tokyo", "UTC"]))
def test_a_date_is_before_on_or_after_a_day_and_only_one_of_them(actual: Any, day: date, zone: str) -> None:
    step = person(timezone=zone)
    actual = actual if isinstance(actual, int) else actual.isoformat()
    answers = [OPERATORS[name].make(day.isoformat())(actual, step) for name in ("before", "on", "after")]
    assert answers.count(True) == 1


def test_a_pattern_takes_time_in_proportion_to_the_text() -> None:
    step = person(attributes={"x": "a" * 100_000 + "b"})  # hours with a pattern engine that goes back
    assert not holds(step, is_("contact.x", "^(a+)+$", "matches"))


def test_consent_is_read_by_channel_and_topic_and_a_withdrawn_one_is_no() -> None:
    step = person()
    step.contact.consent = {"email": False, "news": True, "sms": True}
    assert holds(
        step, is_("consent.email", None, "is_false"), is_("consent.news", True), is_("consent.push", None, "not_exists")
    )
    assert holds(step, is_("consent.sms.news", None, "is_true"), is_("consent.email.news", None, "is_false"))
    assert holds(step, is_("contact.consent.sms", None, "is_true"), is_("contact.consent", None, "not_exists"))
    reads: set[str] = set()
    judging.compile_list(msgspec.convert([is_("consent.email", True)], list[Condition]), "all", reads)
    assert reads == {"contact.consent"}


def test_what_became_of_messages_is_asked_of_the_last_one_or_of_a_steps() -> None:
    step = person()
    step.messages = [("mail", 4), ("other", 3)]  # bits of ReportKind: clicked; delivered and opened
    assert holds(step, is_("hasOpened", True), is_("hasClicked", None, "is_false"))
    assert holds(
        step, is_("steps.mail.hasOpened", True), is_("steps.mail.hasClicked", True), is_("steps.none.hasOpened", False)
    )
    step.messages = []
    assert holds(step, is_("hasOpened", False))
    assert holds(person(event={"x": {"hasOpened": 7}}), is_("x.hasOpened", 7))
    assert holds(person(attributes={"hasOpened": "told elsewhere"}), is_("hasOpened", "told elsewhere"))
