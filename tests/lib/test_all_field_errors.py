"""All that is wrong with a value, not only the first thing."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Any, Literal

import msgspec
import pytest
from msgspec import UNSET, Meta, UnsetType

from app.lib.field_errors import LEFT_OUT, MAX_FIELD_ERRORS, all_field_errors
from app.lib.nearest import did_you_mean, nearest


class Leg(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    length_cm: Annotated[int, Meta(ge=1)]
    kind: Literal["wood", "steel"] = "wood"
    looks: Annotated[Any | UnsetType, Meta(extra={LEFT_OUT: True})] = UNSET


class Table(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    name: Annotated[str, Meta(min_length=1)]
    legs: tuple[Leg, ...] = ()
    prices: dict[str, float] = {}
    first_leg: Leg | UnsetType | None = UNSET


class Red(msgspec.Struct, tag_field="colour", tag="red"):
    depth: int


class Blue(msgspec.Struct, tag_field="colour", tag="blue", forbid_unknown_fields=True):
    wave: int


def told(value: Any, kind: Any = Table) -> dict[str, str]:
    return {found["path"]: found["message"] for found in all_field_errors(value, kind)}


def test_every_field_of_every_part_is_named() -> None:
    found = told(
        {
            "nmae": "x",
            "legs": [{"lengthCm": 0}, 5, {"kind": "glass"}, {"lengthCm": 3}],
            "prices": {"eur": "9", "usd": 9},
            "firstLeg": {"lengthCm": "3", "kind": None},
        }
    )
    assert set(found) == {
        "nmae",
        "name",
        "legs[0].lengthCm",
        "legs[1]",
        "legs[2].lengthCm",
        "legs[2].kind",
        "prices.eur",
        "firstLeg.lengthCm",
        "firstLeg.kind",
    }
    assert "Did you mean `name`? Known are: name, legs, prices, firstLeg." in found["nmae"]
    assert found["legs[1]"] == "Send an object, not a whole number."


def test_fields_that_are_left_out_are_not_offered() -> None:
    assert told({"lengthCm": 1, "looks": {}}, Leg) == {}
    assert "looks" not in told({"lengthCm": 1, "look": {}}, Leg)["look"]


def test_of_a_union_the_one_that_was_meant() -> None:
    kind = list[Red | Blue]
    assert set(told([{"colour": "red"}, {"colour": "blue", "wave": "x", "y": 1}, {"colour": "green"}], kind)) == {
        "[0].depth",
        "[1].wave",
        "[1].y",
        "[2].colour",
    }


def test_nothing_wrong_and_too_much_wrong() -> None:
    assert told({"name": "t", "legs": [{"lengthCm": 5}]}) == {}
    assert len(all_field_errors({"name": "t", "legs": [1] * 5_000}, Table)) == MAX_FIELD_ERRORS


@pytest.mark.parametrize(
    ("word", "known", "near"),
    [
        ("frist_name", ["last_name", "first_name"], "first_name"),
        ("ContactID", ["contactId", "runId"], "contactId"),
        ("contact-id", ["contactId"], "contactId"),
        ("zzzz", ["search"], None),
        ("", ["search"], None),
        ("x" * 500, ["x" * 499], None),
    ],
)
def test_nearest(word: str, known: list[str], near: str | None) -> None:
    assert nearest(word, known) == near
    assert (did_you_mean(word, known) == f"Did you mean `{near}`?") == (near is not None)


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


@pytest.mark.parametrize(
    ("kind", "value", "hint"),
    [
        (Literal["url", "query"], "http", "Use one of: url, query."),
        (
            Annotated[Literal["none"], msgspec.Meta(title="x")] | Literal["number", "timestamp"] | None,
            "numbr",
            "Did you mean `number`?",
        ),
        (Colour, "green", "Use one of: red, blue."),
        (dict[str, Literal["a"]], {"k": "b"}, "Use one of: a."),
    ],
    ids=["literal", "union", "enum", "inside"],
)
def test_what_a_list_of_values_takes_is_said(kind: Any, value: Any, hint: str) -> None:
    (error,) = all_field_errors(value, kind)
    assert "not one of those" in error["message"] and error["message"].endswith(hint)


def test_of_a_number_no_list_is_said() -> None:
    (error,) = all_field_errors(7, Literal["a", "b"])
    assert "Use one of" not in error["message"]
