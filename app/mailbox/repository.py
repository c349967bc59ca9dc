"""All SQL of the local mailbox."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import and_, delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import MailboxMessage


async def mailbox(
    session: AsyncSession, tenant_id: int, limit: int, *, search: str = "", before: UUID | None = None
) -> Sequence[MailboxMessage]:
    """Up to `limit` mails of the local mailbox, newest first; `search` looks at recipient and subject."""
    query = (
        select(MailboxMessage)
        .where(MailboxMessage.tenant_id == tenant_id)
        .order_by(MailboxMessage.id.desc())
        .limit(limit)
    )
    if search:
        query = query.where(
            func.array_to_string(MailboxMessage.recipients, " ").icontains(search, autoescape=True)
            | MailboxMessage.subject.icontains(search, autoescape=True)
        )
    if before:
        query = query.where(MailboxMessage.id < before)
    return (await session.scalars(query)).all()


async def mail(session: AsyncSession, tenant_id: int, mail_id: UUID) -> MailboxMessage | None:
    query = select(MailboxMessage).where(and_(MailboxMessage.tenant_id == tenant_id, MailboxMessage.id == mail_id))
    return (await session.scalars(query)).first()


async def count_mailbox(session: AsyncSession, tenant_id: int) -> int:
    query = select(func.count()).select_from(MailboxMessage).where(MailboxMessage.tenant_id == tenant_id)
    return (await session.scalars(query)).one()


async def clear_mailbox(session: AsyncSession, tenant_id: int) -> None:
    await session.execute(delete(MailboxMessage).where(MailboxMessage.tenant_id == tenant_id))


async def mail_called(session: AsyncSession, tenant_id: int, message_id: str) -> MailboxMessage | None:
    """The newest mail of the local mailbox with this Message-ID."""
    query = (
        select(MailboxMessage)
        .where(MailboxMessage.tenant_id == tenant_id, MailboxMessage.message_id == message_id)
        .order_by(MailboxMessage.id.desc())
        .limit(1)
    )
    return (await session.scalars(query)).first()
