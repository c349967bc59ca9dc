"""What can be done with many workflows or templates at once, also with all that fit: put them into a folder, change their tags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.errors import FieldError, Invalid
from app.folders.service import FolderService
from app.folders.shelved import in_form
from app.folders.tags import checked_tags, lost_and_added, typed_tags
from app.lib.translation import gettext, ngettext, translatable
from app.lists.bulk_verbs import BatchResult, BulkVerb, FindTags
from app.models import FolderKind
from app.models.folder import NO_FOLDER

MOVED_SINCE = translatable("moved or deleted since.")
CHANGED_SINCE = translatable("changed or deleted since.")
TOO_MANY_TAGS = translatable("they would have more tags than a workflow or template may have.")


async def _some_change(
    session: AsyncSession, principal: Principal, kind: FolderKind, ids: Sequence[UUID], remove: Sequence[str]
) -> None:
    had = {tag.casefold() for tag in await FolderService(session, principal).tags_of(kind, ids)}
    if remove and not any(tag.casefold() in had for tag in remove):
        message = ngettext(
            "None of them has the tag “%(tags)s”.",
            "None of them has one of these tags: %(tags)s.",
            len(remove),
            tags=", ".join(remove),
        )
        raise Invalid(message, errors=[FieldError(path="remove", message=message)])


class _Filing:
    """The verbs of a kind, and what takes each of them back."""

    def __init__(self, kind: FolderKind) -> None:
        self.kind = kind

    async def folder_of(
        self, session: AsyncSession, principal: Principal, sent: Mapping[str, str]
    ) -> tuple[dict[str, str], str]:
        folders, folder_id = FolderService(session, principal), in_form(sent.get("folder"))
        if folder_id is None:
            return {"folder": ""}, gettext("No folder")
        return {"folder": str(folder_id)}, (await folders.get(self.kind, folder_id)).name

    async def move(
        self, session: AsyncSession, principal: Principal, ids: Sequence[UUID], arguments: Mapping[str, str]
    ) -> BatchResult:
        moved = await FolderService(session, principal).move(self.kind, ids, in_form(arguments["folder"]))
        before = {row.id: str(row.folder_id or NO_FOLDER) for row in moved}
        return BatchResult(len(moved), list(before), before=before)

    async def move_back(
        self, session: AsyncSession, principal: Principal, before: Mapping[UUID, str], arguments: Mapping[str, str]
    ) -> BatchResult:
        folders, done = FolderService(session, principal), 0
        present = {folder.folder.id for folder in (await folders.shelf(self.kind)).folders}
        for place in sorted(set(before.values())):
            folder_id = in_form(place)
            if folder_id is None or folder_id in present:
                rows = [one for one, had in before.items() if had == place]
                done += len(await folders.move(self.kind, rows, folder_id, in_form(arguments["folder"])))
        return _all_but(done, before, MOVED_SINCE)

    async def tag(
        self, session: AsyncSession, principal: Principal, ids: Sequence[UUID], arguments: Mapping[str, str]
    ) -> BatchResult:
        add, remove = typed_tags(arguments["add"]), typed_tags(arguments["remove"])
        changed, full = await FolderService(session, principal).tag_those_with_room(self.kind, ids, add, remove)
        before = {row.id: ",".join(row.tags) for row in changed}
        return BatchResult(len(changed), list(before), len(full), TOO_MANY_TAGS if full else None, before)

    async def check_tagged(
        self, session: AsyncSession, principal: Principal, ids: Sequence[UUID], arguments: Mapping[str, str]
    ) -> None:
        if not arguments["add"]:
            await _some_change(session, principal, self.kind, ids, typed_tags(arguments["remove"]))

    async def tags(self, session: AsyncSession, principal: Principal, letters: str) -> Sequence[str]:
        return await FolderService(session, principal).tags_with(self.kind, letters)

    async def tag_back(
        self, session: AsyncSession, principal: Principal, before: Mapping[UUID, str], arguments: Mapping[str, str]
    ) -> BatchResult:
        add, remove = typed_tags(arguments["add"]), typed_tags(arguments["remove"])
        folders, done, alike = FolderService(session, principal), 0, dict[tuple[tuple[str, ...], ...], list[UUID]]()
        for row_id, had in before.items():
            alike.setdefault(lost_and_added(typed_tags(had), add, remove), []).append(row_id)
        for (lost, added), ids in alike.items():
            changed, _full = await folders.tag_those_with_room(self.kind, ids, lost, added)
            done += len(changed)
        return _all_but(done, before, CHANGED_SINCE)


def filing_verbs(kind: FolderKind) -> list[BulkVerb]:
    """What is done with rows that lie in folders of this kind."""
    of = _Filing(kind)
    moved, tagged = translatable("%(rows)s moved to “%(label)s”."), translatable("Tags of %(rows)s changed.")
    return [
        BulkVerb("move", of.move, moved, of.folder_of, restore=of.move_back),
        BulkVerb("tag", of.tag, tagged, _tags_of, restore=of.tag_back, check_rows=of.check_tagged),
    ]


def filed_tags(kind: FolderKind) -> FindTags:
    """Which tags rows that lie in folders of this kind have."""
    return _Filing(kind).tags


async def _tags_of(
    _session: AsyncSession, _principal: Principal, sent: Mapping[str, str]
) -> tuple[dict[str, str], str]:
    add, remove = checked_tags(typed_tags(sent.get("add", ""))), typed_tags(sent.get("remove", ""))
    if not add and not remove:
        message = gettext("Give a tag to add, or choose one to remove.")
        raise Invalid(message, errors=[FieldError(path="add", message=message)])
    return {"add": ",".join(add), "remove": ",".join(remove)}, ""


def _all_but(done: int, rows: Mapping[UUID, str], reason: str) -> BatchResult:
    left = len(rows) - done
    return BatchResult(done, refused=left, reason=reason if left else None)
