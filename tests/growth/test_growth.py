"""No text makes any regular expression or parser work more than in proportion to its length.

Each input is made larger by and by; what costs three times as much for twice the text fails. Measured is processor time of this
thread, the best of many, so that a busy machine changes nothing.
"""

from __future__ import annotations

import re

import pytest

from tests.growth import parsers, patterns
from tests.growth.measure import CHARACTERS, RATIO, growth

NAMED = patterns.of_modules()
WRITTEN, UNREAD = patterns.in_calls()
patterns.syntax.cache_clear()
ASSEMBLED = {
    "app.contacts.imports.reading": "a delimiter in a fixed text; the parser `line of a file` uses them",
    "app.contacts.forms": "a fixed word and at most five digits; the parser `fields of a contact` uses it",
}
"""Modules that put a pattern together while they run, and where it is tried."""


def test_every_regular_expression_is_found() -> None:
    assert len(NAMED) + len(WRITTEN) > 80
    assert {place.partition(":")[0] for place in UNREAD} == set(ASSEMBLED)


@pytest.mark.parametrize("found", [*NAMED, *WRITTEN], ids=lambda found: found.place)
def test_a_regular_expression_is_linear(found: patterns.Found) -> None:
    slow = slow_texts(found)
    assert not slow, f"{found.pattern.pattern!r} is slow for {slow}"


def slow_texts(found: patterns.Found) -> list[tuple[str, str, str]]:
    """The texts that make it slow, as (before, repeated, after)."""
    slow = []
    for use in found.uses:
        for before, piece, after in patterns.attacks(found.pattern):

            def work(size: int, use: str = use, parts: tuple[str, str, str] = (before, piece, after)):
                text = parts[0] + parts[1] * max(1, size // len(parts[1])) + parts[2]
                given = text.encode("utf-8") if isinstance(found.pattern.pattern, bytes) else text
                if use == "search":
                    return lambda: sum(1 for _ in found.pattern.finditer(given))
                return lambda: getattr(found.pattern, use)(given)

            if growth(work, CHARACTERS) >= RATIO:
                slow.append((before, piece, after))
                break  # another text of a pattern that is slow already only takes time
    return slow


@pytest.mark.parametrize("parser", parsers.PARSERS, ids=lambda parser: parser.name)
def test_a_parser_is_linear(parser: parsers.Parser) -> None:
    slow = [name for name, work in parsers.inputs(parser) if growth(work, parser.largest) >= RATIO]
    assert not slow


@pytest.mark.parametrize(
    "source",
    [r"<head(\s[^>]*)?>", r"[a-z]+[0-9]*(?:[A-Z][A-Za-z0-9]*)*$", r"(.+?)\s*\((.+)\)", r"(a|aa)*!", r"\d+\.\d+$"],
)
def test_a_slow_regular_expression_would_be_noticed(source: str) -> None:
    assert slow_texts(patterns.Found("here", re.compile(source), {"search"}))


@pytest.mark.parametrize("piece", ["{{", "<!--"])
def test_a_slow_parser_would_be_noticed(piece: str) -> None:
    def looks_again(text: str) -> int:
        return sum(text.find("}}", at) for at in range(len(text)) if text.startswith(piece, at))

    slow = parsers.Parser("slow", looks_again, (piece,), largest=24 * 4**6)
    assert [growth(work, slow.largest) >= RATIO for _, work in parsers.inputs(slow)] == [True]
