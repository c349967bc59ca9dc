"""What kind of CSV a file is: its encoding, delimiter, header and number of rows, found while its bytes stream by."""

from __future__ import annotations

import codecs
import contextlib
import csv
import io
import itertools
import re
from collections.abc import Iterable, Iterator
from typing import IO, Any, cast

import msgspec

HEAD_BYTES = 262_144
"""How much of the beginning is kept to guess from and to preview."""
SAMPLE_ROWS = 20
MAX_CELL = 100_000
MAX_COLUMNS = 200
DELIMITERS = ",;\t|"
FALLBACK = "windows-1252"
"""What spreadsheets of western Europe write when they do not write UTF-8. Bytes that it does not know become U+FFFD."""
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
csv.field_size_limit(MAX_CELL)


class NotCsv(ValueError):
    """The file is no CSV; the message says what to do."""


class Format(msgspec.Struct, frozen=True, rename="camel"):
    """How to read the file. `columns` are unique names; without a header they are `Column 1` and so on."""

    encoding: str
    delimiter: str
    has_header: bool
    columns: tuple[str, ...]


class Sniffer:
    """Takes the bytes of an upload piece by piece and keeps only its head and a few counts."""

    def __init__(self) -> None:
        self.head = b""
        self.size = 0
        self._utf8: codecs.IncrementalDecoder | None = codecs.getincrementaldecoder("utf-8")()
        self._quotes = 0
        self._records = 0
        self._line_is_blank = True

    def feed(self, piece: bytes) -> None:
        """Look at the next piece. Raises NotCsv when this cannot be text."""
        if not self.size and piece.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"%PDF")):
            raise NotCsv("This is a workbook or document, not a CSV file. Save it as CSV (UTF-8) and upload that.")
        self.size += len(piece)
        self.head += piece[: max(0, HEAD_BYTES - len(self.head))]
        if self._utf8 is not None:
            try:
                self._utf8.decode(piece)
            except UnicodeDecodeError:
                self._utf8 = None
        if not self.is_utf16 and b"\0" in piece:
            raise NotCsv("This file holds binary data. Save it as CSV (UTF-8) and upload that.")
        self._count(piece)

    @property
    def is_utf16(self) -> bool:
        return self.head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))

    def _count(self, piece: bytes) -> None:
        """Records end at line ends outside quotes. Old Mac files (CR alone) count as one record until the run counts them."""
        start = 0
        while True:
            end = piece.find(b"\n", start)
            line = piece[start:] if end < 0 else piece[start:end]
            self._quotes += line.count(b'"')
            self._line_is_blank = self._line_is_blank and not line.strip(b"\r\0 ")
            if end < 0:
                return
            start = end + 1
            if self._quotes % 2 == 0:
                self._records += not self._line_is_blank
                self._quotes, self._line_is_blank = 0, True

    def encoding(self) -> str:
        """The encoding of all bytes that were fed."""
        if self.is_utf16:
            return "utf-16"
        if self._utf8 is None:
            return FALLBACK
        try:
            self._utf8.decode(b"", final=True)
        except UnicodeDecodeError:
            return FALLBACK
        return "utf-8-sig" if self.head.startswith(codecs.BOM_UTF8) else "utf-8"

    def finish(self) -> tuple[Format, list[list[str]], int]:
        """The format, the first rows, and how many rows there are (below the header). Raises NotCsv."""
        if not self.head.strip():
            raise NotCsv("This file is empty. Upload a CSV file with a header row and one row a contact.")
        encoding = self.encoding()
        delimiter, rows = self._sample(encoding)
        if not rows:
            raise NotCsv("This file has no rows. Upload a CSV file with a header row and one row a contact.")
        if len(rows[0]) > MAX_COLUMNS:
            raise NotCsv(f"This file has {len(rows[0])} columns; at most {MAX_COLUMNS} can be imported.")
        has_header = not any(_ADDRESS.fullmatch(cell.strip()) for cell in rows[0])
        columns = _unique(rows[0] if has_header else [f"Column {n + 1}" for n in range(len(rows[0]))])
        records = max(self._records + (not self._line_is_blank), len(rows))
        sample = rows[1:] if has_header else rows
        return Format(encoding, delimiter, has_header, columns), sample[:SAMPLE_ROWS], records - has_header

    def _sample(self, encoding: str) -> tuple[str, list[list[str]]]:
        text = codecs.getincrementaldecoder(encoding)("replace").decode(self.head, final=False)
        whole = self.size == len(self.head)
        best: tuple[float, str, list[list[str]]] = (-1.0, ",", [])
        for delimiter in DELIMITERS:
            rows = list(_head_rows(text, delimiter, whole))
            if not rows:
                continue
            width = len(rows[0])
            # A delimiter is right when it cuts every row into as many cells as the first.
            score = 0.0 if width == 1 else width * sum(len(row) == width for row in rows) / len(rows)
            if score > best[0]:
                best = (score, delimiter, rows)
        return best[1], best[2]


def _head_rows(text: str, delimiter: str, whole: bool) -> Iterator[list[str]]:
    lines = io.StringIO(text, newline="").readlines()
    if not whole and len(lines) > 1:
        lines.pop()  # cut in the middle
    reader = csv.reader(lines, delimiter=delimiter)
    rows = (row for row in reader if any(cell.strip(f"{DELIMITERS} ") for cell in row))
    with contextlib.suppress(csv.Error):
        yield from itertools.islice(rows, SAMPLE_ROWS + 1)


def _unique(names: Iterable[str]) -> tuple[str, ...]:
    seen: dict[str, None] = {}
    for number, raw in enumerate(names, 1):
        name = base = " ".join(raw.split())[:100] or f"Column {number}"
        again = 2
        while name in seen:
            name, again = f"{base} ({again})", again + 1
        seen[name] = None
    return tuple(seen)


class BadRow(msgspec.Struct, frozen=True):
    """A record that could not be read as CSV."""

    message: str


def records(file: IO[bytes], format: Format) -> Iterator[list[str] | BadRow]:
    """The rows below the header, one after the other in constant memory. Rows without any text are left out."""
    text = io.TextIOWrapper(cast("Any", file), encoding=format.encoding, errors="replace", newline="")
    try:
        yield from _records(csv.reader(text, delimiter=format.delimiter), skip=format.has_header)
    finally:
        text.detach()  # closing the wrapper would close the file


def _records(reader: Iterator[list[str]], *, skip: bool) -> Iterator[list[str] | BadRow]:
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield BadRow(f"This row could not be read: {error}.")
            continue
        if not any(cell.strip() for cell in row):
            continue
        if skip:
            skip = False
            continue
        yield row
