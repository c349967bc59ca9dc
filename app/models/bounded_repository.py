"""Pages of lists that look at a bounded number of rows, also where nothing fits.

An index leads to some of a list's rows in its order; whatever else a reader filters by is looked at row by row. A page looks at
`LOOKED_AT` of them at most. When that many went by and the page is not full, it ends there with the cursor of the last row that
was looked at: there may be more, and whoever wants it goes on. Where few rows fit an index without that order, they are all read and
sorted instead.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Bundle, aliased

from app.web.pagination import Page, cut, encode_cursor, keyset

LOOKED_AT = 20_000
"""Rows that one page looks at, some 40 ms; and up to where things are counted."""
LOOKED_AT_FIRST = 2_000
"""Rows that are looked at before another index is asked for what is rare."""
FEW = 10_000
"""Up to so many rows are read one by one and sorted."""


async def bounded_page(
    session: AsyncSession,
    rows: Select[Any],
    order: Sequence[Any],
    cursor: str | None,
    limit: int,
    *,
    led_by: Sequence[ColumnElement[bool]],
    others: Sequence[ColumnElement[bool]] = (),
    key: Callable[[Any], tuple[Any, ...]],
    first: bool = False,
    weight: int = 1,
    ascending: bool = False,
) -> Page[Any]:
    """A page of `rows`, the greatest by the columns `order` first, or the least.

    `led_by` are the conditions that an index serves, with `order` behind them, on the table of `order` alone; `others` are looked at
    row by row, LOOKED_AT rows at most, with `first` LOOKED_AT_FIRST; a part of that, `weight`, where a look is dear. `key` reads the
    values of `order` off a row.
    """
    edge: tuple[Any, ...] | None = None
    query = keyset(rows.where(*led_by, *others), order, cursor, descending=not ascending)
    if others:
        keys = keyset(select(*order).where(*led_by), order, cursor, descending=not ascending)
        last = (
            await session.execute(keys.offset((LOOKED_AT_FIRST if first else LOOKED_AT) // weight - 1).limit(1))
        ).first()
        if last is not None:
            edge = tuple(last)
            end, row = tuple_(*edge), tuple_(*order)
            query = query.where(row <= end if ascending else row >= end)
    page = cut((await session.execute(query.limit(limit + 1))).all(), limit, key)
    if page.next_cursor is None and edge is not None:
        return Page(page.items, encode_cursor(*edge))
    return page


async def page_of_few(
    session: AsyncSession,
    model: Any,
    order: Sequence[Any],
    cursor: str | None,
    limit: int,
    *,
    few: Sequence[ColumnElement[bool]],
    others: Sequence[ColumnElement[bool]] = (),
    ascending: bool = False,
) -> Page[Any] | None:
    """A page of the rows of `model` that an index finds by `few`, sorted here; None when those are more than FEW."""
    if await counted(session, select(order[0]).where(*few), FEW + 1) > FEW:
        return None
    return await sorted_page(session, model, order, cursor, limit, [*few, *others], ascending=ascending)


async def sorted_page(
    session: AsyncSession,
    model: Any,
    order: Sequence[Any],
    cursor: str | None,
    limit: int,
    filters: Sequence[ColumnElement[bool]],
    *,
    ascending: bool = False,
    only: Sequence[str] = (),
) -> Page[Any]:
    """A page of the rows of `model` that fit, all of them read and sorted; with `only`, nothing but these columns of them.

    A fence keeps the planner from walking in the order of the list until it has met enough of them.
    """
    row = aliased(model, select(model).where(*filters).offset(0).subquery())
    columns = [getattr(row, column.key) for column in order]
    wanted = Bundle("row", *(getattr(row, name) for name in only)) if only else row
    query = keyset(select(wanted), columns, cursor, descending=not ascending).limit(limit + 1)
    rows = (await session.scalars(query)).all()
    return cut(rows, limit, lambda one: tuple(getattr(one, column.key) for column in order))


async def counted(session: AsyncSession, rows: Select[Any], most: int) -> int:
    """How many rows there are, counted up to `most`."""
    return int(await session.scalar(select(func.count()).select_from(rows.limit(most).subquery())) or 0)


def escaped(part: str) -> str:
    """A text as it stands in a pattern of `like`."""
    return part.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
