"""May code of a workspace run here? For whoever runs it: read again after two seconds, so the switch counts at once for people."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from typing import Any, NamedTuple

import psycopg

from app.lib import database

FRESH_S = 2.0
REMEMBERED = 10_000
_RULES = """
select coalesce((settings -> 'code' ->> 'allowed')::boolean, false), (select count(*) from (select from workspaces limit 2) w)
from workspaces where id = %s
"""


class CodeRules(NamedTuple):
    """`allowed`: an admin has switched code steps on; `alone`: this installation has one workspace."""

    allowed: bool
    alone: bool


class CodeRuleReader:
    """Rules by workspace. One read at a time, off the event loop, over a connection of its own."""

    def __init__(self) -> None:
        self._entries: OrderedDict[int, tuple[float, CodeRules]] = OrderedDict()
        self._lock = asyncio.Lock()
        self._connection: psycopg.Connection[Any] | None = None

    async def of(self, tenant_id: int) -> CodeRules:
        """Raises psycopg.OperationalError."""
        async with self._lock:
            read_at, rules = self._entries.get(tenant_id, (0.0, CodeRules(allowed=False, alone=False)))
            if not read_at or time.monotonic() - read_at > FRESH_S:
                rules = await asyncio.to_thread(self._read, tenant_id)
                self._entries[tenant_id] = time.monotonic(), rules
                while len(self._entries) > REMEMBERED:
                    self._entries.popitem(last=False)
            return rules

    def _read(self, tenant_id: int) -> CodeRules:
        try:
            if self._connection is None or self._connection.closed:
                self._connection = database.connect("rules of code")
            row = self._connection.execute(_RULES, (tenant_id,)).fetchone()
        except psycopg.OperationalError:
            self.close()
            raise
        return CodeRules(bool(row[0]), row[1] < 2) if row else CodeRules(allowed=False, alone=False)

    def close(self) -> None:
        """Give the connection back."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
