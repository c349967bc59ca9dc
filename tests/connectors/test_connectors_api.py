"""Connectors over the API: sealed passwords, one default, admins only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.connectors import senders, service
from app.lib.ids import uuid7
from app.models import Connector, Workspace
from app.models.status import Role
from tests.fixtures.sink import Sink

CONFIG = {"host": "smtp.example.com", "fromEmail": "shop@example.com", "username": "u", "password": "p4ss"}
NEW = {"type": "smtp", "name": "Relay", "config": CONFIG}


@pytest.fixture
def sink() -> Iterator[Sink]:
    made = Sink(password="p4ss")
    made.start()
    yield made
    made.stop()


async def made(api: Any, **change: Any) -> dict[str, Any]:
    answer = await (await api(Role.ADMIN)).post("/api/v1/connectors", json={**NEW, **change})
    assert answer.status_code == 201, answer.text
    return dict(answer.json()["data"])


async def test_a_password_goes_in_and_never_comes_out(api: Any, db_session: AsyncSession, workspace: Workspace) -> None:
    answer = await (await api(Role.ADMIN)).post("/api/v1/connectors", json=NEW)
    body = answer.json()["data"]
    assert "p4ss" not in answer.text
    assert body["config"] == {
        "host": "smtp.example.com", "port": 587, "security": "starttls", "username": "u", "fromEmail": "shop@example.com",
        "fromName": "", "hasPassword": True, "local": False,
    }  # fmt: skip
    assert body["isDefault"] is True, "the first one is the default"
    row = await db_session.get(Connector, (workspace.id, UUID(body["id"])))
    assert row is not None and row.secret is not None
    assert b"p4ss" not in row.secret and "p4ss" not in str(row.config)
    assert senders.sender_of(row.type, row.id, row.config, row.secret).server.password == "p4ss"


async def test_change_keeps_what_is_absent(api: Any, db_session: AsyncSession, workspace: Workspace) -> None:
    connector = await made(api)
    client = await api(Role.ADMIN)
    path = f"/api/v1/connectors/{connector['id']}"
    changed = (await client.patch(path, json={"config": {"fromName": "Us"}})).json()["data"]
    assert changed["config"] == {**connector["config"], "fromName": "Us"}
    row = await db_session.get(Connector, (workspace.id, UUID(connector["id"])))
    assert row is not None and senders.sender_of(row.type, row.id, row.config, row.secret).server.password == "p4ss"
    changed = (await client.patch(path, json={"config": {"password": ""}, "name": "Other"})).json()["data"]
    assert (changed["config"]["hasPassword"], changed["name"]) == (False, "Other")


async def test_one_default(api: Any) -> None:
    first, second = await made(api), await made(api, name="Second", isDefault=True)
    client = await api(Role.ADMIN)
    listed = {row["name"]: row["isDefault"] for row in (await client.get("/api/v1/connectors")).json()["data"]}
    assert listed == {"Relay": False, "Second": True}
    answer = await client.patch(f"/api/v1/connectors/{second['id']}", json={"isDefault": False})
    assert (answer.status_code, answer.json()["code"]) == (409, "is_default")
    assert (await client.delete(f"/api/v1/connectors/{second['id']}")).status_code == 409
    assert (await client.patch(f"/api/v1/connectors/{first['id']}", json={"isDefault": True})).status_code == 200
    assert (await client.delete(f"/api/v1/connectors/{second['id']}")).status_code == 204
    assert (await client.delete(f"/api/v1/connectors/{first['id']}")).status_code == 204


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"config": {**CONFIG, "host": "smtp://x y"}}, "config.host"),
        ({"config": {**CONFIG, "port": 0}}, "config.port"),
        ({"config": {**CONFIG, "security": "ssl"}}, "config.security"),
        ({"config": {**CONFIG, "fromEmail": "nobody"}}, "config.fromEmail"),
        ({"config": {"host": "x"}}, "config"),
        ({"config": {**CONFIG, "nope": 1}}, "config"),
        ({"type": "pigeon"}, "type"),
        ({"name": ""}, "name"),
    ],
)
async def test_mistakes(api: Any, change: Any, path: str) -> None:
    answer = await (await api(Role.ADMIN)).post("/api/v1/connectors", json={**NEW, **change})
    assert answer.status_code == 422
    assert any(path in error["path"] for error in answer.json()["errors"]), answer.text


async def test_names_are_unique(api: Any) -> None:
    await made(api)
    answer = await (await api(Role.ADMIN)).post("/api/v1/connectors", json=NEW)
    assert (answer.status_code, answer.json()["code"]) == (409, "name_taken")


async def test_roles_and_workspaces(api: Any, other_workspace: Workspace) -> None:
    connector = await made(api)
    path = f"/api/v1/connectors/{connector['id']}"
    marketer = await api(Role.MARKETER)
    assert (await marketer.get(path)).status_code == 200
    assert (await marketer.post("/api/v1/connectors", json=NEW)).status_code == 403
    assert (await marketer.patch(path, json={"name": "x"})).status_code == 403
    assert (await marketer.delete(path)).status_code == 403
    assert (await marketer.post(f"{path}/test", json={"to": "a@b.example"})).status_code == 403
    stranger = await api(Role.OWNER, other_workspace)
    assert (await stranger.get(path)).status_code == 404
    assert (await stranger.patch(path, json={"name": "x"})).status_code == 404
    assert (await stranger.delete(path)).status_code == 404
    assert (await stranger.post(f"{path}/test", json={"to": "a@b.example"})).status_code == 404
    assert (await stranger.get("/api/v1/connectors")).json()["data"] == []


async def test_a_test_mail(api: Any, sink: Sink) -> None:
    config = {**CONFIG, "host": "127.0.0.1", "port": sink.port, "security": "none", "fromName": "The Shop"}
    connector = await made(api, config=config)
    client = await api(Role.ADMIN)
    path = f"/api/v1/connectors/{connector['id']}"
    answer = await client.post(f"{path}/test", json={"to": "me@example.com"})
    assert answer.json()["data"]["result"] == "sent"
    (mail,) = sink.mails
    assert (mail["From"], mail["To"]) == ("The Shop <shop@example.com>", "me@example.com")
    await client.patch(path, json={"config": {"password": "wrong"}})
    refused = (await client.post(f"{path}/test", json={"to": "me@example.com"})).json()["data"]
    assert refused["result"] == "misconfigured" and "535" in refused["message"]
    assert (await client.post(f"{path}/test", json={"to": "nobody"})).status_code == 422


async def test_the_local_connector_is_made_once(db_session: AsyncSession, workspace: Workspace, api: Any) -> None:
    [first] = await service.ensure_local_connectors(db_session, workspace.id)
    [again] = await service.ensure_local_connectors(db_session, workspace.id)
    assert first.id == again.id and first.is_default
    sender = senders.sender_of(first.type, first.id, first.config, first.secret)
    assert sender.server.username == f"workspace-{workspace.id}"
    client = await api(Role.ADMIN)
    path = f"/api/v1/connectors/{first.id}"
    assert (await client.patch(path, json={"config": {"fromName": "Me"}})).status_code == 200
    assert (await client.patch(path, json={"config": {"host": "evil.example"}})).status_code == 422


async def test_the_state_is_told_and_a_paused_one_is_tried_again(
    api: Any, db_session: AsyncSession, sink: Sink
) -> None:
    config = {**CONFIG, "host": "127.0.0.1", "port": sink.port, "security": "none", "password": "wrong"}
    path = f"/api/v1/connectors/{(await made(api, config=config))['id']}"
    client, marketer = await api(Role.ADMIN), await api(Role.MARKETER)
    body = (await client.get(path)).json()["data"]
    assert (body["state"], body["stateSince"], body["stateMessage"]) == ("ok", None, None)
    assert (await client.post(f"{path}/test", json={"to": "me@example.com"})).json()["data"][
        "result"
    ] == "misconfigured"
    body = (await client.get("/api/v1/connectors")).json()["data"][0]
    assert body["state"] == "paused" and body["stateSince"] and "535" in body["stateMessage"]
    assert (await marketer.post(f"{path}/resume")).status_code == 403
    body = (await client.post(f"{path}/resume")).json()["data"]
    assert (body["state"], body["stateMessage"]) == ("ok", None)
    await client.post(f"{path}/test", json={"to": "me@example.com"})
    assert (await client.get(path)).json()["data"]["state"] == "paused"
    assert (await client.patch(path, json={"config": {"password": "p4ss"}})).json()["data"]["state"] == "ok"
    assert (await client.post(f"/api/v1/connectors/{uuid7()}/resume")).status_code == 404
