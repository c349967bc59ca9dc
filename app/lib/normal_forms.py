"""Unicode's normal forms in time that grows with the text.

`unicodedata.normalize` sorts the marks over a letter by insertion: 16,000 marks on one letter take it a quarter of a second,
64,000 four. Here a long text is normalized in stretches that begin where nothing composes across.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import Literal

STRETCH = 256
"""Characters beyond ASCII that are normalized at once. Letters of living languages carry three marks, of Unicode's safe streams 30."""
_BACK = 32
Form = Literal["NFC", "NFKC", "NFKD"]


def nfc(text: str) -> str:
    """Composed: an `e` with an acute accent over it is one character, `é`."""
    return _normalized("NFC", text)


def nfkc(text: str) -> str:
    """Composed, with look-alikes replaced: the sign for kelvin is a `K`, a wide `Ａ` an `A`."""
    return _normalized("NFKC", text)


def without_accents(text: str) -> str:
    """The letters without their marks, and look-alikes replaced, for finding names: `Zürich` is `Zurich`."""
    if text.isascii():
        return text
    return "".join(char for char in _normalized("NFKD", text) if not unicodedata.combining(char))


def name_order(text: str) -> tuple[str, str]:
    """Where a name stands in a list that people read: `Österreich` before `Polen`, `ecuador` beside `Ecuador`."""
    return without_accents(text).casefold(), text


def _normalized(form: Form, text: str) -> str:
    if text.isascii():
        return text
    if len(text) <= STRETCH:
        return unicodedata.normalize(form, text)
    return "".join(unicodedata.normalize(form, piece) for piece in _stretches(text))


def _stretches(text: str) -> Iterator[str]:
    begin, end = 0, len(text)
    while end - begin > STRETCH:
        cut = begin + STRETCH
        for earlier_cut in range(cut, cut - _BACK, -1):  # a mark belongs to what stands before it
            if not unicodedata.combining(text[earlier_cut]):
                cut = earlier_cut
                break
        yield text[begin:cut]
        begin = cut
    yield text[begin:]
