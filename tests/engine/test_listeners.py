"""The index over listeners answers what asking each in turn answers: who holds, and whose conditions cannot be answered."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.engine.covers import keys_of
from app.engine.listeners import NO_LISTENERS, Index
from app.flow.conditions import Condition, diagnostics_of_json
from app.flow.contact_goals import CONTACT_CHANGES
from app.flow.judging import compile_list
from app.flow.operators import OPERATORS, ConditionError, NotComparable, answerable
from app.lib.conversions import same
from app.values.contact_diff import difference
from tests.fixtures.world import rule

KNOWN = (
    [None, True, False, 0, 1, 1.0, -1, 2.5, 10**30, "", " ", "1", "1.0", "true", "Yes", "no", "A-1", "a-1 ", "ß", "SS", "İ", "e\u0301", "É",
     "2026-06-01", "2026-06-01T09:00:00Z", "1750000000", "none"]
)  # fmt: skip
SCALARS = st.sampled_from(KNOWN)
VALUES = st.one_of(
    SCALARS, st.lists(SCALARS, max_size=3), st.dictionaries(st.sampled_from(["a", "size", "1"]), SCALARS, max_size=2)
)
PATHS = st.sampled_from(
    ["event.sku", "event.plan", "event.items[0]", "event.items.0.sku", "event.items.size", "event.size", "event.name", "sku",
     "contact.plan", "contact.email", "vars.x", "steps.a.sku", "event.deep.a", "attributes.plan", "event.attributes.plan",
     "plan", "size", "email", "contact.attributes.plan", "contact.tags", "tags", "contact.tags[0]", "tags.size", "contact.deep.a",
     "deep.a", "contact.attributes", "attributes", "contact.created_at", "contact.id", "consent.email",
     "contact.consent.email", "hasOpened", "steps.a.hasClicked", "contact.email.a", "attributes.size"]
)  # fmt: skip
EVENTS = st.dictionaries(
    st.sampled_from(["sku", "plan", "items", "size", "name", "deep", "attributes", "tags", "email"]),
    st.one_of(VALUES, st.dictionaries(st.sampled_from(["a", "plan", "sku"]), VALUES, max_size=2), st.lists(VALUES, max_size=2)),
    max_size=5,
)  # fmt: skip
CONTACTS = st.builds(
    lambda email, source, attributes, tags: SimpleNamespace(
        id=b"0123456789abcdef",
        columns={"email": email, "source": source, "created_at": datetime(2026, 6, 1, 9, tzinfo=UTC)},
        attributes=attributes,
        tags=tags,
        consent={"email": True},
    ),
    st.sampled_from([None, "a@example.com", "A-1", "1"]),
    st.sampled_from([None, "web", "no"]),
    st.dictionaries(st.sampled_from(["sku", "plan", "deep", "attributes", "email", "size", "tags"]),
        st.one_of(VALUES, st.dictionaries(st.sampled_from(["a", "plan", "sku"]), VALUES, max_size=2)), max_size=4),
    st.lists(st.sampled_from(["vip", "A-1", "1", "yes"]), max_size=2, unique=True),
)  # fmt: skip
INDEXED = ["equals", "in", "contains", "contains_any", "contains_all", "is_true"]
WANTED = {
    "none": st.none(),
    "text": SCALARS,
    "any": VALUES,
    "many": st.lists(VALUES, max_size=3),
    "number": st.sampled_from([0, 1, 2.5, "1"]),
    "pair": st.just([0, 2]),
    "pattern": st.sampled_from(["A-*", "1"]),
    "date": st.sampled_from(["2026-06-01", "2026-06-01T09:00:00Z"]),
    "duration": st.just({"duration": 3, "unit": "days"}),
}


@st.composite
def rules(draw: st.DrawFn, depth: int = 0) -> dict[str, Any]:
    if depth < 2 and draw(st.integers(0, 3)) == 0:
        inner = draw(st.lists(rules(depth + 1), max_size=3))
        return {"match": draw(st.sampled_from(["all", "any", "none"])), "conditions": inner}
    often = draw(st.booleans())
    name = draw(
        st.sampled_from(["equals", "in", "contains", "contains_any", "contains_all", "is_true"])
        if often
        else st.sampled_from(sorted(OPERATORS))
    )
    return rule(draw(PATHS), name, draw(WANTED[OPERATORS[name].shape]))


LISTENERS = st.lists(
    st.tuples(st.lists(rules(), max_size=3), st.sampled_from(["all", "any", "none"])), min_size=1, max_size=6
)


SOMEBODY = SimpleNamespace(
    id=b"", columns={"email": "a@example.com"}, attributes={"plan": "pro"}, tags=["vip"], consent={}
)


def person(**fields: Any) -> Any:
    return SimpleNamespace(**{"id": b"", "columns": {}, "attributes": {}, "tags": [], "consent": {}, **fields})


def step(event: dict[str, Any], contact: Any = SOMEBODY) -> Any:
    now = datetime(2026, 6, 1, 12, tzinfo=UTC)
    return SimpleNamespace(
        event=event, event_name="e", contact=contact, vars={}, steps={}, now=now, zone=UTC, reported=lambda *_: True
    )


def concerned(conditions: list[dict[str, Any]], match: str, event: dict[str, Any], contact: Any = SOMEBODY) -> bool:
    """Does somebody who is asked say yes, or that it cannot be answered?"""
    judge = compile_list(msgspec.convert(conditions, list[Condition]), match, set())
    try:
        return judge(step(event, contact)).held
    except ConditionError:
        return True


def usable(listeners: Any) -> list[tuple[int, Any, str]]:
    """Those that a document may have, numbered."""
    return [
        (number, conditions, match)
        for number, (conditions, match) in enumerate(listeners)
        if not diagnostics_of_json(conditions)
    ]


@given(LISTENERS, st.lists(st.tuples(EVENTS, CONTACTS), min_size=1, max_size=5))
def test_the_index_answers_what_asking_each_in_turn_answers(listeners: Any, happened: list[Any]) -> None:
    index = Index(usable(listeners))
    for event, contact in happened:
        answer = index.matching(event, contact)
        in_turn = [one for one, rules, match in usable(listeners) if concerned(rules, match, event, contact)]
        judged = [number for number in answer if number in in_turn]
        assert judged == in_turn
        assert list(answer) == sorted(answer)
        assert set(index.of_event(event).listeners) <= set(answer) <= index.whoever | index.hung(event)


@given(LISTENERS, EVENTS, CONTACTS, CONTACTS)
def test_what_the_index_does_not_look_at_decides_nothing(listeners: Any, event: Any, contact: Any, other: Any) -> None:
    """Fields that it does not name need not be loaded."""
    index = Index(usable(listeners))
    blank = SimpleNamespace(
        id=contact.id,
        columns={name: value for name, value in contact.columns.items() if name in index.fields},
        attributes=contact.attributes if "attributes" in index.fields else other.attributes,
        tags=contact.tags if "tags" in index.fields else other.tags,
    )
    assert index.matching(event, blank) == index.matching(event, contact)
    if not index.by_contact:
        assert index.matching(event, other) == index.matching(event, contact) == index.of_event(event).listeners


@given(LISTENERS, st.dictionaries(st.sampled_from(["plan", "size", "a", "tags"]), VALUES, max_size=3), VALUES)
def test_a_change_that_concerns_somebody_is_among_the_fields_listened_for(
    listeners: Any, attributes: dict[str, Any], before: Any
) -> None:
    def moved(one: Any) -> Any:
        """Conditions on events in general, put on places of a change."""
        if "conditions" in one:
            return {**one, "conditions": [moved(inner) for inner in one["conditions"]]}
        places = {
            "event.sku": "event.current.attributes.plan",
            "event.plan": "event.attributes.plan",
            "sku": "event.current.source",
        }
        return {**one, "field": places.get(one["field"], one["field"].replace("event.size", "event.attributes.size"))}

    index = Index(usable([([moved(one) for one in conditions], match) for conditions, match in listeners]))
    columns, groups = {"source": (before, attributes.get("a"))}, {"attributes": ({"plan": before}, attributes)}
    changed, previous, current = difference(columns, groups, ([], []))
    fields = {name.removeprefix("attributes.") for name in changed}
    events: list[dict[str, Any]] = [{"changed": changed, "previous": previous, "current": current}]
    if "attributes" in current:
        events.append({"attributes": current["attributes"], "previous": previous["attributes"]})
    contact = SimpleNamespace(id=b"", columns={"source": attributes.get("a")}, attributes=attributes, tags=["vip"])
    if changed and any(index.matching(event, contact) for event in events):
        assert index.may_concern(fields, contact)


@given(st.sampled_from(sorted(OPERATORS)), st.data(), VALUES)
def test_which_values_an_operator_cannot_answer_for_is_known(name: str, data: st.DataObject, value: Any) -> None:
    wanted = data.draw(WANTED[OPERATORS[name].shape])
    if diagnostics_of_json([rule("event.x", name, wanted)]):
        return
    test = answerable(name)
    try:
        OPERATORS[name].make(wanted)(value, step({}))
        answered = True
    except NotComparable:
        answered = False
    assert answered == (test is None or test(value))


def test_two_values_that_are_the_same_share_a_key() -> None:
    scalars = [value for value in KNOWN if value is not None]
    apart = [
        (one, two) for one in scalars for two in scalars if same(one, two) and not {*keys_of(one)} & {*keys_of(two)}
    ]
    assert apart == []


def listening(count: int, *more: dict[str, Any]) -> Index[int]:
    conditions = ([rule("event.sku", "equals", f"A-{n}"), rule("event.country", "equals", "FI")] for n in range(count))
    return Index((n, [*both, *more], "all") for n, both in enumerate(conditions))


@pytest.mark.parametrize("more", [[], [rule("event.amount", "greater_than", 10)], [rule("plan", "equals", "pro")]])
def test_an_event_comes_to_the_few_that_it_is_about(more: list[dict[str, Any]]) -> None:
    event = {"sku": "a-7", "country": "FI", "amount": 11, "other": [1]}
    for count in (10, 10_000):
        assert listening(count, *more).matching(event, SOMEBODY) == (7,)
        assert listening(count, *more).matching({"country": "FI"}, SOMEBODY) == ()
    some = Index((n, [rule("event.sku", "in", [f"a{n}", f"b{n}"]), *more], "all") for n in range(1_000))
    assert some.matching({"sku": "B12"}, SOMEBODY) == (12,)
    either = [rule("event.sku", "equals", "x"), rule("event.plan", "equals", "y")]
    assert Index([("any", either, "any"), ("all", either, "all")]).matching({"plan": "Y"}, SOMEBODY) in (
        ("any",),
        ("any", "all"),
    )


def test_what_cannot_be_answered_comes_to_all_whose_condition_it_is() -> None:
    index = listening(100, rule("event.amount", "greater_than", 10))
    assert index.matching({"amount": "a lot"}, SOMEBODY) == tuple(range(100))
    assert index.matching({"amount": " "}, SOMEBODY) == index.matching({"amount": None}, SOMEBODY) == ()


def test_who_cannot_be_hung_anywhere_hears_every_event() -> None:
    doubtful = [
        [],
        [rule("event.name", "equals", "e")],
        [rule("event.sku", "telepathy", "x")],
        [{"operator": 5}],
        [rule("event.sku", "equals", ["x"])],
        [rule("event.sku", "equals", "x"), rule("vars.age", "greater_than", 3)],
        [rule("event.sku", "not_equals", "x")],
        [rule("contact.age", "greater_than", 3)],
    ]
    index = Index((number, conditions, "all") for number, conditions in enumerate(doubtful))
    assert index.matching({"sku": "other"}, SOMEBODY) == index.everybody == tuple(range(len(doubtful)))
    assert index.may_concern((), SOMEBODY) and not NO_LISTENERS.may_concern(["plan"], SOMEBODY)


@pytest.mark.parametrize("name", CONTACT_CHANGES)
def test_changes_of_other_fields_concern_nobody(name: str) -> None:
    field = "event.current.attributes.plan" if name == "contact.updated" else "event.attributes.plan"
    index = Index([(1, [rule(field, "equals", "pro"), rule(field.replace("plan", "seats"), "greater_than", 3)], "all")])
    assert index.may_concern(["plan"], SOMEBODY) and index.may_concern(["seats"], SOMEBODY)
    assert not index.may_concern(["city", "tags"], SOMEBODY)
    for whole in ("event.changed", "event.previous.attributes.plan", "event.current", "event.attributes.size"):
        assert Index([(1, [rule(whole, "equals", "plan")], "all")]).may_concern(["city"], SOMEBODY)
    bought = Index([(1, [rule("attributes.has_purchased", "is_true")], "all")])
    assert not bought.may_concern(["plan"], SOMEBODY)
    assert bought.may_concern(["plan"], person(attributes={"has_purchased": "yes"})), "it may have been so for long"
