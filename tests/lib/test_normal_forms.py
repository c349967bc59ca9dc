"""Long texts are normalized as short ones are, wherever they are cut."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.lib.conversions import folded
from app.lib.normal_forms import STRETCH, nfc, nfkc, without_accents

LETTERS = ["e\u0301", "é", "a\u0316\u0301", "a\u0301\u0316", "ß", "中", "x", " "]


@given(st.lists(st.sampled_from(LETTERS), min_size=STRETCH // 2, max_size=STRETCH * 3).map("".join))
def test_a_text_of_living_languages_is_composed_as_a_whole(text: str) -> None:
    assert nfc(text) == unicodedata.normalize("NFC", text)


@pytest.mark.parametrize("marks", ["\u0301\u0316", "\u0f73", "\u0345\u0301"])
def test_thousands_of_marks_on_a_letter_are_only_text(marks: str) -> None:
    text = "a" + marks * 4_000
    assert sorted(nfc(text))[-1] == sorted(nfc(marks))[-1]
    assert folded(text) == folded(text + " ")


def test_look_alikes_and_accents() -> None:
    assert (nfkc("\u212a"), without_accents("Zürich"), without_accents("Zurich")) == ("K", "Zurich", "Zurich")
