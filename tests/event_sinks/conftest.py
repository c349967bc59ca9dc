"""A world with buses, and events that wait for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import nats
import psycopg
import pytest
from psycopg.types.json import Jsonb

from app.bus_settings import BusSettings, NatsSettings
from app.event_sinks.sink_pass import SinkPass
from app.event_sinks.sinks import SinkPlan, planned
from app.lib.ids import uuid7
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.nats_server import NatsServer, nats_server
from tests.fixtures.world import World

Connect = Callable[[], psycopg.Connection[Any]]


@pytest.fixture
def world(committed_database: CommittedDatabase) -> Iterator[World]:
    place = World(committed_database.url)
    yield place
    place.close()


@pytest.fixture
def connect(committed_database: CommittedDatabase) -> Connect:
    return lambda: psycopg.connect(committed_database.url, autocommit=True, options="-c timezone=UTC")


@pytest.fixture
def bus(tmp_path: Path) -> Iterator[NatsServer]:
    with nats_server(tmp_path / "nats") as server:
        yield server


def nats_plan(url: str, **more: Any) -> SinkPlan:
    (plan,) = planned(BusSettings(nats=NatsSettings(servers=(url,), **more)))
    return plan


def waiting(world: World, contacts: Sequence[UUID], sink: str = "nats", tenant: int | None = None) -> list[str]:
    """An event of each contact, in this order, that waits for a bus; their ids."""
    rows = [(tenant or world.tenant, sink, uuid7(), contact, Jsonb({"n": n})) for n, contact in enumerate(contacts)]
    with world.db.cursor() as cursor:
        cursor.executemany(
            "insert into sink_events (tenant_id, sink, id, type, contact_id, data, occurred_at, written_at)"
            " values (%s, %s, %s, 'contact.updated', %s, %s, clock_now(), clock_now())",
            rows,
        )
    return [str(row[2]) for row in rows]


async def carry(plan: SinkPlan, connect: Connect) -> int:
    with connect() as connection:
        return await SinkPass(plan, connection).run(until_idle=True)


async def stored(url: str, stream: str = "THROUGHLINE_EVENTS", **options: Any) -> list[tuple[str, str, dict[str, Any]]]:
    """All that is in a stream: subject, message id and event."""
    client = await nats.connect(url, **options)
    try:
        context = client.jetstream()
        state = (await context.stream_info(stream)).state
        messages = [await context.get_msg(stream, seq) for seq in range(state.first_seq, state.last_seq + 1)]
        return [
            (str(one.subject), (one.headers or {}).get("Nats-Msg-Id", ""), msgspec.json.decode(one.data or b"{}"))
            for one in messages
        ]
    finally:
        await client.close()
