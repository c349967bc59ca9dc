"""The one table of how values read; and which time zone holds."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.lib.conversions import (
    as_boolean,
    as_instant,
    as_key,
    as_list,
    as_number,
    folded,
    follow,
    is_blank,
    printed,
    same,
)
from app.lib.zones import zone_of, zone_word

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"), (None, ""), (3.0, "3"), (1e16, "10000000000000000"), (-1e-6, "-0.000001"), (0.1 + 0.2, "0.3"),
        (float("nan"), ""), (-0.0, "0"), (1.5e300, str(int(1.5e300))), ([1, "a", None, False], "1, a, , false"),
        ({"a": [True, None]}, '{"a": [true, null]}'), ([{"a": 1}, 2], '[{"a": 1}, 2]'), ([], ""), ({}, "{}"),
        (date(2026, 3, 1), "2026-03-01"), (datetime(2026, 3, 1, 9, tzinfo=UTC), "2026-03-01T09:00:00+00:00"),
        (object(), ""), (1 << 2000, ""),
    ],
)  # fmt: skip
def test_values_print_as_people_write_them(value: Any, text: str) -> None:
    assert printed(value) == text


@pytest.mark.parametrize(
    ("value", "number"),
    [(" 7 ", 7), ("7.50", 7.5), ("1e3", 1000), (True, None), ("1,5", None), ("", None), ([1], None), ("0x1", None)],
)
def test_numbers(value: Any, number: float | None) -> None:
    assert as_number(value) == number


@pytest.mark.parametrize(
    ("value", "truth"),
    [(1.0, True), ("ON", True), (" no ", False), (0, False), (2, None), ("", None), ("ja", None), ([True], None)],
)
def test_booleans(value: Any, truth: bool | None) -> None:
    assert as_boolean(value) is truth


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("2026-07-01", "2026-07-01T00:00:00+02:00"), ("2026-07-01 09:30", "2026-07-01T09:30:00+02:00"),
        ("2026-07-01T09:30:00Z", "2026-07-01T09:30:00+00:00"), (1782891000, "2026-07-01T07:30:00+00:00"),
        ("1782891000", "2026-07-01T07:30:00+00:00"), (1782891000123, "2026-07-01T07:30:00.123000+00:00"),
        ("20260701", "2026-07-01T00:00:00+02:00"), (-86400, "1969-12-31T00:00:00+00:00"),
        ("2026", None), ("soon", None), (True, None), (None, None), (1e300, None), ("99999999999999999", None), ({}, None),
    ],
)  # fmt: skip
def test_dates(value: Any, moment: str | None) -> None:
    found = as_instant(value, BERLIN)
    assert (found.isoformat() if found else None) == moment


def test_text_lists_and_keys() -> None:
    assert folded("\xa0 Cafe\u0301 ") == folded("CAFÉ") == "café"
    assert (as_list("a"), as_list(None), as_list(" "), as_list([1])) == (["a"], [], [], [1])
    assert (as_key(" A-7 "), as_key("a-7"), as_key(7.0), as_key(True), as_key(None)) == ("A-7", "a-7", "7", "true", "")
    assert [is_blank(value) for value in ("\n", [], {}, None, 0, False)] == [True, True, True, True, False, False]


def test_paths_lead_through_objects_and_lists() -> None:
    data = {"a": [{"b": 1}, {"b": 2}], "1": "one", "size": None}
    assert follow(data, ["a", "1", "b"]) == follow(data, ["a", 1, "b"]) == follow(data, ["a", -1, "b"]) == 2
    assert (follow(data, ["a", "size"]), follow(data, ["size"]), follow(data, [1])) == (2, None, "one")
    assert (follow(data, ["a", "2"]), follow(data, ["a", "b"]), follow(data, ["1", "x"])) == (None, None, None)
    assert (follow(data, ["a", "first", "b"]), follow([], ["last"]), follow("abc", ["size"])) == (1, None, 3)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(json_values, json_values)
def test_being_the_same_does_not_depend_on_the_order(left: Any, right: Any) -> None:
    assert same(left, right) is same(right, left)
    assert same(left, left) or "nan" in repr(left) or "inf" in repr(left)


@given(json_values)
def test_no_value_prints_as_python(value: Any) -> None:
    shown = printed(value)
    if not isinstance(value, str | list | dict):
        assert not {"True", "None", "e+", "e-"} & {shown[i : i + n] for n in (2, 4) for i in range(len(shown))}


@pytest.mark.parametrize(
    ("names", "key"),
    [(("Asia/Tokyo", "Europe/Berlin"), "Asia/Tokyo"), ((None, "Europe/Berlin"), "Europe/Berlin"), (("Europe", ""), "UTC"),
     (("../etc/passwd", 7), "UTC"), ((), "UTC")],
)  # fmt: skip
def test_the_first_zone_that_there_is_holds(names: tuple[Any, ...], key: str) -> None:
    assert str(zone_of(*names)) == key


@pytest.mark.parametrize(
    ("zone", "word"),
    [("Europe/Berlin", "CET"), ("America/Sao_Paulo", "UTC-3"), ("Asia/Kathmandu", "UTC+5:45"), ("UTC", "UTC"), ("Asia/Kolkata", "IST")],
)  # fmt: skip
def test_zones_have_short_names(zone: str, word: str) -> None:
    assert zone_word(datetime(2026, 11, 25, tzinfo=ZoneInfo(zone))) == word
