"""The app with the engine and the callers of a worker, on one database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import msgspec
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

import app.outside.jobs  # brings the performers
from app.lib import database
from app.lib.database_roles import DatabaseRole
from app.messaging.deliver import Delivery
from app.models import Workspace
from app.models.status import Role
from tests.engine.calling import make_calls
from tests.fixtures.clock import Clock
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.people import ApiClients, BrowserClients
from tests.fixtures.web import client_of
from tests.fixtures.world import World

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"


class Importer:
    """Imports files by the API, and lets what they make run."""

    def __init__(
        self, world: World, clock: Clock, url: str, api: httpx.AsyncClient, browser: httpx.AsyncClient
    ) -> None:
        assert app.outside.jobs.ACTORS is not None
        self.world, self.clock, self.url, self.api, self.browser = world, clock, url, api, browser

    async def post(self, path: str, body: Any = None) -> Any:
        answer = await self.api.post(f"/api/v1{path}", json=body if body is not None else {})
        assert answer.status_code < 300, answer.text
        return answer.json()["data"]

    async def example(self, name: str) -> UUID:
        """Import one of docs/examples, without anything left to choose, and activate it."""
        file = msgspec.json.decode((EXAMPLES / f"{name}.json").read_bytes())
        imported = await self.post("/workflows/import", file)
        assert imported["toChoose"] == [], imported
        await self.post(f"/workflows/{imported['id']}/activate")
        return UUID(imported["id"])

    async def work(self, at: datetime | None = None) -> None:
        """What workers do until nothing is left to do, now or at a later time."""
        await asyncio.to_thread(self._work, at)

    def _work(self, at: datetime | None) -> None:
        if at is not None:
            self.clock.set(at)
            self.world.travel(at)
        self.world.engine.advance()
        while make_calls(self.url) or self._send():
            self.world.engine.advance()

    def _send(self) -> bool:
        """Hand over the messages that wait; were there any?"""
        waiting: int = self.world.one("select count(*) from messages where status = 0")
        with database.connect() as connection:
            asyncio.run(Delivery(connection).run(2))
        return waiting > self.world.one("select count(*) from messages where status = 0")

    def mails(self) -> list[str]:
        """Subjects of all messages, in order."""
        rows = self.world.db.execute(
            "select t.name from messages m join templates t on t.id = m.template_id order by m.run_id, m.seq"
        )
        return [name for (name,) in rows.fetchall()]

    def ways(self, workflow: UUID) -> list[tuple[str, str | None]]:
        """Step and port of each step that was taken, in order of run and visit."""
        return [(node, port) for node, _, port in self.world.steps(workflow)]

    def contact(self, email: str) -> tuple[list[str], dict[str, Any]]:
        """Tags and attributes of somebody."""
        row = self.world.db.execute("select tags, attributes from contacts where email = %s", (email,)).fetchone()
        assert row is not None
        return row[0], row[1]


@pytest.fixture
def world(committed_database: CommittedDatabase) -> Iterator[World]:
    world = World(committed_database.url)
    yield world
    world.close()


@pytest.fixture
async def importer(world: World, clock: Clock, committed_database: CommittedDatabase) -> AsyncIterator[Importer]:
    from app.asgi import create_app

    clock.set(MONDAY)
    clock.store_committed(world.db)
    litestar = create_app()
    litestar.state["database"].update_app_state(litestar)
    async with (
        database.job_engine(DatabaseRole.OWNER) as engine,
        AsyncSession(engine, expire_on_commit=False) as session,
        AsyncExitStack() as stack,
    ):
        workspace = await session.get_one(Workspace, world.tenant)

        def connect(**options: Any) -> httpx.AsyncClient:
            return client_of(litestar, **options)

        api = await ApiClients(session, workspace, connect, stack)(Role.OWNER)
        browser = await BrowserClients(session, workspace, connect, stack)(Role.OWNER)
        await session.commit()
        yield Importer(world, clock, committed_database.url, api, browser)


def later(**delta: float) -> datetime:
    """So much after the beginning of these stories: a Monday noon."""
    return MONDAY + timedelta(**delta)


MONDAY = datetime.fromisoformat("2026-06-01T12:00:00+00:00")
