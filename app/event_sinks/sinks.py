"""Which buses the settings name, and what each wants."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

from app.bus_settings import ALL, BusSettings
from app.domain_events.sink_repository import TakenEvent
from app.domain_events.types import NAMES, NODE_EXECUTED
from app.event_sinks.nats_transport import NatsTransport
from app.event_sinks.redis_transport import RedisTransport

NATS, REDIS = "nats", "redis"


class BusAway(Exception):
    """A bus cannot be reached, or takes nothing; the text says why."""


class BusTransport(Protocol):
    """A way to a bus."""

    async def open(self) -> None:
        """Connect, and make what is not there. Raises whatever keeps it from that."""

    async def publish(self, events: Sequence[TakenEvent]) -> tuple[list[TakenEvent], Exception | None]:
        """Hand events over, those of one key in their order. Answers those that the bus has, and what went wrong with others."""

    async def close(self) -> None:
        """Hang up. Raises nothing."""


class SinkPlan(NamedTuple):
    """A bus: `transport` makes a way to it for workspaces by their number, each with its token."""

    name: str
    lock: int
    """The advisory lock of the one process that carries events there."""
    types: tuple[str, ...]
    unknown_types: tuple[str, ...]
    workspaces: Mapping[str, str]
    """Tokens with short names of workspaces; empty: all."""
    transport: Callable[[Mapping[int, str]], BusTransport]


def planned(buses: BusSettings) -> list[SinkPlan]:
    """The buses of these settings."""
    plans = list[SinkPlan]()
    if buses.nats.servers:
        known, unknown = _types(buses.nats.types)
        plans.append(
            SinkPlan(
                NATS, 7_401_011, known, unknown, buses.nats.workspaces, lambda tokens: NatsTransport(buses.nats, tokens)
            )
        )
    if buses.redis.url:
        known, unknown = _types(buses.redis.types)
        plans.append(SinkPlan(REDIS, 7_401_012, known, unknown, {}, lambda _: RedisTransport(buses.redis)))
    return plans


def _types(chosen: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Types that are wanted, and names that are none."""
    if not chosen:
        return tuple(sorted(NAMES - {NODE_EXECUTED})), ()
    if ALL in chosen:
        return tuple(sorted(NAMES)), ()
    return tuple(sorted(NAMES & {*chosen})), tuple(name for name in chosen if name not in NAMES)
