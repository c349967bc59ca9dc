"""What a trigger asks another program for, again and again, and what it makes of each row. `app.polls` asks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

import msgspec

from app.flow.reception import Reception, value_at
from app.lib.conversions import as_exact, as_instant, as_key
from app.lib.normal_forms import nfc

CursorKind = Literal["number", "timestamp"]
FirstPoll = Literal["new", "existing"]
"""What the first poll does with the rows that are there: nothing, or it starts runs for them too."""
OLDEST = timedelta(days=6)
"""What happened a week before it arrives starts nothing (`event_too_old`); of rows that are there already it shall."""
_BEGINNINGS: dict[CursorKind, str] = {"number": "0", "timestamp": "1970-01-01T00:00:00+00:00"}
_SQL_TYPES: dict[CursorKind, str] = {"number": "numeric", "timestamp": "timestamptz"}


class RowCursor(msgspec.Struct, frozen=True):
    """The value by which rows are known to be newer: where it stands in a row, and how it is compared."""

    path: str
    kind: CursorKind = "number"

    @property
    def beginning(self) -> str:
        """Less than that of every row."""
        return _BEGINNINGS[self.kind]

    @property
    def sql_type(self) -> str:
        """As what PostgreSQL compares it."""
        return _SQL_TYPES[self.kind]

    def text_of(self, row: Any) -> str | None:
        """The value in a row as it stands there, None where there is none that can be compared."""
        text = _text(value_at(row, self.path))
        return text if text and self.order(text) is not None else None

    def order(self, text: str) -> tuple[Any, str] | None:
        """What values are compared by; None for what is none."""
        compared: Any = as_exact(text) if self.kind == "number" else as_instant(text, UTC)
        return None if compared is None else (compared, text)

    def greatest(self, texts: list[str]) -> str:
        """Of values that `text_of` answered."""
        return max(texts, key=lambda text: self.order(text) or (Decimal(0), ""))


class RowPoll(msgspec.Struct, frozen=True):
    """`url` or `query`, of a connector or none. `items`: where the list stands in the answer of a URL; `id`: what a row is known by;
    `occurred_at`: where it says when it happened; `event`: what that is called in the history of the contact."""

    connector_id: UUID | None
    url: str
    query: str
    items: str
    every_s: int
    id: str
    cursor: RowCursor | None
    occurred_at: str
    first: FirstPoll
    reception: Reception
    event: str = "row.polled"

    @property
    def source(self) -> list[Any]:
        """What the place that was reached belongs to: with another one it begins again."""
        cursor = [self.cursor.path, self.cursor.kind] if self.cursor else None
        return [str(self.connector_id), self.url, self.query, self.items, self.id, cursor, self.first]

    def key_of(self, row: Any) -> str:
        """What a row is known by; empty where it says nothing."""
        return _text(value_at(row, self.id))

    def when(self, row: Any, now: datetime) -> datetime:
        """When it happened: what the row says, never later than now, and not so long ago that the engine starts nothing for it."""
        value = value_at(row, self.occurred_at) if self.occurred_at else None
        at = as_instant(value, UTC) if value is not None else None
        return max(min(at, now), now - OLDEST) if at is not None else now

    def pause_s(self, failures: int) -> float:
        """How long until it asks again after so many failures in a row: twice as long each time, up to an hour or its own interval."""
        return max(self.every_s, min(self.every_s * 2.0 ** min(failures, 12), timedelta(hours=1).total_seconds()))


def _text(value: Any) -> str:
    """A value that rows are told apart by, whole: what is cut or rounded would pass over the rows of another. Empty for what is none."""
    if isinstance(value, str):
        return nfc(value.strip())
    exact = as_exact(value)
    if not isinstance(exact, Decimal) or exact == exact.to_integral_value():
        return as_key(exact, 400)
    return format(exact.normalize(), "f")
