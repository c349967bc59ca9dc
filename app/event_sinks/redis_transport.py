"""Events to a stream of Redis or Valkey, whose length is bounded. Several leave together, all or none."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

import redis.asyncio
from redis.asyncio import Redis

from app.bus_settings import RedisStreamSettings
from app.domain_events.envelope import event_body
from app.domain_events.sink_repository import TakenEvent

TOGETHER = 200
ANSWER_S = 5.0


class RedisTransport:
    """One connection. Redis knows no ids of messages: an event that is sent again is there twice, with one `id`."""

    def __init__(self, bus: RedisStreamSettings) -> None:
        self._bus = bus
        self._client: Redis | None = None

    async def open(self) -> None:
        """Connect."""
        self._client = redis.asyncio.from_url(self._bus.url, socket_timeout=ANSWER_S, socket_connect_timeout=ANSWER_S)
        await self._client.ping()

    async def publish(self, events: Sequence[TakenEvent]) -> tuple[list[TakenEvent], Exception | None]:
        """In the order in which they come."""
        assert self._client is not None  # noqa: S101  opened
        taken = list[TakenEvent]()
        for at in range(0, len(events), TOGETHER):
            some = events[at : at + TOGETHER]
            try:
                async with self._client.pipeline(transaction=True) as pipeline:
                    for event in some:
                        body = event_body(event.id, event.type, event.occurred_at, event.data, event.tenant_id)
                        fields: dict[Any, Any] = {
                            "id": str(event.id),
                            "type": event.type,
                            "workspace": event.tenant_id,
                            "event": body,
                        }
                        pipeline.xadd(self._bus.stream, fields, maxlen=self._bus.longest, approximate=True)
                    await pipeline.execute()
            except Exception as error:
                return taken, error
            taken += some
        return taken, None

    async def close(self) -> None:
        """Hang up."""
        if self._client is not None:
            with contextlib.suppress(Exception):
                await self._client.aclose()
