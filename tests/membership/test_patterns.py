"""Patterns in rules of segments: PostgreSQL finds what RE2 finds, for all patterns of the part of the language that is taken."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.flow.pattern_sql import CASED_BLOCKS, is_cased, pattern_sql, pattern_sql_problem
from app.flow.patterns import BadPattern, pattern_of

LETTERS = "abkKsSzZ019_- .,\n\t\r\u00a0\u2028äÄßẞſKéÉı\u0130ΣσςÅ中文🙂ǅ\u0301"
LETTER = st.sampled_from(LETTERS)
TEXTS = st.lists(st.text(LETTER, max_size=9), min_size=8, max_size=8)
_SIGNS = frozenset("\\^$.|?*+()[]{}-")


def written(letter: str) -> str:
    return "\\" + letter if letter in _SIGNS else letter


CLASS_PARTS = st.one_of(
    LETTER.map(written),
    st.sampled_from(("a-k", "A-z", "0-9", r"\d", r"\s", r"\w", "ä-é", "Σ-ω", "[:alpha:]", "[:punct:]", r"\x41-\x{5A}", "\\n")),
)  # fmt: skip
CLASSES = st.builds(
    lambda sign, parts: f"[{sign}{''.join(parts)}]",
    st.sampled_from(("", "^")),
    st.lists(CLASS_PARTS, min_size=1, max_size=3),
)
ATOMS = st.one_of(
    LETTER.map(written), CLASSES, st.sampled_from((".", r"\d", r"\D", r"\w", r"\W", r"\s", r"\S", r"\n", r"\x6B", r"\x{17F}"))
)  # fmt: skip
EDGES = st.sampled_from(("^", "$", r"\b", r"\B", r"\A", r"\z"))
REPEATED = st.sampled_from(("", "", "*", "+", "?", "*?", "+?", "{2}", "{0,2}", "{1,}", "{0}", "{2,3}?"))


def _larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.lists(st.one_of(inner, EDGES), max_size=3).map("".join),
        st.lists(inner, min_size=1, max_size=3).map(lambda ways: f"(?:{'|'.join(ways)})"),
        st.builds(lambda one, sign: f"({one}){sign}", inner, REPEATED),
        st.builds(lambda one, other: f"{one}|{other}", inner, st.one_of(inner, st.just(""))),
    )


PATTERNS = st.recursive(st.builds(str.__add__, ATOMS, REPEATED), _larger, max_leaves=6)


@pytest.fixture(scope="module")
def connection(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database_url, autocommit=True) as opened:
        yield opened


def by_sql(connection: psycopg.Connection[Any], pattern: str, texts: list[str]) -> list[bool]:
    sql = """select array_agg(normalize(rule_trimmed(t), NFC) collate "C" ~ %s::text order by n)
    from unnest(%s::text[]) with ordinality as u(t, n)"""
    row = connection.execute(sql, (pattern_sql(pattern), texts)).fetchone()
    assert row is not None
    return list(row[0])


@given(PATTERNS, TEXTS)
def test_both_find_the_same(connection: psycopg.Connection[Any], pattern: str, texts: list[str]) -> None:
    if pattern_sql_problem(pattern):  # too large: that too is said before anything is asked
        return
    texts = [*texts, "", " ", pattern]
    expected = [pattern_of(pattern).found_in(text) for text in texts]
    assert by_sql(connection, pattern, texts) == expected, (pattern, pattern_sql(pattern))


def test_each_cased_character_is_found_alike(connection: psycopg.Connection[Any]) -> None:
    """A pattern of each letter, against all letters that fold to it or to which it folds, and its neighbours."""
    cased = [one for block in CASED_BLOCKS for one in map(chr, block) if is_cased(one)]
    for one in cased[::17]:
        texts = [one, one.lower(), one.upper(), one.title(), one.casefold(), chr(ord(one) + 1), "x"]
        assert by_sql(connection, one, texts) == [pattern_of(one).found_in(text) for text in texts], one


def test_characters_of_two_cases_are_in_no_other_block() -> None:
    outside = (code for code in range(0x80, 0x110000) if not any(code in block for block in CASED_BLOCKS))
    assert not [chr(code) for code in outside if not 0xD800 <= code < 0xE000 and is_cased(chr(code))]


@pytest.mark.parametrize(
    ("pattern", "part"),
    [(r"\pL", r"\p"), (r"[\PL]", r"\P"), ("(?P<a>x)", "(?P"), ("(?i:x)", "(?i"), (r"\Qa+\E", r"\Q"), ("^*a", "^*"), (r"(?:x\b+)", r"\b+"),
     (r"[\D]", r"\D"), ("[[:^alpha:]]", "[:"), (r"\x00", r"\x00"), (r"\101", r"\1"), (r"a\C", r"\C")],
)  # fmt: skip
def test_what_cannot_be_used_is_named(pattern: str, part: str) -> None:
    pattern_of(pattern)  # steps take it
    with pytest.raises(BadPattern, match="Segments cannot use") as refused:
        pattern_sql(pattern)
    assert f"“{part}" in str(refused.value)


@pytest.mark.parametrize(
    "pattern", ["a{201}", "(?:a{15}){14}", "(?:a?){0,51}", "(?:(?:a|)(?:b|)){51}", "a?" * 101, r"(?:\ba?){9}", r"\ba?" * 9,
     "(" * 21 + ")" * 21]
)  # fmt: skip
def test_what_would_cost_too_much_is_refused(pattern: str) -> None:
    pattern_of(pattern)
    with pytest.raises(BadPattern):
        pattern_sql(pattern)


@pytest.mark.parametrize(
    "pattern",
    ["a{200}", "(?:a?){0,50}", "(?:(?:a|)(?:b|)){50}", "a?" * 100, r"(?:\ba?){8}", r"\ba?" * 8, r"(?:\b|a)?\B" * 2,
     "(?:" * 20 + "a?" + ")*" * 6 + ")" * 14,
     "(?:.*a){60}", "(?:a|b)*a(?:a|b){60}", "|".join(["äöüßkse"] * 28)],
)  # fmt: skip
def test_the_largest_are_read_and_answered_alike(connection: psycopg.Connection[Any], pattern: str) -> None:
    texts = ["a" * 200, "ab" * 5_000, "", "x", "äöüẞKſe"]
    assert by_sql(connection, pattern, texts) == [pattern_of(pattern).found_in(text) for text in texts]


def test_no_sign_of_the_pattern_reaches_postgresql_unread() -> None:
    assert pattern_sql("a.c]}{,x") == "[Aa][^\\u000A][Cc]\\u005D\\u007D\\u007B\\u002C[Xx]"
