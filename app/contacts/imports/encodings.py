"""The encoding of a file. If it is not Unicode, the code page whose letters form the most plausible words."""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence

import msgspec
from charset_normalizer import from_bytes

from app.lib.translation import translatable

WESTERN = "windows-1252"
"""What spreadsheets of western Europe write when they do not write UTF-8; also the answer when nothing tells."""


class Encoding(msgspec.Struct, frozen=True):
    """An encoding that can be chosen: its name in the API, what people call it, and Python's name for it."""

    name: str
    label: str
    codec: str


ENCODINGS = {
    name: Encoding(name, label, codec or name)
    for name, label, codec in (
        ("utf-8", "UTF-8", ""),
        ("utf-8-sig", translatable("UTF-8 with byte order mark"), ""),
        ("utf-16", translatable("UTF-16 with byte order mark"), ""),
        ("utf-16-le", translatable("UTF-16, little-endian"), ""),
        ("utf-16-be", translatable("UTF-16, big-endian"), ""),
        ("windows-1252", translatable("Western, Windows-1252"), "cp1252"),
        ("iso-8859-15", translatable("Western, ISO-8859-15"), "iso8859_15"),
        ("macintosh", translatable("Western, Mac Roman"), "mac_roman"),
        ("cp850", translatable("Western, DOS 850"), ""),
        ("windows-1250", translatable("Central European, Windows-1250"), "cp1250"),
        ("iso-8859-2", translatable("Central European, ISO-8859-2"), "iso8859_2"),
        ("windows-1257", translatable("Baltic, Windows-1257"), "cp1257"),
        ("windows-1254", translatable("Turkish, Windows-1254"), "cp1254"),
        ("windows-1251", translatable("Cyrillic, Windows-1251"), "cp1251"),
        ("koi8-r", translatable("Cyrillic, KOI8-R"), "koi8_r"),
        ("mac-cyrillic", translatable("Cyrillic, Mac"), "mac_cyrillic"),
        ("windows-1253", translatable("Greek, Windows-1253"), "cp1253"),
        ("windows-1255", translatable("Hebrew, Windows-1255"), "cp1255"),
        ("windows-1256", translatable("Arabic, Windows-1256"), "cp1256"),
        ("shift_jis", translatable("Japanese, Shift-JIS"), "cp932"),
        ("euc-jp", translatable("Japanese, EUC-JP"), "euc_jp"),
        ("gb18030", translatable("Chinese, GB 18030 (GBK)"), "gb18030"),
        ("big5", translatable("Chinese, Big5"), "big5"),
        ("euc-kr", translatable("Korean, EUC-KR"), "cp949"),
    )
}
_OTHERS = (
    "cp1251",
    "koi8_r",
    "mac_cyrillic",
    "cp1253",
    "cp1255",
    "cp1256",
    "cp932",
    "euc_jp",
    "gb18030",
    "big5",
    "cp949",
)
_BY_CODEC = {encoding.codec: name for name, encoding in ENCODINGS.items()}

