"""SQL of what people keep of lists."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, func, or_
from sqlalchemy.dialects.postgresql import insert

from app.models import ListColumns, ListView
from app.models.tenant_repository import TenantRepository


class ListViewRepository(TenantRepository[ListView]):
    """The saved views of a workspace's lists."""

    model = ListView

    async def seen_by(self, user_id: UUID | None, list_name: str) -> Sequence[ListView]:
        """Those of this person, and those that are shared, by name."""
        return await self.list(
            ListView.list_name == list_name, self._open_to(user_id), order_by=[func.lower(ListView.name), ListView.id]
        )

    async def get(self, user_id: UUID | None, view_id: UUID) -> ListView | None:
        """One that this person sees, locked."""
        return await self.get_one_or_none(ListView.id == view_id, self._open_to(user_id), lock=True)

    async def number_of(self, user_id: UUID | None, list_name: str) -> int:
        """How many this person has saved of a list."""
        return await self.count(ListView.list_name == list_name, ListView.owner_id == user_id)

    def _open_to(self, user_id: UUID | None) -> ColumnElement[bool]:
        return or_(ListView.owner_id == user_id, ListView.shared)


class ListColumnsRepository(TenantRepository[ListColumns]):
    """The columns that people want to see."""

    model = ListColumns

    async def of(self, user_id: UUID | None, list_name: str) -> Sequence[str] | None:
        """None while the person has not chosen any."""
        row = await self.get_one_or_none(ListColumns.user_id == user_id, ListColumns.list_name == list_name)
        return row.columns if row else None

    async def keep(self, user_id: UUID, list_name: str, columns: Sequence[str]) -> None:
        """Choose; the last of two who do it at once is kept."""
        values = {"tenant_id": self.tenant_id, "user_id": user_id, "list_name": list_name, "columns": list(columns)}
        statement = insert(ListColumns).values(values)
        await self.session.execute(
            statement.on_conflict_do_update(
                index_elements=["tenant_id", "user_id", "list_name"], set_={"columns": list(columns)}
            )
        )

    async def forget(self, user_id: UUID, list_name: str) -> None:
        """Show the usual columns again."""
        await self.delete_where(ListColumns.user_id == user_id, ListColumns.list_name == list_name)
