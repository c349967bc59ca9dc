"""Rules of folders and tags. The API, the pages, and the services of workflows and templates call the same functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from msgspec import UNSET, UnsetType
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.errors import Conflict, FieldError, Invalid, NotFound
from app.folders.repository import Filed, FiledRepository, FolderRepository
from app.folders.tags import MOST_TAGS, checked_tags, joined_tags, too_many_tags
from app.lib.ids import uuid7
from app.lib.translation import gettext
from app.models import Folder, FolderKind, Template, Workflow
from app.models.folder import NO_FOLDER, FolderFilter

MOST_FOLDERS, LONGEST_NAME, MOST_FILED = 200, 80, 500
"""Of a kind in a workspace; characters; rows that are moved or tagged at once."""
SHOWN_TAGS = 30


class FolderNotFound(NotFound):
    """There is no such folder. It may have been deleted."""

    code = "folder_not_found"


class FolderNameTaken(Conflict):
    """There is a folder of this name. Choose a different one."""

    code = "folder_name_taken"


class CountedFolder(NamedTuple):
    """A folder with the number of rows in it and in the folders within it."""

    folder: Folder
    number: int


class Shelf(NamedTuple):
    """What a list shows beside itself: folders in the order of a tree, each behind the one that it lies in, and tags with how often."""

    folders: Sequence[CountedFolder]
    unfiled: int
    total: int
    tags: Mapping[str, int]

    @property
    def names(self) -> dict[UUID, str]:
        """What the folders are called, one in another with that."""
        plain = {folder.id: folder.name for folder, _ in self.folders}
        return {
            folder.id: f"{plain[folder.parent_id]} / {folder.name}" if folder.parent_id else folder.name
            for folder, _ in self.folders
        }


class FolderService:
    """Folders of the principal's workspace. Flushes, never commits."""

    def __init__(self, session: AsyncSession, principal: Principal) -> None:
        self.session, self._tenant = session, principal.tenant_id
        self._rows = FolderRepository(session, principal.tenant_id)

    # Reading --------------------------------------------------------------------------------------------------

    async def shelf(self, kind: FolderKind) -> Shelf:
        """Three queries, whatever the number."""
        filed = self._filed(kind)
        counts = await filed.counts()
        folders = _tree(await self._rows.of_kind(kind))
        inner: dict[UUID, int] = {}
        for folder in folders:
            if folder.parent_id:
                inner[folder.parent_id] = inner.get(folder.parent_id, 0) + counts.get(folder.id, 0)
        counted = [CountedFolder(folder, counts.get(folder.id, 0) + inner.get(folder.id, 0)) for folder in folders]
        return Shelf(counted, counts.get(None, 0), sum(counts.values()), await filed.tag_counts(SHOWN_TAGS))

    async def tags_with(self, kind: FolderKind, letters: str) -> Sequence[str]:
        """Tags in which these letters are."""
        return await self._filed(kind).tags_with(letters, SHOWN_TAGS)

    async def tags_of(self, kind: FolderKind, ids: Sequence[UUID]) -> Sequence[str]:
        """Each tag that some of these rows have."""
        return await self._filed(kind).tags_of(ids)

    async def get(self, kind: FolderKind, folder_id: UUID) -> Folder:
        """Raises FolderNotFound, also for one of another kind."""
        folder = await self._rows.get_one_or_none(Folder.id == folder_id, Folder.kind == kind.value)
        if folder is None:
            raise FolderNotFound
        return folder

    # Folders --------------------------------------------------------------------------------------------------

    async def create(self, kind: FolderKind, name: str, parent_id: UUID | None = None) -> Folder:
        """A new folder, in another one or in none. Raises FolderNameTaken, Invalid."""
        folders = await self._rows.of_kind(kind, lock=True)
        if len(folders) >= MOST_FOLDERS:
            raise _invalid("name", gettext("There are %(most)s folders, which is the most.", most=MOST_FOLDERS))
        folder = Folder(id=uuid7(), kind=kind.value, name=_folder_name(name), parent_id=parent_id)
        _check_place(folder, folders)
        return await self._rows.add(folder)

    async def change(
        self,
        kind: FolderKind,
        folder_id: UUID,
        name: str | UnsetType = UNSET,
        parent_id: UUID | UnsetType | None = UNSET,
    ) -> Folder:
        """Call it otherwise, or put it elsewhere with all that is in it. Raises FolderNotFound, FolderNameTaken, Invalid."""
        folders = await self._rows.of_kind(kind, lock=True)
        folder = _of_id(folders, folder_id)
        if name is not UNSET:
            folder.name = _folder_name(str(name))
        if not isinstance(parent_id, UnsetType):
            folder.parent_id = parent_id
        with self.session.no_autoflush:
            _check_place(folder, folders)
        await self.session.flush()
        return folder

    async def delete(self, kind: FolderKind, folder_id: UUID) -> Folder:
        """Delete a folder; what was in it, folders too, lies where the folder lay. Raises FolderNotFound, FolderNameTaken."""
        folders = await self._rows.of_kind(kind, lock=True)
        folder = _of_id(folders, folder_id)
        beside = [other for other in folders if other.parent_id == folder.parent_id and other is not folder]
        names = {other.name.casefold() for other in beside}
        inner = [other for other in folders if other.parent_id == folder.id]
        if taken := [other.name for other in inner if other.name.casefold() in names]:
            raise FolderNameTaken(
                gettext("Where it goes there is a folder %(name)s. Rename one of them first.", name=f"“{taken[0]}”")
            )
        await self._filed(kind).empty(folder.id, folder.parent_id)
        name, folder.name = folder.name, str(folder.id)  # one within it may be called as it was
        await self.session.flush()
        for other in inner:
            other.parent_id = folder.parent_id
        await self.session.flush()
        await self._rows.delete(folder)
        folder.name = name
        return folder

    # What lies in them ----------------------------------------------------------------------------------------

    async def check(self, kind: FolderKind, folder_id: UUID | None, path: str = "folderId") -> None:
        """Raises Invalid where there is no such folder; one that is there stays until this transaction ends."""
        if folder_id is not None and await self._rows.shared(kind, folder_id) is None:
            raise _invalid(path, gettext("There is no such folder."))

    async def move(
        self,
        kind: FolderKind,
        ids: Sequence[UUID],
        folder_id: UUID | None,
        only_from: UUID | UnsetType | None = UNSET,
    ) -> list[Filed]:
        """Put workflows or templates into a folder, None: into none. Those that were moved, as they were before.

        `only_from`: those that lie elsewhere, by somebody who moved them since, stay where they are. Raises Invalid.
        """
        await self.check(kind, folder_id)
        filed = self._filed(kind)
        moved = [
            row
            for row in await filed.locked(_few(ids))
            if row.folder_id != folder_id and only_from in (UNSET, row.folder_id)
        ]
        await filed.move([row.id for row in moved], folder_id)
        return moved

    async def tag(
        self, kind: FolderKind, ids: Sequence[UUID], add: Sequence[str] = (), remove: Sequence[str] = ()
    ) -> list[Filed]:
        """Add and take away tags of several. Those that changed, as they were before. Raises Invalid, and then none is changed."""
        changed, full = await self._retag(kind, ids, add, remove, all_or_none=True)
        if full:
            raise too_many_tags()
        return changed

    async def tag_those_with_room(
        self, kind: FolderKind, ids: Sequence[UUID], add: Sequence[str], remove: Sequence[str]
    ) -> tuple[list[Filed], list[Filed]]:
        """The same to those that have room for the tags: those that changed, and those that have not, both as they were before."""
        return await self._retag(kind, ids, add, remove)

    async def _retag(
        self,
        kind: FolderKind,
        ids: Sequence[UUID],
        add: Sequence[str],
        remove: Sequence[str],
        *,
        all_or_none: bool = False,
    ) -> tuple[list[Filed], list[Filed]]:
        added, taken = checked_tags(add), {word.casefold() for word in remove}
        filed, changed, full = self._filed(kind), list[Filed](), list[Filed]()
        alike = dict[tuple[str, ...], list[UUID]]()
        for row in await filed.locked(_few(ids)):
            tags = joined_tags([word for word in row.tags if word.casefold() not in taken], added)
            if len(tags) > MOST_TAGS:
                full.append(row)
            elif tags != row.tags:
                alike.setdefault(tuple(tags), []).append(row.id)
                changed.append(row)
        for words, of_these in alike.items() if not (full and all_or_none) else ():
            await filed.tag(of_these, words)
        return changed, full

    async def file(
        self,
        row: Workflow | Template,
        folder_id: UUID | UnsetType | None = UNSET,
        tags: Sequence[str] | UnsetType = UNSET,
    ) -> None:
        """Put one into a folder, let these be its tags; what is absent stays. Raises Invalid."""
        kind = FolderKind.WORKFLOW if isinstance(row, Workflow) else FolderKind.TEMPLATE
        if not isinstance(folder_id, UnsetType):
            await self.move(kind, [row.id], folder_id)
        if not isinstance(tags, UnsetType):
            await self._filed(kind).tag([row.id], checked_tags(tags))
        if folder_id is not UNSET or tags is not UNSET:
            await self.session.refresh(row, ["folder_id", "tags", "updated_at"])

    def _filed(self, kind: FolderKind) -> FiledRepository:
        return FiledRepository(self.session, self._tenant, kind)


