"""What lists do about folders and tags: make, change and delete a folder, move rows and tag them. The lists themselves are their features'.

Moving and tagging answer JSON for `static/shelf.js`: what was done in words, the requests that take it back, and how many were left alone
because they lie elsewhere by now.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from litestar import Response, post
from litestar.datastructures import FormMultiDict
from litestar.di import NamedDependency
from litestar.params import FromPath
from msgspec import UNSET, UnsetType

from app.accounts.deps import AppRequest
from app.errors import AppError, NotFound
from app.folders.repository import Filed
from app.folders.service import FolderService
from app.folders.tags import lost_and_added, typed_tags
from app.lib.formats import counted
from app.lib.translation import gettext
from app.models import FolderKind
from app.models.folder import NO_FOLDER
from app.models.status import Role
from app.web.flash import go
from app.web.wording import for_people

ALL = "/folders/{folder_kind:str}"
LISTS = {FolderKind.WORKFLOW: "/workflows", FolderKind.TEMPLATE: "/templates"}
Request = tuple[str, Sequence[tuple[str, str]]]
"""A path and the fields of a form."""


def _kind(word: str) -> FolderKind:
    try:
        return FolderKind(word)
    except ValueError as error:
        raise NotFound from error


def _id(word: Any) -> UUID | None:
    try:
        return UUID(str(word)) if word else None
    except ValueError as error:
        raise NotFound from error


def _ids(form: FormMultiDict) -> list[UUID]:
    return [one for one in map(_id, form.getall("id", [])) if one is not None]


def _came_from(form: FormMultiDict) -> UUID | UnsetType | None:
    """Where rows have to lie to be moved: a folder, none, or, without that field, anywhere."""
    word = form.get("from")
    if word is None:
        return UNSET
    return None if word == NO_FOLDER else _id(word)


def _list(kind: FolderKind, folder_id: UUID | None) -> str:
    return LISTS[kind] + (f"?{urlencode({'folder': folder_id})}" if folder_id else "")


def _refused_in_dialog(request: AppRequest, error: AppError, to: str) -> Response[bytes]:
    """Why not: for the dialog that asks, which stays open with all that was typed; without scripts above the list."""
    if request.headers.get("hx-request") != "true" or isinstance(error, NotFound):
        return go(request, to, _sentence(error), "err")
    return Response(_sentence(error).encode(), media_type="text/plain; charset=utf-8", status_code=422)


def _sentence(error: AppError) -> str:
    return for_people(str(error.errors[0]["message"]) if error.errors else error.for_people)


@post(ALL, role=Role.MARKETER, status_code=200)
async def add_folder(
    request: AppRequest, folders: NamedDependency[FolderService], folder_kind: FromPath[str]
) -> Response[bytes]:
    """Make one and show it."""
    form, kind = await request.form(), _kind(folder_kind)
    parent = _id(form.get("parent"))
    try:
        folder = await folders.create(kind, str(form.get("name", "")), parent)
    except AppError as error:
        return _refused_in_dialog(request, error, _list(kind, parent))
    return go(request, _list(kind, folder.id), gettext("Folder “%(name)s” created.", name=folder.name))


@post(ALL + "/change", role=Role.MARKETER, status_code=200)
async def change_folder(
    request: AppRequest, folders: NamedDependency[FolderService], folder_kind: FromPath[str]
) -> Response[bytes]:
    """Rename it, or put it into another one."""
    form, kind = await request.form(), _kind(folder_kind)
    if (folder_id := _id(form.get("folder"))) is None:
        raise NotFound
    try:
        await folders.change(kind, folder_id, str(form.get("name", "")), _id(form.get("parent")))
    except AppError as error:
        return _refused_in_dialog(request, error, _list(kind, folder_id))
    return go(request, _list(kind, folder_id), gettext("Folder saved."))


@post(ALL + "/{folder_id:uuid}/delete", role=Role.MARKETER, status_code=200)
async def delete_folder(
    request: AppRequest,
    folders: NamedDependency[FolderService],
    folder_kind: FromPath[str],
    folder_id: FromPath[UUID],
) -> Response[bytes]:
    """Delete it; what was in it stays."""
    kind = _kind(folder_kind)
    try:
        folder = await folders.delete(kind, folder_id)
    except AppError as error:
        if isinstance(error, NotFound):
            raise
        return go(request, _list(kind, folder_id), _sentence(error), "err")
    text = gettext("Folder “%(name)s” deleted. What was in it is still here.", name=folder.name)
    return go(request, _list(kind, folder.parent_id), text)


@post(ALL + "/move", role=Role.MARKETER, status_code=200)
async def move_to_folder(
    request: AppRequest, folders: NamedDependency[FolderService], folder_kind: FromPath[str]
) -> Response[Any]:
    """Put rows into a folder, or into none. With `from`, which an undo has, only those that still lie there."""
    form, kind = await request.form(), _kind(folder_kind)
    folder_id, ids, came_from = _id(form.get("folder")), _ids(form), _came_from(form)
    try:
        moved = await folders.move(kind, ids, folder_id, came_from)
        name = (await folders.get(kind, folder_id)).name if folder_id else ""
    except AppError as error:
        return _refused(error)
    many = counted(len(moved), kind.value)
    text = (
        gettext("%(many)s moved to “%(name)s”.", many=many, name=name)
        if name
        else gettext("%(many)s moved out of folders.", many=many)
    )
    now = ("from", str(folder_id or NO_FOLDER))
    undo = (
        (f"/folders/{kind}/move", [("folder", str(place or "")), now, *_of_place(moved, place)])
        for place in {row.folder_id for row in moved}
    )
    return _done(text, undo, 0 if came_from is UNSET else len(ids) - len(moved))


@post(ALL + "/tag", role=Role.MARKETER, status_code=200)
async def tag_rows(
    request: AppRequest, folders: NamedDependency[FolderService], folder_kind: FromPath[str]
) -> Response[Any]:
    """Add tags to rows and take some away: `add` is a text with commas, `remove` each a tag."""
    form, kind = await request.form(), _kind(folder_kind)
    add, remove = typed_tags(str(form.get("add", ""))), [str(word) for word in form.getall("remove", [])]
    try:
        changed = await folders.tag(kind, _ids(form), add, remove)
    except AppError as error:
        return _refused(error)
    text = gettext("Tags of %(many)s changed.", many=counted(len(changed), kind.value))
    alike: dict[tuple[tuple[str, str], ...], list[tuple[str, str]]] = {}
    for row in changed:
        alike.setdefault(_undone(row, add, remove), []).append(("id", str(row.id)))
    return _done(text, ((f"/folders/{kind}/tag", [*ids, *fields]) for fields, ids in alike.items()))


def _of_place(moved: Iterable[Filed], place: UUID | None) -> list[tuple[str, str]]:
    return [("id", str(row.id)) for row in moved if row.folder_id == place]


def _undone(row: Filed, add: Sequence[str], remove: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """The fields that give a row its tags again, beside its id; the same for all that lost and got the same."""
    lost, added = lost_and_added(row.tags, add, remove)
    return ("add", ",".join(lost)), *(("remove", word) for word in added)


def _done(text: str, undo: Iterable[Request], left: int = 0) -> Response[Any]:
    return Response({"text": text, "undo": list(undo), "left": left}, media_type="application/json")


def _refused(error: AppError) -> Response[Any]:
    return Response({"error": _sentence(error)}, media_type="application/json", status_code=error.status_code)


ROUTES: list[Any] = [add_folder, change_folder, delete_folder, move_to_folder, tag_rows]
