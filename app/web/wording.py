"""Sentences of the API, as pages show them to people."""

from __future__ import annotations

import re

from app.lib.translation import of_stored

_BETWEEN = re.compile(r"(?<=[.!?]) +")


def for_people(sentence: str) -> str:
    """In the language of the reader, without those sentences that hold words of the API in backticks, unless nothing is left then."""
    text = of_stored(sentence)
    if "`" not in text:
        return text
    plain = " ".join(one for one in _BETWEEN.split(text) if "`" not in one)
    return plain or text.replace("`", "")
