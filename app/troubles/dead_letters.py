"""Events that could not be handled: look at them, try them again once the cause is gone, or forget them."""

from __future__ import annotations

from collections.abc import Sequence

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from app import inbox
from app.accounts.principal import Principal
from app.errors import NotFound
from app.lib.translation import gettext
from app.models import DeadLetter
from app.troubles.repository import DeadLetters
from app.web import pagination

log = structlog.get_logger()
MOST = 1_000
"""Tried again or discarded by one request."""


class DeadLetterService:
    """Of the workspace of `principal`."""

    def __init__(self, session: AsyncSession, principal: Principal) -> None:
        self.session, self.principal = session, principal
        self.rows = DeadLetters(session, principal.tenant_id)

    async def list(self, limit: int | None = None, cursor: str | None = None) -> pagination.Page[DeadLetter]:
        """One page, the newest first."""
        return await self.rows.page([DeadLetter.id], cursor, pagination.clamp_limit(limit), newest=True)

    async def retry(self, ids: Sequence[int] | None) -> int:
        """Handle them again, as if they had just arrived with their old times. None: all, up to `MOST`. NotFound when none is there."""
        moved = self._some(await self.rows.retry(ids, MOST))
        inbox.notify_engine(self.session)
        return self._said("dead_letters.retried", moved)

    async def discard(self, ids: Sequence[int] | None) -> int:
        """Forget them; nothing will follow from them. None: all, up to `MOST`. NotFound when none is there."""
        return self._said("dead_letters.discarded", self._some(await self.rows.discard(ids, MOST)))

    def _some(self, moved: int) -> int:
        if not moved:
            raise NotFound(gettext("No such event is set aside. Somebody else may have dealt with it."))
        return moved

    def _said(self, what: str, moved: int) -> int:
        log.info(what, count=moved, tenant_id=self.principal.tenant_id, by=str(self.principal.id))
        return moved
