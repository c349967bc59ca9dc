"""All SQL of folders, and of which workflow or template lies where and has which tags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.lib.database import execute
from app.models import Folder, FolderKind, Template, Workflow
from app.models.status import WorkflowStatus
from app.models.tenant_repository import TenantRepository

KEPT: dict[FolderKind, type[Workflow] | type[Template]] = {
    FolderKind.WORKFLOW: Workflow,
    FolderKind.TEMPLATE: Template,
}
"""What lies in the folders of a kind."""


class FolderRepository(TenantRepository[Folder]):
    """The folders of a workspace."""

    model = Folder

    async def of_kind(self, kind: FolderKind, *, lock: bool = False) -> Sequence[Folder]:
        """All of a kind by name. With `lock` nobody else makes, moves or deletes one until this transaction ends.

        Rows alone would not do: they hold nobody who adds one.
        """
        if lock:
            alone = "select pg_advisory_xact_lock(hashtextextended('folders', %(tenant)s))"
            await execute(self.session, alone, tenant=self.tenant_id)
        query = self.query(Folder.kind == kind.value).order_by(func.lower(Folder.name), Folder.id)
        return (await self.session.scalars(query.with_for_update() if lock else query)).all()

    async def shared(self, kind: FolderKind, folder_id: UUID) -> Folder | None:
        """One that is not deleted before this transaction ends."""
        query = self.query(Folder.kind == kind.value, Folder.id == folder_id)
        return (await self.session.scalars(query.with_for_update(read=True, key_share=True))).one_or_none()


class Filed(NamedTuple):
    """A row before it was moved or tagged."""

    id: UUID
    folder_id: UUID | None
    tags: list[str]


class FiledRepository:
    """The workflows or the templates of a workspace, as far as they lie in folders and have tags.

    What is written here is no change of theirs: `updated_at` stays, which lists are sorted by.
    """

    def __init__(self, session: AsyncSession, tenant_id: int, kind: FolderKind) -> None:
        self.session, self.tenant_id, self.model = session, tenant_id, KEPT[kind]

    @property
    def _listed(self) -> list[ColumnElement[bool]]:
        """What a list shows by itself."""
        if self.model is Workflow:
            return [*self._present, Workflow.status != WorkflowStatus.ARCHIVED.value]
        return self._present

    @property
    def _present(self) -> list[ColumnElement[bool]]:
        own = self.model.tenant_id == self.tenant_id
        return [own, Workflow.deleted_at.is_(None)] if self.model is Workflow else [own]

    async def counts(self) -> dict[UUID | None, int]:
        """How many lie in each folder, and in none; archived workflows are not counted."""
        query = select(self.model.folder_id, func.count()).where(*self._listed).group_by(self.model.folder_id)
        return dict((await self.session.execute(query)).all())

    async def tag_counts(self, limit: int) -> Mapping[str, int]:
        """The tags that most have, with how many."""
        each = select(func.unnest(self.model.tags).label("tag")).where(*self._listed).subquery()
        query = select(each.c.tag, func.count()).group_by(each.c.tag).order_by(func.count().desc(), each.c.tag)
        return dict((await self.session.execute(query.limit(limit))).all())

    async def tags_with(self, letters: str, limit: int) -> Sequence[str]:
        """Tags in which these letters are, also of what is archived."""
        each = select(func.unnest(self.model.tags).label("tag")).where(*self._present).distinct().subquery()
        fits = func.strpos(func.lower(each.c.tag), func.lower(letters)) > 0
        return (await self.session.scalars(select(each.c.tag).where(fits).order_by(each.c.tag).limit(limit))).all()

    async def tags_of(self, ids: Sequence[UUID]) -> Sequence[str]:
        """Each tag that some of these have."""
        query = select(func.unnest(self.model.tags)).where(*self._present, self.model.id.in_(ids))
        return (await self.session.scalars(query.distinct())).all()

    async def locked(self, ids: Sequence[UUID]) -> list[Filed]:
        """Those of `ids` that are there, as they are; nobody else changes them until this transaction ends."""
        columns = self.model.id, self.model.folder_id, self.model.tags
        query = select(*columns).where(*self._present, self.model.id.in_(ids)).order_by(self.model.id).with_for_update()
        return [Filed(*row) for row in await self.session.execute(query)]

    async def move(self, ids: Sequence[UUID], folder_id: UUID | None) -> None:
        await self._write(self.model.id.in_(ids), folder_id=folder_id)

    async def tag(self, ids: Sequence[UUID], tags: Sequence[str]) -> None:
        """Let these be their tags."""
        await self._write(self.model.id.in_(ids), tags=list(tags))

    async def empty(self, folder_id: UUID, into: UUID | None) -> None:
        """All that lies in a folder lies in another from now on, or in none; also what was deleted and still has its row."""
        await self._write(self.model.folder_id == folder_id, folder_id=into)

    async def _write(self, which: ColumnElement[bool], **values: Any) -> None:
        own, same = self.model.tenant_id == self.tenant_id, {"updated_at": self.model.updated_at}
        statement = update(self.model).where(own, which).values(**same, **values)
        await self.session.execute(statement, execution_options={"synchronize_session": False})
