"""Plain reads and writes of one table, always of one workspace: the base of the repositories of features."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, and_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from app.models.owned_repository import OwnedRepository, RowT


def refers_to(column: InstrumentedAttribute[Any], model: Any) -> ColumnElement[bool]:
    """The join condition of a row and the one of `model` that its `column` names: the workspace is a part of every key."""
    return and_(model.tenant_id == column.class_.tenant_id, model.id == column)


class TenantRepository(OwnedRepository[RowT]):
    """The rows of `model` that belong to the workspace `tenant_id`."""

    owner_column = "tenant_id"

    def __init__(self, session: AsyncSession, tenant_id: int) -> None:
        super().__init__(session, tenant_id)
        self.tenant_id = tenant_id
