"""What an event brought, in one or two lines: a few fields with their values, by which people tell it from the others of a list."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from app.flow.field_names import BELOW
from app.flow.value_rows import ValueRow, value_rows

MOST_FIELDS, LONGEST, SHORT, MOST_PARTS = 12, 60, 24, 3
"""Fields that are shown, characters of one value and of one that leaves room for others, and items of one list."""


class BriefValue(NamedTuple):
    """One field. `at`: the value is a moment, which stands on the reader's clock."""

    label: str
    text: str
    at: datetime | None = None


class BriefValues(NamedTuple):
    """The fields that tell most. `more`: how many are left out."""

    fields: tuple[BriefValue, ...]
    more: int = 0


def brief_values(all_properties: Sequence[Mapping[str, Any]]) -> list[BriefValues]:
    """What is shown of each: first what is not the same in all of them, and of that what is short."""
    every = [list(_fields(value_rows(properties, data=True))) for properties in all_properties]
    often = Counter(field for fields in every for field in fields)
    shown = []
    for fields in every:
        telling = sorted(fields, key=lambda field: (often[field] == len(every) > 1, *_last(field)))
        shown.append(BriefValues(tuple(telling[:MOST_FIELDS]), max(len(telling) - MOST_FIELDS, 0)))
    return shown


def _last(field: BriefValue) -> tuple[bool, int]:
    """What is long comes after what is short, and what stands deep, as the third article of an order, after what does not."""
    return len(field.text) > SHORT and not field.at, field.label.count(BELOW)


def _fields(row: ValueRow, above: str = "") -> Iterator[BriefValue]:
    """The values below a row, each with the names that lead to it; empty ones tell nothing."""
    for one in row.rows:
        label = f"{above}{one.label}"
        if one.kind == "rows":
            yield from _fields(one, f"{label}{BELOW}")
        elif one.kind == "items":
            text = ", ".join(one.parts[:MOST_PARTS])
            more = len(one.parts) - MOST_PARTS + one.more
            yield BriefValue(_cut(label), _cut(f"{text}, …" if more > 0 else text))
        elif one.kind != "empty":
            yield BriefValue(_cut(label), _cut(one.text), one.at)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
