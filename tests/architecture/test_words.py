"""The words of pages are those of the glossary: what it takes the place of does not come back."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app.lib import translation

ROOT = Path(__file__).parents[2]
GUIDES = ("README.md", "docs/user-guide.md", "docs/api-guide.md", "docs/operations.md")
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)


def refused_words() -> list[str]:
    """Those on the left of the table in `docs/glossary.md`."""
    table = (ROOT / "docs/glossary.md").read_text(encoding="utf-8").split("| not | but |\n|---|---|\n", 1)[1]
    rows = table.split("\n\n", 1)[0].splitlines()
    return [word.strip() for row in rows for word in row.split("|")[1].split(",")]


WORDS = refused_words()
REFUSED = re.compile(rf"\b(?:{'|'.join(map(re.escape, WORDS))})(?!\w)", re.IGNORECASE)
"""One expression for all of them: each text is read once."""


def test_the_glossary_refuses_words() -> None:
    assert len(WORDS) > 20 and "ways out" in WORDS
    assert REFUSED.search("Connect a way out.") and not REFUSED.search("The emails that were sent.")


def test_no_text_of_a_page_has_a_refused_word() -> None:
    ids = [entry.id for entry in translation.catalogue("de") if entry.id]
    texts = [text for one in ids for text in ([one] if isinstance(one, str) else one)]
    assert len(texts) > 1_000
    assert [(match[0], text) for text in texts if (match := REFUSED.search(text))] == []


@pytest.mark.parametrize("guide", GUIDES)
def test_no_guide_has_a_refused_word(guide: str) -> None:
    prose = CODE.sub(" ", (ROOT / guide).read_text(encoding="utf-8"))
    assert [prose[max(0, match.start() - 30) : match.end() + 30] for match in REFUSED.finditer(prose)] == []
