"""Pages of connectors: admins change, others look, nobody reads a password."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from markupsafe import escape
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.connectors import senders, service
from app.lib import clock
from app.lib.ids import uuid7
from app.models import Connector, Message, Workspace
from app.models.status import Role
from tests.fixtures.sink import Sink

FORM = {
    "name": "Relay", "host": "smtp.example.com", "port": "587", "security": "starttls", "username": "u", "password": "p4ss",
    "fromEmail": "shop@example.com", "fromName": "The Shop",
}  # fmt: skip


async def made(browser: Any, **change: str) -> str:
    answer = await (await browser(Role.ADMIN)).post("/connectors", data={**FORM, **change})
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


async def stored(session: AsyncSession, path: str) -> Connector:
    row = (await session.scalars(select(Connector).where(Connector.id == UUID(path.rsplit("/", 1)[1])))).one()
    await session.refresh(row)
    return row


async def test_add_change_default_delete(browser: Any, db_session: AsyncSession) -> None:
    admin = await browser(Role.ADMIN)
    assert "No connectors yet" in (await admin.get("/connectors")).text
    path = await made(browser)
    page = await admin.get(path)
    assert "smtp.example.com" in page.text and "p4ss" not in page.text and "One is stored" in page.text
    saved = await admin.post(path, data={**FORM, "password": "", "fromName": "Us", "name": "Renamed"})
    assert saved.status_code == 303
    row = await stored(db_session, path)
    assert (row.name, row.config["fromName"]) == ("Renamed", "Us")
    assert senders.sender_of(row.type, row.id, row.config, row.secret).server.password == "p4ss", (
        "an empty field keeps it"
    )
    refused = await admin.post(path, data={**FORM, "password": "", "port": "25", "name": "Renamed"})
    assert refused.status_code == 422 and "Enter the password again" in refused.text
    await db_session.refresh(row)
    assert row.config["port"] == 587
    saved = await admin.post(path, data={**FORM, "password": "other", "port": "25", "name": "Renamed"})
    assert saved.status_code == 303
    row = await stored(db_session, path)
    assert senders.sender_of(row.type, row.id, row.config, row.secret).server.password == "other"
    saved = await admin.post(path, data={**FORM, "password": "", "port": "26", "username": "", "name": "Renamed"})
    assert saved.status_code == 303 and (await stored(db_session, path)).secret is None, (
        "without a user there is no sign-in"
    )
    other = await made(browser, name="Second")
    assert (await admin.post(f"{other}/default")).status_code == 303
    assert (await stored(db_session, other)).is_default and not (await stored(db_session, path)).is_default
    refused = await admin.post(f"{other}/delete")
    assert refused.headers["location"] == other and (await stored(db_session, other)).is_default
    assert (await admin.post(f"{path}/delete")).status_code == 303
    assert (await admin.get(path)).status_code == 404


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"host": "a b"}, "Name the server"),
        ({"host": ""}, "Name the server"),
        ({"port": "x"}, "A number from 1 to 65535"),
        ({"port": "70000"}, "A number from 1 to 65535"),
        ({"fromEmail": "nobody"}, "This is not an email address"),
        ({"name": " "}, "Give it a name"),
        ({"security": "ssl"}, "One of none, starttls, tls"),
        ({"host": "10.0.0.7"}, "not on the public internet"),
        ({"host": "0x7f000001"}, "four numbers"),
        ({"security": "none"}, "need encryption"),
        ({"fromName": "X\r\nBcc: all@example.com"}, "in one line"),
        ({"username": "a\nb"}, "in one line"),
    ],
)
async def test_mistakes_stand_at_their_field(browser: Any, change: dict[str, str], words: str) -> None:
    path = await made(browser)
    admin = await browser(Role.ADMIN)
    for where in ("/connectors", path):
        answer = await admin.post(where, data={**FORM, "name": "New", **change})
        assert answer.status_code == 422 and words in answer.text
        assert "p4ss" not in answer.text or 'value="p4ss"' in answer.text


async def test_a_test_mail(browser: Any, sink: Sink) -> None:
    path = await made(browser, host="127.0.0.1", port=str(sink.port), security="none", username="", password="")
    admin = await browser(Role.ADMIN)
    assert "The server took it" in (await admin.post(f"{path}/test", data={"to": "me@example.com"})).text
    assert "Write one email address" in (await admin.post(f"{path}/test", data={"to": "nobody"})).text
    sink.script["RCPT"] = ["550 5.7.1 Not you"]
    assert "550 5.7.1 Not you" in (await admin.post(f"{path}/test", data={"to": "me@example.com"})).text


async def test_the_mailbox_has_only_a_sender(browser: Any, db_session: AsyncSession, workspace: Workspace) -> None:
    [local] = await service.ensure_local_connectors(db_session, workspace.id)
    admin = await browser(Role.ADMIN)
    page = (await admin.get(f"/connectors/{local.id}")).text
    assert "Nothing leaves it" in page and 'name="host"' not in page
    form = {"name": local.name, "fromEmail": "me@example.com", "fromName": "Me"}
    assert (await admin.post(f"/connectors/{local.id}", data=form)).status_code == 303
    assert (await stored(db_session, f"/{local.id}")).config["fromEmail"] == "me@example.com"


async def test_roles_and_workspaces(browser: Any, client: Any, other_workspace: Workspace) -> None:
    path = await made(browser)
    marketer, stranger = await browser(Role.MARKETER), await browser(Role.OWNER, other_workspace)
    page = (await marketer.get(path)).text
    assert "disabled" in page and "Send a test" not in page
    assert "Add connector" not in (await marketer.get("/connectors")).text
    assert (await marketer.get("/connectors/new")).status_code == 403
    assert (await marketer.post("/connectors", data=FORM)).status_code == 403
    for tail in ("", "/default", "/delete", "/test"):
        assert (await marketer.post(f"{path}{tail}", data={**FORM, "to": "a@b.example"})).status_code == 403
        assert (await stranger.post(f"{path}{tail}", data={**FORM, "to": "a@b.example"})).status_code == 404
    assert (await stranger.get(path)).status_code == 404
    assert "Relay" not in (await stranger.get("/connectors")).text
    assert (await client.get("/connectors")).status_code == 303


@pytest.mark.parametrize(
    ("state", "words", "shown"),
    [("paused", "535 5.7.8 <b>Bad</b> credentials", "Stopped"), ("away", "Connection refused", "Server away")],
)
async def test_a_connector_that_does_not_send_says_why_and_can_be_tried_again(
    browser: Any, db_session: AsyncSession, workspace: Workspace, state: str, words: str, shown: str
) -> None:
    path = await made(browser)
    row = await stored(db_session, path)
    row.state, row.state_since, row.state_message = state, clock.now(), words
    for seq, due_at in enumerate((None, clock.now())):
        db_session.add(
            Message(run_id=uuid7(), seq=seq, tenant_id=workspace.id, workflow_id=uuid7(), contact_id=uuid7(), channel=1, status=0,
                    due_at=due_at, created_at=clock.now(), connector_id=row.id, reason="connector_paused")
        )  # fmt: skip
    await db_session.flush()
    admin, marketer = await browser(Role.ADMIN), await browser(Role.MARKETER)
    listed, form = (await admin.get("/connectors")).text, (await admin.get(path)).text
    for page in (listed, form):
        assert str(escape(words)) in page and "2 emails wait for it" in page and "Try again" in page
    assert shown in listed and "Change the settings" in listed
    assert "Try again" not in (await marketer.get("/connectors")).text
    assert (await marketer.post(f"{path}/resume")).status_code == 403
    assert (await admin.post(f"{path}/resume")).status_code == 303
    row = await stored(db_session, path)
    assert (row.state, row.state_message) == ("ok", None)
    assert await db_session.scalar(select(func.count()).where(Message.due_at.is_(None))) == 0
    assert "Try again" not in (await admin.get("/connectors")).text


async def test_without_a_connector_the_page_says_how_much_waits(
    browser: Any, db_session: AsyncSession, workspace: Workspace
) -> None:
    held = Message(run_id=uuid7(), seq=1, tenant_id=workspace.id, workflow_id=uuid7(), contact_id=uuid7(), channel=1, status=0,
                   created_at=clock.now(), reason="no_connector")  # fmt: skip
    db_session.add(held)
    await db_session.flush()
    assert "1 message waits for one." in (await (await browser(Role.ADMIN)).get("/connectors")).text
    await made(browser)
    await db_session.refresh(held)
    assert held.due_at is not None and held.reason is None
