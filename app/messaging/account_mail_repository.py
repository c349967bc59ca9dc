"""SQL of the mails that `app.accounts` writes down, of all workspaces: what is due, and what became of one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.invitation import AccountMail

ANY_DUE = "select 1 from account_mails where due_at <= clock_now() limit 1"
"""Does one wait? For a connection without a session."""


async def lock_due(session: AsyncSession, now: datetime, limit: int, per_workspace: int) -> Sequence[AccountMail]:
    """Up to `limit` that are due and that nobody else holds, a few of each workspace: one whose server hangs holds up no other."""
    place = func.row_number().over(partition_by=AccountMail.tenant_id, order_by=AccountMail.due_at)
    due = select(AccountMail.id, place.label("place")).where(AccountMail.due_at <= now).subquery()
    query = (
        select(AccountMail)
        .where(AccountMail.id.in_(select(due.c.id).where(due.c.place <= per_workspace)), AccountMail.due_at <= now)
        .order_by(AccountMail.due_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return (await session.scalars(query)).all()


async def set_values(session: AsyncSession, mail_id: UUID, values: dict[str, Any]) -> None:
    await session.execute(update(AccountMail).where(AccountMail.id == mail_id).values(**values))
