"""A message that left by a provider, and calls of that provider, with the rules of requests and without a web server."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID

import msgspec
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.callbacks.jobs import match_late_reports
from app.callbacks.receiving import CallbackRequest, receive
from app.connectors.callback_address import callback_url
from app.connectors.schemas import NewConnector
from app.lib import database
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.sink import Sink
from tests.messaging.providers.postmark import Postmark
from tests.messaging.providers.provider import FakeProvider, running
from tests.messaging.world import World


def call(url: str, body: Any = b"", headers: dict[str, str] | None = None, method: str = "POST") -> str:
    """What a call of the address is answered."""
    parts = urlsplit(url)
    content = body if isinstance(body, bytes) else msgspec.json.encode(body)
    token, query = parts.path.rpartition("/")[2], dict(parse_qsl(parts.query))
    request = CallbackRequest(
        method=method, token=token, query_text=parts.query, query=query, headers=headers or {}, body=content
    )

    async def inside() -> str:
        async with database.job_engine() as engine, AsyncSession(engine) as session:
            answer = await receive(session, request)
            await session.commit()
            return answer

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(inside())).result()


class Reporting:
    """A world whose mails leave by a provider that reports."""

    def __init__(self, world: World, provider: FakeProvider) -> None:
        self.world, self.provider = world, provider
        new = NewConnector(name="API", type=provider.type, config=provider.config(), is_default=True)
        world.connectors("create", new)
        self.connector: UUID = world.value("select id from connectors where name = 'API'")
        self.url = callback_url(world.tenant, self.connector)

    def sent(self, email: str = "zoe@example.com", **more: Any) -> UUID:
        """The run of a mail that the provider took."""
        run_id = self.world.message(self.world.contact(email), **more)
        self.world.deliver()
        assert self.world.row(run_id)["word"] == "sent"
        return run_id

    def call(self, body: Any, headers: dict[str, str] | None = None) -> str:
        return call(self.url, body, headers)

    def minute(self) -> None:
        """What the scheduler does each minute."""
        with ThreadPoolExecutor(1) as thread:
            thread.submit(lambda: asyncio.run(match_late_reports())).result()

    def reports(self, run_id: UUID) -> list[str]:
        rows = self.world.db.execute("select kind from message_reports where run_id = %s order by at, kind", (run_id,))
        return [KINDS[kind] for (kind,) in rows.fetchall()]

    def events(self) -> list[tuple[str, dict[str, Any]]]:
        rows = self.world.db.execute(
            "select name, properties from events where tenant_id = %s order by id", (self.world.tenant,)
        )
        return [(name, properties) for name, properties in rows.fetchall()]

    def listed(self) -> list[tuple[str, str]]:
        return self.world.db.execute(
            "select address, reason from suppressions where lifted_at is null order by 1"
        ).fetchall()


KINDS = ("", "delivered", "opened", "clicked", "bounced", "complained", "failed", "replied", "unsubscribed")


@pytest.fixture
def world(committed_database: CommittedDatabase, sink: Sink) -> Iterator[World]:
    with committed_database.connect() as connection:
        yield World(connection, sink)


@pytest.fixture
def reporting(world: World) -> Iterator[Reporting]:
    with running(Postmark) as provider:
        yield Reporting(world, provider)
