"""Patterns of the operator `matches` as PostgreSQL reads them, for rules that are asked of many contacts at once.

RE2 says what a pattern matches (`app.flow.patterns`). Of its language a part is translated whose meaning, *is it found*, is the same in
both: text, classes, groups, alternatives and repetitions. Nothing is left to PostgreSQL's own folding of case, classes or locale: each
character and class is written out as what RE2 itself finds for it, and compared by the collation C. Both engines take time that grows
with the text and no faster; what reading a pattern may cost is bounded by its `weight`.
"""

from __future__ import annotations

import functools
import re
from typing import Any, NamedTuple

import re2

from app.flow.patterns import BadPattern, pattern_of
from app.lib.conversions import as_text
from app.lib.formats import number
from app.lib.normal_forms import nfc
from app.lib.translation import gettext

MAX_WEIGHT = 200
"""Characters and classes of a pattern with its repetitions written out, what may be left out counted twice. PostgreSQL reads 100 optional
ones in 5 ms, 255 in 240 ms."""
MAX_EDGES = 8
"""`\\b` and `\\B`, repetitions written out: 10 among optional characters take 2 ms, 20 are refused by PostgreSQL after a second."""
MAX_NESTING = 20
CASED_BLOCKS = (
    range(0x80, 0x3000),
    range(0xA000, 0xAC00),
    range(0xFB00, 0x12000),
    range(0x16E00, 0x17000),
    range(0x1E900, 0x1EA00),
)
"""Where Unicode has characters of two cases: to look through all takes half a second."""
_CONTROLS = {"a": "\a", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_CLASSES = frozenset("dDsSwW")
_REPEATED = re.compile(r"\{([0-9]+)(?:(,)([0-9]*))?\}")
_HEX = re.compile(r"x(?:([0-9A-Fa-f]{2})|\{([0-9A-Fa-f]+)\})")
_NAMED = re.compile(r"\[:[a-z]+:\]")


class PatternPart(NamedTuple):
    """A part of a pattern: its SQL, its weight, and how many word boundaries it has, repetitions written out.

    `repeats`: may it be repeated?
    """

    sql: str
    weight: int = 1
    edges: int = 0
    repeats: bool = True


@functools.lru_cache(maxsize=512)
def pattern_sql(source: str) -> str:
    """The pattern for `~` with the collation C, about text that is composed (NFC) and trimmed. Raises BadPattern where there is none."""
    pattern_of(source)
    reader = _Reader(nfc(source.strip()))
    piece = reader.alternatives(0)
    if piece.weight > MAX_WEIGHT:
        raise BadPattern(
            gettext(
                "This pattern is too large for a segment: with its repetitions written out it has %(weight)s parts, at most %(most)s are"
                " taken. What may be left out counts twice.",
                weight=number(piece.weight),
                most=MAX_WEIGHT,
            )
        )
    if piece.edges > MAX_EDGES:
        raise BadPattern(gettext("At most %(most)s \\b and \\B fit into a pattern of a segment.", most=MAX_EDGES))
    return piece.sql


def pattern_sql_problem(source: Any) -> str:
    """Why a pattern cannot be asked of many contacts; empty when it can."""
    try:
        pattern_sql(as_text(source) or "")
    except BadPattern as error:
        return str(error)
    return ""


def _unusable(part: str) -> BadPattern:
    return BadPattern(
        gettext(
            "Segments cannot use “%(part)s” in a pattern. Use text, classes such as [a-z] or \\d, groups, alternatives, repetitions,"
            " ^, $ and \\b.",
            part=part,
        )
    )


def _letter(code: int) -> str:
    """A character as PostgreSQL reads it anywhere in a pattern, never as a sign of the language."""
    letter = chr(code)
    if letter.isascii() and letter.isalnum():
        return letter
    return f"\\u{code:04X}" if code < 0x10000 else f"\\U{code:08X}"


def _ranges(codes: list[int]) -> list[tuple[int, int]]:
    ranges = list[tuple[int, int]]()
    for code in sorted(codes):
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1] = ranges[-1][0], code
        else:
            ranges.append((code, code))
    return ranges


def is_cased(one: str) -> bool:
    """May a pattern without regard to case take the character for another one?"""
    return one.casefold() != one or one.lower() != one or one.upper() != one or one.title() != one


@functools.cache
def _candidates() -> str:
    letters = (chr(code) for block in CASED_BLOCKS for code in block)
    return "".join(map(chr, range(1, 128))) + "".join(filter(is_cased, letters))


@functools.lru_cache(maxsize=4096)
def _members(one: str) -> tuple[tuple[int, int], ...]:
    """What RE2 takes for one character of a pattern or for a class, among ASCII and the cased characters, as ranges."""
    options = re2.Options()
    options.case_sensitive = False
    return tuple(_ranges(list(map(ord, re2.compile(one, options).findall(_candidates())))))


def _bracket(ranges: list[tuple[int, int]], *, negated: bool) -> str:
    written = "".join(
        _letter(low) if low == high else f"{_letter(low)}-{_letter(high)}" for low, high in ranges if high > 0
    )
    return f"[{'^' if negated else ''}{written}]"


