"""Access tokens of connectors, sealed in the gate of each. One worker fetches a new one under a lease; the others wait for it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

import psycopg

from app.connectors.grants import Grant, open_grant, seal_grant
from app.lib import clock, crypto, database
from app.messaging.channels.http.account import HttpAccount

LEASE_S = 40
"""Longer than a token may take; a worker that dies over it holds up the others that long."""
_MAKE = "insert into connector_gates (tenant_id, connector_id) values (%(tenant)s, %(id)s) on conflict do nothing"
_READ = """
select access_token, access_token_until > clock_now() from connector_gates where tenant_id = %(tenant)s and connector_id = %(id)s
"""
# Who comes second sees the token of the first, or that it is being fetched. The lease is written before the request: one that is over and
# still there was a worker's that ended in the middle, and what the service gave it is lost.
_LEASE = """
update connector_gates set access_token_lease = now() + %(lease)s * interval '1 second',
  renewal_cut_at = coalesce(renewal_cut_at, case when access_token_lease is not null then clock_now() end)
where tenant_id = %(tenant)s and connector_id = %(id)s and access_token is not distinct from %(seen)s
  and (access_token_lease is null or access_token_lease < now())
returning connector_id
"""
_STORE = """
update connector_gates set access_token = %(sealed)s, access_token_until = %(until)s, access_token_lease = null, renewal_cut_at = null
where tenant_id = %(tenant)s and connector_id = %(id)s
"""
_GIVE_BACK = (
    "update connector_gates set access_token_lease = null where tenant_id = %(tenant)s and connector_id = %(id)s"
)
_CUT = "select renewal_cut_at is not null from connector_gates where tenant_id = %(tenant)s and connector_id = %(id)s"
_CONSENT = "select consent from connectors where tenant_id = %(tenant)s and id = %(id)s"
# Both tokens or neither: a refresh token that was used may be void, so the next one is written with what it gave. The gate is locked first,
# as a change of settings does.
_STORE_GRANT = """
with gate as (select connector_id from connector_gates where tenant_id = %(tenant)s and connector_id = %(id)s for update),
  renewed as (update connectors c set consent = %(consent)s from gate
    where c.tenant_id = %(tenant)s and c.id = gate.connector_id and c.consent = %(seen)s returning c.id)
update connector_gates g set access_token = %(sealed)s, access_token_until = %(until)s, access_token_lease = null, renewal_cut_at = null
from renewed where g.tenant_id = %(tenant)s and g.connector_id = renewed.id
returning g.connector_id
"""
_RESEALED = 3
"""So often a grant is looked at again that was sealed with another key between the look and the write."""


class StoredToken(NamedTuple):
    """What lies in the row: `text` is empty when there is no token, or it cannot be opened with these settings."""

    text: str
    fresh: bool
    sealed: bytes | None


class Renewal(NamedTuple):
    """An access token of so many seconds, sealed for `aim`, and the grant that follows the one which gave it."""

    grant: Grant
    text: str
    seconds: float
    aim: str


class TokenRepository:
    """Tokens by workspace, connector and what the token is for. Plain and blocking: for a thread, one statement at a time."""

    def __init__(self) -> None:
        self._connection: psycopg.Connection[Any] | None = None

    def _execute(self, sql: str, tenant_id: int, connector_id: UUID, **arguments: Any) -> Any:
        if self._connection is None or self._connection.closed:
            self._connection = database.connect("access tokens")
        try:
            cursor = self._connection.execute(sql, {"tenant": tenant_id, "id": connector_id, **arguments})
            return cursor.fetchone() if cursor.description else None
        except psycopg.OperationalError:
            self.close()
            raise

    def read(self, tenant_id: int, connector_id: UUID, aim: str) -> StoredToken:
        """The token that all workers use. Raises psycopg.OperationalError."""
        row = self._execute(_READ, tenant_id, connector_id)
        if row is None or row[0] is None:
            return StoredToken("", False, row[0] if row else None)
        try:
            return StoredToken(crypto.unseal(row[0], aim).decode(), bool(row[1]), row[0])
        except crypto.CannotUnseal:
            return StoredToken("", False, row[0])

    def lease(self, tenant_id: int, connector_id: UUID, seen: bytes | None) -> bool:
        """May this worker fetch another one in place of `seen`?"""
        self._execute(_MAKE, tenant_id, connector_id)
        return self._execute(_LEASE, tenant_id, connector_id, seen=seen, lease=LEASE_S) is not None

    def store(self, tenant_id: int, connector_id: UUID, aim: str, text: str, seconds: float) -> None:
        """The new token is everybody's."""
        until = clock.now() + timedelta(seconds=seconds)
        self._execute(_STORE, tenant_id, connector_id, sealed=crypto.seal(text.encode(), aim), until=until)

    def grant(self, tenant_id: int, connector_id: UUID, terms: tuple[str, ...]) -> Grant | None:
        """What a person consented to last; None where nobody has, to these terms."""
        row = self._execute(_CONSENT, tenant_id, connector_id)
        return _opened(tenant_id, connector_id, terms, row[0] if row else None)

    def store_grant(
        self, tenant_id: int, connector_id: UUID, account: HttpAccount, grant: Grant, renewal: Renewal
    ) -> bool:
        """Write what `grant` gave. False: a person consented again meanwhile, so nothing of this counts."""
        terms = account.consent_terms
        until = clock.now() + timedelta(seconds=renewal.seconds)
        for _ in range(_RESEALED):
            row = self._execute(_CONSENT, tenant_id, connector_id)
            if row is None or _opened(tenant_id, connector_id, terms, row[0]) != grant:
                return False
            if self._execute(
                _STORE_GRANT,
                tenant_id,
                connector_id,
                seen=row[0],
                consent=seal_grant(tenant_id, connector_id, terms, renewal.grant),
                sealed=crypto.seal(renewal.text.encode(), renewal.aim),
                until=until,
            ):
                return True
        return False

    def was_cut(self, tenant_id: int, connector_id: UUID) -> bool:
        """Did a process end in the middle of renewing it, and has nothing been written since?"""
        row = self._execute(_CUT, tenant_id, connector_id)
        return bool(row and row[0])

    def give_back(self, tenant_id: int, connector_id: UUID) -> None:
        """It could not be fetched: another may try."""
        self._execute(_GIVE_BACK, tenant_id, connector_id)

    def close(self) -> None:
        """Give the connection back."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _opened(tenant_id: int, connector_id: UUID, terms: tuple[str, ...], sealed: bytes | None) -> Grant | None:
    try:
        return open_grant(tenant_id, connector_id, terms, sealed)
    except crypto.CannotUnseal:
        return None
