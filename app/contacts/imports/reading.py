"""Lines of a CSV file become records, also where a quote was forgotten: no line is ever lost in the cell of another.

A quoted cell may run over many lines. So does a cell whose closing quote is missing, and then it swallows the people of the lines
below. Which of the two it is shows in those lines: when one of them reads as a record of its own, or when the quote that seems to
close the cell stands in the middle of a text, the quote is broken. The line is then read by itself, and says so.

The work is linear: a search for a closing quote ends at the next line with an odd run of quotes, which the next search starts from
at the earliest. Unsuccessful searches are counted; after MAX_BROKEN of them the file's quotes are taken literally.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

import msgspec

from app.lib.translation import gettext, translatable

MAX_CELL = 100_000
MAX_LINE = 1_000_000
MAX_CELL_LINES = 500
"""Lines that one cell may run over."""
MAX_BROKEN = 1_000
ADDRESS = re.compile(r"[^@\s,;|\"]{1,64}@[^@\s.,;|\"]{1,63}(?:\.[^@\s.,;|\"]{1,63}){1,8}")
_CLASSES = ((re.compile(r"[0-9]+"), "9"), (re.compile(r"[^\W\d_]+"), "a"))


class Layout(msgspec.Struct, frozen=True):
    """How the records of a file look: cells are cut at `delimiter`, and there are `width` of them.

    `key` is the column that tells one record from the next, or -1; `shapes` are the shapes of its cells.
    """

    delimiter: str
    width: int
    key: int = -1
    shapes: tuple[str, ...] = ()

    def is_record(self, cells: list[str]) -> bool:
        """Do these cells look like a whole record of the file?"""
        if len(cells) != self.width:
            return False
        if self.key < 0:
            return self.width >= 4  # two commas in a line of prose are common, three short cells more are not
        return self.has_key(cells)

    def has_key(self, cells: list[str]) -> bool:
        """Does the cell that tells records apart look as it should?"""
        return 0 <= self.key < len(cells) and shape(cells[self.key].strip(' "')) in self.shapes


class Record(msgspec.Struct, frozen=True):
    """The cells of one record and the number of the line that it begins in.

    `flaw` says what is wrong with the way it is written; its cells are what can be made of it. No cells: nothing can.
    """

    line: int
    cells: list[str]
    flaw: str = ""


NO_END = translatable("A quote is opened and never closed.")
STRAY_END = translatable("A quote is closed that was never opened.")
CUT = translatable("A line break cuts this row in two.")


def shape(cell: str) -> str:
    """`ada@example.com` is `@`, `K-1207` is `a-9`: what cells of one kind have in common. Empty or with spaces: empty."""
    if len(cell) > 254 or not cell or any(char.isspace() for char in cell):
        return ""
    if ADDRESS.fullmatch(cell):
        return "@"
    for pattern, letter in _CLASSES:
        cell = pattern.sub(letter, cell)
    return cell


class _Patterns(msgspec.Struct, frozen=True):
    quoted: Any
    """A cell in quotes up to where it ends in the right way."""
    inside: Any
    """What follows an opening quote, up to the next quote that is not doubled."""
    closing: Any


@cache
def _patterns(delimiter: str) -> _Patterns:
    end = rf" *(?={re.escape(delimiter)}|$)"
    return _Patterns(
        quoted=re.compile(rf' *"((?:[^"]++|"")*+)"{end}'),
        inside=re.compile(r'(?:[^"]++|"")*+'),
        closing=re.compile(rf'"{end}'),
    )


class Split(msgspec.Struct):
    """A line cut into cells. `open` is where its last cell begins when that cell is still open at the end of the line."""

    cells: list[str]
    open: int = -1
    stray: bool = False
    """A quote in the middle of a quoted cell was taken as text."""


def split(line: str, delimiter: str) -> Split:
    """Cut a line without its end into cells."""
    if '"' not in line:
        return Split(line.split(delimiter))
    rules = _patterns(delimiter)
    cut = Split([])
    at, closes = 0, True
    while True:
        cell = rules.quoted.match(line, at)
        if cell is not None:
            cut.cells.append(cell[1].replace('""', '"'))
            end = cell.end()
        elif line.startswith('"', start := _after_spaces(line, at)):
            body = rules.inside.match(line, start + 1)
            if body.end() == len(line):
                cut.open = at
                cut.cells.append(body[0].replace('""', '"'))
                return cut
            cut.stray = True
            closing = rules.closing.search(line, body.end()) if closes else None
            closes = closing is not None  # looked for once when there is no more of them
            if closing is not None:
                cut.cells.append(line[start + 1 : closing.start()].replace('""', '"'))
                end = closing.end()
            else:
                end = _cell_end(line, delimiter, at)
                cut.cells.append(line[at:end])
        else:
            end = _cell_end(line, delimiter, at)
            cut.cells.append(line[at:end])
        if end >= len(line):
            return cut
        at = end + 1


def _after_spaces(line: str, at: int) -> int:
    while line.startswith(" ", at):
        at += 1
    return at


def _cell_end(line: str, delimiter: str, at: int) -> int:
    end = line.find(delimiter, at)
    return len(line) if end < 0 else end


def bare(line: str, delimiter: str) -> list[str]:
    """The cells of a line whose quotes cannot be trusted: cut at every delimiter, quotes around a cell taken off."""
    return [_unquoted(cell) for cell in line.split(delimiter)]


def _unquoted(cell: str) -> str:
    inner = cell.strip(" ")
    inner = inner[1:] if inner.startswith('"') else inner
    return inner[:-1] if inner.endswith('"') else inner


class Reader:
    """Records from physical lines, which keep their ends. Empty records are left out."""

    def __init__(self, lines: Iterable[str], layout: Layout, first_line: int = 1) -> None:
        self.layout = layout
        self._lines = enumerate(lines, first_line)
        self._ahead: deque[tuple[int, str]] = deque()
        self._broken = 0
        self._unclosed_until = 0
        """Up to this line the partner of a quote that was never closed may turn up."""

    def __iter__(self) -> Iterator[Record]:
        before: Record | None = None
        for record in self._records():
            if before is not None:
                yield self._cut(before, record)
            before = record
        if before is not None:
            yield before

    def _cut(self, record: Record, after: Record) -> Record:
        """A short record before a short one without a key is one record with a line break in it, and no quotes around."""
        layout = self.layout
        if record.flaw or layout.key < 0 or max(len(record.cells), len(after.cells)) >= layout.width:
            return record
        if len(record.cells) + len(after.cells) - 1 > layout.width:
            return record
        if layout.has_key(after.cells) or not "".join(after.cells[layout.key : layout.key + 1]).strip():
            return record
        return Record(record.line, record.cells, CUT)

    def _records(self) -> Iterator[Record]:
        while (numbered := self._next_line()) is not None:
            number, raw = numbered
            line = raw.rstrip("\r\n")
            if len(raw) > MAX_LINE:
                yield Record(
                    number, [], gettext("This line is longer than %(max_line)s characters.", max_line=f"{MAX_LINE:,}")
                )
                continue
            record = self._record(number, line)
            if any(len(cell) > MAX_CELL for cell in record.cells):
                record = Record(
                    number, [], gettext("A cell here is longer than %(max_cell)s characters.", max_cell=f"{MAX_CELL:,}")
                )
            if record.flaw or any(cell.strip() for cell in record.cells):
                yield record

    def _next_line(self) -> tuple[int, str] | None:
        if self._ahead:
            return self._ahead.popleft()
        numbered = next(self._lines, None)
        return (numbered[0], numbered[1].removeprefix("\ufeff")) if numbered is not None else None

    def _record(self, number: int, line: str) -> Record:
        delimiter = self.layout.delimiter
        cut = split(line, delimiter)
        if cut.open >= 0:
            cells = self._continued(cut, number)
            if cells is not None:
                return Record(number, cells)
            self._unclosed_until = number + MAX_CELL_LINES
            unclosed = line[cut.open :]
            return Record(number, [*cut.cells[:-1], *bare(unclosed, delimiter)], NO_END)
        if cut.stray and len(cut.cells) != self.layout.width:
            other = bare(line, delimiter)
            if len(other) == self.layout.width:
                return Record(number, other, NO_END)
        if number <= self._unclosed_until and '"' in line:
            return self._partner(number, cut.cells)
        return Record(number, cut.cells)

    def _partner(self, number: int, cells: list[str]) -> Record:
        """After a quote that was never closed, a cell that ends with a lonely quote is where it was meant to end."""
        for place, cell in enumerate(cells):
            if cell.count('"') == 1 and cell.rstrip().endswith('"'):
                self._unclosed_until = 0
                return Record(number, [*cells[:place], cell.rstrip()[:-1], *cells[place + 1 :]], STRAY_END)
        return Record(number, cells)

    def _fits(self, cells: list[str], doubtful: bool) -> bool:
        """Is this a record? One that took in what could be the beginning of another is only when nothing is missing in it."""
        return len(cells) == self.layout.width or (len(cells) < self.layout.width and not doubtful)

    def _continued(self, cut: Split, number: int) -> list[str] | None:
        """The cells of a record that goes on in the lines below; None, with those lines put back, when it does not."""
        if self._broken >= MAX_BROKEN:
            return None
        following: list[tuple[int, str]] = []
        cells, rules, size = cut.cells[:-1], _patterns(self.layout.delimiter), 0
        parts = [cut.cells[-1]]
        doubtful = False
        while (after := self._next_line()) is not None:
            following.append(after)
            line = after[1].rstrip("\r\n")
            size += len(line)
            alone = split(line, self.layout.delimiter).cells
            if len(following) > MAX_CELL_LINES or size > MAX_CELL or self.layout.is_record(alone):
                break
            doubtful = doubtful or (1 < len(alone) < self.layout.width and self.layout.has_key(alone))
            body = rules.inside.match(line)
            parts.append(body[0].replace('""', '"'))
            if body.end() == len(line):
                continue
            closing = rules.closing.match(line, body.end())
            if closing is None:
                break
            cells.append("\n".join(parts))
            if closing.end() == len(line):
                if self._fits(cells, doubtful):
                    return cells
                break
            remainder = split(line[closing.end() + 1 :], self.layout.delimiter)
            if remainder.open < 0 and self._fits([*cells, *remainder.cells], doubtful):
                return [*cells, *remainder.cells]
            if remainder.open < 0 or len(cells) + len(remainder.cells) > self.layout.width:
                break
            cells += remainder.cells[:-1]
            parts = [remainder.cells[-1]]
        self._broken += 1
        self._ahead.extendleft(reversed(following))
        return None
