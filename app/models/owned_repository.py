"""Plain reads and writes of one table, never beyond the rows of one owner: what every repository of a feature is built on.

The rows of others do not exist for it: each statement is filtered by the column that says whom a row belongs to, and what is added gets
it. It stands on advanced-alchemy's repository, of which only methods that keep to the filtered statement are reachable; errors of the
database stay SQLAlchemy's own, which the edges know. Updates need no method: a row that was read is changed, and the unit of work
writes it.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, ClassVar, Generic, TypeVar, cast

from advanced_alchemy.repository import SQLAlchemyAsyncRepository
from sqlalchemy import ColumnElement, Select, delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.base import Base
from app.web.pagination import Page, cut, keyset

RowT = TypeVar("RowT", bound=Base)


class NotOwnRow(Exception):
    """A row of another owner was to be written: a programming error, stopped before anything is."""


class OwnedRepository(Generic[RowT]):
    """The rows of `model` whose column `owner_column` is `owner`: those of an account, a workflow, a run."""

    model: ClassVar[type[Base]]
    owner_column: ClassVar[str]

    def __init__(self, session: AsyncSession, owner: Any) -> None:
        self.session, self.owner = session, owner

    @property
    def own(self) -> ColumnElement[bool]:
        """The condition that a row is the owner's."""
        return cast("ColumnElement[bool]", getattr(self.model, self.owner_column) == self.owner)

    def query(self, *filters: ColumnElement[bool]) -> Select[RowT]:
        """The owner's rows as a statement, for what the methods here do not say."""
        return cast("Select[RowT]", select(self.model).where(self.own, *filters))

    async def get_one_or_none(
        self, *filters: ColumnElement[bool], lock: bool = False, fresh: bool = False
    ) -> RowT | None:
        """The row that fits; `lock` holds it until the end of the transaction, `fresh` reads it again when the session has it."""
        return await self._library.get_one_or_none(
            *filters, with_for_update=lock, execution_options={"populate_existing": True} if fresh else None
        )

    async def first(self, *filters: ColumnElement[bool], order_by: Any) -> RowT | None:
        """The first of the rows that fit."""
        rows = await self.session.scalars(self.query(*filters).order_by(order_by).limit(1))
        return rows.first()

    async def exists(self, *filters: ColumnElement[bool]) -> bool:
        """Is there a row that fits? Looks at one of them, where the library counts them all."""
        return bool(await self.session.scalar(select(self.query(*filters).exists())))

    async def count(self, *filters: ColumnElement[bool]) -> int:
        return await self._library.count(*filters)

    async def list(
        self, *filters: ColumnElement[bool], order_by: Sequence[Any] = (), limit: int | None = None
    ) -> Sequence[RowT]:
        """Up to `limit` rows that fit."""
        return (await self.session.scalars(self.query(*filters).order_by(*order_by).limit(limit))).all()

    async def page(
        self, order: Sequence[Any], cursor: str | None, limit: int, *filters: ColumnElement[bool], newest: bool = False
    ) -> Page[RowT]:
        """A page of rows by the columns `order`, ending with one that is unique; `newest`: from the greatest down."""
        query = keyset(self.query(*filters), order, cursor, descending=newest).limit(limit + 1)
        rows = (await self.session.scalars(query)).all()
        return cut(rows, limit, lambda row: tuple(getattr(row, column.key) for column in order))

    async def add(self, row: RowT) -> RowT:
        """Insert a row, the owner's."""
        if getattr(row, self.owner_column) is None:
            setattr(row, self.owner_column, self.owner)
        self._refuse_foreign(row)
        return await self._library.add(row)

    async def delete(self, row: RowT) -> None:
        self._refuse_foreign(row)
        await self.session.delete(row)
        await self.session.flush()

    async def delete_where(self, *filters: ColumnElement[bool]) -> int:
        """Delete the rows that fit, all of the owner without filters. Returns how many there were."""
        done: Any = await self.session.execute(delete(self.model).where(self.own, *filters))
        return int(done.rowcount)

    def _refuse_foreign(self, row: RowT) -> None:
        if getattr(row, self.owner_column) != self.owner:
            raise NotOwnRow(type(row).__name__)

    @functools.cached_property
    def _library(self) -> SQLAlchemyAsyncRepository[RowT]:
        kind = _library_of(self.model)
        return cast(
            "SQLAlchemyAsyncRepository[RowT]",
            kind(session=self.session, statement=cast(Any, self.query()), auto_refresh=False, wrap_exceptions=False),
        )


@functools.cache
def _library_of(model: type[Base]) -> type[SQLAlchemyAsyncRepository[Any]]:
    """advanced-alchemy's repository of a model, which it wants as a class of its own."""
    return type(f"{model.__name__}Rows", (SQLAlchemyAsyncRepository,), {"model_type": model})
