"""Where workflows and templates are kept: folders, of each kind its own, that may hold folders once."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal
from uuid import UUID

from sqlalchemy import CheckConstraint, ColumnElement, ForeignKeyConstraint, Index, UniqueConstraint, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Mapped

from app.models.base import Base, HasTenantKey, HasTimes


class FolderKind(StrEnum):
    """What is put into a folder."""

    WORKFLOW = "workflow"
    TEMPLATE = "template"


class Folder(HasTenantKey, HasTimes, Base):
    """A name for some workflows or some templates. One with a `parent_id` lies in another and holds none itself."""

    __tablename__ = "folders"

    kind: Mapped[str]
    """A FolderKind."""
    name: Mapped[str]
    parent_id: Mapped[UUID | None]

    __table_args__ = (
        CheckConstraint("kind in ('workflow', 'template')", name="kind"),
        ForeignKeyConstraint(["tenant_id", "parent_id"], ["folders.tenant_id", "folders.id"]),
        UniqueConstraint("tenant_id", "kind", "parent_id", "name", postgresql_nulls_not_distinct=True),
        Index("folders_parent", "tenant_id", "parent_id"),
    )


def kept_in_folder(table: str) -> tuple[ForeignKeyConstraint, Index]:
    """What a table with a `folder_id` has: the folder is one of the same workspace, and goes only when nothing is in it."""
    return (
        ForeignKeyConstraint(["tenant_id", "folder_id"], ["folders.tenant_id", "folders.id"]),
        Index(f"{table}_folder", "tenant_id", "folder_id"),
    )


NO_FOLDER: Literal["none"] = "none"
"""In filters: what lies in no folder."""
FolderFilter = UUID | Literal["none"]


def within_folder(
    column: InstrumentedAttribute[UUID | None], tenant_id: int, folder_id: FolderFilter
) -> ColumnElement[bool]:
    """The condition that a row lies in the folder or in one of those within it, or in none."""
    if not isinstance(folder_id, UUID):
        return column.is_(None)
    inner = select(Folder.id).where(Folder.tenant_id == tenant_id, Folder.parent_id == folder_id)
    return or_(column == folder_id, column.in_(inner))


def tagged(column: InstrumentedAttribute[list[str]], tag: str) -> ColumnElement[bool]:
    """The condition that a row has the tag. No tag holds U+0000, which PostgreSQL refuses even in a question."""
    return column.any_() == tag.replace("\0", "")
