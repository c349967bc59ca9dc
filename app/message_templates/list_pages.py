"""`/templates`: the list with its folders, as cards, and as a CSV file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromQuery
from litestar.response import Template
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.deps import AppRequest, Database
from app.folders.service import FolderService, chosen_folder
from app.folders.shelved import Shelved
from app.lib.translation import gettext
from app.lists.service import ListChoice, ListService
from app.message_templates.list_columns import TEMPLATES
from app.message_templates.service import TemplateService, sample_subjects
from app.messaging.channels import registry
from app.models import FolderKind
from app.models import Template as TemplateRow
from app.models.status import Role
from app.web.csv_export import CsvAnswer, CsvList, csv_answer
from app.web.fragments import is_partial, page
from app.web.pagination import MAX_LIMIT, Page

PAGE = 24
FIRST_WORDS = 120
"""The list shows so much of the text of a template without a subject."""
COLUMNS = ("id", "name", "channel", "subject", "folder", "tags", "created_at", "updated_at")


def cells_of(row: TemplateRow, folder_names: Mapping[UUID, str]) -> list[Any]:
    """A template as a row of COLUMNS."""
    folder = folder_names.get(row.folder_id) if row.folder_id else None
    return [
        str(row.id),
        row.name,
        row.channel,
        row.subject,
        folder,
        ", ".join(row.tags),
        row.created_at,
        row.updated_at,
    ]


def _filters(search: str, folder: str, tag: str) -> dict[str, str]:
    """What is searched for is looked for in all folders."""
    search = search.replace("\0", "").strip()
    return {"search": search, **({} if search else {"folder": folder, "tag": tag})}


async def _page_of(
    templates: TemplateService, filters: Mapping[str, str], order: str, limit: int, cursor: str | None
) -> Page[TemplateRow]:
    folder, tag = chosen_folder(filters.get("folder")), filters.get("tag")
    return await templates.list(limit, cursor, filters.get("search", ""), folder, tag, order)


@get("/templates", role=Role.VIEWER)
async def list_templates(
    request: AppRequest,
    db_session: Database,
    templates: NamedDependency[TemplateService],
    folders: NamedDependency[FolderService],
    lists: NamedDependency[ListService],
    search: FromQuery[str] = "",
    folder: FromQuery[str] = "",
    tag: FromQuery[str] = "",
    sort: FromQuery[str] = "",
    columns: FromQuery[str] = "",
    view: FromQuery[UUID | None] = None,
    cursor: FromQuery[str | None] = None,
) -> Template:
    """All templates by name, each with a small picture of itself."""
    filters, choice = _filters(search, folder, tag), ListChoice(sort, columns, view)
    state = await lists.state(TEMPLATES, filters, choice, partial=is_partial(request))
    listed = await _page_of(templates, state.filters, state.order, PAGE, cursor)
    shelf = await folders.shelf(FolderKind.TEMPLATE)
    sources = [row.subject or row.text[:FIRST_WORDS] for row in listed.items]
    subjects = await sample_subjects(db_session, request.user, sources)
    return page(
        request,
        "templates/list.html",
        block="rows",
        rows=list(zip(listed.items, subjects, strict=True)),
        state=state,
        more=state.url(cursor=listed.next_cursor) if listed.next_cursor else "",
        cursor=cursor,
        search=search,
        shelf=shelf,
        shelved=Shelved(FolderKind.TEMPLATE, gettext("All templates"), state),
        folder_names=shelf.names,
        channel_word=lambda channel: registry.shown(channel).label,
    )


@get("/templates/export", role=Role.VIEWER)
async def export_templates(
    request: AppRequest,
    db_session: Database,
    folders: NamedDependency[FolderService],
    search: FromQuery[str] = "",
    folder: FromQuery[str] = "",
    tag: FromQuery[str] = "",
    sort: FromQuery[str] = "",
    columns: FromQuery[str] = "",
) -> CsvAnswer:
    """All templates that fit, as they are sorted, whatever `columns` their cards show; without their texts."""
    principal, order = request.user, TEMPLATES.checked_order(sort)
    filters, names = _filters(search, folder, tag), (await folders.shelf(FolderKind.TEMPLATE)).names

    async def read(of_page: AsyncSession, cursor: str | None) -> Page[Sequence[Any]]:
        listed = await _page_of(TemplateService(of_page, principal), filters, order, MAX_LIMIT, cursor)
        return Page([cells_of(row, names) for row in listed.items], listed.next_cursor)

    return await csv_answer(request, db_session, CsvList("templates", COLUMNS, read))


ROUTES = [list_templates, export_templates]