def chosen_folder(word: str | None) -> FolderFilter | None:
    """The folder of a filter: an id, or `none` for what lies in no folder; None without a filter. Raises Invalid."""
    if not word:
        return None
    if word == NO_FOLDER:
        return NO_FOLDER
    try:
        return UUID(word)
    except ValueError as error:
        raise _invalid("folderId", gettext("Use the id of a folder, or `none`.")) from error


def _tree(folders: Sequence[Folder]) -> list[Folder]:
    within: dict[UUID | None, list[Folder]] = {}
    for folder in folders:
        within.setdefault(folder.parent_id, []).append(folder)
    return [one for folder in within.get(None, []) for one in (folder, *within.get(folder.id, []))]


def _of_id(folders: Sequence[Folder], folder_id: UUID) -> Folder:
    folder = next((one for one in folders if one.id == folder_id), None)
    if folder is None:
        raise FolderNotFound
    return folder


def _check_place(folder: Folder, folders: Sequence[Folder]) -> None:
    """May it stand where it says, called so?"""
    if folder.parent_id is not None:
        parent = next((one for one in folders if one.id == folder.parent_id), None)
        if parent is None:
            raise _invalid("parentId", gettext("There is no such folder."))
        if parent is folder or parent.parent_id is not None or any(one.parent_id == folder.id for one in folders):
            raise _invalid("parentId", gettext("A folder in a folder holds no folders. Choose one of the first level."))
    same = [one for one in folders if one is not folder and one.parent_id == folder.parent_id]
    if any(one.name.casefold() == folder.name.casefold() for one in same):
        message = gettext("There is a folder of this name. Choose a different one.")
        raise FolderNameTaken(errors=[FieldError(path="name", message=message)])


def _folder_name(name: str) -> str:
    cleaned = " ".join(name.replace("\0", "").split())
    if not 1 <= len(cleaned) <= LONGEST_NAME:
        raise _invalid("name", gettext("Give the folder a name of 1 to %(most)s characters.", most=LONGEST_NAME))
    return cleaned


def _few(ids: Sequence[UUID]) -> Sequence[UUID]:
    if len(ids) > MOST_FILED:
        raise _invalid("id", gettext("At most %(most)s at once.", most=MOST_FILED))
    return ids


def _invalid(path: str, message: str) -> Invalid:
    return Invalid(errors=[FieldError(path=path, message=message)])
