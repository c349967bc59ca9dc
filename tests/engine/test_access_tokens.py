"""OAuth2 client credentials: one worker fetches a token for all, it is used until shortly before its end, and never written readable."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

import app.outside.jobs  # brings the performer
from app.connectors.access_tokens import AccessTokens
from app.connectors.senders import seal_password
from app.lib.http_client import HttpClient
from app.lib.ids import uuid7
from app.messaging.channels.http.account import HttpAccount
from app.messaging.channels.http.oauth2 import NoToken, fetch_token
from tests.engine.calling import finish
from tests.engine.requests_by_http import CALLS, RETRY, requesting
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.http_server import Asked, Recorder, Reply, json_reply, recording
from tests.fixtures.world import World

SECRET = "cl1ent-s3cret"


@pytest.fixture
def server() -> Iterator[Recorder]:
    with recording() as recorder:
        yield recorder


@pytest.fixture
def url(committed_database: CommittedDatabase) -> str:
    assert app.outside.jobs.ACTORS == []
    return committed_database.url


class Provider:
    """Gives tokens `t0k-1`, `t0k-2` … and takes the last one only."""

    def __init__(self, server: Recorder, **answer: Any) -> None:
        self.count, self.more, self.valid = 0, answer, ""
        self.server = server
        server.answer = self

    def __call__(self, asked: Asked) -> Reply:
        if asked.path == "/token":
            self.count += 1
            self.valid = f"t0k-{self.count}"
            return json_reply({"access_token": self.valid, "token_type": "Bearer", "expires_in": 600, **self.more})
        if asked.headers.get("authorization") != f"Bearer {self.valid}":
            return json_reply({"error": "invalid_token"}, 401)
        return json_reply({"n": 1})

    @property
    def tokens_asked(self) -> list[Asked]:
        return [asked for asked in self.server.asked if asked.path == "/token"]


def connector(world: World, server: Recorder, **config: Any) -> UUID:
    connector_id = uuid7()
    settings = {
        "baseUrl": server.url, "auth": "oauth2", "username": "", "header": "", "testPath": "", "tokenUrl": f"{server.url}/token",
        "clientId": "shop", "scope": "orders read", "clientAuth": "header", **config,
    }  # fmt: skip
    world.db.execute(
        "insert into connectors (tenant_id, id, type, channel, name, config, secret) values (%s, %s, 'http', 0, 'API', %s, %s)",
        (world.tenant, connector_id, json.dumps(settings), seal_password("http", connector_id, settings, SECRET)),
    )
    return connector_id


def started(world: World, connector_id: UUID, count: int) -> UUID:
    workflow = world.workflow(requesting("/orders", RETRY, connectorId=str(connector_id), method="POST"))
    world.emit("go", world.contacts(count))
    return workflow


def test_one_token_serves_all_calls_and_is_written_nowhere_readable(world: World, url: str, server: Recorder) -> None:
    provider, connector_id = Provider(server), connector(world, server)
    workflow = started(world, connector_id, 15)
    finish(world, url)
    assert world.runs(workflow) == {"completed": 15} and provider.count == 1
    (asked,) = provider.tokens_asked
    assert asked.body == b"grant_type=client_credentials&scope=orders+read"
    assert asked.headers["authorization"] == f"Basic {base64.b64encode(f'shop:{SECRET}'.encode()).decode()}"
    assert "idempotency-key" not in asked.headers
    for table in ("outbound_calls", "steps", "step_attempts", "connector_gates"):
        text = str(world.db.execute(f"select coalesce(string_agg(t::text, ''), '') from {table} t").fetchone())
        assert "t0k-1" not in text and SECRET not in text
    details = [detail for _, _, detail in world.db.execute(CALLS).fetchall()]
    assert {detail["request"]["headers"]["Authorization"] for detail in details} == {"•••"}


def test_it_is_fetched_again_shortly_before_its_end(world: World, url: str, server: Recorder) -> None:
    provider, connector_id = Provider(server), connector(world, server)
    started(world, connector_id, 1)
    finish(world, url)
    for seconds, count in ((500, 1), (530, 2)):
        world.db.execute(
            "update connector_gates set access_token_until = access_token_until - %s * interval '1 second'", (seconds,)
        )
        world.emit("go", world.contacts(1))
        finish(world, url)
        assert provider.count == count


def test_a_token_that_is_taken_no_more_is_renewed_once_for_all(world: World, url: str, server: Recorder) -> None:
    provider, connector_id = Provider(server), connector(world, server)
    started(world, connector_id, 1)
    finish(world, url)
    provider.valid = "another"
    workflow = started(world, connector_id, 12)
    finish(world, url)
    assert provider.count == 2, "one worker, one request, for 12 calls that were refused"
    assert world.one("select count(*) from runs where status <> 4 and workflow_id = %s", workflow) == 0
    provider_calls = [asked for asked in server.asked if asked.path == "/orders"]
    assert all(asked.headers["idempotency-key"] for asked in provider_calls)


SURE = {"WWW-Authenticate": 'Bearer error="invalid_token"'}


def test_a_service_that_refuses_new_tokens_too_is_asked_twice_and_no_more(
    world: World, url: str, server: Recorder
) -> None:
    connector_id = connector(world, server)
    provider = Provider(server)
    server.answer = lambda asked: provider(asked) if asked.path == "/token" else Reply(401, b"", SURE)
    started(world, connector_id, 1)
    finish(world, url)
    assert [asked.path for asked in server.asked] == ["/token", "/orders", "/token", "/orders"]
    assert world.one("select state from connectors") == "paused" and "401" in world.one(
        "select state_message from connectors"
    )
    assert world.one("select count(*) from calls where lease_until is null and attempt = 1") == 1, (
        "it waits for the key"
    )


def test_workers_share_the_fetching(world: World, url: str, server: Recorder) -> None:
    """Four event loops of their own ask at once; the slow token is fetched by one of them."""
    provider, connector_id = Provider(server), connector(world, server)
    server.answer = lambda asked: _slow(provider(asked))
    account = HttpAccount(
        base_url=server.url, auth="oauth2", secret=SECRET, token_url=f"{server.url}/token", client_id="shop"
    )

    def ask() -> str:
        async def run() -> str:
            client = HttpClient()
            tokens = AccessTokens(client)
            try:
                return await tokens.token(world.tenant, connector_id, account)
            finally:
                await tokens.close()
                await client.close()

        return asyncio.run(run())

    async def all_at_once() -> list[str]:
        return await asyncio.gather(*(asyncio.to_thread(ask) for _ in range(4)))

    assert asyncio.run(all_at_once()) == ["t0k-1"] * 4 and provider.count == 1


def _slow(reply: Reply) -> Reply:
    reply.after_s = 0.4
    return reply


@pytest.mark.parametrize(
    ("reply", "words", "refused"),
    [
        (
            json_reply({"error": "invalid_client", "error_description": "Unknown client"}, 401),
            "invalid_client: Unknown client",
            True,
        ),
        (json_reply({"error": "temporarily_unavailable"}, 503), "503", False),
        (Reply(200, b"<html>"), "without an access token", True),
        (json_reply({"access_token": "a\nb"}), "without an access token", True),
        (json_reply({"access_token": "x", "token_type": "mac"}), "only Bearer", True),
    ],
)
def test_what_the_token_address_answers_instead(server: Recorder, reply: Reply, words: str, refused: bool) -> None:
    server.answer = lambda asked: reply
    account = HttpAccount(
        base_url=server.url,
        auth="oauth2",
        secret=SECRET,
        token_url=f"{server.url}/token",
        client_id="shop",
        client_auth="body",
    )

    async def fetch() -> None:
        client = HttpClient()
        try:
            await fetch_token(client, account, 5)
        finally:
            await client.close()

    with pytest.raises(NoToken) as caught:
        asyncio.run(fetch())
    assert words in str(caught.value) and caught.value.refused is refused and SECRET not in str(caught.value)
    assert b"client_id=shop&client_secret=" in server.asked[0].body and "authorization" not in server.asked[0].headers


def test_a_token_address_that_is_down_delays_and_one_that_refuses_pauses_with_its_words(
    world: World, url: str, server: Recorder
) -> None:
    connector_id = connector(world, server)
    server.answer = lambda asked: json_reply({"error": "invalid_client"}, 401)
    started(world, connector_id, 1)
    finish(world, url)
    assert "invalid_client" in world.one("select state_message from connectors")
    assert world.one("select state from connectors") == "paused" and world.one("select count(*) from calls") == 1
    world.db.execute("delete from calls")
    world.db.execute("update connectors set state = 'ok', state_message = null, updated_at = clock_now()")
    server.answer = lambda asked: Reply(503)
    started(world, connector_id, 8)
    finish(world, url)
    assert world.one("select state from connectors") == "away" and world.one("select count(*) from calls") > 0
