"""The list of connectors says how many workflows use each; who removes one is told which browsers go with it."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from sqlalchemy import func, null, select
from sqlalchemy.ext.asyncio import AsyncSession

from app import usage
from app.lib.ids import uuid7
from app.models import Connector, Contact, ContactDevice, Workspace
from app.models.status import Channel, Role
from tests.fixtures.world import flow, node


def connector(workspace: Workspace, name: str, kind: str, channel: int, *, default: bool = False) -> Connector:
    config = (
        {"baseUrl": "https://api.example.com", "auth": "none"}
        if kind == "http"
        else {
            "host": "smtp.example.com",
            "port": 25,
            "security": "none",
            "username": "",
            "fromEmail": "a@example.com",
            "fromName": "",
        }
    )
    return Connector(
        id=uuid7(), tenant_id=workspace.id, type=kind, name=name, channel=channel, config=config, is_default=default
    )


async def test_each_connector_says_in_how_many_workflows_it_is(
    api: Any, browser: Any, db_session: AsyncSession, workspace: Workspace
) -> None:
    mail = connector(workspace, "Mail", "smtp", Channel.EMAIL, default=True)
    called, idle = connector(workspace, "Called", "http", 0), connector(workspace, "Idle", "http", 0)
    db_session.add_all([mail, called, idle])
    await db_session.flush()
    client = await api(Role.ADMIN)
    for name, nodes in (
        (
            "One",
            [
                node("a", "http_request", url="/x", connectorId=str(called.id)),
                node("b", "http_request", url="/y", connectorId=called.id.hex),
            ],
        ),
        ("Two", [node("a", "http_request", url="/x", connectorId=str(called.id)), node("m", "send_email")]),
        ("Three", [node("m", "send_email", connectorId=str(mail.id))]),
    ):
        answer = await client.post("/api/v1/workflows", json={**flow("go", nodes), "name": name})
        assert answer.status_code == 201, answer.text
    assert await usage.workflows_by_connector(db_session, workspace.id) == {called.id: 2, mail.id: 2}
    assert await usage.workflows_by_connector(db_session, workspace.id + 1) == {}
    shown = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", (await (await browser(Role.VIEWER)).get("/connectors")).text))
    assert shown.count("In 2 workflows") == 2 and shown.count("In no workflow") == 1


async def test_browsers_that_nothing_reaches_without_a_connector_go_with_it(
    browser: Any, db_session: AsyncSession, workspace: Workspace
) -> None:
    push = Connector(
        id=uuid7(), tenant_id=workspace.id, type="web_push", name="Site", channel=Channel.PUSH, is_default=True,
        config={"contact": "mailto:a@example.com", "origins": "https://www.example.com", "publicKey": "k"},
    )  # fmt: skip
    contact = Contact(id=uuid7(), tenant_id=workspace.id, email="ada@example.com", source="test")
    db_session.add_all([push, contact])
    await db_session.flush()

    def device(number: int, connector_id: UUID | None, keys: Any) -> ContactDevice:
        digest = bytes([number]) * 32
        return ContactDevice(
            tenant_id=workspace.id, contact_id=contact.id, digest=digest, token=f"t{number}", platform="web", keys=keys,
            connector_id=connector_id,
        )  # fmt: skip

    keys = {"p256dh": "x", "auth": "y"}
    db_session.add_all(
        [device(1, push.id, keys), device(2, push.id, keys), device(3, push.id, null()), device(4, None, null())]
    )
    await db_session.flush()
    admin = await browser(Role.ADMIN)
    shown = (await admin.get(f"/connectors/{push.id}")).text
    assert "2 browsers subscribed by it and are removed" in shown
    assert (await admin.post(f"/connectors/{push.id}/delete")).headers["location"] == "/connectors"
    left = (await db_session.scalars(select(ContactDevice.token).order_by(ContactDevice.token))).all()
    assert list(left) == ["t3", "t4"], "tokens of apps go by any account"
    assert await db_session.scalar(select(func.count()).select_from(Connector)) == 0
