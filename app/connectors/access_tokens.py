"""The access token that a call bears: that of all workers while it is fresh, else a new one, which one worker fetches for all."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar
from uuid import UUID

import msgspec
import psycopg

from app.connectors.grants import Grant
from app.connectors.token_repository import Renewal, TokenRepository
from app.lib.http_client import HttpClient
from app.lib.translation import gettext, translatable
from app.messaging.channels.http.account import HttpAccount
from app.messaging.channels.http.oauth2 import AccessToken, NoToken, fetch_token, refresh_token

T = TypeVar("T")
FETCH_S = 15.0
LOOK_S = 0.2
"""How often a worker looks for the token that another one fetches."""
KEEP_S = 20.0
"""So long a worker tries to write tokens of a consent while the database does not answer: within its lease."""
LASTING_S = 86_400.0
CUT = translatable(
    "A process ended in the middle of renewing the consent, so the key that the service gave then is lost, and the one before is good no"
    " more: an admin has to connect it again."
)
NOT_CONNECTED = translatable(
    "Nobody has consented to this connector, or not to these settings: an admin has to connect it."
)


class AccessTokens:
    """Tokens of one worker's calls. In a process the calls of one connector ask one after the other, so that one of them asks for all."""

    def __init__(self, client: HttpClient) -> None:
        self._client, self._rows = client, TokenRepository()
        self._locks: defaultdict[tuple[int, UUID], asyncio.Lock] = defaultdict(asyncio.Lock)
        self._connection = asyncio.Lock()
        self._renewing: set[asyncio.Task[str]] = set()

    async def token(self, tenant_id: int, connector_id: UUID, account: HttpAccount, *, refused: str = "") -> str:
        """The token of now; `refused`: the service does not take this one any more, so another one is fetched, once for all.

        Raises NoToken, BadUrl, BadCredentials, psycopg.OperationalError.
        """
        aim = _aim(tenant_id, connector_id, account)
        async with self._locks[tenant_id, connector_id]:
            end = time.monotonic() + FETCH_S
            while True:
                stored = await self._in_thread(self._rows.read, tenant_id, connector_id, aim)
                if stored.text and stored.fresh and stored.text != refused:
                    return stored.text
                if await self._in_thread(self._rows.lease, tenant_id, connector_id, stored.sealed):
                    return await self._leased(tenant_id, connector_id, account, refused)
                if time.monotonic() > end:
                    raise NoToken(
                        gettext("No access token: another worker fetches one and does not come back."), refused=False
                    )
                await asyncio.sleep(LOOK_S)

    async def _leased(self, tenant_id: int, connector_id: UUID, account: HttpAccount, refused: str) -> str:
        """Another token, by whoever has the lease. What a consent gives outlives a call that is given up."""
        if not account.consent_terms:
            return await self._fetched(tenant_id, connector_id, account)
        task = asyncio.create_task(self._renewed(tenant_id, connector_id, account, refused))
        self._renewing.add(task)
        task.add_done_callback(self._renewing.discard)
        return await asyncio.shield(task)

    async def _fetched(self, tenant_id: int, connector_id: UUID, account: HttpAccount) -> str:
        try:
            token = await fetch_token(self._client, account, FETCH_S)
        except BaseException:
            await self._give_back(tenant_id, connector_id)
            raise
        aim = _aim(tenant_id, connector_id, account)
        await self._in_thread(self._rows.store, tenant_id, connector_id, aim, token.text, token.seconds)
        return token.text

    async def _renewed(self, tenant_id: int, connector_id: UUID, account: HttpAccount, refused: str) -> str:
        try:
            grant = await self._in_thread(self._rows.grant, tenant_id, connector_id, account.consent_terms)
            if grant is None:
                raise NoToken(NOT_CONNECTED, refused=True)
            token = await self._by_consent(account, grant, refused)
        except NoToken as error:
            cut = error.code == "invalid_grant" and await self._in_thread(self._rows.was_cut, tenant_id, connector_id)
            await self._give_back(tenant_id, connector_id)
            if cut:
                raise NoToken(f"{CUT} {error}", refused=True, code=error.code) from error
            raise
        except BaseException:
            await self._give_back(tenant_id, connector_id)
            raise
        following = Grant(refresh=token.refresh) if token.refresh else grant
        renewal = Renewal(following, token.text, token.seconds, _aim(tenant_id, connector_id, account))
        if not await self._kept(tenant_id, connector_id, account, grant, renewal):
            await self._give_back(tenant_id, connector_id)
            raise NoToken(gettext("No access token: the consent was renewed meanwhile."), refused=False)
        return token.text

    async def _by_consent(self, account: HttpAccount, grant: Grant, refused: str) -> AccessToken:
        if grant.refresh:
            return await refresh_token(self._client, account, grant.refresh, FETCH_S)
        if grant.access == refused:
            raise NoToken(
                gettext("The service takes the consent no more: an admin has to connect it again."), refused=True
            )
        return AccessToken(grant.access, LASTING_S)

    async def _kept(
        self, tenant_id: int, connector_id: UUID, account: HttpAccount, grant: Grant, renewal: Renewal
    ) -> bool:
        """Write both tokens, also when the database is away for a moment: the refresh token before may be void already."""
        end = time.monotonic() + KEEP_S
        while True:
            try:
                return await self._in_thread(self._rows.store_grant, tenant_id, connector_id, account, grant, renewal)
            except psycopg.OperationalError:
                if time.monotonic() > end:
                    raise
                await asyncio.sleep(LOOK_S)

    async def _give_back(self, tenant_id: int, connector_id: UUID) -> None:
        with suppress(psycopg.OperationalError):  # the lease ends by itself
            await asyncio.shield(self._in_thread(self._rows.give_back, tenant_id, connector_id))

    async def _in_thread(self, function: Callable[..., T], *arguments: Any) -> T:
        async with self._connection:
            return await asyncio.to_thread(function, *arguments)

    async def close(self) -> None:
        """Wait for what a consent is about to give, and give the connection back."""
        await asyncio.gather(*self._renewing, return_exceptions=True)
        self._rows.close()


def _aim(tenant_id: int, connector_id: UUID, account: HttpAccount) -> str:
    """What a sealed token is bound to: with another client, address or scope it opens no more."""
    for_whom = [account.base_url, account.token_url, account.client_id, account.scope]
    return f"token:{tenant_id}:{connector_id}:{msgspec.json.encode(for_whom).decode()}"
