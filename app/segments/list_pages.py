"""`/segments`: the list, and as a CSV file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromQuery
from litestar.response import Template
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.deps import AppRequest, Database
from app.lists.service import ListChoice, ListService
from app.models.status import Role
from app.segments.list_columns import SEGMENTS
from app.segments.service import Listed, SegmentService
from app.web.csv_export import CsvAnswer, CsvList, csv_answer
from app.web.fragments import is_partial, page
from app.web.pagination import MAX_LIMIT, Page

PAGE = 50
COLUMNS = ("id", "name", "description", "kind", "rule", "state", "contacts", "created_at", "updated_at")


def cells_of(listed: Listed) -> list[Any]:
    """A segment as a row of COLUMNS."""
    row = listed.segment
    return [
        str(row.id), row.name, row.description, row.kind, row.sentence, row.state, listed.members, row.created_at, row.updated_at,
    ]  # fmt: skip


@get("/segments", role=Role.VIEWER)
async def segment_list(
    request: AppRequest,
    segments: NamedDependency[SegmentService],
    lists: NamedDependency[ListService],
    search: FromQuery[str] = "",
    sort: FromQuery[str] = "",
    columns: FromQuery[str] = "",
    view: FromQuery[UUID | None] = None,
    cursor: FromQuery[str] = "",
) -> Template:
    """Segments by name with their sizes; the search replaces only the rows."""
    choice = ListChoice(sort, columns, view)
    state = await lists.state(SEGMENTS, {"search": search}, choice, partial=is_partial(request))
    listed = await segments.list(search=search, cursor=cursor or None, limit=PAGE, order=state.order)
    return page(
        request,
        "segments/list.html",
        block="rows",
        rows=listed.items,
        state=state,
        more=state.url(cursor=listed.next_cursor) if listed.next_cursor else "",
        search=search,
        cursor=cursor,
    )


@get("/segments/export", role=Role.VIEWER)
async def export_segments(
    request: AppRequest,
    db_session: Database,
    search: FromQuery[str] = "",
    sort: FromQuery[str] = "",
    columns: FromQuery[str] = "",
) -> CsvAnswer:
    """All segments that fit, as they are sorted, with every column whatever `columns` the page shows; not who is in them."""
    principal, order = request.user, SEGMENTS.checked_order(sort)

    async def read(of_page: AsyncSession, cursor: str | None) -> Page[Sequence[Any]]:
        listed = await SegmentService(of_page, principal).list(
            search=search, cursor=cursor, limit=MAX_LIMIT, order=order
        )
        return Page([cells_of(one) for one in listed.items], listed.next_cursor)

    return await csv_answer(request, db_session, CsvList("segments", COLUMNS, read))


ROUTES = [segment_list, export_segments]
