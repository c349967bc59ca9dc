"""CEL as conditions and transforms use it: what it comes to, what it reads, and its errors in words."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.lib import jsonlimits
from app.values.cel_expressions import BadExpression, CompiledExpression, ExpressionFailed, compile_expression

DATA: dict[str, Any] = {
    "contact": {"plan": "pro", "n": 3, "phone": None, "attributes": {"plan": "pro"}, "tags": ["a"]},
    "event": {"total": 12.5, "text": "x", "items": [{"qty": 2, "price": 1.5}, {"qty": 1, "price": 2}], "large": 2**70},
    "steps": {"step-1": {"status": "done"}},
    "vars": {"exact": Decimal("0.12345678901234567890")},
}


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("event.total * 2", 25),
        ("2 - event.total / 5", -0.5),
        ("contact.n / 2", 1),
        ("contact.n / 2.0", 1.5),
        ("contact.n + 1 == 4 && contact.n > 2.5", True),
        ("event.items.map(i, i.price * i.qty)", [3, 2]),
        (
            "{'a': event.items.filter(i, i.qty > 1).size(), 'b': [null, true, 'x' + contact.plan]}",
            {"a": 1, "b": [None, True, "xpro"]},
        ),
        ("has(contact.phone)", False),
        ("has(contact.nope) ? contact.nope : 'none'", "none"),
        ("steps['step-1'].status", "done"),
        ("timestamp('2026-03-01T10:00:00Z')", "2026-03-01T10:00:00+00:00"),
        ("now - duration('1h') < now", True),
        ("{1: 2}", {"1": 2}),
        ("event.large > 1", True),
        ("vars.exact < 0.2", True),
        ("'aab'.matches('^(a+)+b$')", True),
        ("// only a remark\n1 + 1", 2),
    ],
)
def test_values(source: str, value: Any) -> None:
    result = compile_expression(source).evaluate(DATA)
    assert (result, type(result)) == (value, type(value))


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("", "Write an expression"),
        ("contact.plan +", "At character 15: this ends too early"),
        ("foo == 1", "At character 1: there is nothing called foo. Begin with contact."),
        ("fetch('x')", "there is no function called fetch"),
        ("event.a and event.b", "“and” is not expected here"),
        ("1 = 1", "“=” is not expected here"),
        ("'a' + 1", "“+” does not work with text and a whole number"),
        ("1 == 1\n&& foo", "Line 2, character 4"),
        ("(" * 300 + "1" + ")" * 300, "nested too deeply"),
        ("1 + " * 3_000 + "1", "at most 10,000 characters"),
    ],
)
def test_what_is_no_expression_says_where_and_why(source: str, words: str) -> None:
    with pytest.raises(BadExpression) as refused:
        compile_expression(source)
    assert words in str(refused.value) and "INVALID" not in str(refused.value)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("contact.nope == 1", "There is no “nope”. Ask has(…) first"),
        ("contact.phone == ''", "There is no “phone”"),
        ("event.total.x", "A name is asked of a value"),
        ("event.items[7]", "There is no item 7: the list has 2."),
        ("contact.n / 0", "divided by 0"),
        ("event.total / 0", "divided by 0"),
        ("event.text * 2", "“*” does not work with text and a whole number"),
        ("int(event.text)", "Text here cannot be read as a whole number"),
        ("timestamp(event.text)", "A text here is no time"),
        ("9223372036854775807 + contact.n", "too large"),
        ("b'bytes'", "cannot be kept"),
        ("[1,2,3,4,5,6,7,8,9].map(a, [1,2,3,4,5,6,7,8,9].map(b, [1,2,3,4,5,6,7,8,9].map(c, [1,2,3,4,5,6,7,8,9].map(d,"
         " [1,2,3,4,5,6,7,8,9].map(e, 1)))))", "too many items"),
    ],
)  # fmt: skip
def test_what_comes_to_nothing_says_why(source: str, words: str) -> None:
    with pytest.raises(ExpressionFailed) as failed:
        compile_expression(source).evaluate(DATA)
    assert words in str(failed.value)


@pytest.mark.parametrize(
    ("source", "read"),
    [
        ("contact.plan == 'contact.email'", {"contact.plan"}),
        (
            "contact.attributes['first name'].size() > event.items[0].qty",
            {"contact.attributes.first name", "event.items.0.qty"},
        ),
        ("steps['step-1'].status + vars.a.b", {"steps.step-1.status", "vars.a.b"}),
        ("event", {"event"}),
        ("contact[event.name]", {"contact", "event.name"}),
        ("has(contact . tags) // event.no", {"contact.tags"}),
        ('"""event.no""" + r\'contact.no\'', set()),
        ("event.list.exists(contact_, contact_.x > vars.y)", {"event.list", "vars.y"}),
        ("contact.tags.exists(t, t == 'a')", {"contact.tags"}),
    ],
)
def test_it_says_what_it_reads(source: str, read: set[str]) -> None:
    assert compile_expression(source).paths == read


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("[\n", "Line 2, character 1: "),
        ("1 +\n\n", "Line 3, character 1: "),
        ("'\u2028' +\nno(1)", "Line 2, character 3: "),
        ("1 +\r", "At "),
    ],
)
def test_a_place_counts_only_the_lines_that_the_language_has(source: str, said: str) -> None:
    """What ends with an empty line, too; a line of Python's may be none of CEL's."""
    with pytest.raises(BadExpression) as refused:
        CompiledExpression(source)
    assert str(refused.value).startswith(said)


@given(st.text(alphabet="event.x contact[]{}()'\"+-*/?:=<>&|!0123,\n", max_size=40))
def test_any_text_is_an_expression_or_says_what_is_wrong(source: str) -> None:
    """And what one comes to can be stored."""
    try:
        jsonlimits.storable(CompiledExpression(source).evaluate(DATA))
    except (BadExpression, ExpressionFailed) as error:
        assert str(error)[0].isupper() and str(error).endswith(".")
