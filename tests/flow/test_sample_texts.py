"""Texts of a form as they come out for somebody, with what is missing and what becomes of it."""

from __future__ import annotations

from typing import Any

import pytest

from app.flow.sample_texts import FilledText, Placeholder, SampleContact, SampleStep, fill_in

STEP = SampleStep(
    SampleContact(bytes(16), {"email": "ada@example.com", "phone": None}, {"plan": "pro"}, ["vip"]),
    {"total": 12.5, "items": [{"name": "A"}], "blank": " "},
    "order.paid",
)


def one(text: str) -> FilledText:
    (filled,) = fill_in([text], STEP)
    return filled


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("Hi {{ contact.plan }}!", "Hi pro!"),
        ("{{ event.total | times: 2 }}", "25"),
        ("{{ items[0].name }} {{ plan }}", "A pro"),
        ("{{ contact.tags }}", "vip"),
        ("{{ event.items }}", '[{"name": "A"}]'),
        ("{{ event.none }}", ""),
        ("a\n\n{{ contact.email }}", "a ada@example.com"),
        ("{{ contact.none | default: 'friend' }}", "friend"),
        ("{% for item in items %}{{ item.name }}{% endfor %}", "A"),
    ],
)
def test_a_text_comes_out_as_the_step_would_say_it(source: str, text: str) -> None:
    filled = one(source)
    assert (filled.text, filled.error, filled.later) == (text, "", False)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{{ contact.plan }}", [Placeholder("contact.plan", "empty", "", False)]),
        ("{{ contact.nope }}", [Placeholder("contact.nope", "empty", "", True)]),
        ("{{event.blank|or_fail}}", [Placeholder("event.blank", "fail", "", True)]),
        ('{{ phone | default: "none given" }}', [Placeholder("phone", "default", "none given", True)]),
        ("{{ contact.plan | default: 'x' }}", [Placeholder("contact.plan", "default", "x", False)]),
        (
            "{{ steps.a.b }} {{ vars.c }}",
            [Placeholder("steps.a.b", "empty", "", False), Placeholder("vars.c", "empty", "", False)],
        ),
        ("{{ contact.plan | upcase }}", []),
    ],
)
def test_what_becomes_of_each_placeholder(source: str, expected: list[Any]) -> None:
    assert one(source).placeholders == expected


def test_what_cannot_be_filled_in_says_why() -> None:
    assert one("{{ contact.plan").error
    assert one("{{ contact.none | or_fail }}").error == "There is no value for contact.none."
    assert one("{{ contact.plan | nothing }}").error == "There is no filter called “nothing”."


def test_only_texts_with_placeholders_each_once_and_in_bounds() -> None:
    assert fill_in(["plain", "{{ contact.plan }}", "{{ contact.plan }}", ""], STEP) == [one("{{ contact.plan }}")]
    assert len(fill_in([f"{{{{ contact.plan }}}} {number}" for number in range(500)], STEP)) == 100
    assert len(one("{% for i in (1..900) %}word {% endfor %}").text) <= 301
    assert one("{{ steps.a.b }}").later and one("{% if vars.x %}y{% endif %}").later
