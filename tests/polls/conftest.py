"""A workspace on a database that really commits, a service with a list of rows, and a database of somebody else."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.types.json import Jsonb

from app.connectors.senders import seal_password
from app.polls import jobs
from app.schedules import jobs as schedules
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.foreign_database import ForeignDatabase, foreign_database
from tests.fixtures.http_server import Asked, Recorder, Reply, json_reply, recording
from tests.fixtures.world import World, flow, node


@pytest.fixture
def world(committed_database: CommittedDatabase) -> Iterator[World]:
    new = World(committed_database.url)
    yield new
    new.close()


class Shop:
    """A service whose list has the rows behind `since`, `page` of them at most."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder, self.rows, self.page = recorder, list[dict[str, Any]](), 10_000
        recorder.answer = self.answer

    def add(self, *ids: int, **values: Any) -> None:
        self.rows += [{"id": number, "email": f"p{number}@example.com", **values} for number in ids]

    def answer(self, asked: Asked) -> Reply:
        since = parse_qs(urlsplit(asked.path).query).get("since", ["0"])[0]
        rows = [row for row in self.rows if not since.isdigit() or row["id"] >= int(since)]
        return json_reply({"orders": rows[: self.page]})


@pytest.fixture
def shop() -> Iterator[Shop]:
    with recording() as recorder:
        yield Shop(recorder)


@pytest.fixture
def elsewhere(world: World) -> Iterator[ForeignDatabase]:
    """The database of the test, reached as that of somebody else; its orders lie in a schema of their own."""
    world.db.execute("create schema if not exists elsewhere")
    world.db.execute("create table elsewhere.orders (id int primary key, email text, at timestamptz)")
    with foreign_database() as door:
        yield door


def polling_flow(url: str = "", **data: Any) -> dict[str, Any]:
    """A workflow that asks for orders each minute, for the contact of each."""
    document = flow(None, [node("end", "end")], ("poll", "end"))
    del document["trigger"]
    source = {"kind": "url", "url": url, "items": "$.orders"}
    settings = {
        "source": source,
        "everySeconds": 60,
        "id": "$.id",
        "identity": {"email": "$.email"},
        "first": "new",
        **data,
    }
    return {**document, "triggers": [{"id": "poll", "type": "poll", "enabled": True, "data": settings}]}


def database_connector(world: World, door: ForeignDatabase) -> UUID:
    target, connector_id = door.target(world.db.info.dbname), uuid4()
    config = {
        "host": target.host, "port": target.port, "database": target.database, "user": target.user, "tls": "disable",
        "statementTimeout": 2,
    }  # fmt: skip
    world.db.execute(
        "insert into connectors (tenant_id, id, type, channel, name, config, secret) values (%s, %s, 'postgres', 0, 'Shop', %s, %s)",
        (world.tenant, connector_id, Jsonb(config), seal_password("postgres", connector_id, config, "unused")),
    )
    return connector_id


async def look(world: World, *, minutes: float = 1.5, workers: int = 1) -> None:
    """Move the clock, let schedulers compare and workers ask, and the engine start what came."""
    now = world.one("select clock_now()")
    world.db.execute(
        "insert into virtual_clock (one, at) values (1, %s) on conflict (one) do update set at = excluded.at",
        (now + timedelta(minutes=minutes),),
    )
    await schedules.work()
    await asyncio.gather(*[jobs.work() for _ in range(workers)])
    world.engine.advance()


def started(world: World, workflow: UUID) -> list[int]:
    """Ids of the rows whose runs there are."""
    rows = world.db.execute(
        "select (trigger_event->>'id')::int from runs where workflow_id = %s order by 1", (workflow,)
    )
    return [row[0] for row in rows]


def poll_row(world: World) -> dict[str, Any]:
    with world.db.cursor(row_factory=psycopg.rows.dict_row) as cursor:
        row = cursor.execute("select * from polls").fetchone()
    assert row is not None
    return row
