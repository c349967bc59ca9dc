"""The dialect of a CSV file, guessed from its head: delimiter, header, columns and number of rows; and its records."""

from __future__ import annotations

import codecs
import io
import itertools
import re
from collections import Counter
from collections.abc import Generator, Iterable, Iterator
from typing import IO, Any, cast

import msgspec

from app.contacts.imports.encodings import ENCODINGS
from app.contacts.imports.reading import ADDRESS, MAX_LINE, Layout, Reader, Record, shape, split
from app.lib.translation import gettext

HEAD_BYTES = 262_144
"""How much of the beginning is kept to guess from and to preview. Nothing is guessed from more."""
SAMPLE_ROWS = 20
MAX_COLUMNS = 200
LAYOUT_LINES, ENOUGH_ROWS = 1_000, 5
"""How many lines tell how the records look, and how many whole rows are enough for that."""
DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_SEP = re.compile(r'"?sep=(.)"?(?:\1|[,;\t ]){0,200}', re.IGNORECASE)


class NotCsv(ValueError):
    """The file is no CSV; the message says what to do."""


class Format(msgspec.Struct, frozen=True, rename="camel"):
    """How to read the file. `columns` are unique names; without a header they are `Column 1` and so on."""

    encoding: str
    delimiter: str
    has_header: bool
    columns: tuple[str, ...]
    skipped_lines: int = 0
    """Lines above everything else, such as `sep=;`, which tells Excel the delimiter."""
    key: int = -1
    shapes: tuple[str, ...] = ()

    @property
    def layout(self) -> Layout:
        return Layout(self.delimiter, len(self.columns), self.key, self.shapes)


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody said about a file instead of what was found; None leaves it to us."""

    encoding: str | None = None
    delimiter: str | None = None
    has_header: bool | None = None


class Preview(msgspec.Struct, frozen=True):
    """What the head of a file holds."""

    format: Format
    rows: list[list[str]]
    """All rows of the head, below the header."""
    flaws: int
    """How many of them are written in a wrong way."""
    lines: int
    """Physical lines of the head."""


def count(head: Preview, line_ends: int, *, whole: bool) -> int:
    """Rows of a file that begins with `head`: exact when it is the whole, else as the lines of the head make likely."""
    rows = len(head.rows)
    if whole or not head.lines:
        return rows
    return max(rows, round((rows + head.format.has_header) * line_ends / head.lines) - head.format.has_header)


def preview(head: bytes, encoding: str, choice: Choice | None = None, *, whole: bool) -> Preview:
    """Read the head of a file. `choice` overrules what the bytes suggest. Raises NotCsv."""
    choice = choice or Choice()
    encoding = choice.encoding or encoding
    lines = _lines(head, encoding, whole)
    skipped, declared_delimiter = _above(lines)
    body = lines[skipped:]
    delimiter = choice.delimiter or declared_delimiter or _delimiter(body)
    header, width = _first_row(body, delimiter)
    if width > MAX_COLUMNS:
        raise NotCsv(
            gettext(
                "This file has %(width)s columns; at most %(max_columns)s can be imported.",
                width=width,
                max_columns=MAX_COLUMNS,
            )
        )
    has_header = choice.has_header
    if has_header is None:
        has_header = not any(ADDRESS.fullmatch(cell.strip()) for cell in header)
    names = header if has_header else []
    columns = _unique([*names, *[""] * (width - len(names))])
    key, shapes = _key(body[has_header:], delimiter, width)
    format = Format(encoding, delimiter, has_header, columns, skipped, key, shapes)
    records = list(Reader(body, format.layout, skipped + 1))[has_header:]
    rows = [record.cells for record in records if record.cells]
    return Preview(format, rows, sum(bool(record.flaw) for record in records), len(lines))


def _lines(head: bytes, encoding: str, whole: bool) -> list[str]:
    text = codecs.getincrementaldecoder(ENCODINGS[encoding].codec)("replace").decode(head, final=whole)
    lines = io.StringIO(text, newline="").readlines()
    if not whole and len(lines) > 1:
        lines.pop()  # cut in the middle
    return lines


def _above(lines: list[str]) -> tuple[int, str | None]:
    """Lines to skip, and the delimiter that they tell: Excel's `sep=;` stands above the header."""
    match = _SEP.fullmatch(lines[0].removeprefix("\ufeff").rstrip("\r\n")) if lines else None
    if match is None:
        return 0, None
    return 1, match[1] if match[1] in DELIMITERS else None


