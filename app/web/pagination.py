"""Keyset pagination: opaque cursors over (sort value, id), never an offset."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

import msgspec
from sqlalchemy import Select, tuple_

from app.errors import Invalid
from app.lib.translation import gettext

T = TypeVar("T")
QueryT = TypeVar("QueryT", bound="Select[*tuple[Any, ...]]")
DEFAULT_LIMIT, MAX_LIMIT = 25, 100


def encode_cursor(*values: Any) -> str:
    """Make an opaque cursor from the sort values of the last row (datetimes, UUIDs, numbers, text)."""
    return base64.urlsafe_b64encode(msgspec.json.encode(values)).decode().rstrip("=")


def decode_cursor(cursor: str, *types: type) -> tuple[Any, ...]:
    """Read a cursor back as values of `types`; Invalid when it is not one of ours."""
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        return tuple(msgspec.json.decode(raw, type=tuple.__class_getitem__(types)))
    except (msgspec.MsgspecError, binascii.Error, ValueError) as error:
        raise Invalid(
            gettext("This cursor is not valid."),
            errors=[{"path": "cursor", "message": gettext("Send `meta.nextCursor` of the last answer unchanged.")}],
        ) from error


def keyset(query: QueryT, columns: Sequence[Any], cursor: str | None, *, descending: bool = False) -> QueryT:
    """`query` in the order of `columns`, from the row after `cursor` on. The columns together are unique, and none may be null.

    Raises Invalid for a cursor that is not of these columns.
    """
    if cursor:
        values = decode_cursor(cursor, *(column.type.python_type for column in columns))
        row, after = tuple_(*columns), tuple_(*values)
        query = query.where(row < after if descending else row > after)
    return query.order_by(*(column.desc() if descending else column.asc() for column in columns))


def clamp_limit(limit: int | None) -> int:
    """The page size to use; Invalid outside 1 to 100."""
    if limit is None:
        return DEFAULT_LIMIT
    if not 1 <= limit <= MAX_LIMIT:
        raise Invalid(
            errors=[
                {"path": "limit", "message": gettext("Send a number from 1 to %(max_limit)s.", max_limit=MAX_LIMIT)}
            ]
        )
    return limit


class Page(msgspec.Struct, Generic[T]):
    """One page of rows and the cursor of the next, None on the last."""

    items: list[T]
    next_cursor: str | None


def cut(rows: Sequence[T], limit: int, key: Callable[[T], tuple[Any, ...]]) -> Page[T]:
    """Build a page from `limit + 1` fetched rows; `key` gives the sort values that the cursor carries."""
    items = list(rows[:limit])
    return Page(items, encode_cursor(*key(items[-1])) if len(rows) > limit and items else None)


SortKey = tuple[datetime, UUID]