class _Reader:
    """Reads a pattern that RE2 has read already, so it is well formed."""

    def __init__(self, text: str) -> None:
        self._text, self._at = text, 0

    def _next(self, length: int = 1) -> str:
        return self._text[self._at : self._at + length]

    def _accepts(self, part: str) -> bool:
        if not self._text.startswith(part, self._at):
            return False
        self._at += len(part)
        return True

    def alternatives(self, depth: int) -> PatternPart:
        if depth > MAX_NESTING:
            raise BadPattern(gettext("Groups may be nested %(number)s deep.", number=MAX_NESTING))
        ways = [self._sequence(depth)]
        while self._accepts("|"):
            ways.append(self._sequence(depth))
        weight, edges = sum(max(way.weight, 1) for way in ways), sum(way.edges for way in ways)
        return PatternPart("|".join(way.sql for way in ways), weight, edges)

    def _sequence(self, depth: int) -> PatternPart:
        pieces = list[PatternPart]()
        while self._next() not in ("", "|", ")"):
            begin = self._at
            pieces.append(self._repeated(self._item(depth), begin))
        return PatternPart("".join(p.sql for p in pieces), sum(p.weight for p in pieces), sum(p.edges for p in pieces))

    def _repeated(self, piece: PatternPart, begin: int) -> PatternPart:
        bounds = _REPEATED.match(self._text, self._at)
        if self._next() and self._next() in "*+?":
            sign, copies = self._next(), 2
            self._at += 1
        elif bounds is not None:
            least = int(bounds[1])
            most = (least if bounds[2] is None else least + 1) if not bounds[3] else int(bounds[3])
            sign, copies = bounds[0], max(least + 2 * (most - least), 1)
            self._at = bounds.end()
        else:
            return piece
        self._accepts("?")  # lazy: is it found does not depend on it
        if not piece.repeats:
            raise _unusable(self._text[begin : self._at])
        return PatternPart(piece.sql + sign, max(piece.weight, 1) * copies, piece.edges * copies)

    def _item(self, depth: int) -> PatternPart:
        sign = self._next()
        self._at += 1
        match sign:
            case "(":
                return self._group(depth)
            case "[":
                return self._class()
            case "\\":
                return self._escaped()
            case ".":
                return PatternPart(_bracket([(10, 10)], negated=True))
            case "^" | "$":
                return PatternPart(sign, repeats=False)
        return self._single(sign)

    def _group(self, depth: int) -> PatternPart:
        if not self._accepts("?:") and self._next() == "?":
            raise _unusable("(" + self._next(2))
        inner = self.alternatives(depth + 1)
        self._at += 1
        return inner._replace(sql=f"(?:{inner.sql})")

    def _single(self, letter: str) -> PatternPart:
        if letter == "\0":
            raise _unusable("\\x00")
        ranges = list(_members(re2.escape(letter))) or [(ord(letter), ord(letter))]
        if ranges == [(ord(letter), ord(letter))]:
            return PatternPart(_letter(ord(letter)))
        return PatternPart(_bracket(ranges, negated=False))

    def _escaped(self) -> PatternPart:
        sign = self._next()
        if sign in _CLASSES:
            self._at += 1
            return PatternPart(_bracket(list(_members("\\" + sign.lower())), negated=sign.isupper()))
        if sign in ("b", "B"):
            self._at += 1
            return PatternPart("\\y" if sign == "b" else "\\Y", edges=1, repeats=False)
        if sign in ("A", "z"):
            self._at += 1
            return PatternPart("^" if sign == "A" else "$", repeats=False)
        return self._single(self._escaped_letter())

    def _escaped_letter(self) -> str:
        """The character behind a backslash."""
        sign, code = self._next(), _HEX.match(self._text, self._at)
        if code is not None:
            self._at = code.end()
            number = int(code[1] or code[2], 16)
            if 0xD800 <= number <= 0xDFFF:  # half a character: no text has it
                raise _unusable("\\" + code[0])
            return chr(number)
        self._at += 1
        if sign.isalnum() and sign not in _CONTROLS:
            raise _unusable("\\" + sign)
        return _CONTROLS.get(sign, sign)

    def _class(self) -> PatternPart:
        """A class in brackets: RE2 says which of ASCII and of the cased characters it has, the others stand in it as they are written."""
        negated, begin, wide = self._accepts("^"), self._at, list[tuple[int, int]]()
        while self._next() != "]" or self._at == begin:
            if (posix := _NAMED.match(self._text, self._at)) is not None:
                self._at = posix.end()
            elif self._next() == "\\" and self._next(2)[1:] in ("d", "s", "w"):
                self._at += 2
            else:
                low = high = ord(self._class_letter())
                if self._next() == "-" and self._next(2)[1:] not in ("]", ""):
                    self._at += 1
                    high = ord(self._class_letter())
                if high > 127:
                    wide.append((max(low, 128), high))
        body = self._text[begin : self._at]
        self._at += 1
        first = "\\" if body.startswith("^") else ""
        ranges = [*_members(f"[{first}{body}]"), *wide]
        if not any(high > 0 for _, high in ranges):
            raise _unusable(f"[{body}]")
        return PatternPart(_bracket(ranges, negated=negated))

    def _class_letter(self) -> str:
        if self._next(2) in ("[:", "\\D", "\\S", "\\W"):
            raise _unusable(self._next(2))
        self._at += 1
        return self._escaped_letter() if self._text[self._at - 1] == "\\" else self._text[self._at - 1]
