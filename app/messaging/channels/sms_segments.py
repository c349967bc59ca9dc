"""How many SMS a text is sent as: GSM-7 with its extension table while that has every character, else UCS-2 (3GPP TS 23.038).

One SMS carries 160 characters of GSM-7 or 70 units of UCS-2; of several that belong together each has room for 153 or 67, because a
header of six bytes says which is which. A character of the extension table counts twice, one outside the basic plane too.
"""

from __future__ import annotations

from typing import Literal

import msgspec

GSM_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_EXTENDED = frozenset("\f^{}\\[~]|€")
"""Sent as two: an escape and a character."""
GSM_ONE, GSM_EACH = 160, 153
UCS_ONE, UCS_EACH = 70, 67
NAMED = 5
"""Characters that are named of those that force UCS-2."""


class SegmentCount(msgspec.Struct, frozen=True, rename="camel"):
    """`segments`: the SMS that are sent and paid for. `units`: what the text takes of their room, `left`: what the last still has.

    `forcing`: the characters, up to five, for which GSM-7 has no code.
    """

    encoding: Literal["GSM-7", "UCS-2"]
    segments: int
    units: int
    left: int
    characters: int
    forcing: tuple[str, ...] = ()


def count_segments(text: str) -> SegmentCount:
    """The SMS that `text` is sent as; none when it is empty."""
    forcing = tuple(dict.fromkeys(one for one in text if one not in GSM_BASIC and one not in GSM_EXTENDED))
    if forcing:
        sizes, most, each = [2 if ord(one) > 0xFFFF else 1 for one in text], UCS_ONE, UCS_EACH
    else:
        sizes, most, each = [2 if one in GSM_EXTENDED else 1 for one in text], GSM_ONE, GSM_EACH
    units = sum(sizes)
    if units <= most:
        segments, left = (1 if units else 0), most - units
    else:
        segments, left = _packed(sizes, each)
    return SegmentCount("UCS-2" if forcing else "GSM-7", segments, units, left, len(text), forcing[:NAMED])


def _packed(sizes: list[int], each: int) -> tuple[int, int]:
    """How many parts of `each` units, and what is left in the last: a character of two is never cut in two."""
    segments, left = 1, each
    for size in sizes:
        if size > left:
            segments, left = segments + 1, each
        left -= size
    return segments, left
