"""Segments of text messages, counted as GSM 03.38 and concatenation have it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.messaging.channels.sms_segments import GSM_BASIC, GSM_EXTENDED, count_segments


@pytest.mark.parametrize(
    ("text", "encoding", "segments", "left"),
    [
        ("", "GSM-7", 0, 160),
        ("a" * 160, "GSM-7", 1, 0),
        ("a" * 161, "GSM-7", 2, 145),
        ("a" * 306, "GSM-7", 2, 0),
        ("a" * 307, "GSM-7", 3, 152),
        ("€" * 80, "GSM-7", 1, 0),
        ("€" * 81, "GSM-7", 2, 153 - 10),  # 76 fit into the first, and its 153rd place stays empty: 5 go on
        ("a" * 152 + "€" + "a" * 8, "GSM-7", 2, 153 - 10),
        ("ą" * 70, "UCS-2", 1, 0),
        ("ą" * 71, "UCS-2", 2, 63),
        ("ą" + "a" * 133, "UCS-2", 2, 0),
        ("😀" * 35, "UCS-2", 1, 0),
        ("😀" * 36, "UCS-2", 2, 67 - 6),  # 33 in the first: a pair is not cut in two
        ("Grüße, ñandú? Ω", "UCS-2", 1, 55),  # ú is not in the alphabet, ü ñ Ω are
        ("Æøå ÄÖÑÜ §¿ ΔΦΓΛΩΠΨΣΘΞ @£$¥èéùìòÇ", "GSM-7", 1, 127),
        ("line\nline [~]", "GSM-7", 1, 160 - 13 - 2 - 1),
    ],
)
def test_segments(text: str, encoding: str, segments: int, left: int) -> None:
    count = count_segments(text)
    assert (count.encoding, count.segments, count.left) == (encoding, segments, left)
    assert count.characters == len(text)


def test_the_characters_that_cost_room_are_named_once() -> None:
    assert count_segments("It’s “so” – ’t is…").forcing == ("’", "“", "”", "–", "…")
    assert count_segments("Plain").forcing == () and len(count_segments("абвгдежз").forcing) == 5


def test_the_alphabet_has_its_128_places() -> None:
    assert len(GSM_BASIC) == 127 and len(GSM_EXTENDED) == 10 and not GSM_BASIC & GSM_EXTENDED, "the 128th is the escape"
    assert "`" not in GSM_BASIC and "ç" not in GSM_BASIC and "Ç" in GSM_BASIC and "\t" not in GSM_BASIC


@given(st.text(max_size=700))
def test_all_of_a_text_has_room(text: str) -> None:
    count = count_segments(text)
    one, each = (160, 153) if count.encoding == "GSM-7" else (70, 67)
    room = one if count.segments <= 1 else count.segments * each
    assert count.units + count.left <= room and 0 <= count.left <= one
    assert room - count.units - count.left <= max(0, count.segments - 1), (
        "at most one place of each is lost before a pair"
    )
    assert (count.encoding == "UCS-2") == bool(count.forcing)
    assert count_segments(text + "a").segments >= count.segments
