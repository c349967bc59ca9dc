"""SQL of executions that have no run (yet): starts that stand in the inbox, that were set aside, or that were refused."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.inbox import InboxKind
from app.models import DeadLetter, EntryRefusal, Inbox, WaitingStart

ASKED = (int(InboxKind.START), int(InboxKind.AT_TRIGGER), int(InboxKind.CALLED))


class UnbegunRepository:
    """Starts of a workspace by the id that their run would have."""

    def __init__(self, session: AsyncSession, tenant_id: int) -> None:
        self._session, self._tenant_id = session, tenant_id

    async def start(self, run_id: UUID) -> Inbox | WaitingStart | None:
        """The start that the engine has not looked at yet, or that waits for its turn."""
        query = select(Inbox).where(Inbox.tenant_id == self._tenant_id, Inbox.run_id == run_id, Inbox.kind.in_(ASKED))
        waiting = select(WaitingStart).where(WaitingStart.tenant_id == self._tenant_id, WaitingStart.run_id == run_id)
        new = (await self._session.scalars(query.limit(1))).first()
        return new or (await self._session.scalars(waiting.limit(1))).first()

    async def set_aside(self, run_id: UUID) -> DeadLetter | None:
        """The start that could not be handled."""
        query = select(DeadLetter).where(
            DeadLetter.tenant_id == self._tenant_id, DeadLetter.run_id == run_id, DeadLetter.kind.in_(ASKED)
        )
        return (await self._session.scalars(query.limit(1))).first()

    async def refused(self, run_id: UUID) -> EntryRefusal | None:
        """Why it never began."""
        query = select(EntryRefusal).where(EntryRefusal.tenant_id == self._tenant_id, EntryRefusal.run_id == run_id)
        return (await self._session.scalars(query.limit(1))).first()
