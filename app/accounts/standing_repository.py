"""Do principals that were let in a while ago still stand? Asked for many at once, and without noting that they were here."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import select

from app.accounts.key_repository import key_standings
from app.accounts.principal import Principal
from app.lib import clock, database
from app.lib.database_roles import DatabaseRole
from app.models.session import UserSession
from app.models.user import Membership, User


class Standing:
    """The keys and sessions that are good, as of a moment."""

    def __init__(self, keys: dict[UUID, str], sessions: dict[UUID, tuple[int, str]]) -> None:
        """`keys`: their digests; `sessions`: workspace and role of each."""
        self._keys, self._sessions = keys, sessions

    def holds(self, principal: Principal) -> bool:
        """Is the key as it was when it was let in, and is the session still in its workspace, with its role?"""
        if principal.kind == "key":
            return self._keys.get(principal.id) == principal.standing
        session_id = principal.session_id
        return session_id is not None and self._sessions.get(session_id) == (principal.tenant_id, principal.role.value)

    @classmethod
    async def of(cls, principals: Iterable[Principal]) -> Standing:
        """Look now; two statements, however many are asked for."""
        principals = list(principals)
        key_ids = [one.id for one in principals if one.kind == "key"]
        session_ids = [one.session_id for one in principals if one.session_id is not None]
        now = clock.now()
        async with database.transaction(DatabaseRole.AUTH) as session:
            keys = await key_standings(session, key_ids, now) if key_ids else {}
            query = (
                select(UserSession.id, UserSession.tenant_id, Membership.role)
                .join(User, User.id == UserSession.user_id)
                .join(
                    Membership,
                    (Membership.user_id == UserSession.user_id) & (Membership.tenant_id == UserSession.tenant_id),
                )
                .where(UserSession.id.in_(session_ids), UserSession.expires_at > now, User.disabled_at.is_(None))
            )
            found_sessions = (await session.execute(query)).all() if session_ids else []
        return cls(keys, {session_id: (tenant_id, role) for session_id, tenant_id, role in found_sessions})
