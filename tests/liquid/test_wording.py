"""Errors of the template language are in the reader's language, whole: also those that python-liquid words, and stored ones read back."""

from __future__ import annotations

import pickle
import re
from collections.abc import Iterator

import pytest

from app.lib import translation
from app.lib.translation import of_stored
from app.liquid.templates import LiquidError, compile_text
from app.messaging.channels.filling import PartError, fill

BROKEN = (
    "{{ a", "{% if a %}x", "{% if %}x{% endif %}", "{{ a | nope }}", "{{ a b }}", "{% foo %}", "{% else %}", "{{ a[ }}", "{{ 'abc }}",
    "{{ a | }}", "{% for x a %}{% endfor %}", "{% for x in a limit %}{% endfor %}", "{% assign x %}", "{% if a == %}x{% endif %}",
    "{{ a | default: 'x' 'y' }}", "{% if (a == b %}x{% endif %}", "{{ a ! b }}", "{{ }}", "{% assign a.b = 3 %}", "{{ a ? b }}",
    "{% if a =! b %}{% endif %}", "{%%}", "{{ a || b }}", "{% for x in a %}", "{% comment %}", "{{ 1.2.3 }}", "{{ -a }}",
    "{% liquid\n-oh no\n%}", "{{ a" + "[" * 60 + " }}", "{{ x }}" * 5_001, "{{ " + "a" * 9_000 + " }}", "x" * 300_000,
    "{% if a %}" * 30 + "{% endif %}" * 30,
)  # fmt: skip
FAILING = (
    ("{{ 7 | modulo: 0 }}", {}), ("{{ a | sort }}", {"a": [1, "b", None]}), ("{{ a | slice: 'x' }}", {"a": "s"}),
    ("{{ a | map }}", {"a": [1]}), ("{{ a | where: 'x' }}", {"a": 3}), ("{{ a | slice: b }}", {"a": 1}),
    ("{% for x in a limit: b %}{% endfor %}", {"a": [1], "b": "x"}), ("{{ a | or_fail }}", {}), ("{{ a | upcase | or_fail }}", {}),
    ("{{ 1 | money: 'EURO' }}", {}), ("{{ 'now' | date: '%d', 'Mars/One' }}", {}), ("{{ 'now' | date: '%5d' }}", {}),
    ("{{ 'x' | email_message: 'nobody' }}", {}), 
    ("{% for x in (1..99999999) %}{% endfor %}", {}), ("{{ a | append: a }}", {"a": "x" * 200_000})
)  # fmt: skip
ENGLISH = re.compile(r"\b(the|is|are|of|expected|found|unexpected|missing|cannot|may|this|no|with|too)\b", re.I)


@pytest.fixture(autouse=True)
def _english() -> Iterator[None]:
    with translation.using("en"):
        yield


def _error(source: str, data: dict[str, object] | None = None) -> LiquidError:
    with pytest.raises(LiquidError) as caught:
        text = compile_text(source, html=False)
        if data is not None:
            text.render(data)
    return caught.value


@pytest.mark.parametrize("source", BROKEN)
def test_what_does_not_compile_is_said_in_german(source: str) -> None:
    english = str(_error(source))
    with translation.using("de"):
        german = str(_error(source))
        assert of_stored(english) == german
    assert english != german
    assert not ENGLISH.search(german), german


@pytest.mark.parametrize(("source", "data"), FAILING)
def test_what_cannot_be_filled_in_is_said_in_german(source: str, data: dict[str, object]) -> None:
    english = str(_error(source, data))
    with translation.using("de"):
        german = str(_error(source, data))
        assert of_stored(english) == german
        assert of_stored(f"A text of this step cannot be filled in: {english.rstrip('.')}.").endswith(f"{german}.")
    assert english != german
    assert not ENGLISH.search(german), german


@pytest.mark.parametrize(
    ("source", "place"),
    [("<script>{{ a }}</script>", "<script>"), ("<a href='{{ a }}'>", "javascript:alert")],
)
def test_what_html_refuses_is_said_in_german(source: str, place: str) -> None:
    with translation.using("de"), pytest.raises(LiquidError) as caught:
        compile_text(source, html=True).render({"a": "javascript:alert(1)"})
    assert place in str(caught.value)
    assert not ENGLISH.search(str(caught.value)), caught.value


def test_what_a_child_says_in_english_is_read_in_the_readers_language() -> None:
    """Templates are rendered in a process that knows no reader."""
    with pytest.raises(PartError) as caught:
        fill("subject", "Hello\n{% if a %}", {})
    plain = pickle.dumps(caught.value)
    assert str(caught.value) == "The template's subject: Line 2: expected “{% endif %}”, found the end"
    with translation.using("de"):
        german = "Im Betreff der Vorlage: Zeile 2: erwartet: „{% endif %}“, gefunden: das Ende"
        assert str(pickle.loads(plain)) == german
        assert of_stored(str(caught.value)) == german


def test_a_server_keeps_its_words() -> None:
    with translation.using("de"):
        assert of_stored("The server says: the end is near").endswith("the end is near")
        assert of_stored("Line 4 is closed: call back") == "Line 4 is closed: call back"
