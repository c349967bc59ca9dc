"""What pages show of statuses, roles and kinds is in every language."""

from __future__ import annotations

from enum import Enum

import pytest

from app.lib import formats, translation
from app.models import status
from app.models.status_words import STATUS_WORDS

OTHERS = {"Channel", "RunOrigin", "_Word"}
"""Pages call these by labels of their own."""
SHOWN = [
    kind
    for name, kind in vars(status).items()
    if isinstance(kind, type) and issubclass(kind, Enum) and name not in OTHERS and kind.__module__ == status.__name__
]


@pytest.mark.parametrize("kind", SHOWN, ids=lambda kind: kind.__name__)
def test_each_word_is_marked(kind: type[Enum]) -> None:
    shown = {formats.words(getattr(one, "word", None) or str(one.value)) for one in kind}
    assert shown and shown <= set(STATUS_WORDS), f"not marked: {shown - set(STATUS_WORDS)}"


def test_each_word_is_translated() -> None:
    known = {entry.id: entry.string for entry in translation.catalogue("de")}
    assert [word for word in STATUS_WORDS if not known.get(word)] == []
