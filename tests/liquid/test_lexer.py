"""One pass over a template gives the parser what python-liquid's own lexer gives it, and refuses what that one is slow for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from liquid.exceptions import LiquidError as EngineError
from liquid.lex import get_lexer

from app.liquid.lexer import BRACKETS_LIMIT, MARKS_LIMIT, tokens
from app.liquid.templates import LiquidError, check_output, compile_text

PIECES = ["{{", "}}", "{%", "%}", "-", "raw", "endraw", "comment", "endcomment", "doc", "enddoc", "a", "if", " ", "\n", "x | f: 'y'",
          "{", "}", "%", "#", "'", "{% raw %}", "{% endraw -%}", "{%- comment -%}", "{% endcomment %}",
          "{{ a -}}", "{%- if b %}"]  # fmt: skip


def listed(lexer, source: str) -> list[tuple[str, str]] | str:
    """Kinds and values; neighbouring texts are one, and an error is an error."""
    made: list[tuple[str, str]] = []
    try:
        for token in lexer(source):
            if token.kind == "content" and made and made[-1][0] == "content":
                made[-1] = ("content", made[-1][1] + token.value)
            else:
                made.append((token.kind, token.value))
    except EngineError:
        return "error"
    return made


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_the_tokens_are_those_of_the_stock_lexer(source: str) -> None:
    source += "."  # the stock lexer loses a line break at the very end
    ours = listed(tokens, source)
    if ours == "error" and any(odd in source for odd in ("{{{", "{{%", "{%{", "{%%")):
        return  # an opening without its end directly before another: the stock lexer takes its first half for text
    assert ours == listed(get_lexer(), source)


@pytest.mark.parametrize(
    ("source", "line", "said"),
    [
        ("Hello\n{{ contact.email", 2, "“}}” is missing"),
        ("{% if a %}\n\n{% endif", 3, "the name of a tag or “%}” is missing"),
        ("a\n{%%}", 2, "the name of a tag or “%}” is missing"),
        ("{{" * 4000, 1, "“}}” is missing"),
        ("{{a}}" * (MARKS_LIMIT + 1), 1, "at most 5,000 placeholders"),
        ("\n{{ " + "a" * 9_000 + " }}", 2, "at most 8,000 characters"),
        ("{% if " + "(" * (BRACKETS_LIMIT + 1) + " %}{% endif %}", 1, "at most 50 brackets"),
        ("{% liquid\necho a\n  echo " + "b['c']" * 60 + "\n%}", 3, "at most 50 brackets"),
        ("{% liquid\n-oh no\n%}", 2, "begins with the name of a tag"),
    ],
)
def test_what_nobody_writes_is_refused_with_its_line(source: str, line: int, said: str) -> None:
    with pytest.raises(LiquidError) as caught:
        compile_text(source, html=False)
    assert said in caught.value.message
    assert caught.value.line == line


def test_lines_of_tags_are_read_one_by_one() -> None:
    source = "{% liquid\n  assign x = a | upcase\r\n\n  # a remark\n\tif x == 'B'\n echo x\n endif %}!"
    assert compile_text(source, html=False).render({"a": "b"}) == "B!"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("<script>let a = '{% echo contact.first_name %}'</script>", "inside <script>"),
        ("<style>a { color: {% cycle 'red', 'blue' %} }</style>", "inside <script> or <style>"),
        ("<SCRIPT async>{% liquid\n echo a\n%}", "inside <script>"),
    ],
)
def test_values_do_not_stand_in_code(source: str, said: str) -> None:
    with pytest.raises(LiquidError) as caught:
        compile_text(f"<p>\n{source}", html=True)
    assert said in caught.value.message
    assert caught.value.line == 2


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("<a onclick=\"go('{{ a }}')\">x</a>", "inside onclick"),
        ("<iframe srcdoc='{{ a }}'></iframe>", "inside srcdoc"),
        ("<img src={{ a }}>", 'src="…"'),
        ("<a href=https://x.example/{% echo a %}>x</a>", 'href="…"'),
        ("<td {{ a }}>x</td>", "name of an element"),
        ("<b\n{% increment n %}=1>", "name of an element"),
    ],
)
def test_what_is_saved_has_no_value_where_it_could_become_code(source: str, said: str) -> None:
    compile_text(source, html=True)  # what was saved earlier still goes out
    with pytest.raises(LiquidError) as caught:
        check_output(source)
    assert said in caught.value.message


@pytest.mark.parametrize(
    "source",
    [
        '<a href="https://x.example/{{ a }}" style="color: {{ b }}">{{ c }}</a>',
        "<td {% if a %}class='b'{% endif %}>{{ a }}</td>",
        "<script>let a = 1</script>{{ a }}",
        "<style>{% raw %}{{ a }}{% endraw %}</style>",
        "<!-- onclick={{ a }} -->",
        "{% if a < b %}{{ a }}{% endif %} 3 < 4",
    ],
)
def test_values_stand_in_texts_and_quoted_attributes(source: str) -> None:
    compile_text(source, html=True)
    check_output(source)
