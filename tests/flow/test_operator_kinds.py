"""Which operators each type of field offers, by the one table; and which values forms offer for it."""

from __future__ import annotations

from typing import Any

import pytest

from app.builder.field_catalog import Met, contact_entries, frequent
from app.flow.operators import KINDS, OPERATORS
from tests.flow.test_conditions import holds, is_
from tests.nodes.person import person

KNOWN = {"exists", "not_exists"}
OF_EACH = {
    "text": {
        *("equals", "not_equals", "contains", "not_contains", "starts_with", "ends_with", "matches", "in", "not_in"),
    },
    "number": {
        *("equals", "not_equals", "in", "not_in", "greater_than", "greater_or_equal", "less_than", "less_or_equal"),
        "between",
    },
    "boolean": {"is_true", "is_false"},
    "date": {
        *("before", "on", "after", "within_last", "not_within_last", "within_next", "anniversary_today"),
        *("anniversary_within_next", "anniversary_within_last"),
    },
    "list": {"contains", "not_contains", "contains_any", "contains_all", "contains_none", "is_empty"},
}


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_each_type_of_field_offers_what_makes_sense_of_it(kind: str) -> None:
    assert {name for name, one in OPERATORS.items() if kind in one.kinds} == OF_EACH[kind] | KNOWN


@pytest.mark.parametrize(
    ("operator", "wanted", "actual", "expected"),
    [
        ("in", [1, 5], 5.0, True),
        ("in", [1, 5], "5", True),
        ("not_in", [1, 5], 7, True),
        ("not_in", [1, 5], None, True),
        ("contains_none", ["gold", 2], ["silver", "2"], False),
        ("contains_none", ["gold", 2], [], True),
        ("contains_none", ["gold"], None, True),
        ("contains_none", ["gold"], "Gold", False),
    ],
)
def test_one_of_several_numbers_and_none_of_several_items(
    operator: str, wanted: Any, actual: Any, expected: bool
) -> None:
    assert holds(person(attributes={"x": actual}), is_("contact.attributes.x", wanted, operator)) is expected


@pytest.mark.parametrize(
    ("values", "offered"),
    [
        ([1, 5, 5, None], ["5", "1"]),
        ([2.5, 2.5, -1, 2.50], ["2.5", "-1"]),
        ([["red", "blue"], ["red"], []], ["red", "blue"]),
        ([["red", ["deep"]], {"a": 1}, True], ["red"]),
        (list(range(20)), []),
        ([True, False], []),
    ],
)
def test_values_are_offered_where_several_share_them(values: list[Any], offered: list[str]) -> None:
    assert frequent(values) == offered


def test_a_field_of_numbers_and_one_of_lists_offer_their_values() -> None:
    met = Met(attributes={"seats": [1, 5, 5, 1], "likes": [["tea"], ["tea", "rum"], ["rum"]]})
    entries = {one.value: one for one in contact_entries(met)}
    seats, likes = entries["contact.attributes.seats"], entries["contact.attributes.likes"]
    assert (seats.kind, list(seats.values)) == ("number", ["1", "5"])
    assert (likes.kind, list(likes.values)) == ("list", ["tea", "rum"])
