"""What a start may hand over, as JSON Schema: refused in words, and never by work without end."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from app.flow.input_schema import MOST_PROBLEMS, InputSchema


def schema(**properties: Any) -> InputSchema:
    """Of an object with these properties; `required` and `additionalProperties` are those of the object."""
    more = {name: properties.pop(name) for name in ("required", "additionalProperties") if name in properties}
    return msgspec.convert({"type": "object", "properties": properties, **more}, InputSchema)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ({"type": "string"}, 7, "“plan” must be a text; it was “7”."),
        ({"type": "integer"}, 1.5, "“plan” must be a whole number; it was “1.5”."),
        ({"type": "number"}, True, "“plan” must be a number; it was “true”."),
        ({"type": "boolean"}, 1, "“plan” must be true or false; it was “1”."),
        ({"type": "string", "title": "Your plan", "enum": ["free", "pro"]}, "gold", "“Your plan” must be one of free, pro; it was “gold”."),
        ({"enum": [1]}, True, "“plan” must be one of 1; it was “true”."),
        ({"const": 3}, 4, "“plan” must be 3."),
        ({"minLength": 3}, "ab", "“plan” must have 3 characters or more."),
        ({"maxLength": 3}, "abcd", "“plan” must have 3 characters or less."),
        ({"minimum": 10}, 9, "“plan” must be 10 or more."),
        ({"exclusiveMaximum": 10}, 10, "“plan” must be less than 10."),
        ({"pattern": "^[a-z]+$"}, "a1", "“plan” must match the pattern ^[a-z]+$."),
        ({"format": "date"}, "31.5.2026", "“plan” must be a date such as 2026-05-31."),
        ({"format": "email"}, "nobody", "“plan” must be an email address."),
        ({"type": "array", "maxItems": 1}, [1, 2], "“plan” must have 1 entries or less."),
    ],
)  # fmt: skip
def test_a_value_that_does_not_fit_is_told_in_words(field: dict[str, Any], value: Any, message: str) -> None:
    (problem,) = schema(plan=field).problems({"plan": value})
    assert problem == {"path": "input.plan", "message": message}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ({}, None),
        ({"type": "integer"}, 2.0),
        ({"type": "number"}, 1),
        ({"type": "string", "format": "date-time"}, "2026-05-31T09:00:00Z"),
        ({"type": "string", "pattern": "(a+)+$"}, "a" * 20_000),
        ({"type": "array", "items": {"type": "string"}}, ["a"]),
        ({"type": "object", "properties": {"a": {"type": "number"}}}, {"a": 1, "b": 2}),
    ],
)
def test_a_value_that_fits(field: dict[str, Any], value: Any) -> None:
    assert schema(plan=field).problems({"plan": value}) == []


def test_what_is_missing_and_what_is_not_known() -> None:
    one = schema(plan={"title": "Your plan"}, required=["plan"], additionalProperties=False)
    assert [problem["message"] for problem in one.problems({"plans": 1})] == [
        "“Your plan” is missing.",
        "“plans” is not known here; plan is.",
    ]


def test_places_inside_lists_and_objects() -> None:
    lines = {
        "type": "array",
        "items": {"type": "object", "properties": {"sku": {"type": "string"}}, "required": ["sku"]},
    }
    problems = schema(lines=lines).problems({"lines": [{"sku": "a"}, {}, {"sku": 2}]})
    assert [problem["path"] for problem in problems] == ["input.lines[1].sku", "input.lines[2].sku"]


def test_the_number_of_sentences_is_bounded() -> None:
    numbers = schema(n={"type": "array", "items": {"type": "number"}})
    assert len(numbers.problems({"n": ["a"] * 10_000})) == MOST_PROBLEMS


def test_defaults_fill_what_is_left_out_and_nothing_else() -> None:
    one = schema(plan={"default": "free"}, n={"default": 1})
    assert one.filled({"plan": None}) == {"plan": None, "n": 1}


@pytest.mark.parametrize("keyword", ["$ref", "anyOf", "allOf", "not", "patternProperties", "minProperties"])
def test_a_keyword_that_is_not_checked_is_refused(keyword: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=keyword.replace("$", r"\$")):
        schema(plan={keyword: {}})


@pytest.mark.parametrize(
    ("field", "place", "word"),
    [
        ({"pattern": "(?=a)"}, "input.properties.plan.pattern", "pattern"),
        ({"type": "number", "default": "x"}, "input.properties.plan.default", "number"),
        ({"items": {"items": {"items": {"items": {"items": {}}}}}}, "input.properties.plan.items.items.items.items", "nests"),
    ],
)  # fmt: skip
def test_a_schema_that_is_wrong_is_told(field: dict[str, Any], place: str, word: str) -> None:
    diagnostic = schema(plan=field).diagnostics()[0]
    assert diagnostic.path == place and word in diagnostic.message