def _delimiter(lines: list[str]) -> str:
    best, chosen = 0.0, ","
    for delimiter in DELIMITERS:
        widths = Counter(width for width, _ in _whole_rows(lines, delimiter, DELIMITERS))
        if not widths:
            continue
        first = next(width for width, _ in _whole_rows(lines, delimiter, DELIMITERS))
        # A delimiter is right when it cuts every row into as many cells as the first.
        score = 0.0 if first == 1 else first * widths[first] / widths.total()
        if score > best:
            best, chosen = score, delimiter
    return chosen


def _whole_rows(lines: list[str], delimiter: str, blank: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
    """Rows that begin and end in one line, of the first lines."""
    ignored = "".join(blank) + " "
    for line in lines[:LAYOUT_LINES]:
        cut = split(line.rstrip("\r\n"), delimiter)
        if cut.open < 0 and any(cell.strip(ignored) for cell in cut.cells):
            yield len(cut.cells), cut.cells


def _first_row(lines: list[str], delimiter: str) -> tuple[list[str], int]:
    """The first row, and how many cells rows have: as many as it has, unless most rows have more."""
    rows = [cells for _, cells in _whole_rows(lines, delimiter, delimiter)]
    first = next(iter(Reader(lines, Layout(delimiter, MAX_COLUMNS))), None)
    if first is None or not first.cells:
        raise NotCsv(gettext("This file has no rows. Upload a CSV file with a header row and one row per contact."))
    header, width = first.cells, len(first.cells)
    widths = Counter(len(row) for row in rows if any(cell.strip() for cell in row[width:]))
    if widths.total() > max(1, (len(rows) - 1) // 2):
        width = max(width, widths.most_common(1)[0][0])
    return header, width


def _key(lines: list[str], delimiter: str, width: int) -> tuple[int, tuple[str, ...]]:
    """The column whose cells tell that a record begins: addresses, else ids, which are never prose. -1 when there is none."""
    rows = [cells for _, cells in _whole_rows(lines, delimiter, delimiter) if len(cells) == width]
    enough, best = len(rows) >= ENOUGH_ROWS, -1
    if not enough:  # lines with a cell that goes on below tell something too, up to that cell
        cut = [split(line.rstrip("\r\n"), delimiter) for line in lines[:LAYOUT_LINES]]
        rows = [one.cells[:-1] if one.open >= 0 else one.cells for one in cut]
        rows = [row for row in rows if any(cell.strip() for cell in row) and len(row) <= width]
    ids: tuple[str, ...] = ()
    for column in range(width):
        cells = [row[column].strip() for row in rows if column < len(row) and row[column].strip()]
        shapes = Counter(shape(cell) for cell in cells)
        if cells and shapes["@"] * 2 >= len(cells):
            return column, ("@",)
        digit_shapes = tuple(name for name, _ in shapes.most_common(5) if "9" in name)
        distinct = len(set(cells)) * 10 >= len(cells) * 9 > 9
        if best < 0 and digit_shapes and distinct and shapes[""] * 10 <= len(cells):
            best, ids = column, digit_shapes
    return best, ids


def _unique(names: Iterable[str]) -> tuple[str, ...]:
    unique_names: dict[str, None] = {}
    for number, raw in enumerate(names, 1):
        name = base = " ".join(raw.replace("\0", "").split())[:100] or gettext("Column %(number)s", number=number)
        again = 2
        while name in unique_names:
            name, again = f"{base} ({again})", again + 1
        unique_names[name] = None
    return tuple(unique_names)


def records(file: IO[bytes], format: Format) -> Generator[Record, None, None]:
    """The rows below the header, one after the other in constant memory. Rows without any text are left out."""
    codec = ENCODINGS[format.encoding].codec
    text = io.TextIOWrapper(cast("Any", file), encoding=codec, errors="replace", newline="")
    try:
        lines = itertools.islice(_physical(text), format.skipped_lines, None)
        reader = iter(Reader(lines, format.layout, first_line=format.skipped_lines + 1))
        yield from itertools.islice(reader, int(format.has_header), None)
    finally:
        text.detach()  # closing the wrapper would close the file


def _physical(text: io.TextIOWrapper) -> Iterator[str]:
    """Lines with their ends; of one longer than MAX_LINE only so much that it shows."""
    while line := text.readline(MAX_LINE + 1):
        yield line
        while len(line) > MAX_LINE and not line.endswith(("\n", "\r")):
            line = text.readline(MAX_LINE + 1)
            if len(line) <= MAX_LINE:
                break
