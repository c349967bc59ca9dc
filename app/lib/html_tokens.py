"""HTML taken apart in one pass: elements with their attributes, and text. For mails, which are never more than shown or read.

The parser of Python's library looks for the end of every `<!--` and `<a b="` again: 24 KB of `<a ` take it seven seconds. Here a
missing end is looked for once. Broken HTML is read as far as it goes; nothing raises.
"""

from __future__ import annotations

import functools
import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

RAW = frozenset(("script", "style", "title", "textarea"))
"""Elements whose content is text up to their own end."""
_BEGINS = re.compile(r"</?[a-zA-Z]")
_NAME = re.compile(r"[a-zA-Z][^\s/>]*")
_ATTRIBUTE = re.compile(r"[\s/]*([^\s/>=][^\s/>=]*)")
_EQUALS = re.compile(r"\s*=\s*")
_UNQUOTED = re.compile(r"[^\s>]+")
_HUGE = re.compile(r"&#(?:[0-9]{8,}|[xX][0-9a-fA-F]{7,});?")
"""No character has such a number, and Python refuses to read one of 5,000 digits."""


LONGEST_KNOWN = 400
"""Characters of a tag that is remembered: a mail repeats its own, and so do all mails of a template."""


@dataclass(slots=True)
class Attribute:
    """`name` in small letters; `value` verbatim from the tag, at offset `at`; `quote` is the quotation mark around it or empty."""

    name: str
    value: str
    at: int
    quote: str


@dataclass(slots=True)
class Piece:
    """Text when it has no `tag`. `ends`: it is `</tag>`. `start` and `end` are places of the source."""

    start: int
    end: int
    tag: str = ""
    ends: bool = False
    _attributes: list[Attribute] = field(default_factory=list)

    @property
    def attributes(self) -> list[Attribute]:
        """In their order, at their places of the source."""
        return [replace(one, at=one.at + self.start) for one in self._attributes]

    def attribute(self, name: str) -> str:
        """The value of the first attribute of this name, its entities read; empty when there is none."""
        value = next((one.value for one in self._attributes if one.name == name), "")
        return unescaped(value)


def unescaped(text: str) -> str:
    """Text with its entities read. Never raises."""
    return html.unescape(_HUGE.sub("\ufffd", text)) if "&" in text else text


def pieces(source: str) -> Iterator[Piece]:
    """Text and tags in the order of the source. Comments, declarations and what is no tag of HTML are left out."""
    reader = _Reader(source)
    at, text_from = 0, 0
    while (start := source.find("<", at)) >= 0:
        piece = reader.markup(start)
        if piece is None:
            at = start + 1
            continue
        if start > text_from:
            yield Piece(text_from, start)
        at = text_from = piece.end
        if piece.tag:
            yield piece
        if piece.tag in RAW and not piece.ends:
            end = reader.end_of(piece.tag, at)
            if end > at:
                yield Piece(at, end)
            at = text_from = end
    if text_from < len(source):
        yield Piece(text_from, len(source))


class _Reader:
    def __init__(self, source: str) -> None:
        self.source = source
        self._small = ""
        self._gone: set[str] = set()
        """What was looked for and does not come any more."""
        self.unclosed = False
        """A quotation mark had no other."""

    def _find(self, wanted: str, at: int) -> int:
        position = -1 if wanted in self._gone else self.source.find(wanted, at)
        if position < 0:
            self._gone.add(wanted)
        return position

    def end_of(self, tag: str, at: int) -> int:
        """Where the closing tag of an element with raw content begins; the end of the source when there is none."""
        wanted = f"</{tag}"
        self._small = self._small or self.source.translate(_SMALL)
        position = -1 if wanted in self._gone else self._small.find(wanted, at)
        if position < 0:
            self._gone.add(wanted)
            return len(self.source)
        return position

    def markup(self, start: int) -> Piece | None:
        """What begins with the `<` at `start`; None when it is only a sign in a text."""
        source = self.source
        if source.startswith("<!--", start):
            end = self._find("-->", start + 4)
            return Piece(start, end + 3 if end >= 0 else len(source))
        if source.startswith(("<!", "<?"), start):
            end = self._find(">", start)
            return Piece(start, end + 1) if end >= 0 else None
        if not _BEGINS.match(source, start) or (end := self._find(">", start)) < 0:
            return None
        if end - start < LONGEST_KNOWN and (known := _known(source[start : end + 1])):
            return Piece(start, end + 1, *known)
        return self.tag(start)

    def tag(self, start: int) -> Piece | None:
        """The tag that begins there; None when it is none, or the source ends before it does."""
        source = self.source
        ends = source.startswith("/", start + 1)
        name = _NAME.match(source, start + 1 + ends)
        if name is None or ">" in self._gone:
            return None
        piece = Piece(start, name.end(), name[0].lower(), ends)
        return piece if self._read_attributes(piece) else None

    def _read_attributes(self, piece: Piece) -> bool:
        """Read up to the `>`; False when the source ends before."""
        source, at = self.source, piece.end
        while match := _ATTRIBUTE.match(source, at):
            at = match.end()
            value, place, quote = "", at, ""
            if equals := _EQUALS.match(source, at):
                place, quote = equals.end(), source[equals.end() : equals.end() + 1]
                end = self._find(quote, place + 1) if quote in ('"', "'") else -1
                if end >= 0:
                    value, place, at = source[place + 1 : end], place + 1, end + 1
                else:
                    self.unclosed |= bool(quote in ('"', "'"))
                    quote = ""
                    bare = _UNQUOTED.match(source, place)
                    value, at = (bare[0], bare.end()) if bare else ("", place)
            piece._attributes.append(Attribute(match[1].lower(), value, place - piece.start, quote))
        end = self._find(">", at)
        piece.end = end + 1
        return end >= 0


@functools.lru_cache(maxsize=4096)
def _known(tag: str) -> tuple[str, bool, list[Attribute]] | None:
    """Name, whether it ends, and attributes of a text from `<` to the next `>`, if that is a whole tag wherever it stands.

    None when it depends on what follows: a `>` inside quotation marks, or a mark that is not closed.
    """
    reader = _Reader(tag)
    piece = reader.tag(0)
    if piece is None or piece.end != len(tag) or reader.unclosed:
        return None
    return piece.tag, piece.ends, piece._attributes


_SMALL = {ord(char): char.lower() for char in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
"""Lower case of ASCII only, which keeps every place: other letters may become two."""
