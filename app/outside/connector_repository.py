"""The connectors that calls name, with their secrets opened, read again after two seconds: a new secret counts at once for people."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from typing import Any
from uuid import UUID

import psycopg

from app.connectors.senders import sender_of
from app.lib import crypto, database
from app.lib.translation import gettext

FRESH_S = 2.0
REMEMBERED = 1_000
_CONNECTOR = "select type, config, secret from connectors where tenant_id = %s and id = %s"


class ServiceUnusable(Exception):
    """Calls cannot be made by this connector; the text is a sentence."""


class ConnectorReader:
    """Connectors by workspace and id. One read at a time, off the event loop, over a connection of its own."""

    def __init__(self) -> None:
        self._entries: OrderedDict[tuple[int, UUID], tuple[float, Any]] = OrderedDict()
        self._lock = asyncio.Lock()
        self._connection: psycopg.Connection[Any] | None = None

    async def account(self, tenant_id: int, connector_id: UUID) -> Any:
        """What its type makes of it. Raises ServiceUnusable, psycopg.OperationalError."""
        key = tenant_id, connector_id
        async with self._lock:
            read_at, account = self._entries.get(key, (0.0, None))
            if not read_at or time.monotonic() - read_at > FRESH_S:
                account = await asyncio.to_thread(self._read, tenant_id, connector_id)
                self._entries[key] = time.monotonic(), account
                while len(self._entries) > REMEMBERED:
                    self._entries.popitem(last=False)
        if isinstance(account, ServiceUnusable):
            raise account
        return account

    def _read(self, tenant_id: int, connector_id: UUID) -> Any:
        try:
            if self._connection is None or self._connection.closed:
                self._connection = database.connect("connectors of calls")
            row = self._connection.execute(_CONNECTOR, (tenant_id, connector_id)).fetchone()
        except psycopg.OperationalError:
            self.close()
            raise
        if row is None:
            return ServiceUnusable(gettext("The connector of this step does not exist any more. Choose another one."))
        kind, config, secret = row
        try:
            return sender_of(kind, connector_id, config, secret).server
        except KeyError:
            return ServiceUnusable(gettext("Connectors of the type %(kind)s are not installed here.", kind=kind))
        except crypto.CannotUnseal:
            return ServiceUnusable(gettext("The secret of the connector cannot be read. An admin can enter it again."))

    def close(self) -> None:
        """Give the connection back."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
