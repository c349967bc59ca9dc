"""`/workflows`: the list with its folders, and as a CSV file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromQuery
from litestar.response import Template
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.deps import AppRequest, Database
from app.flow import thumbnail
from app.flow.node_words import category_of, goals_of
from app.flow.thumbnail import Thumbnail
from app.flow.trigger_registry import summary
from app.folders.service import FolderService, chosen_folder
from app.folders.shelved import Shelved
from app.lib.translation import gettext, translatable
from app.lists.service import ListChoice, ListService
from app.lists.state import ListState
from app.models import FolderKind, Workflow
from app.models.status import Role, WorkflowStatus
from app.web.csv_export import CsvAnswer, CsvList, csv_answer
from app.web.fragments import is_partial, page
from app.web.pagination import MAX_LIMIT, Page
from app.workflows.list_columns import WORKFLOWS, workflow_columns
from app.workflows.listing import ACTIVE
from app.workflows.loaded import WorkflowListItem
from app.workflows.service import WorkflowService
from app.workflows.statuses import LISTED, workflow_statuses

TABS = (
    ("", translatable("All")),
    (WorkflowStatus.ACTIVE, translatable("Active")),
    (WorkflowStatus.PAUSED, translatable("Paused")),
    (WorkflowStatus.DRAFT, translatable("Draft")),
    (WorkflowStatus.ARCHIVED, translatable("Archived")),
)
PAGE = 50
NEWEST = "-created"
"""An order in which nothing moves while it is read in pages."""
COLUMNS = (
    "id", "name", "description", "status", "live_version", "unpublished_changes", "folder", "tags", "active", "entered", "failed",
    "goal_reached", "created_at", "updated_at",
)  # fmt: skip


class WorkflowRow(msgspec.Struct, frozen=True):
    """A line of the list."""

    workflow: Workflow
    listed: WorkflowListItem
    thumbnail: Thumbnail
    trigger: str
    has_goals: bool


def row_of(listed: WorkflowListItem) -> WorkflowRow:
    """What the list shows of one workflow."""
    flow = listed.flow
    return WorkflowRow(
        listed.workflow, listed, thumbnail.draw(flow, category_of), summary(flow.triggers), bool(goals_of(flow))
    )


def cells_of(listed: WorkflowListItem, folder_names: Mapping[UUID, str]) -> list[Any]:
    """A workflow as a row of COLUMNS."""
    row, totals = listed.workflow, listed.totals
    folder = folder_names.get(row.folder_id) if row.folder_id else None
    return [
        str(row.id), row.name, row.description, row.status, row.live_version, listed.has_unpublished_changes, folder, ", ".join(row.tags),
        totals.running_runs, totals.total_runs, totals.failed_runs, totals.goal_reached_runs, row.created_at, row.updated_at,
    ]  # fmt: skip


def _tabs(state: ListState, counts: Mapping[WorkflowStatus, int]) -> list[tuple[str, str, str, int | None]]:
    """A tab for each status; with how many there are where all of them are shown."""
    numbers = {
        key: counts.get(WorkflowStatus(key), 0) if key else sum(counts.get(one, 0) for one in LISTED) for key, _ in TABS
    }
    some = state.filters.get("folder") or state.filters.get("tag")
    return [(key, gettext(text), state.url(status=key), None if some else numbers[key]) for key, text in TABS]


def _filters(status: str, search: str, folder: str, tag: str) -> dict[str, str]:
    """What is searched for is looked for in all folders."""
    search = search.replace("\0", "").strip()
    some = {} if search else {"folder": folder, "tag": tag}
    return {"status": status, "search": search, **some}


def _wanted(filters: Mapping[str, str]) -> dict[str, Any]:
    """The same for the service. Raises Invalid."""
    return {
        "statuses": workflow_statuses(filters.get("status")),
        "search": filters.get("search"),
        "folder": chosen_folder(filters.get("folder")),
        "tag": filters.get("tag"),
    }


@get("/workflows", role=Role.VIEWER)
async def workflow_list(
    request: AppRequest,
    workflows: NamedDependency[WorkflowService],
    folders: NamedDependency[FolderService],
    lists: NamedDependency[ListService],
    status: FromQuery[str] = "",
    search: FromQuery[str] = "",
    folder: FromQuery[str] = "",
    tag: FromQuery[str] = "",
    sort: FromQuery[str] = "",
    columns: FromQuery[str] = "",
    view: FromQuery[UUID | None] = None,
    cursor: FromQuery[str | None] = None,
    new: FromQuery[str | None] = None,
) -> Template:
    """All workflows, last changed first; archived ones on their own tab."""
    filters, counts = _filters(status, search, folder, tag), await workflows.status_counts()
    spec = workflow_columns(sum(counts.values()))
    # A view of a time with fewer workflows is still one.
    order = "" if sort.removeprefix("-") == ACTIVE and sort not in spec.orders else sort
    state = await lists.state(spec, filters, ListChoice(order, columns, view), partial=is_partial(request))
    listed = await workflows.lists.page(limit=PAGE, cursor=cursor, order=state.order, **_wanted(state.filters))
    shelf = await folders.shelf(FolderKind.WORKFLOW)
    return page(
        request,
        "workflows/list.html",
        block="rows",
        rows=[row_of(one) for one in listed.items],
        state=state,
        more=state.url(cursor=listed.next_cursor) if listed.next_cursor else "",
        cursor=cursor,
        tabs=_tabs(state, counts),
        status=status,
        search=search,
        total=sum(counts.values()),
        new=new is not None,
        shelf=shelf,
        shelved=Shelved(FolderKind.WORKFLOW, gettext("All workflows"), state),
        folder_names=shelf.names,
    )


@get("/workflows/export", role=Role.VIEWER)
async def export_workflows(
    request: AppRequest,
    db_session: Database,
    workflows: NamedDependency[WorkflowService],
    folders: NamedDependency[FolderService],
    status: FromQuery[str] = "",
    search: FromQuery[str] = "",
    folder: FromQuery[str] = "",
    tag: FromQuery[str] = "",
    sort: FromQuery[str] = "",
    columns: FromQuery[str] = "",
) -> CsvAnswer:
    """All workflows that fit, as they are sorted, with every column whatever `columns` the page shows.

    By runs under way: as they stand when the file is begun, since those numbers move while it is read. Too many for that come by age.
    """
    principal, order = request.user, WORKFLOWS.checked_order(sort)
    wanted = _wanted(_filters(status, search, folder, tag))
    names = (await folders.shelf(FolderKind.WORKFLOW)).names
    by_active = order.removeprefix("-") == ACTIVE
    ids = await workflows.lists.ids_by_active(order, **wanted) if by_active else None
    order = NEWEST if by_active else order

    async def read(of_page: AsyncSession, cursor: str | None) -> Page[Sequence[Any]]:
        lists = WorkflowService(of_page, principal).lists
        if ids is not None:
            following = int(cursor or 0) + MAX_LIMIT
            rows: list[Sequence[Any]] = [
                cells_of(one, names) for one in await lists.of_ids(ids[following - MAX_LIMIT : following])
            ]
            return Page(rows, str(following) if following < len(ids) else None)
        listed = await lists.page(limit=MAX_LIMIT, cursor=cursor, order=order, **wanted)
        return Page([cells_of(one, names) for one in listed.items], listed.next_cursor)

    return await csv_answer(request, db_session, CsvList("workflows", COLUMNS, read))


ROUTES = [workflow_list, export_workflows]
