"""JSON of folders."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from app.folders.service import LONGEST_NAME, CountedFolder

FolderName = Annotated[
    str, Meta(min_length=1, max_length=LONGEST_NAME, pattern=r"\S", description="1 to 80 characters.")
]
ParentId = Annotated[UUID, Meta(description="The folder that it lies in, one of the first level; null: in none.")]


class NewFolder(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    name: FolderName
    parent_id: ParentId | None = None


class FolderChange(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """What is absent stays."""

    name: FolderName | UnsetType = UNSET
    parent_id: ParentId | UnsetType | None = UNSET


class FolderView(msgspec.Struct, rename="camel"):
    id: UUID
    name: str
    parent_id: UUID | None
    count: int
    """How many are in it and in the folders within it; archived workflows are not counted."""
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, counted: CountedFolder) -> FolderView:
        folder = counted.folder
        return cls(folder.id, folder.name, folder.parent_id, counted.number, folder.created_at, folder.updated_at)
