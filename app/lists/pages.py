"""What people keep of lists, from the pages of those: columns for themselves, and views."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from litestar import Response, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from app.accounts.deps import AppRequest
from app.accounts.pages import safe_next
from app.errors import Invalid
from app.lib.translation import gettext
from app.lists import bulk_pages
from app.lists.bulk import BulkJobs
from app.lists.service import ListService
from app.lists.spec import ListSpec, list_called
from app.lists.state import ListState
from app.models import ListView
from app.models.status import Role
from app.web.flash import go

VIEWS = "/lists/{list_name:str}/views"
ONE = VIEWS + "/{view_id:uuid}"


def _path(spec: ListSpec, to: object) -> str:
    """Where the list was shown: some are shown below each workflow."""
    path = safe_next(str(to or "")).partition("?")[0]
    return path if path.startswith(f"{spec.path}/") else spec.path


def _address(spec: ListSpec, view: ListView, to: object) -> str:
    state = ListState(spec, {}, path=_path(spec, to), columns=(), view=view.id, views=[view])
    return next(tab.address for tab in state.tabs if tab.id == view.id)


@post("/lists/{list_name:str}/columns", role=Role.VIEWER)
async def choose_list_columns(
    request: AppRequest, lists: NamedDependency[ListService], list_name: FromPath[str]
) -> Response[bytes]:
    """Show these columns to whoever asks, from now on."""
    form = await request.form()
    keys = [] if form.get("usual") else [str(key) for key in form.getall("column", [])]
    await lists.choose_columns(list_called(list_name), keys)
    return go(request, safe_next(str(form.get("to", ""))))


@post(VIEWS, role=Role.VIEWER)
async def save_list_view(
    request: AppRequest, lists: NamedDependency[ListService], list_name: FromPath[str]
) -> Response[bytes]:
    """Save what is shown under a name."""
    form, spec = await request.form(), list_called(list_name)
    try:
        view = await lists.save(
            spec, str(form.get("name", "")), str(form.get("query", "")), shared=bool(form.get("shared"))
        )
    except Invalid as error:
        return go(request, safe_next(str(form.get("to", ""))), error.for_people, "err")
    return go(request, _address(spec, view, form.get("to")), gettext("View “%(name)s” saved.", name=view.name))


@post(ONE + "/update", role=Role.VIEWER)
async def update_list_view(
    request: AppRequest, lists: NamedDependency[ListService], list_name: FromPath[str], view_id: FromPath[UUID]
) -> Response[bytes]:
    """Let the view say what is shown."""
    form, spec = await request.form(), list_called(list_name)
    view = await lists.update(spec, view_id, str(form.get("query", "")))
    return go(request, _address(spec, view, form.get("to")), gettext("View “%(name)s” updated.", name=view.name))


@post(ONE + "/rename", role=Role.VIEWER)
async def rename_list_view(
    request: AppRequest, lists: NamedDependency[ListService], list_name: FromPath[str], view_id: FromPath[UUID]
) -> Response[bytes]:
    """Call it otherwise, share it or not."""
    form, spec = await request.form(), list_called(list_name)
    try:
        view = await lists.rename(spec, view_id, str(form.get("name", "")), shared=bool(form.get("shared")))
    except Invalid as error:
        return go(request, safe_next(str(form.get("to", ""))), error.for_people, "err")
    return go(request, _address(spec, view, form.get("to")), gettext("View “%(name)s” saved.", name=view.name))


@post(ONE + "/delete", role=Role.VIEWER)
async def delete_list_view(
    request: AppRequest, lists: NamedDependency[ListService], list_name: FromPath[str], view_id: FromPath[UUID]
) -> Response[bytes]:
    """Delete it; the list stays as it is."""
    form, spec = await request.form(), list_called(list_name)
    view = await lists.delete(spec, view_id)
    return go(request, _path(spec, form.get("to")), gettext("View “%(name)s” deleted.", name=view.name))


ROUTES: list[Any] = [
    choose_list_columns, save_list_view, update_list_view, rename_list_view, delete_list_view, *bulk_pages.ROUTES,
]  # fmt: skip
SERVICES = {"lists": ListService, "bulk_jobs": BulkJobs}
