"""All SQL of the local mailbox."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func

from app.models import MailboxMessage
from app.models.tenant_repository import TenantRepository


class MailboxRepository(TenantRepository[MailboxMessage]):
    """The mails that a workspace's own mail server took."""

    model = MailboxMessage

    async def newest(self, limit: int, *, search: str = "", before: UUID | None = None) -> Sequence[MailboxMessage]:
        """Up to `limit` mails, newest first; `search` looks at recipient and subject."""
        filters = [MailboxMessage.id < before] if before else []
        if search:
            filters.append(
                func.array_to_string(MailboxMessage.recipients, " ").icontains(search, autoescape=True)
                | MailboxMessage.subject.icontains(search, autoescape=True)
            )
        return await self.list(*filters, order_by=[MailboxMessage.id.desc()], limit=limit)

    async def called(self, message_id: str) -> MailboxMessage | None:
        """The newest mail with this Message-ID."""
        return await self.first(MailboxMessage.message_id == message_id, order_by=MailboxMessage.id.desc())
