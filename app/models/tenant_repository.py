"""Plain reads and writes of one table, always of one workspace: the base of the repositories of features."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

from app.models.owned_repository import OwnedRepository, RowT


class TenantRepository(OwnedRepository[RowT]):
    """The rows of `model` that belong to the workspace `tenant_id`."""

    owner_column = "tenant_id"

    def __init__(self, session: AsyncSession, tenant_id: int) -> None:
        super().__init__(session, tenant_id)
        self.tenant_id = tenant_id
