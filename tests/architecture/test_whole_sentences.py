"""Sentences for people are translated as a whole: nothing English is put into a translated one as a value."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WORD = re.compile(r"[A-Za-z]{3,}")
NO_WORDS = {"Europe/Berlin"}
"""Values that are the same in every language."""


def english(value: ast.expr) -> Iterator[str]:
    """Words that a value brings along by itself: literals, also as one of several choices."""
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        yield value.value
    elif isinstance(value, ast.JoinedStr):
        yield "".join(str(part.value) for part in value.values if isinstance(part, ast.Constant))
    elif isinstance(value, ast.IfExp):
        yield from english(value.body)
        yield from english(value.orelse)
    elif isinstance(value, ast.BoolOp):
        for one in value.values:
            yield from english(one)


def in_source(source: str) -> list[str]:
    """English words among the values of marked texts."""
    calls = (one for one in ast.walk(ast.parse(source)) if isinstance(one, ast.Call))
    marked = (
        call for call in calls if getattr(call.func, "id", getattr(call.func, "attr", "")) in ("gettext", "ngettext")
    )
    texts = (text for call in marked for keyword in call.keywords for text in english(keyword.value))
    return [text for text in texts if WORD.search(text) and text not in NO_WORDS]


def test_no_value_brings_english_words_along() -> None:
    found = {
        str(path.relative_to(ROOT)): words
        for path in sorted((ROOT / "app").rglob("*.py"))
        if (words := in_source(path.read_text()))
    }
    assert not found


def test_what_is_found() -> None:
    assert in_source('gettext("%(a)s fails.", a=words or "nothing")') == ["nothing"]
    assert in_source('gettext("%(a)s fails.", a=f"every {n} days", b="x" if y else "minutes")') == [
        "every  days",
        "minutes",
    ]
    assert in_source('gettext("%(a)s fails.", a=gettext("nothing"), b=one, c="§1")') == []
