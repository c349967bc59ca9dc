"""Streams without a server: what a client would read, from a hub of its own on a database that really commits."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple
from uuid import uuid4

from app.accounts.principal import Principal
from app.lib.deadline import BoundedConnection
from app.live.hub import LiveHub
from app.live.stream import LiveStream, Topic
from app.models.status import Role


class Heard(NamedTuple):
    """An event as a client reads it."""

    name: str
    data: dict[str, Any]
    id: str


class Client:
    """One stream of a hub, and what was read of it."""

    def __init__(
        self, tenant_id: int, topic: Topic, last_event_id: str = "", principal: Principal | None = None
    ) -> None:
        from app.live.events import known_place

        who = principal or Principal(
            kind="key", id=uuid4(), tenant_id=tenant_id, role=Role.VIEWER, name="k", standing="s"
        )
        self.stream = LiveStream(who, topic, place=known_place(last_event_id), token=last_event_id)
        self.events: list[Heard] = []
        self.last_event_id = last_event_id

    def read(self, text: str) -> None:
        """As `EventSource` does: an id counts also where there is no event."""
        for block in text.split("\n\n"):
            lines = [line for line in block.split("\n") if line and not line.startswith(":")]
            fields = dict(line.split(": ", 1) for line in lines)
            self.last_event_id = fields.get("id", self.last_event_id)
            if "data" in fields:
                self.events.append(Heard(fields["event"], json.loads(fields["data"]), self.last_event_id))

    @property
    def names(self) -> list[str]:
        return [event.name for event in self.events]

    async def drain(self) -> list[str]:
        """Read what waits; the names of all events so far."""
        while self.stream._pieces:
            self.read((await self.stream.next_pieces() or b"").decode())
        return self.names


async def nobody_left(_streams: Iterable[LiveStream]) -> list[LiveStream]:
    return []


class Desk:
    """A hub that looks when the test says so, on a connection of the test."""

    def __init__(self, connection: BoundedConnection) -> None:
        self.hub, self.connection = LiveHub(nobody_left), connection
        self.clients: list[Client] = []

    def open(self, tenant_id: int, topic: Topic | None = None, last_event_id: str = "") -> Client:
        client = Client(tenant_id, topic or Topic(), last_event_id)
        self.hub.streams.add(client.stream)
        self.clients.append(client)
        return client

    def close(self, client: Client) -> None:
        self.hub.leave(client.stream)
        self.clients.remove(client)

    async def look(self) -> None:
        """Look once, and let all clients read."""
        await self.hub._look(self.connection)
        for client in self.clients:
            await client.drain()


@asynccontextmanager
async def desk(url: str) -> AsyncIterator[Desk]:
    connection = await BoundedConnection.connect(url, autocommit=True)
    try:
        yield Desk(connection)
    finally:
        await connection.close()


async def until(met: Any, seconds: float = 15.0) -> None:
    """Wait for what another task does."""
    async with asyncio.timeout(seconds):
        while not met():
            await asyncio.sleep(0.01)
