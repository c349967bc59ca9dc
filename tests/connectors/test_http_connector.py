"""Connectors to HTTP services: credentials go in, to one address, and never out; a test says the service's own words."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncSession
from standardwebhooks import Webhook

from app.connectors import senders
from app.lib.http_url import BadUrl
from app.messaging.channels.http.account import BadCredentials, HttpAccount
from app.models import Connector, Workspace
from app.models.status import Role
from tests.fixtures.http_server import Recorder, Reply, recording

CONFIG = {"baseUrl": "https://api.example.com/v1/", "auth": "bearer", "secret": "t0ken", "testPath": "/ping"}
FORM = {
    "type": "http",
    "name": "Shop API",
    **CONFIG,
    "tokenUrl": "",
    "clientId": "",
    "scope": "",
    "clientAuth": "header",
    "username": "",
    "header": "",
}
OAUTH2 = {"auth": "oauth2", "tokenUrl": "https://auth.example.com/token", "clientId": "shop", "secret": "s3cret"}


@pytest.fixture
def server() -> Iterator[Recorder]:
    with recording() as recorder:
        yield recorder


async def added(api: Any, **config: Any) -> Any:
    client = await api(Role.ADMIN)
    return await client.post(
        "/api/v1/connectors", json={"type": "http", "name": "Shop API", "config": {**CONFIG, **config}}
    )


async def test_a_secret_goes_in_and_never_comes_out(api: Any, db_session: AsyncSession, workspace: Workspace) -> None:
    answer = await added(api)
    assert answer.status_code == 201 and "t0ken" not in answer.text
    body = answer.json()["data"]
    assert body["config"] == {
        "baseUrl": "https://api.example.com/v1", "auth": "bearer", "username": "", "header": "", "testPath": "/ping", "hasSecret": True,
        "tokenUrl": "", "clientId": "", "scope": "", "clientAuth": "header", "authorizeUrl": "",
    }  # fmt: skip
    assert body["isDefault"] is False, "no message leaves by it"
    row = await db_session.get(Connector, (workspace.id, UUID(body["id"])))
    assert row is not None and row.channel == 0 and b"t0ken" not in (row.secret or b"")
    assert senders.sender_of(row.type, row.id, row.config, row.secret).server.secret == "t0ken"
    client, path = await api(Role.ADMIN), f"/api/v1/connectors/{body['id']}"
    kept = await client.patch(path, json={"config": {"testPath": "/health"}})
    assert kept.json()["data"]["config"]["hasSecret"] is True
    for elsewhere in ({"baseUrl": "https://evil.example"}, {"auth": "header", "header": "X-Key"}):
        refused = await client.patch(path, json={"config": elsewhere})
        assert refused.status_code == 422 and "Enter the secret again" in refused.text
    assert (await client.patch(path, json={"isDefault": True})).json()["code"] == "no_default"
    assert (await client.patch(path, json={"config": {"auth": "none"}})).json()["data"]["config"]["hasSecret"] is False
    assert (await client.delete(path)).status_code == 204


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"baseUrl": "api.example.com"}, "begins with https://"),
        ({"baseUrl": "https://10.0.0.8/"}, "not on the public internet"),
        ({"baseUrl": "https://u:p@api.example.com"}, "Put credentials into a connector"),
        ({"baseUrl": "https://api.example.com/?key=1"}, "Leave out the query"),
        ({"baseUrl": "http://api.example.com"}, "Credentials need https"),
        ({"auth": "header", "header": "X Key"}, "no name of a header"),
        ({"auth": "header"}, "Write the name of a header"),
        ({"auth": "header", "header": "Host"}, "set by the connection itself"),
        ({"auth": "basic"}, "Write a user name"),
        ({"testPath": "https://other.example/"}, "its credentials go nowhere else"),
    ],
)  # fmt: skip
async def test_what_does_not_fit(api: Any, change: dict[str, str], words: str) -> None:
    answer = await added(api, **change)
    assert answer.status_code == 422 and words in answer.text, answer.text


async def test_a_test_says_the_service_s_own_words(api: Any, server: Recorder) -> None:
    connector = (await added(api, baseUrl=server.url)).json()["data"]
    client, path = await api(Role.ADMIN), f"/api/v1/connectors/{connector['id']}/test"
    server.answer = lambda asked: Reply(200, b"pong")
    result = (await client.post(path, json={})).json()["data"]
    assert result == {"result": "sent", "message": f"GET {server.url}/ping answered 200 OK. It says: pong"}
    assert server.asked[0].path == "/ping" and server.asked[0].headers["authorization"] == "Bearer t0ken"
    server.answer = lambda asked: Reply(401, b'{"error": "token expired"}')
    result = (await client.post(path, json={})).json()["data"]
    assert result["result"] == "misconfigured" and 'It says: {"error": "token expired"}' in result["message"]
    server.answer = lambda asked: Reply(500)
    assert (await client.post(path, json={})).json()["data"]["result"] == "rejected"


async def test_pages(browser: Any, db_session: AsyncSession, server: Recorder) -> None:
    admin = await browser(Role.ADMIN)
    assert "/connectors/new?type=http" in (await admin.get("/connectors/new")).text
    made = await admin.post("/connectors", data=FORM)
    assert made.status_code == 303, made.text
    path = made.headers["location"]
    page = (await admin.get(path)).text
    assert (
        "t0ken" not in page and "One is stored" in page and "Test the connection" in page and "Make default" not in page
    )
    listed = (await admin.get("/connectors")).text
    assert "Services" in listed and "https://api.example.com/v1" in listed and "Bearer token" in listed
    refused = await admin.post(path, data={**FORM, "secret": "", "baseUrl": "https://evil.example"})
    assert refused.status_code == 422 and "Enter the secret again" in refused.text
    saved = await admin.post(path, data={**FORM, "baseUrl": server.url})
    assert saved.status_code == 303
    tested = await admin.post(f"{path}/test")
    assert "answered 200 OK" in tested.text
    assert (await admin.post(f"{path}/delete")).headers["location"] == "/connectors"


def test_urls_of_a_connector() -> None:
    account = HttpAccount(base_url="https://api.example.com/v1")
    for text, url in {
        "": "https://api.example.com/v1", "/orders?x=1": "https://api.example.com/v1/orders?x=1",
        "?x=1": "https://api.example.com/v1?x=1", "https://api.example.com/v1/a": "https://api.example.com/v1/a",
    }.items():  # fmt: skip
        assert str(account.url_of(text)) == url
    for text in (
        "https://api.example.com/v2", "https://api.example.com/v10", "http://api.example.com/v1/a", "https://api.example.com.evil.example/v1",
        "https://api.example.com:8443/v1", "/../admin", "https://api.example.com/v1/../v2", "//evil.example/\\x", "orders",
    ):  # fmt: skip
        with pytest.raises(BadUrl):
            account.url_of(text)
    assert account.url_of("//evil.example/x").host == "api.example.com"


def test_headers_of_each_way() -> None:
    at = datetime(2026, 11, 27, 9, 30, tzinfo=UTC)

    def headers(**more: Any) -> dict[str, str]:
        return dict(HttpAccount(base_url="https://a.example", **more).headers("msg_1", at, b'{"a":1}'))

    assert headers() == {}
    basic = headers(auth="basic", username="ü", secret="p")["Authorization"]
    assert base64.b64decode(basic.removeprefix("Basic ")).decode() == "ü:p"
    assert headers(auth="bearer", secret="t") == {"Authorization": "Bearer t"}
    assert headers(auth="header", header="X-Key", secret="t") == {"X-Key": "t"}
    secret = "whsec_" + base64.b64encode(b"0" * 24).decode()
    signed = headers(auth="signed", secret=secret)
    assert signed["webhook-id"] == "msg_1" and signed["webhook-timestamp"] == str(int(at.timestamp()))
    assert signed["webhook-signature"] == Webhook(secret).sign("msg_1", at, '{"a":1}')
    for wrong in ({"auth": "signed", "secret": "whsec_é"}, {"auth": "bearer"}):
        with pytest.raises(BadCredentials):
            headers(**wrong)


async def test_client_credentials_are_checked_and_asked_for_again_with_another_address(api: Any) -> None:
    wrongs = {"tokenUrl": ["", "http://auth.example.com/t", "https://10.0.0.5/t", "ftp://x"], "clientId": [""]}
    for field, values in wrongs.items():
        for value in values:
            answer = await added(api, **{**OAUTH2, field: value})
            assert answer.status_code == 422 and f"config.{field}" in answer.text
    body = (await added(api, **OAUTH2)).json()["data"]
    assert body["config"]["hasSecret"] is True and "s3cret" not in str(body)
    client, path = await api(Role.ADMIN), f"/api/v1/connectors/{body['id']}"
    for change in ({"tokenUrl": "https://evil.example/token"}, {"clientId": "other"}):
        assert "Enter the secret again" in (await client.patch(path, json={"config": change})).text
    assert (await client.patch(path, json={"config": {"scope": "all"}})).status_code == 200


async def test_a_test_of_client_credentials_says_the_providers_words(api: Any, server: Recorder) -> None:
    body = (await added(api, **{**OAUTH2, "baseUrl": server.url, "tokenUrl": f"{server.url}/token"})).json()["data"]
    client, path = await api(Role.ADMIN), f"/api/v1/connectors/{body['id']}/test"
    server.answer = lambda asked: Reply(400, b'{"error": "invalid_scope", "error_description": "No such scope"}')
    assert (await client.post(path, json={})).json()["data"] == {
        "result": "misconfigured", "message": "The token address answered 400. It says: invalid_scope: No such scope",
    }  # fmt: skip
    server.answer = lambda asked: Reply(200, b'{"access_token": "t"}' if asked.path == "/token" else b"pong")
    assert (await client.post(path, json={})).json()["data"]["result"] == "sent"
    assert server.asked[-1].headers["authorization"] == "Bearer t"
