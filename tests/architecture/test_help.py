"""The help of a type says the same in every language."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app.lib import translation

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "frontend-nodes").rglob("help.md"))
CODE = re.compile(r"`([^`\n]+)`")
WORDS = re.compile(r"<[^<>]*>")


def _shape(text: str) -> tuple[int, int, list[str]]:
    """How many headings and paragraphs it has, and its code, without the words that stand for ids and without example sentences."""
    code = sorted(WORDS.sub("<>", one) for one in CODE.findall(text) if not one.endswith("?"))
    return len(re.findall(r"^## ", text, re.MULTILINE)), len(text.strip().split("\n\n")), code


@pytest.mark.parametrize("language", sorted(translation.LANGUAGES.keys() - {translation.ENGLISH}))
def test_help_is_whole_in_every_language(language: str) -> None:
    others = [(file, file.with_name(f"help.{language}.md")) for file in FILES]
    assert [str(other.relative_to(ROOT)) for _, other in others if not other.is_file()] == []
    shapes = {other: (_shape(file.read_text("utf-8")), _shape(other.read_text("utf-8"))) for file, other in others}
    assert shapes
    assert [str(other.relative_to(ROOT)) for other, (one, translated) in shapes.items() if one != translated] == []
