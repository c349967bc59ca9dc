"""SQL of failed tries of passwords: the rows of one budget, whose key is the owner."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import delete, func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.owned_repository import OwnedRepository
from app.models.session import SignInFailure


class FailureRepository(OwnedRepository[SignInFailure]):
    """The failures that count against one budget."""

    model = SignInFailure
    owner_column = "key"

    async def lock(self) -> None:
        """Until the end of the transaction no other try of this budget is counted."""
        await self.session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 7))"), {"key": self.owner})

    async def since(self, start: datetime) -> Sequence[datetime]:
        """When there were failures after `start`, the first one first."""
        query = select(SignInFailure.at).where(self.own, SignInFailure.at > start).order_by(SignInFailure.at)
        return (await self.session.scalars(query)).all()

    async def forget_last(self) -> None:
        last = select(func.max(SignInFailure.id)).where(self.own).scalar_subquery()
        await self.delete_where(SignInFailure.id == last)


async def add_failures(session: AsyncSession, keys: Iterable[str], at: datetime) -> None:
    """A failure of each of these budgets."""
    await session.execute(insert(SignInFailure), [{"key": key, "at": at} for key in keys])


async def forget_failures(session: AsyncSession, before: datetime) -> None:
    """Drop those of all budgets that lie before an instant."""
    await session.execute(delete(SignInFailure).where(SignInFailure.at < before))
