"""Pages of the mailbox: what they show of a mail, and that nobody sees another workspace's."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.lib.ids import uuid7
from app.mailbox import pages
from app.models import MailboxMessage, Workspace
from app.models.status import Role
from app.settings import settings

HTMX = {"hx-request": "true"}
RAW = (
    b"From: The Shop <shop@example.com>\r\nTo: zoe@example.com\r\nSubject: Hello\r\nMessage-ID: <1@x>\r\nMIME-Version: 1.0\r\n"
    b'Content-Type: multipart/alternative; boundary="b"\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nthe plain words\r\n'
    b"--b\r\nContent-Type: text/html\r\n\r\n<p>the <b>rich</b> words</p><script>alert(1)</script>\r\n--b--\r\n"
)


async def add_mail(session: AsyncSession, workspace: Workspace, **change: Any) -> MailboxMessage:
    values = {
        "sender": "shop@example.com",
        "recipients": ["zoe@example.com"],
        "subject": "Hello",
        "raw": RAW,
        "message_id": "<1@x>",
    }
    mail = MailboxMessage(id=uuid7(), tenant_id=workspace.id, **{**values, **change})
    session.add(mail)
    await session.flush()
    return mail


async def test_mailbox(
    browser: Any, db_session: AsyncSession, workspace: Workspace, other_workspace: Workspace
) -> None:
    viewer = await browser(Role.VIEWER)
    assert "The mailbox is empty" in (await viewer.get("/mailbox")).text
    mail = await add_mail(db_session, workspace)
    await add_mail(db_session, workspace, recipients=["ada@example.com"], subject="Other")
    await add_mail(db_session, other_workspace, subject="Secret")
    page = (await viewer.get("/mailbox")).text
    assert "zoe@example.com" in page and "ada@example.com" in page and "Secret" not in page
    part = (await viewer.get("/mailbox", params={"search": "ZOE"}, headers=HTMX)).text
    assert "zoe@example.com" in part and "ada@example.com" not in part and "<html" not in part
    shown = (await viewer.get(f"/mailbox/{mail.id}")).text
    assert f"/mailbox/{mail.id}/frame" in shown and "The Shop" in shown
    assert "the plain words" in (await viewer.get(f"/mailbox/{mail.id}", params={"view": "text"})).text
    assert "multipart/alternative" in (await viewer.get(f"/mailbox/{mail.id}", params={"view": "headers"})).text
    frame = await viewer.get(f"/mailbox/{mail.id}/frame")
    assert "<b>rich</b>" in frame.text and "sandbox" in frame.headers["content-security-policy"]
    assert "allow-scripts" not in frame.headers["content-security-policy"]
    raw = await viewer.get(f"/mailbox/{mail.id}/raw")
    assert raw.content == RAW and "attachment" in raw.headers["content-disposition"]
    stranger = await browser(Role.OWNER, other_workspace)
    for tail in ("", "/frame", "/raw"):
        assert (await stranger.get(f"/mailbox/{mail.id}{tail}")).status_code == 404


async def test_clearing_is_for_marketers_and_for_this_workspace(
    browser: Any, db_session: AsyncSession, workspace: Workspace, other_workspace: Workspace
) -> None:
    await add_mail(db_session, workspace)
    await add_mail(db_session, other_workspace)
    assert (await (await browser(Role.VIEWER)).post("/mailbox/clear")).status_code == 403
    assert (await (await browser(Role.MARKETER)).post("/mailbox/clear")).status_code == 303
    left = (await db_session.scalars(select(MailboxMessage.tenant_id))).all()
    assert other_workspace.id in left and workspace.id not in left


async def test_broken_mails_are_shown_as_far_as_they_go(
    browser: Any, db_session: AsyncSession, workspace: Workspace
) -> None:
    viewer = await browser(Role.VIEWER)
    for raw in (
        b"",
        b"\xff\xfe\x00",
        b"Content-Type: text/html; charset=nope\r\n\r\n\xe9",
        "Subject: Zoë\r\n\r\nx".encode(),
        b"Subject: =?x?q?=\r\nTo: <<>>\r\n\r\nx",
    ):
        mail = await add_mail(db_session, workspace, raw=raw)
        for tail in ("", "?view=text", "?view=headers", "/frame"):
            assert (await viewer.get(f"/mailbox/{mail.id}{tail}")).status_code == 200


@pytest.fixture
def production(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(pages, "settings", lambda: dataclasses.replace(settings(), local=False))
    yield


async def test_there_is_no_mailbox_in_production(
    production: None, browser: Any, db_session: AsyncSession, workspace: Workspace
) -> None:
    mail = await add_mail(db_session, workspace)
    owner = await browser(Role.OWNER)
    for path in ("/mailbox", f"/mailbox/{mail.id}", f"/mailbox/{mail.id}/frame", f"/mailbox/{mail.id}/raw"):
        assert (await owner.get(path)).status_code == 404
    assert (await owner.post("/mailbox/clear")).status_code == 404
