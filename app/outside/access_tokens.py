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

from app.lib.http_client import HttpClient
from app.messaging.channels.http.account import HttpAccount
from app.messaging.channels.http.oauth2 import NoToken, fetch_token
from app.outside.token_repository import TokenRepository

T = TypeVar("T")
FETCH_S = 15.0
LOOK_S = 0.2
"""How often a worker looks for the token that another one fetches."""


class AccessTokens:
    """Tokens of one worker's calls. In a process the calls of one connector ask one after the other, so that one of them asks for all."""

    def __init__(self, client: HttpClient) -> None:
        self._client, self._rows = client, TokenRepository()
        self._locks: defaultdict[tuple[int, UUID], asyncio.Lock] = defaultdict(asyncio.Lock)
        self._connection = asyncio.Lock()

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
                    return await self._fetched(tenant_id, connector_id, account, aim)
                if time.monotonic() > end:
                    raise NoToken("No access token: another worker fetches one and does not come back.", refused=False)
                await asyncio.sleep(LOOK_S)

    async def _fetched(self, tenant_id: int, connector_id: UUID, account: HttpAccount, aim: str) -> str:
        try:
            token = await fetch_token(self._client, account, FETCH_S)
        except BaseException:
            with suppress(psycopg.OperationalError):  # the lease ends by itself
                await asyncio.shield(self._in_thread(self._rows.give_back, tenant_id, connector_id))
            raise
        await self._in_thread(self._rows.store, tenant_id, connector_id, aim, token.text, token.seconds)
        return token.text

    async def _in_thread(self, function: Callable[..., T], *arguments: Any) -> T:
        async with self._connection:
            return await asyncio.to_thread(function, *arguments)

    def close(self) -> None:
        """Give the connection back."""
        self._rows.close()


def _aim(tenant_id: int, connector_id: UUID, account: HttpAccount) -> str:
    """What a sealed token is bound to: with another client, address or scope it opens no more."""
    for_whom = [account.base_url, account.token_url, account.client_id, account.scope]
    return f"token:{tenant_id}:{connector_id}:{msgspec.json.encode(for_whom).decode()}"
