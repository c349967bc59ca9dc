"""SQL of invitations, and of the mails that carry links to people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.connector import Connector
from app.models.invitation import AccountMail, Invitation
from app.models.tenant_repository import TenantRepository
from app.models.user import User
from app.models.workspace import Workspace

_INVITER = func.coalesce(func.nullif(User.name, ""), User.email, "")
"""Name or address of who invited; empty when the server did, or when they are gone."""


class InvitationRepository(TenantRepository[Invitation]):
    """The open invitations of a workspace."""

    model = Invitation

    async def with_inviters(self) -> Sequence[Any]:
        """(invitation, who invited), the latest first."""
        query = (
            select(Invitation, _INVITER)
            .outerjoin(User, User.id == Invitation.invited_by)
            .where(self.own)
            .order_by(Invitation.updated_at.desc(), Invitation.id)
        )
        rows: Sequence[Any] = (await self.session.execute(query)).all()
        return rows


class AccountMailRepository(TenantRepository[AccountMail]):
    """The mails with links of a workspace."""

    model = AccountMail

    async def of(self, about: Iterable[UUID]) -> Sequence[AccountMail]:
        """Those about these invitations or users, the latest last."""
        return await self.list(AccountMail.about.in_(list(about)), order_by=[AccountMail.created_at])

    async def drop(self, about: UUID) -> None:
        """Forget those about an invitation or a user: they are not sent any more."""
        await self.delete_where(AccountMail.about == about)

    async def connectors(self, channel: int) -> list[Connector]:
        """Those that they may leave by: the default, and behind it those that stand in for it, in their order."""
        query = select(Connector).where(Connector.tenant_id == self.tenant_id, Connector.channel == channel)
        rows = (await self.session.scalars(query)).all()
        by_id, chain = {row.id: row for row in rows}, [row for row in rows if row.is_default]
        while chain:
            following = by_id.get(chain[-1].stand_in_id) if chain[-1].stand_in_id else None
            if following is None or following in chain:
                break
            chain.append(following)
        return chain


async def invitation_by_token(session: AsyncSession, token_hash: bytes, now: datetime) -> Any | None:
    """(invitation, name of its workspace, who invited) of a link that still works."""
    query = (
        select(Invitation, Workspace.name, _INVITER)
        .join(Workspace, Workspace.id == Invitation.tenant_id)
        .outerjoin(User, User.id == Invitation.invited_by)
        .where(Invitation.token_hash == token_hash, Invitation.expires_at > now)
    )
    return (await session.execute(query)).one_or_none()


async def forget_invitations(session: AsyncSession, before: datetime) -> None:
    """Drop invitations that ran out before an instant, and mails whose link did."""
    await session.execute(delete(Invitation).where(Invitation.expires_at < before))
    await session.execute(delete(AccountMail).where(AccountMail.expires_at < before))
