"""Events to NATS JetStream: `<prefix>.<token>.<type>`, each with its id as `Nats-Msg-Id`, handed over when the stream has it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import structlog
from nats.aio.client import Client
from nats.js import JetStreamContext

from app.bus_settings import NatsSettings
from app.domain_events.envelope import CONTENT_TYPE, event_body
from app.domain_events.sink_repository import TakenEvent
from app.domain_events.types import NAMES
from app.event_sinks.nats_connection import connect_nats, ensure_stream
from app.settings import settings

log = structlog.get_logger()
STREAM = "THROUGHLINE_EVENTS"
ACK_S = 5.0
AT_ONCE = 256
"""Events that are on their way at a time."""
ORIGIN = "Throughline-Origin"
"""The header that says which installation told an event: it does not take its own in."""


def joined_subject(*parts: str) -> str:
    """A subject of those parts that are not empty."""
    return ".".join(part for part in parts if part)


def published_subjects(bus: NatsSettings, tokens: Sequence[str]) -> list[str]:
    """What the stream of events has to take."""
    if bus.publish_prefix:
        return [f"{bus.publish_prefix}.>"]
    if tokens:
        return [f"{token}.>" for token in sorted(tokens)]
    return sorted({f"{name.split('.')[0]}.>" for name in NAMES})


class NatsTransport:
    """One connection. `tokens`: by number the token of each workspace; empty: all workspaces, without one."""

    def __init__(self, bus: NatsSettings, tokens: Mapping[int, str]) -> None:
        self._bus, self._tokens = bus, tokens
        self._client: Client | None = None
        self._context: JetStreamContext | None = None

    async def open(self) -> None:
        """Connect, and make the stream."""
        self._client = await connect_nats(self._bus, "events")
        self._context = self._client.jetstream()
        await ensure_stream(self._context, STREAM, published_subjects(self._bus, list(self._tokens.values())))

    async def publish(self, events: Sequence[TakenEvent]) -> tuple[list[TakenEvent], Exception | None]:
        """Events of one key go one after the other, those of different ones side by side. After a failure nothing more begins."""
        by_key: dict[tuple[int, str], list[TakenEvent]] = {}
        for event in events:
            by_key.setdefault(event.key, []).append(event)
        room, taken, failures = asyncio.Semaphore(AT_ONCE), list[TakenEvent](), list[Exception]()

        async def tell(in_order: Sequence[TakenEvent]) -> None:
            for event in in_order:
                async with room:
                    if failures:
                        return
                    try:
                        await self._tell(event)
                    except Exception as error:
                        failures.append(error)
                        return
                    taken.append(event)

        await asyncio.gather(*(tell(in_order) for in_order in by_key.values()))
        return taken, failures[0] if failures else None

    async def _tell(self, event: TakenEvent) -> None:
        assert self._client is not None and self._context is not None  # noqa: S101  opened
        body = event_body(event.id, event.type, event.occurred_at, event.data, event.tenant_id)
        if len(body) > self._client.max_payload:  # no try would ever be taken, and those behind it wait
            log.error("nats.event_too_large", event_id=str(event.id), type=event.type, bytes=len(body))
            return
        headers = {"Nats-Msg-Id": str(event.id), "Content-Type": CONTENT_TYPE, ORIGIN: settings().web.base_url}
        subject = joined_subject(self._bus.publish_prefix, self._tokens.get(event.tenant_id, ""), event.type)
        await self._context.publish(subject, body, timeout=ACK_S, headers=headers)

    async def close(self) -> None:
        """Hang up."""
        if self._client is not None:
            try:
                await asyncio.wait_for(self._client.close(), 2)
            except Exception as error:
                log.debug("nats.close", error=repr(error)[:200])
