"""What a file seems to hold: everything that is proposed before somebody decides."""

from __future__ import annotations

from app.contacts.imports import cells, columns, optouts
from app.contacts.imports.cells import Notation
from app.contacts.imports.csvfile import SAMPLE_ROWS, Preview
from app.contacts.imports.schemas import Stored


def looked_at(found: Preview, filename: str) -> Stored:
    """The proposal for a file of which the head was read."""
    names, rows = found.format.columns, found.rows
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
    return Stored(
        format=found.format,
        sample=[[cell[:200] for cell in row] for row in rows[:SAMPLE_ROWS]],
        flaws=found.flaws,
        looks=looks,
        opted_out_by_name=optouts.about_list(filename),
        guess=guess,
        notation=Notation(decimal_mark=mark, date_order=order),
        unclear_dates=[name for name, column in dates.items() if order is None and cells.needs_order(column)],
    )
