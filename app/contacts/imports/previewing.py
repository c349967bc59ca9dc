"""The preview of a file: the proposed encoding, dialect and mapping."""

from __future__ import annotations

from app.contacts.imports import cells, columns, csvfile, optouts
from app.contacts.imports.cells import Notation
from app.contacts.imports.csvfile import SAMPLE_ROWS, Choice, Preview
from app.contacts.imports.schemas import StoredMapping
from app.contacts.imports.sniffing import Sniffer


def proposal(sniffer: Sniffer, filename: str) -> tuple[StoredMapping, int]:
    """The proposal for a file that has streamed by, and about how many rows it has. Raises NotCsv."""
    head, total = sniffer.finish()
    stored = looked_at(head, filename)
    stored.line_ends = sniffer.line_ends
    return stored, total


def read_again(
    head: bytes, before: StoredMapping, choice: Choice, filename: str, *, whole: bool
) -> tuple[StoredMapping, int]:
    """The same for the head of a file that is read as somebody says. Raises NotCsv."""
    preview = csvfile.preview(head, before.format.encoding, choice, whole=whole)
    stored = looked_at(preview, filename)
    stored.line_ends = before.line_ends
    return stored, csvfile.count(preview, before.line_ends, whole=whole)


def looked_at(preview: Preview, filename: str) -> StoredMapping:
    """The proposal for a file of which the head was read."""
    names, rows = preview.format.columns, preview.rows
    every = [cell.strip() for row in rows for cell in row]
    mark = cells.guess_mark(every)
    looks = columns.looks_of(names, rows)
    guess = columns.guess(names, rows, looks, mark)
    dates = {
        name: [row[number].strip() for row in rows if number < len(row)]
        for number, name in enumerate(names)
        if guess[name].type == "date"
    }
    order = cells.guess_order(cell for column in dates.values() for cell in column)
    return StoredMapping(
        format=preview.format,
        sample=[[cell[:200] for cell in row] for row in rows[:SAMPLE_ROWS]],
        flaws=preview.flaws,
        looks=looks,
        opted_out_by_name=optouts.about_list(filename),
        guess=guess,
        notation=Notation(decimal_mark=mark, date_order=order),
        unclear_dates=[name for name, column in dates.items() if order is None and cells.needs_order(column)],
    )