_WEST = "äöüßéèêëàâçñáíóúïîôûœ"
_LETTERS: dict[str, tuple[str, ...]] = {
    "windows-1252": (_WEST, "æøåäöé", "äöåé", "ãçáéíóúâêôà", "áðéíóúýþæö", "àèéìòùç"),
    "macintosh": (_WEST, "æøåäöé", "äöåé", "ãçáéíóúâêôà", "àèéìòùç"),
    "windows-1250": ("ąćęłńóśźż", "áčďéěíňóřšťúůýž", "áäčďéíľĺňóôŕšťúýž", "áéíóöőúüű", "čšžćđ", "ăâîşţ"),
    "windows-1254": ("çğıöşüâî", _WEST),
    "windows-1257": ("āčēģīķļņšūž", "ąčęėįšųūž", "äöõüšž"),
    "iso-8859-15": (f"{_WEST}€",),
    "iso-8859-2": ("ąćęłńóśźż", "áčďéěíňóřšťúůýž", "áäčďéíľĺňóôŕšťúýž", "áéíóöőúüű", "čšžćđ", "ăâîşţ"),
    "cp850": (_WEST, "æøåäöé"),
}
"""Letters beyond ASCII of languages that a page is used for; of two pages that explain the same, the first.

Portuguese does without õ, which is what the Hungarian ő looks like on the wrong page.
"""
_TURKISH_CAPITAL = "İ"
_SIGNS = {"€": 1.0, **dict.fromkeys("–—‘’“”„…«»§°·™®©²³½ªº¿¡£", 0.9)}
_RARE = {"cp850": 0.85}
"""How much less a page counts that hardly any program still writes."""
_RUN = re.compile(r"[^\W\d_a-zA-Z]{4,}")
_IN_WORD = re.compile(r"(?<=[^\W\d_])[^\W\d_a-zA-Z]|[^\W\d_a-zA-Z](?=[^\W\d_])")
_ODD_CASE = re.compile(r"(?<=[A-Z])[^\W\d_a-zA-Z](?=[A-Z])")
_AFTER_CAPITAL = re.compile(r"(?<=[A-Z])[^\W\d_a-zA-Z](?=[a-z])")
_AFTER_SMALL = re.compile(r"(?<=[a-z])[^\W\d_a-zA-Z]")
GOOD, SEVERAL = 0.8, 0.85
"""The share that decides, and what names from several languages count against names from one."""


def unicode_kind(head: bytes) -> str | None:
    """`utf-16` and its kin, told by a byte order mark or by where the zero bytes stand; None when it is none of them."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    even, odd = head[::2].count(0), head[1::2].count(0)
    # Delimiters and line ends are ASCII in every language, so one side holds zeros and the other none.
    if odd * 3 >= len(head) // 2 > 0 and even * 20 < odd:
        return "utf-16-le"
    if even * 3 >= len(head) // 2 > 0 and odd * 20 < even:
        return "utf-16-be"
    return None


def by_letters(lines: Sequence[bytes]) -> str:
    """The encoding of lines that hold bytes beyond ASCII and are not all UTF-8; at most some 100 KB of them.

    Latin pages share most bytes, and a column of names is too little for statistics of text: there the letters decide. For other
    scripts charset-normalizer does.
    """
    data = b"\n".join(lines)
    if _mostly_utf8(data):
        return "utf-8"
    best, name = max(((_score(data, page), -rank), page) for rank, page in enumerate(_LETTERS))
    if best[0] >= GOOD:
        return name
    best_match = from_bytes(data, cp_isolation=list(_OTHERS), threshold=0.4).best()
    other = _BY_CODEC.get(best_match.encoding) if best_match is not None else None
    return other or (name if best[0] > 0.5 else WESTERN)


def _mostly_utf8(data: bytes) -> bool:
    """A few bytes of another encoding among much UTF-8 are damage of those cells, not the encoding of the file."""
    text = data.decode("utf-8", "replace")
    wrong = text.count("\ufffd")
    right = sum(char > "\x7f" for char in text) - wrong
    return right > 4 * wrong


def _score(data: bytes, page: str) -> float:
    """How much of what is beyond ASCII this page explains, 0 to 1: letters of one language where letters belong."""
    text = data.decode(ENCODINGS[page].codec, "replace")
    beyond = [char for char in text if char > "\x7f"]
    if not beyond:
        return 0.0
    odd = sum(len(match[0]) for match in _RUN.finditer(text))
    odd += sum(match[0].isupper() for match in _AFTER_SMALL.finditer(text))
    odd += sum(match[0].islower() and match[0] != "ß" for match in _ODD_CASE.finditer(text))
    odd += sum(match[0].isupper() for match in _AFTER_CAPITAL.finditer(text))  # MÅller, which is Müller on another page
    signs = sum(_SIGNS.get(char, 0.0) for char in beyond)
    in_words = "".join(_IN_WORD.findall(text)).replace(_TURKISH_CAPITAL, "ı").lower()
    together = sum(char in "".join(_LETTERS[page]) for char in in_words) * SEVERAL
    explained = max(together, *(sum(char in letters for char in in_words) for letters in _LETTERS[page]))
    return _RARE.get(page, 1.0) * (explained + signs - odd) / len(beyond)
